import { toHex } from '../../bytes/hex.js'
import { MalformedError } from '../../errors.js'
import { readHash } from './algorithms.js'
import { readExtension } from './certificate.js'
import { context, DerReader, notDer, readAll, TAG } from './der.js'
import { tokenTime } from './der-time.js'

/** What a time-stamp token says. RFC 3161 §2.4.2. */
export interface TstInfo {
  /** Under which the authority stamped, dotted. */
  readonly policy: string
  /** Of what it stamped. */
  readonly hash: string
  readonly digest: Uint8Array
  /** Lowercase hex of a DER integer. */
  readonly serial: string
  /** Milliseconds since 1970, rounded up. */
  readonly timeMs: number
  /** How far off the authority says that its clock may be, in milliseconds, rounded up; undefined where it says nothing. */
  readonly accuracyMs: number | undefined
  /** Content of the integer. */
  readonly nonce: Uint8Array | undefined
}

/** @throws {MalformedError} `der`; `tsa.algorithm`; `tsa.response` for a critical extension, which is not known here */
export function parseTstInfo(bytes: Uint8Array): TstInfo {
  const reader = DerReader.inside(readAll(bytes))
  if (reader.number() !== 1) throw notDer('a TSTInfo that is not of version 1')
  const policy = reader.oid()
  const imprint = reader.sequence()
  const hash = readHash(imprint.read(TAG.sequence))
  const digest = imprint.octets()
  imprint.end()
  const serial = toHex(reader.integer())
  const timeMs = tokenTime(reader)
  const accuracyMs = reader.next === TAG.sequence ? readAccuracy(reader.sequence()) : undefined
  // `ordering`: whether tokens of this authority can be ordered by time alone. DER leaves out its default; some do not.
  if (reader.next === TAG.boolean) reader.boolean()
  const nonce = reader.next === TAG.integer ? reader.integer() : undefined
  // `tsa`: the certificate that made the signature says who it is, and is bound to it.
  reader.optional(context(0))
  const extensions = reader.optional(context(1))
  reader.end()
  for (const value of extensions ? DerReader.inside(extensions).rest() : []) {
    const { oid, critical } = readExtension(value)
    if (critical) throw new MalformedError('tsa.response', `the token has the critical extension ${oid}`)
  }
  return { policy, hash, digest, serial, timeMs, accuracyMs, nonce }
}

function readAccuracy(reader: DerReader): number {
  const seconds = reader.next === TAG.integer ? reader.number() : 0
  const [millis, micros] = [0, 1].map(number => {
    const tag = context(number, false)
    if (reader.next !== tag) return 0
    const value = reader.number(tag)
    // RFC 3161 §2.4.2: INTEGER (1..999).
    if (value < 1 || value > 999) throw notDer('an accuracy outside its range')
    return value
  }) as [number, number]
  reader.end()
  return seconds * 1000 + millis + Math.ceil(micros / 1000)
}
