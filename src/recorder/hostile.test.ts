import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memory } from '../log/index.js'
import { Recorder } from './recorder.js'
import { ListBackend } from './testkit.js'
import type { CallRequest, CallResult } from './types.js'

const agent = { id: 'did:example:agent' }

/** Records one call made of `value` in every place where a host can put something. */
async function recordEverywhere(value: unknown): Promise<{ backend: ListBackend; errors: Error[] }> {
  const backend = new ListBackend()
  const errors: Error[] = []
  const decision = { verdict: 'allow', policy: value, rule: value, reason: value } as never
  const recorder = new Recorder({
    backend,
    agent: { ...agent, name: value as never, version: value as never },
    host: { framework: value as never, version: value as never },
    unseen: [value as never],
    onError: error => errors.push(error),
    evaluator: { evaluate: () => decision },
    redact: given => given,
  })
  const request = {
    tool: { name: value, kind: value, server: value, definition: value },
    args: value,
    session: typeof value === 'string' ? value : 's',
    principal: value,
    refs: { a: value, [typeof value === 'string' ? value : 'b']: 'c' },
    attempt: value,
    parent: value,
    unmediated: value,
  } as unknown as CallRequest
  const ticket = await recorder.intent(request, await recorder.decide(request))
  const given = { value }
  await recorder.outcome(ticket, {
    status: 'failed',
    executed: 'yes',
    args: given,
    output: given,
    visible: given,
    error: given,
  })
  await recorder.outcome(value as never, value as never)
  const other = await recorder.intent({ tool: { name: 't' }, args: 0 }, decision)
  await recorder.outcome(other, { status: value, executed: value, durationUs: value, startedAt: value } as never)
  await recorder.loss(value as never, value, value as never)
  await recorder.coverage([{ name: value as never, digest: value as never, wrapped: value as never }])
  await recorder.close()
  return { backend, errors }
}

function getters(): object {
  return {
    get name() {
      throw new Error('name')
    },
    get error() {
      throw new Error('error')
    },
    toString() {
      throw new Error('toString')
    },
    toJSON() {
      throw new Error('toJSON')
    },
  }
}

const everyTrap = (target: object): object => {
  const throws = () => {
    throw new Error('trap')
  }
  return new Proxy(target, {
    get: throws,
    has: throws,
    ownKeys: throws,
    getOwnPropertyDescriptor: throws,
    getPrototypeOf: throws,
  })
}

function ring(): unknown {
  const a: unknown[] = []
  a.push(a, { a })
  return a
}

/** 2^64 leaves in 64 lists. */
function bush(): unknown {
  let value: unknown = 'leaf'
  for (let i = 0; i < 64; i++) value = [value, value]
  return value
}

const hostile: readonly [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['a symbol', Symbol('s')],
  ['a function', () => {}],
  ['a big integer', 10n ** 5000n],
  ['NaN', Number.NaN],
  ['-0', -0],
  ['the empty string', ''],
  ['a lone surrogate', 'a\ud800b'],
  ['control characters', '\u0000\u001b[2J\u202e'],
  ['quotes', '"\\"'.repeat(200)],
  ['__proto__', '__proto__'],
  ['an object with __proto__', JSON.parse('{"__proto__": {"x": 1}, "constructor": 1}')],
  ['a string of 10 MB', 'x'.repeat(10_000_000)],
  ['a list of 10 MB', Array.from({ length: 100_000 }, () => 'x'.repeat(100))],
  ['a buffer of 10 MB', new Uint8Array(10_000_000)],
  ['four thousand million holes', new Array(2 ** 32 - 1)],
  ['a ring', ring()],
  ['a bush', bush()],
  ['getters that throw', getters()],
  ['a proxy that throws', everyTrap({})],
  ['a proxy of an error', everyTrap(new Error('x'))],
  ['a revoked proxy', revoked()],
  ['an object without prototype', Object.create(null)],
  ['an error without message', new Error('')],
  ['an error with a hostile name', Object.assign(new Error('m'), { name: 'DROP TABLE; <script>' })],
  [
    'an error with a getter for its message',
    Object.defineProperty(new Error('m'), 'message', {
      get: () => {
        throw 0
      },
    }),
  ],
  ['a promise', Promise.resolve(1)],
  ['a date that is none', new Date(Number.NaN)],
]

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('whatever a host hands over, it is recorded in records that are understood', () => {
  test.each(hostile)('%s', async (_, value) => {
    const started = performance.now()
    const { backend } = await recordEverywhere(value)
    expect(backend.log.types()).toMatch(/^log stream\.start .*intent outcome .*intent outcome .*stream\.end$/)
    expect(backend.log.of('intent')).toHaveLength(2)
    for (const entry of backend.entries) {
      expect(entry.record.length).toBeLessThanOrEqual(16_384)
      // At the cap of one value: six disclosures of at most one MiB, and what writing them takes.
      expect(entry.disclosures?.length ?? 0).toBeLessThan(16 * 1024 * 1024)
    }
    // Not a measure of speed: a bush or an array of holes taken literally would take for ever.
    expect(performance.now() - started).toBeLessThan(20_000)
  })

  test('any value', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withNullPrototype: true,
          withSparseArray: true,
          withObjectString: true,
        }),
        async value => {
          const { backend } = await recordEverywhere(value)
          expect(backend.log.of('intent')).toHaveLength(2)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('any name of a tool and of a reference', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 400 }),
        fc.string({ unit: 'binary' }),
        async (name, word) => {
          const backend = new ListBackend()
          const recorder = new Recorder({ backend, agent })
          const request = {
            tool: { name, kind: word, server: word },
            args: 0,
            session: word,
            refs: { [word]: name, run: word },
          }
          await recorder.intent(request, { verdict: 'allow', policy: name, rule: word })
          await recorder.sessionEnd(word)
          const [intent] = backend.log.of('intent')
          const shown = intent!.record.tool.name
          expect(shown === '?' ? intent!.values['toolName'] !== undefined : shown === name).toBe(true)
        },
      ),
    )
  })
})

test('an outcome that throws while it is made does not reach the host', async () => {
  const errors: Error[] = []
  const recorder = new Recorder({ backend: new ListBackend(), agent, onError: error => errors.push(error) })
  const ticket = await recorder.intent({ tool: { name: 't' }, args: 0 }, { verdict: 'allow' })
  const result: CallResult = {
    status: 'succeeded',
    get executed(): never {
      throw new Error('getter')
    },
  }
  await recorder.outcome(ticket, result)
  expect(errors.map(error => error.message)).toEqual(['getter'])
})

test('an onError that throws does not reach the host either', async () => {
  const recorder = new Recorder({
    backend: new ListBackend(),
    agent,
    onError: () => {
      throw new Error('listener')
    },
  })
  await recorder.outcome({} as never, {} as never)
})

test('200 calls at once on a real log are all there, in one stream, and the log reads back whole', async () => {
  const log = memory()
  const recorder = new Recorder({ backend: log, agent })
  await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const request = { tool: { name: `t${i % 7}` }, args: { i }, session: `s${i % 5}` }
      const ticket = await recorder.intent(request, await recorder.decide(request))
      await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes', output: { value: i } })
    }),
  )
  expect(recorder.broken).toBeUndefined()
  await recorder.close()
})
