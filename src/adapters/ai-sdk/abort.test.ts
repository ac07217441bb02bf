import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { deferred, settled } from '../../recorder/testkit.js'
import { recordTools, type ToolCallOptions } from './index.js'
import { generate, judged, majors, setUp, stream } from './testkit.js'

/** What a tool does that heeds its signal. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))

describe.each(majors)('an abort on $name', major => {
  const { sdk } = major
  const tool = (execute: (input: object, call: Required<ToolCallOptions>) => unknown) =>
    sdk.tool({ inputSchema: z.object({}), execute })

  test('of a tool that heeds it is one cancelled outcome', async () => {
    const { log, recorder } = setUp()
    const abort = new AbortController()
    const slow = tool((_, { abortSignal }) => {
      queueMicrotask(() => abort.abort())
      return untilAborted(abortSignal)
    })
    const run = generate(major, [[{ name: 'slow' }]], recordTools({ slow }, recorder), { abortSignal: abort.signal })
    await run.result.catch(() => {})
    await settled()
    const { calls, exceptions } = await judged({ log, recorder })
    expect(calls).toEqual(['slow intent:not_evaluated outcome:cancelled/unknown'])
    expect(exceptions).toEqual([])
  })

  test('of a tool that goes on is cancelled at first, and its late result is recorded when it comes', async () => {
    const { log, recorder } = setUp()
    const abort = new AbortController()
    const entered = deferred()
    const release = deferred()
    const deaf = tool(async () => {
      entered.resolve()
      await release.promise
      return 'done all the same'
    })
    const run = generate(major, [[{ name: 'deaf' }]], recordTools({ deaf }, recorder), { abortSignal: abort.signal })
    const over = run.result.catch(() => {})
    await entered.promise
    abort.abort()
    await settled()
    await recorder.flush()
    expect(log.view.calls()).toEqual(['deaf intent:not_evaluated outcome:cancelled/unknown'])
    release.resolve()
    await over
    await settled()
    const { calls, exceptions, view } = await judged({ log, recorder })
    expect(calls).toEqual(['deaf intent:not_evaluated outcome:cancelled/unknown outcome:succeeded/yes late'])
    expect(view.of('outcome')[1]!.values).toEqual({ output: 'done all the same' })
    expect(exceptions).toEqual([])
  })

  test('of a tool that never comes back leaves the cancelled outcome', async () => {
    const { log, recorder } = setUp()
    const abort = new AbortController()
    const entered = deferred()
    const stuck = tool(() => {
      entered.resolve()
      return new Promise(() => {})
    })
    void generate(major, [[{ name: 'stuck' }]], recordTools({ stuck }, recorder), {
      abortSignal: abort.signal,
    }).result.catch(() => {})
    await entered.promise
    abort.abort()
    await settled()
    const { calls, report } = await judged({ log, recorder })
    expect(calls).toEqual(['stuck intent:not_evaluated outcome:cancelled/unknown'])
    expect(report.completeness.outcomes).toMatchObject({ provisional: 1, missing: 0 })
  })

  test('before the intent is durable keeps the tool from running', async () => {
    const { log, recorder } = setUp()
    const abort = new AbortController()
    const append = log.append.bind(log)
    log.append = async entries => {
      abort.abort()
      return append(entries)
    }
    let ran = 0
    const run = generate(major, [[{ name: 'late' }]], recordTools({ late: tool(() => ++ran) }, recorder), {
      abortSignal: abort.signal,
    })
    await run.result.catch(() => {})
    await settled()
    expect(ran).toBe(0)
    const { calls, exceptions } = await judged({ log, recorder })
    expect(calls).toEqual(['late intent:not_evaluated outcome:not_executed/no'])
    expect(exceptions).toEqual([])
  })

  test('while an approver is asked does not wait for the answer', async () => {
    const abort = new AbortController()
    const asked = deferred()
    const { log, recorder } = setUp({
      evaluator: { evaluate: () => ({ verdict: 'review' }) },
      approver: {
        ask: () => {
          asked.resolve()
          return new Promise(() => {})
        },
      },
      reviewTimeoutMs: 2 ** 30,
    })
    let ran = 0
    const run = generate(major, [[{ name: 'pay' }]], recordTools({ pay: tool(() => ++ran) }, recorder), {
      abortSignal: abort.signal,
    })
    await asked.promise
    abort.abort()
    await run.result.catch(() => {})
    await settled()
    expect(ran).toBe(0)
    const { calls, exceptions } = await judged({ log, recorder })
    expect(calls).toEqual(['pay intent:review outcome:not_executed/no'])
    expect(exceptions).toEqual([])
  })

  test('of a whole stream is recorded for tools that give pieces and for tools that do not', async () => {
    const { log, recorder } = setUp()
    const abort = new AbortController()
    const both = deferred()
    let entered = 0
    const enter = () => {
      if (++entered === 2) both.resolve()
    }
    const tools = recordTools(
      {
        pieces: tool(async function* (_, { abortSignal }) {
          yield 'first'
          enter()
          await untilAborted(abortSignal)
        }),
        one: tool(async (_, { abortSignal }) => {
          enter()
          await untilAborted(abortSignal)
        }),
      },
      recorder,
    )
    const calls = [
      { id: 'a', name: 'pieces' },
      { id: 'b', name: 'one' },
    ]
    const { result } = stream(major, [calls], tools, { abortSignal: abort.signal })
    const read = (async () => {
      for await (const _ of result.fullStream);
    })().catch(() => {})
    await both.promise
    abort.abort()
    await read
    await settled()
    const judgement = await judged({ log, recorder })
    expect(judgement.calls).toEqual([
      'pieces intent:not_evaluated outcome:cancelled/yes',
      'one intent:not_evaluated outcome:cancelled/unknown',
    ])
    expect(judgement.exceptions).toEqual([])
  })
})

describe('a tool that gives pieces', () => {
  const pieces = (log: string[]) => ({
    async *execute() {
      try {
        yield 1
        log.push('went on')
        yield 2
      } finally {
        log.push('cleaned up')
      }
    },
  })
  const call: ToolCallOptions = { toolCallId: 'c', messages: [] }
  const run = (tools: { pieces: object }, options = call) =>
    (tools.pieces as { execute(input: object, call: ToolCallOptions): AsyncGenerator }).execute({}, options)

  test('and is left by its reader was cancelled, after it gave something', async () => {
    const { log, recorder } = setUp()
    const seen: string[] = []
    for await (const _ of run(recordTools({ pieces: pieces(seen) }, recorder))) break
    expect(seen).toEqual(['cleaned up'])
    const { calls, exceptions, view } = await judged({ log, recorder })
    expect(calls).toEqual(['pieces intent:not_evaluated outcome:cancelled/yes'])
    expect(view.of('outcome')[0]!.values).toEqual({ output: 1 })
    expect(exceptions).toEqual([])
  })

  test('and is never read from was never called', async () => {
    const { log, recorder } = setUp()
    run(recordTools({ pieces: pieces([]) }, recorder))
    await recorder.flush()
    expect(log.entries).toEqual([])
    await recorder.close()
  })

  test('and whose reader falls silent at an abort is cancelled; when the reader comes back, the rest is late', async () => {
    const { log, recorder } = setUp()
    const abort = new AbortController()
    const reader = run(recordTools({ pieces: pieces([]) }, recorder), { ...call, abortSignal: abort.signal })
    await reader.next()
    abort.abort(new DOMException('too slow', 'TimeoutError'))
    await settled()
    await recorder.flush()
    expect(log.view.calls()).toEqual(['pieces intent:not_evaluated outcome:timed_out/yes'])
    await reader.next()
    await reader.next()
    const { calls, exceptions } = await judged({ log, recorder })
    expect(calls).toEqual(['pieces intent:not_evaluated outcome:timed_out/yes outcome:succeeded/yes late'])
    expect(exceptions).toEqual([])
  })
})
