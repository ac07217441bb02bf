import { toBase64 } from '../bytes/base64.js'
import { concatBytes } from '../bytes/equal.js'
import type { Key, KeyEvent, StreamStart } from '../record/index.js'
import type { VerifierKey } from '../tlog/index.js'
import type { IdentityState } from './report.js'
import type { Trust } from './trust.js'

/** A key of a trust file as records write it. */
export const recordKey = (key: VerifierKey): Key => toBase64(concatBytes(Uint8Array.of(key.algorithm), key.publicKey))

/** The newest word on a key for one agent. */
interface Word {
  readonly index: number
  readonly event: 'add' | 'retire'
}

/**
 * What `key` records say of one key: the newest word for each agent, and for the operator's own role under no name.
 * Only the newest, so that a stranger who writes many of them makes no later question slower.
 */
interface KeyHistory {
  readonly words: Map<string | undefined, Word>
  /** Index of the newest `compromised`. Nothing restores such a key: whoever needs one makes another. */
  compromised?: number
  /** The lowest index from which its records are disputed. */
  disputedFrom?: number
}

/** Who is who: the auditor's trust file, the operators of the log record, and the `key` records of those who count. */
export class Identities {
  readonly #pinned = new Map<string, { key: Key; first: number; last: number }[]>()
  readonly #trustedOperators: ReadonlySet<Key>
  readonly #operators = new Set<Key>()
  readonly #keys = new Map<Key, KeyHistory>()

  constructor(trust: Trust | undefined) {
    for (const { key, first, last = Number.MAX_SAFE_INTEGER } of trust?.agents ?? []) {
      const pins = this.#pinned.get(key.name) ?? []
      this.#pinned.set(key.name, pins)
      pins.push({ key: recordKey(key), first, last })
    }
    this.#trustedOperators = new Set((trust?.operators ?? []).map(recordKey))
  }

  /** The operators that the log record names. */
  logRecord(operators: readonly Key[]): void {
    for (const key of operators) this.#operators.add(key)
  }

  /**
   * A `key` record of an operator stream that counts. It acts on what has a higher index.
   * @param by  The identity of that stream.
   */
  event(index: number, { event, key, agent, since }: KeyEvent, by: Key): void {
    // An auditor who lists an agent's keys takes no other from an operator whom that auditor does not list.
    if (event === 'add' && agent !== undefined && this.#pinned.has(agent) && !this.#trustedOperators.has(by)) return
    const history = this.#keys.get(key) ?? { words: new Map<string | undefined, Word>() }
    this.#keys.set(key, history)
    if (event === 'compromised') {
      history.compromised = index
      // The record that says so stands; what is above it does not.
      history.disputedFrom = Math.min(history.disputedFrom ?? index + 1, since ?? index + 1, index + 1)
    } else history.words.set(agent, { index, event })
  }

  /** Whether a stream of this identity that starts here is an operator's: named at first, or added, and not withdrawn. */
  isOperator(identity: Key): boolean {
    const added = this.#keys.get(identity)?.words.get(undefined)?.event === 'add'
    return (this.#operators.has(identity) || added) && !this.#withdrawn(identity, undefined)
  }

  /** Whether the key is, or ever was, an operator's. */
  wasOperator(identity: Key): boolean {
    return this.#operators.has(identity) || this.#keys.get(identity)?.words.has(undefined) === true
  }

  /** What is known of the identity of a stream that starts at `index`, above all that was told before. */
  stateOf(start: StreamStart, index: number): IdentityState {
    const { identity, agent } = start
    if (start.role === 'operator') {
      if (this.#withdrawn(identity, undefined)) return 'contradicted'
      if (this.#trustedOperators.has(identity)) return 'pinned'
      return this.isOperator(identity) ? 'introduced' : 'self-asserted'
    }
    if (this.#withdrawn(identity, agent.id)) return 'contradicted'
    const pins = this.#pinned.get(agent.id) ?? []
    if (pins.some(pin => pin.key === identity && pin.first <= index && index <= pin.last)) return 'pinned'
    // In this order, as spec/record.md §3 lists the words: an operator whom the auditor pins may introduce a new key
    // of an agent, and old trust files go on working when an agent's key is replaced.
    if (this.#keys.get(identity)?.words.get(agent.id)?.event === 'add') return 'introduced'
    return pins.length > 0 && pins.every(pin => pin.key !== identity) ? 'contradicted' : 'self-asserted'
  }

  /** Whether the last word on the key, for this agent or for all uses of it, was that it is no longer to be used. */
  #withdrawn(key: Key, agent: string | undefined): boolean {
    const history = this.#keys.get(key)
    if (!history) return false
    if (history.compromised !== undefined) return true
    const own = history.words.get(agent)
    // Retired without an agent: for every use.
    const all = history.words.get(undefined)
    return own?.event === 'retire' || (all?.event === 'retire' && all.index > (own?.index ?? -1))
  }

  /** Whether it was said of the key, above index `from`, that it is in other hands. */
  isCompromisedAbove(key: Key, from: number): boolean {
    const at = this.#keys.get(key)?.compromised
    return at !== undefined && at > from
  }

  /** The lowest index from which records under `key` are disputed, because it is said to have been compromised. */
  disputedFrom(key: Key): number | undefined {
    return this.#keys.get(key)?.disputedFrom
  }
}
