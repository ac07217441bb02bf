import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { UnavailableError } from '../core/errors.js'

/** A transaction that was signed, and may have been sent. */
export interface Signed {
  /** As it is sent. */
  readonly raw: string
  /** Its hash. */
  readonly hash: string
}

/** What an anchor in a chain goes on with. It is kept before anything is sent, so that nothing is sent that is not known. */
export interface EvmResume {
  readonly nonce: number
  /** With one nonce, of which one at most can become part of the chain; the newest last. */
  readonly signed: readonly Signed[]
  /** Fees of the newest, in wei per gas. */
  readonly maxFee: bigint
  readonly tip: bigint
  /** When the newest was signed, in milliseconds since 1970. */
  readonly signedMs: number
  /** The head of the chain when the first was signed: the event stands above it. */
  readonly fromBlock: number
  /** How often the nonce was seen used, and none of these transactions. */
  readonly missed: number
}

/** Prices that are tried for one nonce. */
export const SIGNED_MAX = 8

export const formatResume = (resume: EvmResume): Uint8Array =>
  toUtf8(JSON.stringify({ ...resume, maxFee: String(resume.maxFee), tip: String(resume.tip) }))

/** @throws {UnavailableError} `anchor.queue` for what was not written by {@link formatResume}: it is ours alone */
export function parseResume(bytes: Uint8Array): EvmResume {
  try {
    const stored = JSON.parse(fromUtf8(bytes)) as Omit<EvmResume, 'maxFee' | 'tip'> & { maxFee: string; tip: string }
    if (!Array.isArray(stored.signed) || stored.signed.length === 0 || !Number.isSafeInteger(stored.nonce))
      throw new TypeError('another format')
    return { ...stored, maxFee: BigInt(stored.maxFee), tip: BigInt(stored.tip) }
  } catch (cause) {
    throw new UnavailableError('anchor.queue', 'what was kept of a transaction cannot be read', { cause })
  }
}
