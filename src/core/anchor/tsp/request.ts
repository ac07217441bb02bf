import { OID_SHA256 } from './algorithms.js'
import { boolean, integer, octets, oid, sequence } from './der-write.js'

/** Bytes of a nonce. RFC 3161 §2.4.1 asks for a large random number, "e.g. a 64 bit integer". */
export const NONCE_BYTES = 12

/**
 * The bytes of a TimeStampReq that asks for the certificates, too. RFC 3161 §2.4.1.
 *
 * @param digest  SHA-256, 32 bytes: what is to be stamped.
 * @param nonce   12 random bytes. The top bit is cleared: some authorities take an integer with it for a negative one.
 * @param policy  Under which the authority is to stamp, as a dotted object identifier.
 */
export function timestampRequest(digest: Uint8Array, nonce: Uint8Array, policy?: string): Uint8Array {
  if (digest.length !== 32) throw new RangeError(`a SHA-256 digest has 32 bytes, not ${digest.length}`)
  if (nonce.length !== NONCE_BYTES) throw new RangeError(`a nonce has ${NONCE_BYTES} bytes, not ${nonce.length}`)
  return sequence(
    integer(1),
    sequence(sequence(oid(OID_SHA256), NULL), octets(digest)),
    ...(policy === undefined ? [] : [oid(policy)]),
    integer(asNonce(nonce)),
    boolean(true),
  )
}

/** A nonce as it is sent: never zero at its beginning, so that it comes back in as many bytes. */
export function asNonce(random: Uint8Array): Uint8Array {
  const nonce = random.slice()
  nonce[0] = (nonce[0]! & 0x3f) | 0x40
  return nonce
}

const NULL = new Uint8Array([5, 0])
