import { sha256, sha256Hex } from '#crypto'
import { fromHex, isHash, toHex } from '../../bytes/hex.js'
import { toUtf8 } from '../../bytes/utf8.js'
import { MalformedError, quote } from '../../errors.js'
import { canonicalBytes, isTime, type Json } from '../../record/index.js'
import { join } from '../evm/rlp.js'

/*
 * The references of Mycelium Trails: SHA-256, in lowercase hex, over the RFC 8785 form of a few members. Anybody who has the
 * members computes the same, which is all that they prove.
 */

/** What an action is called by. Hashed as it stands: two spellings of one time are two actions. */
export interface ActionPreimage {
  readonly agent_id: string
  readonly action_type: string
  readonly scope: string
  /** `YYYY-MM-DDThh:mm:ss.mmmZ`, or milliseconds since 1970 as decimal digits, from 2020 up to 2100. */
  readonly timestamp: string
}

/** The reference over any members: authorizations, decisions, attempts, results, receipts are all made in this way. */
export const myceliumRef = (members: { readonly [name: string]: Json }): string => sha256Hex(canonicalBytes(members))

/** @throws {MalformedError} `mycelium.domain` for what the trails do not take */
export function actionRef(preimage: ActionPreimage): string {
  return sha256Hex(actionBytes(preimage))
}

/** With its version before it, in the text and in what is hashed. @throws {MalformedError} `mycelium.domain` */
export function actionRefV2(preimage: ActionPreimage): string {
  return `v2:${sha256Hex(join([V2_TAG, actionBytes(preimage)]))}`
}

const V2_TAG = toUtf8('mycelium.action-ref:v2:')

/**
 * The older derivation that some agents still have: four texts with colons between them, the time in seconds. Two actions may share
 * one, since a colon may stand in a text; no trail takes it as an `action_ref` of its own making. To recognise old ones only.
 */
export const colonSecondsActionRef = (
  { agent_id, action_type, scope }: Omit<ActionPreimage, 'timestamp'>,
  seconds: number,
): string => sha256Hex(toUtf8(`${agent_id}:${action_type}:${scope}:${seconds}`))

function actionBytes({ agent_id, action_type, scope, timestamp }: ActionPreimage): Uint8Array {
  for (const [name, text] of Object.entries({ agent_id, action_type, scope }))
    if (typeof text !== 'string' || text === '' || text.length > TEXT_MAX || !/^[\x00-\x7f]+$/.test(text))
      throw outside(`${name} is ${quote(text)}`, `1 to ${TEXT_MAX} characters of ASCII`)
  if (!isActionTime(timestamp))
    throw outside(
      `timestamp is ${quote(timestamp)}`,
      'a time with milliseconds and Z, or milliseconds from 2020 to 2100',
    )
  return canonicalBytes({ action_type, agent_id, scope, timestamp })
}

const TEXT_MAX = 4096

function isActionTime(text: unknown): text is string {
  if (typeof text !== 'string') return false
  if (isTime(text)) return true
  if (!/^\d{13}$/.test(text)) return false
  const ms = Number(text)
  return ms >= YEAR_2020 && ms < YEAR_2100
}

const YEAR_2020 = 1_577_836_800_000
const YEAR_2100 = 4_102_444_800_000

const outside = (why: string, expected: string): MalformedError =>
  new MalformedError('mycelium.domain', `this names no action: ${why}`, { expected })

/*
 * Batches: a tree of its own, unlike RFC 6962. Siblings are sorted by their bytes before they are hashed, so that a proof has no
 * directions, and an odd node goes up as it is. The root does not fix the order of the leaves, and their number neither.
 */

const LEAF = new Uint8Array([0])
const NODE = new Uint8Array([1])
// A proof of so many steps is of more leaves than there will be actions.
const PROOF_MAX = 64
const LEAVES_MAX = 1 << 20

/** A batch of references of version 1. */
export interface Batch {
  /** Lowercase hex. */
  readonly root: string
  /** The siblings from a leaf to the root, in lowercase hex. @throws {MalformedError} `mycelium.batch` */
  proof(index: number): string[]
}

/** @param refs  1 to 1,048,576. @throws {MalformedError} `mycelium.batch` */
export function batchOf(refs: readonly string[]): Batch {
  const all = levels(refs)
  return {
    root: toHex(all.at(-1)![0]!),
    proof: index => {
      if (!Number.isSafeInteger(index) || index < 0 || index >= refs.length)
        throw new MalformedError('mycelium.batch', `there is no reference ${index} of ${refs.length}`)
      const siblings: string[] = []
      let at = index
      for (const level of all.slice(0, -1)) {
        const sibling = level[at % 2 === 0 ? at + 1 : at - 1]
        if (sibling) siblings.push(toHex(sibling))
        at = Math.floor(at / 2)
      }
      return siblings
    },
  }
}

/** Whether a reference is in a batch with this root. False for whatever is no proof. */
export function isInBatch(ref: string, proof: readonly string[], root: string): boolean {
  if (!isHash(ref) || proof.length > PROOF_MAX || !proof.every(isHash)) return false
  return toHex(proof.reduce((node, sibling) => parent(node, fromHex(sibling)), leafOf(ref))) === root
}

function levels(refs: readonly string[]): Uint8Array[][] {
  const wrong = refs.find(ref => !isHash(ref))
  if (wrong !== undefined || refs.length === 0 || refs.length > LEAVES_MAX)
    throw new MalformedError(
      'mycelium.batch',
      `no batch: ${wrong === undefined ? `${refs.length} references` : quote(wrong)}`,
      {
        expected: `1 to ${LEAVES_MAX} references of version 1, 64 lowercase hex digits each`,
      },
    )
  const all = [refs.map(leafOf)]
  for (let level = all[0]!; level.length > 1; level = all.at(-1)!) {
    const next: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2)
      next.push(i + 1 < level.length ? parent(level[i]!, level[i + 1]!) : level[i]!)
    all.push(next)
  }
  return all
}

const leafOf = (ref: string): Uint8Array => sha256(join([LEAF, fromHex(ref)]))

const parent = (a: Uint8Array, b: Uint8Array): Uint8Array =>
  sha256(join(toHex(a) < toHex(b) ? [NODE, a, b] : [NODE, b, a]))

/** Whether a block was there before what an outcome says came after it: its time, in seconds, before the outcome’s in milliseconds. */
export const anchoredBefore = (blockSeconds: number, outcomeMs: number): boolean => blockSeconds * 1000 < outcomeMs
