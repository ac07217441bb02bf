import { toBase64 } from '../bytes/base64.js'
import { concatBytes } from '../bytes/equal.js'
import type { Key, KeyEvent, StreamStart } from '../record/index.js'
import type { VerifierKey } from '../tlog/index.js'
import type { IdentityState } from './report.js'
import type { Trust } from './trust.js'

/** A key of a trust file as records write it. */
export const recordKey = (key: VerifierKey): Key => toBase64(concatBytes(Uint8Array.of(key.algorithm), key.publicKey))

interface Event {
  readonly index: number
  readonly event: KeyEvent['event']
  readonly agent?: string
  readonly since?: number
}

/** Who is who: the auditor's trust file, the operators of the log record, and the `key` records of those who count. */
export class Identities {
  readonly #pinned = new Map<string, { key: Key; first: number; last: number }[]>()
  readonly #trustedOperators: ReadonlySet<Key>
  readonly #operators = new Set<Key>()
  readonly #events = new Map<Key, Event[]>()

  constructor(trust: Trust | undefined) {
    for (const { key, first, last = Number.MAX_SAFE_INTEGER } of trust?.agents ?? [])
      this.#pinned.set(key.name, [...(this.#pinned.get(key.name) ?? []), { key: recordKey(key), first, last }])
    this.#trustedOperators = new Set((trust?.operators ?? []).map(recordKey))
  }

  /** The operators that the log record names. */
  logRecord(operators: readonly Key[]): void {
    for (const key of operators) this.#operators.add(key)
  }

  /** A `key` record of an operator stream that counts. It acts on what has a higher index. */
  event(index: number, record: KeyEvent): void {
    const events = this.#events.get(record.key) ?? []
    this.#events.set(record.key, events)
    events.push({
      index,
      event: record.event,
      ...(record.agent === undefined ? {} : { agent: record.agent }),
      ...(record.since === undefined ? {} : { since: record.since }),
    })
  }

  /** Whether a stream of this identity that starts at `index` is an operator's: named at first, or added, and not withdrawn. */
  isOperator(identity: Key, index: number): boolean {
    const added = (this.#events.get(identity) ?? []).some(
      event => event.event === 'add' && event.agent === undefined && event.index < index,
    )
    return (this.#operators.has(identity) || added) && !this.#withdrawn(identity, index)
  }

  /** What is known of the identity of a stream that starts at `index`. */
  stateOf(start: StreamStart, index: number): IdentityState {
    const { identity, agent } = start
    if (this.#withdrawn(identity, index)) return 'contradicted'
    if (start.role === 'operator') {
      if (this.#trustedOperators.has(identity)) return 'pinned'
      return this.isOperator(identity, index) ? 'introduced' : 'self-asserted'
    }
    const pins = this.#pinned.get(agent.id) ?? []
    if (pins.some(pin => pin.key === identity && pin.first <= index && index <= pin.last)) return 'pinned'
    const introduced = (this.#events.get(identity) ?? []).some(
      event => event.event === 'add' && event.agent === agent.id && event.index < index,
    )
    // In this order, as spec/record.md §3 lists the words: an operator whom the auditor pins may introduce a new key
    // of an agent, and old trust files go on working when an agent's key is replaced.
    if (introduced) return 'introduced'
    return pins.length > 0 && pins.every(pin => pin.key !== identity) ? 'contradicted' : 'self-asserted'
  }

  /** Whether the last word on the key, below `index`, was that it is no longer to be used. */
  #withdrawn(key: Key, index: number): boolean {
    const last = (this.#events.get(key) ?? []).filter(event => event.index < index).at(-1)
    return last !== undefined && last.event !== 'add'
  }

  /** The lowest index from which records under `key` are disputed, because it is said to have been compromised. */
  disputedFrom(key: Key): number | undefined {
    const from = (this.#events.get(key) ?? [])
      .filter(event => event.event === 'compromised')
      .map(event => Math.min(event.since ?? event.index, event.index))
    return from.length === 0 ? undefined : Math.min(...from)
  }
}
