import { ed25519PublicKey, ed25519Sign } from '#crypto'
import {
  ALGORITHM,
  Frontier,
  formatAddCheckpoint,
  formatCheckpoint,
  formatVerifierKey,
  leafHash,
  signNote,
  type VerifierKey,
} from '../core/tlog/index.js'
import { consistencyProof, type Known } from '../core/tlog/testkit.js'

export const ORIGIN = 'example.com/deeds'
export const SEED = new Uint8Array(32).fill(7)
export const KEY = formatVerifierKey(ORIGIN, ALGORITHM.ed25519, ed25519PublicKey(SEED))

/** A log in a few lines: entries `0..n` of one of two histories that differ from entry 3 on. */
export class TestLog {
  readonly #leaf: (i: number) => Uint8Array
  readonly #key: VerifierKey
  readonly #seed: Uint8Array

  constructor(history = 'honest', key = KEY, seed = SEED) {
    this.#leaf = i => leafHash(new TextEncoder().encode(i < 3 ? `entry ${i}` : `${history} ${i}`))
    this.#key = key
    this.#seed = seed
  }

  root(size: number): Uint8Array {
    const tree = Frontier.empty()
    for (let i = 0; i < size; i++) tree.append(this.#leaf(i))
    return tree.root()
  }

  note(size: number, root = this.root(size)): Uint8Array {
    const text = formatCheckpoint({ origin: this.#key.name, size, root })
    return signNote(text, this.#key, message => ed25519Sign(message, this.#seed))
  }

  proof(old: number, size: number): Uint8Array[] {
    const known: Known = (from, to) => (to - from === 1 ? this.#leaf(from) : undefined)
    return old === 0 || old === size ? [] : consistencyProof(known, old, size)
  }

  request(old: number, size: number): Uint8Array {
    return formatAddCheckpoint({ old, proof: this.proof(old, size), note: this.note(size) })
  }
}
