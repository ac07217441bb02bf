import { sha256Into } from '#crypto'
import { toUtf8 } from '../bytes/utf8.js'
import { verifyEd25519 } from '../tlog/ed25519.js'
import { canonicalize, canonicalizeOrdered } from './canonical.js'
import { decodeKey, decodeSig, encodeSig, isKey, isSig } from './formats.js'
import { encodeRecord, type ParsedRecord } from './schema.js'
import type { JsonObject } from './shape.js'
import type { Commitment, Hash, Intent, Key, Record, Review, Sig } from './types.js'

/*
 * What is signed: spec/record.md §3 and §4. The message is short and of one length, so that any HSM or KMS can sign it.
 */

const RECORD_LABEL = toUtf8('deedlog/v1 record\n')
const APPROVAL_LABEL = toUtf8('deedlog/v1 approval\n')

/** The 50 bytes that a record's `sig` signs. A `sig` that is already there is left out. */
export function recordMessage(json: object): Uint8Array {
  const { sig: _, ...body } = json as JsonObject
  return labelled(RECORD_LABEL, canonicalizeOrdered(body))
}

/**
 * The bytes of `body` with its signature.
 * @throws {MalformedError} what `encodeRecord` throws
 */
export const signedRecord = (body: object, signature: Uint8Array): Uint8Array =>
  encodeRecord({ ...body, sig: encodeSig(signature) } as Record)

/** Whether the record has a `sig` and it is `key`'s. Also for records that are not understood. */
export function verifyRecordSignature(parsed: Pick<ParsedRecord, 'json'>, key: Key): boolean {
  const sig = parsed.json['sig']
  if (!isSig(sig) || !isKey(key)) return false
  return verifyEd25519(decodeSig(sig), recordMessage(parsed.json), decodeKey(key))
}

/** What an approver signs. */
export interface ApprovedArgs {
  /** Root of the commitment in force: the review's own where it has one and approves, else the intent's. */
  readonly args: Hash
  /** Leaf hash of the intent. */
  readonly intent: Hash
  readonly verdict: 'approved' | 'rejected'
}

/** The 52 bytes that an approver signs. */
export const approvalMessage = ({ args, intent, verdict }: ApprovedArgs): Uint8Array =>
  labelled(APPROVAL_LABEL, canonicalize({ args, intent, verdict }))

/**
 * Whether the review carries an approval whose signature is good for this intent. Whose key it is, is for the
 * trust file to say.
 */
export function verifyApproval(review: Review, intent: Pick<Intent, 'args'>, intentLeaf: Hash): boolean {
  if (review.approval === undefined) return false
  const { key, sig }: { key: Key; sig: Sig } = review.approval
  const inForce: Commitment = review.verdict === 'approved' ? (review.args ?? intent.args) : intent.args
  const message = approvalMessage({ args: inForce.root, intent: intentLeaf, verdict: review.verdict })
  return verifyEd25519(decodeSig(sig), message, decodeKey(key))
}

function labelled(label: Uint8Array, text: string): Uint8Array {
  const message = new Uint8Array(label.length + 32)
  message.set(label)
  sha256Into(toUtf8(text), message, label.length)
  return message
}
