import { equalBytes } from '../../bytes/equal.js'
import { fromHex, isHash, toHex } from '../../bytes/hex.js'
import { MalformedError, quote, VerificationError } from '../../errors.js'
import { canonicalBytes, formatTime, isInt, isText, type Json, parseJson } from '../../record/index.js'
import { EVIDENCE_BYTES_MAX } from '../file.js'
import { anchoredDigest } from '../note-digest.js'
import { type ActionPreimage, actionRef } from './refs.js'

/** What a service of trails has written down of a checkpoint: its word, with nothing that it signed. */
export interface Trail {
  /** Host of the service. */
  readonly host: string
  /** The trail's name there. */
  readonly id: string
  readonly preimage: ActionPreimage
  /** By the service's clock, seconds since 1970. */
  readonly seconds?: number
  /** The transaction that the service says has it, `0x` and 64 lowercase hex digits. */
  readonly tx?: string
}

const ACTION_TYPE = 'deedlog.checkpoint'

/**
 * A checkpoint as an action: whoever has origin, size, root and time computes its reference.
 * @param timeMs  When it is asked for, in milliseconds since 1970.
 */
export const checkpointAction = (
  { origin, size, root }: { readonly origin: string; readonly size: number; readonly root: Uint8Array },
  timeMs: number,
): ActionPreimage => ({
  agent_id: origin,
  action_type: ACTION_TYPE,
  scope: `${origin}:${size}:${toHex(root)}`,
  timestamp: formatTime(timeMs),
})

/** RFC 8785 JSON. */
export function formatTrail({ host, id, preimage, seconds, tx }: Trail): Uint8Array {
  const { agent_id, action_type, scope, timestamp } = preimage
  return canonicalBytes({
    v: 1,
    host,
    trail: id,
    preimage: { agent_id, action_type, scope, timestamp },
    ...(seconds === undefined ? {} : { seconds }),
    ...(tx === undefined ? {} : { tx }),
  })
}

/**
 * Reads what is kept of a trail, and holds it against the checkpoint.
 *
 * @param digest  What must have been recorded, 32 bytes.
 * @throws {MalformedError} `mycelium-evidence.*`, `mycelium.evidence`, `mycelium.domain`
 * @throws {VerificationError} `mycelium.checkpoint` when it is of something else
 */
export function readTrail(bytes: Uint8Array, digest: Uint8Array): Trail & { readonly actionRef: string } {
  const json = parseJson(bytes, {
    what: 'mycelium-evidence',
    bytesMax: EVIDENCE_BYTES_MAX,
    depthMax: 8,
    recordValues: true,
  })
  const own = membersOf(json, 'it')
  const [host, id, seconds, tx] = ['host', 'trail', 'seconds', 'tx'].map(own)
  if (own('v') !== 1 || !isText(host) || !isText(id)) throw broken('v, host or trail is not what it must be')
  if (seconds !== undefined && !isInt(seconds)) throw broken(`seconds is ${quote(seconds)}`)
  if (tx !== undefined && !isTransaction(tx)) throw broken(`tx is ${quote(tx)}`)
  const preimage = readPreimage(own('preimage'))
  checkScope(preimage, digest)
  return {
    host,
    id,
    preimage,
    actionRef: actionRef(preimage),
    ...(seconds === undefined ? {} : { seconds }),
    ...(tx === undefined ? {} : { tx }),
  }
}

/** Whether `value` is the hash of a transaction: `0x` and 64 lowercase hex digits. */
export const isTransaction = (value: unknown): value is string =>
  typeof value === 'string' && value.startsWith('0x') && isHash(value.slice(2))

function readPreimage(json: Json | undefined): ActionPreimage {
  const own = membersOf(json, 'preimage')
  const [agent_id, action_type, scope, timestamp] = ['agent_id', 'action_type', 'scope', 'timestamp'].map(own)
  for (const text of [agent_id, action_type, scope, timestamp])
    if (typeof text !== 'string') throw broken('preimage has a member that is no text')
  return { agent_id, action_type, scope, timestamp } as ActionPreimage
}

/** The scope names the checkpoint; the digest is what an anchor is of. */
function checkScope({ agent_id, action_type, scope }: ActionPreimage, digest: Uint8Array): void {
  const [, origin, size, root] = /^(.+):(0|[1-9]\d{0,15}):([0-9a-f]{64})$/.exec(scope) ?? []
  const isOurs =
    origin !== undefined &&
    Number.isSafeInteger(Number(size)) &&
    agent_id === origin &&
    action_type === ACTION_TYPE &&
    equalBytes(anchoredDigest({ origin, size: Number(size), root: fromHex(root!) }), digest)
  if (!isOurs)
    throw new VerificationError('mycelium.checkpoint', `the trail is of ${quote(scope)}`, {
      expected: 'origin, size and root of this checkpoint',
    })
}

function membersOf(json: Json | undefined, what: string): (name: string) => Json | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw broken(`${what} is no object`)
  return name => (Object.hasOwn(json, name) ? (json as { readonly [name: string]: Json })[name] : undefined)
}

const broken = (why: string): MalformedError =>
  new MalformedError('mycelium.evidence', `this is nothing that is kept of a trail: ${why}`, {
    expected: 'host, trail, preimage, and where there are, seconds and tx',
  })
