import { resolve } from 'node:path'
import { ed25519PublicKey, ed25519Sign, sha256Hex } from '#crypto'
import { toHex } from '../core/bytes/hex.js'
import { UnavailableError } from '../core/errors.js'
import { encodeKey, formatTime, type LogRef, recordLeaf, recordMessage, signedRecord } from '../core/record/index.js'
import { parseCheckpoint, parseNote } from '../core/tlog/index.js'
import type { AuditBackend, Receipt, Signer } from './backend.js'
import { reading } from './disk-error.js'
import { openLogIn } from './index.js'
import { filesLayout, jsonlLayout, type Layout } from './layout.js'
import { SharedLog } from './shared-log.js'
import { checkedSigner, seedSigner } from './signer.js'
import { FileKeys } from './stores/file-keys.js'
import type { World } from './world.js'

/** A record of an operator, without what its place in the stream gives it. */
export type OperatorRecord = { readonly type: string } & { readonly [member: string]: unknown }

/** The layout of a log that is there. @throws {UnavailableError} `log.missing` */
export async function layoutOf(world: World, target: string): Promise<Layout> {
  const path = await reading(target, world.disk.realPath(resolve(target)))
  const found = await reading(path, world.disk.stat(path))
  if (found) return found.kind === 'file' ? jsonlLayout(path) : filesLayout(path)
  throw new UnavailableError('log.missing', `there is no log at ${path}`, {
    expected: 'the path of a log; `deedlog init` makes one',
  })
}

/**
 * Appends records in a stream of the operator of their own: its start, the records, its end, all in one batch. Through
 * the process that holds the log, if one does. Published when this resolves.
 *
 * @param operator  Signs for the operator. Default: the key in the log's private folder.
 * @returns the receipts of the records, without start and end
 */
export async function appendAsOperator(
  world: World,
  target: string,
  records: readonly OperatorRecord[],
  recorder: { readonly name: string; readonly version: string },
  operator?: Signer,
): Promise<readonly Receipt[]> {
  return (await appendStream(world, target, records, recorder, operator)).slice(1, -1)
}

/**
 * As {@link appendAsOperator}, with members of the stream's start whose names hold a dot: spec/record.md §1.
 * @returns the receipts of all its records, the start being the first
 */
export async function appendStream(
  world: World,
  target: string,
  records: readonly OperatorRecord[],
  recorder: { readonly name: string; readonly version: string },
  operator?: Signer,
  extension: { readonly [member: string]: unknown } = {},
): Promise<readonly Receipt[]> {
  const layout = await layoutOf(world, target)
  const signer = operator ? checkedSigner(operator, 'the operator', world.clock) : await operatorOf(world, layout)
  const log = new SharedLog(world, layout.target, { create: false }, layout.kind, openLogIn)
  try {
    const batch = await operatorStream(world, signer, await log.logs(), records, recorder, await log.head(), extension)
    return await log.append(batch, { level: 'published' })
  } finally {
    await log.close()
  }
}

/** The operator's key in the private folder. @throws {UnavailableError} `log.key` when it is not there */
export async function operatorOf(world: World, layout: Layout): Promise<Signer> {
  const seed = await new FileKeys(world.disk, layout).get('operator')
  if (seed) return seedSigner(seed)
  throw new UnavailableError('log.key', 'the operator key of this log is not in its private folder', {
    expected: 'the key the log was made with, or a signer that holds it',
  })
}

/**
 * A whole stream, every record of it signed.
 * @param members  More members of its start: `config`, see `retention-file.ts`, and such whose names hold a dot.
 */
export async function operatorStream(
  world: World,
  operator: Signer,
  logs: readonly LogRef[],
  records: readonly OperatorRecord[],
  recorder: { readonly name: string; readonly version: string },
  head: Uint8Array | undefined,
  members: { readonly [member: string]: unknown } = {},
): Promise<Parameters<AuditBackend['append']>[0]> {
  // Fresh, and gone when this returns: nobody can add to the stream.
  const key = world.random(32)
  const time = formatTime(world.clock.now())
  const after = head && afterOf(head)
  const start = {
    v: 1,
    type: 'stream.start',
    seq: 0,
    logs,
    role: 'operator',
    agent: { id: 'operator' },
    recorder,
    ...members,
    custody: 'process',
    identity: encodeKey(operator.publicKey),
    key: encodeKey(ed25519PublicKey(key)),
    ...(after ? { after } : {}),
    time,
  }
  const first = signedRecord(start, await operator.sign(recordMessage(start)))
  const stream = recordLeaf(first)
  const batch: Uint8Array[] = [first]
  let prev = stream
  for (const members of [...records, { type: 'stream.end', calls: 0, pending: 0 }]) {
    const body = { v: 1, ...members, stream, seq: batch.length, prev, time }
    const record = signedRecord(body, ed25519Sign(recordMessage(body), key))
    batch.push(record)
    prev = recordLeaf(record)
  }
  return batch.map((record, i) => (i === 0 && head && after ? { record, note: head } : { record }))
}

function afterOf(note: Uint8Array): { origin: string; size: number; root: string; note: string } {
  const { origin, size, root } = parseCheckpoint(parseNote(note).text)
  return { origin, size, root: toHex(root), note: sha256Hex(note) }
}
