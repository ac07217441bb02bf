import { ed25519PublicKey, sha256Hex } from '#crypto'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { quote, UnavailableError } from '../core/errors.js'
import { isWord, ulid } from '../core/record/index.js'
import { ALGORITHM, formatVerifierKey, parseNote, verifyCheckpoint } from '../core/tlog/index.js'
import { parseConfig } from './config.js'
import { replaceFile } from './disk.js'
import { diskError, reading } from './disk-error.js'
import { openLogIn } from './index.js'
import { type Layout, PUBLIC_FILE_MODE, PUBLIC_FOLDER_MODE } from './layout.js'
import { layoutOf, operatorStream } from './operator.js'
import { seedSigner } from './signer.js'
import { FileKeys } from './stores/file-keys.js'
import { witnessPolicyPath } from './witness-standing.js'
import type { World } from './world.js'

/** What a new log says of the one it carries on after. */
export interface Continued {
  readonly target: string
  readonly origin: string
  readonly logId: string
  readonly verifierKey: string
  /** The log before: its id, and the newest checkpoint of it that is here. */
  readonly of: string
  readonly note: string
  readonly size: number
}

/**
 * Makes a log that carries on after one that cannot be continued: damaged, rolled back, without a part. Nothing of the
 * old one is changed; what of it is beyond the newest checkpoint that is here is lost to the new one, and a reader who
 * knows a later checkpoint sees how much. The operator's key goes on, so that auditors who know it know the new log.
 *
 * @param next    Where the new log goes; nothing is there yet.
 * @param origin  Default: the old origin, a slash and a ULID. Never the old one: that would look like a fork.
 */
export async function continueLog(
  world: World,
  old: string,
  next: string,
  reason: string,
  recorder: { readonly name: string; readonly version: string },
  origin?: string,
): Promise<Continued> {
  const { disk } = world
  const layout = await layoutOf(world, old)
  const description = await reading(layout.config, disk.readFile(layout.config))
  if (!description)
    throw new UnavailableError('log.not-a-log', `${layout.config} is not there: what log this was is not known`, {
      expected: 'the folder of a log, at least its deedlog.json, its keys and a checkpoint',
    })
  const config = parseConfig(description, layout.config)
  const keys = new FileKeys(disk, layout)
  const [logSeed, operatorSeed] = [await keys.get('log'), await keys.get('operator')]
  if (!logSeed || !operatorSeed)
    throw new UnavailableError('log.key', 'the keys of the old log are not in its private folder', {
      expected: 'the keys the log was made with',
    })
  const key = formatVerifierKey(config.origin, ALGORITHM.ed25519, ed25519PublicKey(logSeed))
  const newest = await newestCheckpoint(world, layout, note => verifyCheckpoint(parseNote(note), [key]).size)
  const fresh = origin ?? `${config.origin}/${ulid(world.clock.now(), world.random(10)).toLowerCase()}`
  if (fresh === config.origin || !isWord(fresh))
    throw new UnavailableError('log.other-origin', `the new log cannot be called ${quote(fresh)}`, {
      expected: 'a name of its own: two logs of one name would look like a fork',
    })
  // The same witnesses: they must still be told of the new log, and until then a verification says that they were not.
  const policy = await reading(layout.config, disk.readFile(witnessPolicyPath(layout)))
  const witnessPolicy = policy === undefined ? {} : { witnessPolicy: fromUtf8(policy) }
  const log = await openLogIn(world, next, { origin: fresh, operatorSeed, ...witnessPolicy }, layout.kind, 'be new')
  try {
    const note = sha256Hex(newest.note)
    const body = { type: 'continuation', of: config.logId, note, size: newest.size, reason }
    await keepNote(world, await layoutOf(world, next), note, newest.note)
    const batch = await operatorStream(world, seedSigner(operatorSeed), await log.logs!(), [body], recorder, undefined)
    await log.append(batch, { level: 'published' })
    const { id, verifierKey } = log
    return { target: next, origin: fresh, logId: id, verifierKey, of: config.logId, note, size: newest.size }
  } finally {
    await log.close()
  }
}

/** The later of the head and what everybody saw, each with a good signature of the log. */
async function newestCheckpoint(
  { disk }: World,
  layout: Layout,
  sizeOf: (note: Uint8Array) => number,
): Promise<{ readonly note: Uint8Array; readonly size: number }> {
  let newest: { readonly note: Uint8Array; readonly size: number } | undefined
  for (const path of [layout.head, layout.checkpoint]) {
    const note = await reading(path, disk.readFile(path))
    if (!note) continue
    try {
      const size = sizeOf(note)
      if (!newest || size > newest.size) newest = { note, size }
    } catch {
      // Damaged, or not this log's: the other one counts.
    }
  }
  if (newest) return newest
  throw new UnavailableError('log.key', `${layout.target} has no checkpoint that its key has signed`, {
    expected: 'the newest checkpoint of the log, in its place',
  })
}

/** The note that the continuation names, where readers look for notes. */
async function keepNote({ disk }: World, layout: Layout, hash: string, note: Uint8Array): Promise<void> {
  const path = `${layout.notes}/${hash}`
  try {
    await disk.makeDirectory(layout.notes, PUBLIC_FOLDER_MODE)
    await replaceFile(disk, path, note, PUBLIC_FILE_MODE)
  } catch (cause) {
    throw diskError(cause, path, true)
  }
}
