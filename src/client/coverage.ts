import { quote, VerificationError } from '../core/errors.js'
import type { Hash } from '../core/record/index.js'
import { type CallSummary, LogVerifier, type StreamSummary } from '../core/verify/index.js'
import { refuseBundle } from './bundle-file.js'
import { feed, type OnProgress } from './feed.js'
import type { LogSource } from './source.js'

/*
 * What a log was meant to see, and what it saw. Coverage is the recorder's own word; calls are what it recorded. Where
 * the two differ, something went by.
 */

/** One tool of one agent. */
export interface ToolCoverage {
  readonly agent: string
  /** As the host registered it; `?` for names that it did not know. */
  readonly tool: string
  /** Streams whose last word is that its calls pass through the recorder; and that they do not. */
  readonly wrapped: number
  readonly notWrapped: number
  readonly calls: number
  /** Calls in streams that declare tools, and not this one. */
  readonly undeclared: number
  /** Seen by the recorder, which could not have held them back; and written down after the fact. */
  readonly unmediated: number
  readonly belated: number
}

export interface LogCoverage {
  readonly origin: string
  /** Records that the checkpoint covers; those beyond it are not counted. */
  readonly size: number
  /** By agent and name. */
  readonly tools: readonly ToolCoverage[]
  /** Kinds of calls that recorders say they can never see, with the number of streams that say so. */
  readonly unseen: readonly { readonly kind: string; readonly streams: number }[]
  readonly calls: { readonly total: number; readonly unmediated: number; readonly belated: number }
  readonly streams: {
    /** Streams with calls. */
    readonly total: number
    /** Those of them without a coverage record: what they may have missed, nobody said. */
    readonly silent: readonly Pick<StreamSummary, 'id' | 'agent' | 'first' | 'calls'>[]
  }
  readonly losses: {
    readonly records: number
    /** What they count; some count nothing. */
    readonly counted: number
  }
  /** More names than are kept: some tools or kinds are not listed. */
  readonly truncated: boolean
  /** What was missed, or may have been. Empty: nothing is known to have been. */
  readonly missed: readonly Missed[]
}

/** Something that went by the recorder, or that it could not have held back. */
interface Missed {
  readonly code: 'not-wrapped' | 'unmediated' | 'belated' | 'loss'
  readonly message: string
}

// Names come from strangers. So many tools and kinds, over all streams, are told apart.
const NAMES_MAX = 65_536

/**
 * Reads what a log says of its own coverage, and holds the calls in it against that. Only attributed records count, and
 * only once all entries have been found to be those the checkpoint states. Whose checkpoint it is, is not asked.
 *
 * @throws {VerificationError} `entries.unproven` when they are not
 */
export async function surveyCoverage(
  source: LogSource,
  options: { readonly onProgress?: OnProgress } = {},
): Promise<LogCoverage> {
  refuseBundle(source)
  let survey = new Survey()
  const verifier = new LogVerifier({
    self: true,
    onPass: () => {
      survey = new Survey()
    },
    onCall: call => survey.call(call),
    onRecord: (_, record, stream) => {
      if (record.type === 'coverage') {
        for (const { name, wrapped } of record.tools ?? []) survey.declared(stream, name, wrapped === 'yes')
        for (const kind of record.unseen ?? []) survey.unseen(stream, kind)
        survey.covered(stream)
      } else if (record.type === 'loss') survey.loss(record.count ?? 0)
    },
  })
  const interruption = await feed(source, verifier, options)
  if (interruption || verifier.rootDiffers)
    throw new VerificationError(
      'entries.unproven',
      `the records of ${quote(source.name)} are not those its checkpoint was signed over`,
      { expected: 'a log that verifies: deedlog verify says what is wrong', cause: interruption?.error },
    )
  const report = verifier.finish()
  return survey.finish(report.origin, report.size, report.completeness.streams)
}

interface Seen {
  calls: number
  unmediated: number
  belated: number
}

/** What one pass over the records gathers, by stream. */
class Survey {
  readonly #declared = new Map<Hash, Map<string, boolean>>()
  readonly #unseen = new Map<string, Set<Hash>>()
  readonly #seen = new Map<Hash, Map<string, Seen>>()
  readonly #covered = new Set<Hash>()
  readonly #losses = { records: 0, counted: 0 }
  #names = 0
  #truncated = false

  covered(stream: Hash): void {
    this.#covered.add(stream)
  }

  declared(stream: Hash, tool: string, wrapped: boolean): void {
    const tools = this.#declared.get(stream) ?? new Map<string, boolean>()
    if (!tools.has(tool) && !this.#hasRoom()) return
    tools.set(tool, wrapped)
    this.#declared.set(stream, tools)
  }

  unseen(stream: Hash, kind: string): void {
    const streams = this.#unseen.get(kind) ?? new Set()
    if (!streams.has(stream) && !this.#hasRoom()) return
    streams.add(stream)
    this.#unseen.set(kind, streams)
  }

  loss(count: number): void {
    this.#losses.records++
    this.#losses.counted = Math.min(this.#losses.counted + count, Number.MAX_SAFE_INTEGER)
  }

  call({ stream, tool, exceptions }: CallSummary): void {
    const tools = this.#seen.get(stream) ?? new Map<string, Seen>()
    let seen = tools.get(tool)
    if (!seen) {
      // Beyond the bound calls are still counted, under the empty name, which no tool can have.
      const name = this.#hasRoom() ? tool : ''
      seen = tools.get(name) ?? { calls: 0, unmediated: 0, belated: 0 }
      tools.set(name, seen)
    }
    seen.calls++
    if (exceptions.includes('call.unmediated')) seen.unmediated++
    if (exceptions.includes('call.belated')) seen.belated++
    this.#seen.set(stream, tools)
  }

  finish(origin: string, size: number, streams: readonly StreamSummary[]): LogCoverage {
    const rows = new Map<string, Writable<ToolCoverage>>()
    const row = (agent: string, tool: string): Writable<ToolCoverage> => {
      const key = JSON.stringify([agent, tool])
      const found = rows.get(key) ?? { agent, tool, ...NOTHING }
      rows.set(key, found)
      return found
    }
    for (const { id, agent } of streams) {
      const declared = this.#declared.get(id)
      for (const [tool, wrapped] of declared ?? []) row(agent, tool)[wrapped ? 'wrapped' : 'notWrapped']++
      for (const [tool, { calls, unmediated, belated }] of this.#seen.get(id) ?? []) {
        const of = row(agent, tool)
        of.calls += calls
        of.unmediated += unmediated
        of.belated += belated
        // A name that the host did not know cannot be declared.
        if (declared && !declared.has(tool) && tool !== '?') of.undeclared += calls
      }
    }
    const tools = [...rows.values()].sort((a, b) => compare(a.agent, b.agent) || compare(a.tool, b.tool))
    const sum = (of: keyof typeof NOTHING) => tools.reduce((total, each) => total + each[of], 0)
    const calls = { total: sum('calls'), unmediated: sum('unmediated'), belated: sum('belated') }
    const calling = streams.filter(stream => stream.calls > 0)
    return {
      origin,
      size,
      tools,
      unseen: [...this.#unseen]
        .map(([kind, in_]) => ({ kind, streams: in_.size }))
        .sort((a, b) => compare(a.kind, b.kind)),
      calls,
      streams: {
        total: calling.length,
        silent: calling
          .filter(({ id }) => !this.#covered.has(id))
          .map(({ id, agent, first, calls: made }) => ({ id, agent, first, calls: made })),
      },
      losses: { ...this.#losses },
      truncated: this.#truncated,
      missed: missedOf(tools, calls, this.#losses),
    }
  }

  #hasRoom(): boolean {
    if (this.#names >= NAMES_MAX) this.#truncated = true
    else this.#names++
    return !this.#truncated
  }
}

type Writable<T> = { -readonly [name in keyof T]: T[name] }

const NOTHING = { wrapped: 0, notWrapped: 0, calls: 0, undeclared: 0, unmediated: 0, belated: 0 }

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function missedOf(
  tools: readonly ToolCoverage[],
  calls: LogCoverage['calls'],
  losses: LogCoverage['losses'],
): readonly Missed[] {
  const missed: Missed[] = []
  for (const { agent, tool, notWrapped } of tools)
    if (notWrapped > 0)
      missed.push({
        code: 'not-wrapped',
        message: `calls of ${quote(tool)} by ${quote(agent)} pass the recorder by, as ${streamsSay(notWrapped)}`,
      })
  if (calls.unmediated > 0)
    missed.push({
      code: 'unmediated',
      message: `${callsWere(calls.unmediated)} seen, and could not have been held back`,
    })
  if (calls.belated > 0)
    missed.push({ code: 'belated', message: `${callsWere(calls.belated)} written down after the fact` })
  if (losses.records > 0)
    missed.push({
      code: 'loss',
      message: `${recordsSay(losses.records)} that records or outcomes are missing, ${losses.counted} as far as they count`,
    })
  return missed
}

const streamsSay = (count: number): string => (count === 1 ? 'one stream says' : `${count} streams say`)
const recordsSay = (count: number): string => (count === 1 ? 'one loss record says' : `${count} loss records say`)
const callsWere = (count: number): string => (count === 1 ? '1 call was' : `${count} calls were`)
