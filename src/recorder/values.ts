import { capture, TOO_LARGE } from '../core/record/capture.js'
import { commitWritten } from '../core/record/commitment.js'
import { formatFullDisclosures } from '../core/record/disclosure-set.js'
import type { Commitment, Json } from '../core/record/types.js'
import { writeFields } from '../core/record/written-fields.js'
import type { Part, Redact } from './types.js'

/*
 * The one place where a host's values become commitments: captured, bounded, redacted, committed, and their
 * disclosures kept. Everything here is synchronous and never throws, whatever the value.
 */

/** A value as it was at one moment. Later changes of the value do not change it. */
export class Snapshot {
  /** What is committed: redacted, or a mark where the value was too large. */
  readonly json: Json
  /**
   * The value before redaction, for comparing: a change that redaction hides is still a change. Undefined for a value
   * too large to be looked at.
   */
  readonly #compared: Json | undefined

  constructor(json: Json, compared: Json | undefined) {
    this.json = json
    this.#compared = compared
  }

  /** Whether both are known to be the same value. Of two that were too large to be looked at, nobody knows. */
  equals(other: Snapshot): boolean {
    return this.#compared !== undefined && other.#compared !== undefined && sameJson(this.#compared, other.#compared)
  }
}

const THREW: Json = { $opaque: 'threw' }

// Arguments beyond the size cap are still captured, up to this bound, to see whether a tool was given others than were
// decided on: otherwise a long argument would be a place to hide a change. Capturing so much takes tenths of a second.
const COMPARED_BYTES_MAX = 4 * 1024 * 1024

/** How a recorder treats its host's values. */
export interface ValueRules {
  readonly redact: Redact | undefined
  /** Longest canonical form that is kept, in bytes. */
  readonly valueBytesMax: number
  /** Fresh random bytes. */
  readonly random: (length: number) => Uint8Array
  /** Whether what proves the commitments later is kept. */
  readonly keepDisclosures: boolean
}

/** The values of one recorder's calls. */
export class Values {
  readonly #rules: ValueRules

  constructor(rules: ValueRules) {
    this.#rules = rules
  }

  /** Takes a snapshot of `value`, the `part` of a call of `tool`. */
  snapshot(value: unknown, about: { readonly tool: string; readonly part: Part }): Snapshot {
    const { redact, valueBytesMax } = this.#rules
    const captured = capture(value, valueBytesMax)
    const compared =
      captured === TOO_LARGE && about.part === 'args'
        ? capture(value, Math.max(COMPARED_BYTES_MAX, valueBytesMax))
        : captured
    let json = captured
    if (redact) {
      try {
        json = capture(redact(value, about), valueBytesMax)
      } catch {
        json = THREW
      }
    }
    return new Snapshot(json, compared === TOO_LARGE ? undefined : compared)
  }

  /** E of what is not the host's to redact: names, reasons, details. */
  captured(value: unknown): Json {
    return capture(value, this.#rules.valueBytesMax)
  }

  /** For the commitments of one record. */
  commitments(): Commitments {
    return new Commitments(this.#rules.random, this.#rules.keepDisclosures)
  }
}

function sameJson(a: Json, b: Json): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    return a.every((item, i) => sameJson(item, b[i]))
  }
  const one = a as { readonly [name: string]: Json }
  const other = b as { readonly [name: string]: Json }
  const names = Object.keys(one)
  if (names.length !== Object.keys(other).length) return false
  return names.every(name => Object.hasOwn(other, name) && sameJson(one[name]!, other[name]!))
}

/** The commitments of one record and, where they are kept, what proves them later. */
export class Commitments {
  readonly #random: (length: number) => Uint8Array
  readonly #kept: Map<string, { readonly key: Uint8Array; readonly text: string }> | undefined

  constructor(random: (length: number) => Uint8Array, keep: boolean) {
    this.#random = random
    this.#kept = keep ? new Map() : undefined
  }

  /** Commits to `json`, found in the record at `path` (`args`, `decision.reason`), under a key of its own. */
  add(path: string, json: Json): Commitment {
    const key = this.#random(32)
    const written = writeFields(json)
    this.#kept?.set(path, { key, text: written.text })
    return commitWritten(written, key)
  }

  /** The bytes of `AppendEntry.disclosures`; undefined when nothing was committed or nothing is kept. */
  disclosures(): Uint8Array | undefined {
    return this.#kept && this.#kept.size > 0 ? formatFullDisclosures(this.#kept) : undefined
  }
}
