import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ai5 from 'ai5'
import { MockLanguageModelV2 } from 'ai5/test'
import * as ai6 from 'ai6'
import { MockLanguageModelV3 } from 'ai6/test'
import * as ai7 from 'ai7'
import { MockLanguageModelV4 } from 'ai7/test'
import { expect } from 'vitest'
import { type Report, verify } from '../../client/verify.js'
import { UnavailableError } from '../../core/errors.js'
import type { AppendEntry, AuditBackend } from '../../log/backend.js'
import { files } from '../../log/index.js'
import { Recorder } from '../../recorder/recorder.js'
import { LogView } from '../../recorder/testkit.js'
import type { RecorderOptions } from '../../recorder/types.js'
import { aiSdk } from './host.js'

/** A call that the scripted model makes; `args` as a string is sent as it is. */
interface ScriptedCall {
  readonly id?: string
  readonly name: string
  readonly args?: unknown
  /** The provider executes it, and this is what it says of it. */
  readonly provider?: { readonly result?: unknown }
}

export type ScriptedTurn = string | readonly ScriptedCall[]

interface Mock {
  readonly doGenerateCalls: readonly { readonly prompt: readonly { role: string; content: unknown }[] }[]
  readonly doStreamCalls: Mock['doGenerateCalls']
}

/** What the tests use of an SDK, whichever it is. */
interface Sdk {
  tool<T extends object>(tool: T): T
  jsonSchema(schema: object): object
  stepCountIs(count: number): unknown
  generateText(options: object): Promise<Result>
  streamText(options: object): StreamResult
}

interface Result {
  readonly text: string
  readonly steps: readonly { readonly content: readonly { type: string; [name: string]: unknown }[] }[]
  /** Of version 7 those of the last step. */
  readonly response: { readonly messages: readonly object[] }
  /** Of version 7: those of the whole run. */
  readonly responseMessages?: readonly object[]
}

export interface StreamResult {
  readonly fullStream: AsyncIterable<{ type: string; [name: string]: unknown }>
  readonly steps: PromiseLike<Result['steps']>
}

export interface Major {
  readonly name: string
  readonly sdk: Sdk
  readonly hasApprovals: boolean
  model(turns: readonly ScriptedTurn[]): Mock
}

const USAGE = {
  old: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
  new: {
    inputTokens: { total: 1, noCache: 1, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 1, text: 1, reasoning: undefined },
  },
}

/** The content, the finish reason and the usage of each turn, after the last of which the model says `done`. */
function script(turns: readonly ScriptedTurn[], isOld: boolean) {
  let next = 0
  const say = () => {
    const turn = turns[next++] ?? 'done'
    const content: ScriptedPart[] = typeof turn === 'string' ? [{ type: 'text', text: turn }] : turn.flatMap(callParts)
    const finish = typeof turn === 'string' ? 'stop' : 'tool-calls'
    return {
      content,
      finishReason: isOld ? finish : { unified: finish, raw: finish },
      usage: isOld ? USAGE.old : USAGE.new,
      warnings: [],
    }
  }
  return {
    doGenerate: async () => say(),
    doStream: async () => {
      const { content, finishReason, usage } = say()
      const parts = content.flatMap((part, i): ScriptedPart[] =>
        part.type === 'text'
          ? [
              { type: 'text-start', id: `${i}` },
              { type: 'text-delta', id: `${i}`, delta: part['text'] },
              { type: 'text-end', id: `${i}` },
            ]
          : [part],
      )
      return {
        stream: streamOf([{ type: 'stream-start', warnings: [] }, ...parts, { type: 'finish', finishReason, usage }]),
      }
    },
  }
}

const streamOf = (parts: readonly object[]) =>
  new ReadableStream({
    start(sink) {
      for (const part of parts) sink.enqueue(part)
      sink.close()
    },
  })

interface ScriptedPart {
  readonly type: string
  readonly [name: string]: unknown
}

function callParts({ id = 'call-1', name, args = {}, provider }: ScriptedCall): ScriptedPart[] {
  const input = typeof args === 'string' ? args : JSON.stringify(args)
  const call = { type: 'tool-call', toolCallId: id, toolName: name, input }
  if (!provider) return [call]
  const executed = { ...call, providerExecuted: true }
  if (!('result' in provider)) return [executed]
  const result = {
    type: 'tool-result',
    toolCallId: id,
    toolName: name,
    result: provider.result,
    providerExecuted: true,
  }
  return [executed, result]
}

export const majors: readonly Major[] = [
  {
    name: 'ai 5',
    sdk: ai5 as unknown as Sdk,
    hasApprovals: false,
    model: turns => new MockLanguageModelV2(script(turns, true) as never) as unknown as Mock,
  },
  {
    name: 'ai 6',
    sdk: ai6 as unknown as Sdk,
    hasApprovals: true,
    model: turns => new MockLanguageModelV3(script(turns, false) as never) as unknown as Mock,
  },
  {
    name: 'ai 7',
    sdk: ai7 as unknown as Sdk,
    hasApprovals: true,
    model: turns => new MockLanguageModelV4(script(turns, false) as never) as unknown as Mock,
  },
]

/** A real log in a folder, whose records can be looked at, and which can be made to fail. */
export class TestLog implements AuditBackend {
  readonly dir = join(mkdtempSync(join(tmpdir(), 'deedlog-ai-sdk-')), 'audit')
  readonly keepsDisclosures = true
  readonly entries: AppendEntry[] = []
  isDown = false
  readonly #log = files(this.dir)

  async append(entries: readonly AppendEntry[]) {
    if (this.isDown) throw new UnavailableError('test.down', 'the log is down', { retryable: true })
    const receipts = await this.#log.append(entries)
    this.entries.push(...entries)
    return receipts
  }

  logs = () => this.#log.logs!()
  head = () => this.#log.head!()
  identity = (agent: string) => this.#log.identity!(agent)
  flush = () => this.#log.flush()
  close = () => this.#log.close()

  get view(): LogView {
    return new LogView(this.entries)
  }
}

export function setUp(options: Partial<RecorderOptions> = {}) {
  const log = new TestLog()
  const errors: Error[] = []
  const recorder = new Recorder({
    ...aiSdk,
    backend: log,
    agent: { id: 'did:example:shop' },
    onError: error => errors.push(error),
    ...options,
  })
  return { log, recorder, errors }
}

/** Ends the records and has a verifier judge them. @returns the codes of what it found, without notices, and the calls */
export async function judged({ log, recorder }: { log: TestLog; recorder: Recorder }) {
  await recorder.close()
  const report: Report = await verify(log.dir, { self: true })
  expect(report.evidence.verdict).toBe('self-consistent')
  const exceptions = report.findings.filter(({ severity }) => severity !== 'notice').map(({ code }) => code)
  return { calls: log.view.calls(), exceptions: [...new Set(exceptions)].sort(), report, view: log.view }
}

/** One `generateText` of at most ten steps. */
export function generate(major: Major, turns: readonly ScriptedTurn[], tools: object, options: object = {}) {
  const model = major.model(turns)
  const result = major.sdk.generateText({
    model,
    tools,
    prompt: 'go',
    stopWhen: major.sdk.stepCountIs(10),
    maxRetries: 0,
    ...options,
  })
  return { result, model, shown: () => shownBy(model) }
}

/** One `streamText`; its parts are to be read by the caller. */
export function stream(major: Major, turns: readonly ScriptedTurn[], tools: object, options: object = {}) {
  const model = major.model(turns)
  const result = major.sdk.streamText({
    model,
    tools,
    prompt: 'go',
    stopWhen: major.sdk.stepCountIs(10),
    maxRetries: 0,
    onError: () => {},
    ...options,
  })
  return { result, model, shown: () => shownBy(model) }
}

export async function partsOf(result: StreamResult) {
  const parts: { type: string; [name: string]: unknown }[] = []
  for await (const part of result.fullStream) parts.push(part)
  return parts
}

/** What the model was shown of its calls, in its newest prompt. */
function shownBy(model: Mock): { type: string; value: unknown }[] {
  const prompt = [...model.doGenerateCalls, ...model.doStreamCalls].at(-1)?.prompt ?? []
  return prompt
    .filter(({ role }) => role === 'tool')
    .flatMap(({ content }) => content as { output: { type: string; value: unknown } }[])
    .map(({ output }) => output)
}
