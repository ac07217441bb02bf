import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { sha256Hex } from '#crypto'
import { toUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError } from '../core/errors.js'
import {
  ALGORITHM,
  type Checkpoint,
  NOTE_BYTES_MAX,
  parseCheckpoint,
  parseNote,
  type VerifierKey,
} from '../core/tlog/index.js'
import type { HeldCheckpoint } from '../core/verify/index.js'
import { readForeignFile } from './read-file.js'

/*
 * What this auditor saw at earlier visits: one signed checkpoint for each log key, as the log signed it, so that it
 * is evidence to others too (`verify --after` takes it). A log that was cut back or written anew cannot show what it
 * showed before.
 */

/** Where an auditor's memory lies when nothing else was asked: in the user's own state directory. */
export function memoryFolder(env: NodeJS.ProcessEnv = process.env): string {
  const { DEEDLOG_STATE: own, XDG_STATE_HOME: state } = env
  if (own) return resolve(own)
  return join(state ? resolve(state) : join(homedir(), '.local', 'state'), 'deedlog')
}

// The file is named for the key, not for the log id: a log that was written anew from entry 0 on has another log id and
// would look like one that was never visited. The key's name is the origin, so it is hashed: it may hold any character.
const pathOf = (folder: string, vkey: string): string =>
  join(folder, 'checkpoints', `${sha256Hex(toUtf8(vkey))}.checkpoint`)

/**
 * The checkpoints that are remembered of the log that a note is of.
 *
 * @param note  The newest checkpoint of the log, not checked yet.
 * @param keys  Log keys that count in this visit; those of other origins are passed over.
 * @throws {UnavailableError} `file.unreadable`
 * @throws {MalformedError} `file.kind`, `file.length`
 */
export async function recall(
  folder: string,
  note: Uint8Array | undefined,
  keys: readonly VerifierKey[],
): Promise<HeldCheckpoint[]> {
  const checkpoint = note && readCheckpoint(note)
  const found: HeldCheckpoint[] = []
  for (const key of keys) {
    if (key.algorithm !== ALGORITHM.ed25519 || key.name !== checkpoint?.origin) continue
    const name = pathOf(folder, key.text)
    const bytes = await readForeignFile(name, NOTE_BYTES_MAX)
    if (bytes) found.push({ name, note: bytes })
  }
  return found
}

/**
 * Remembers a checkpoint whose signature and records were found good, unless a larger one is remembered already.
 *
 * @param vkey  Of the key whose good signature it bears.
 */
export async function remember(folder: string, vkey: string, note: Uint8Array): Promise<void> {
  const path = pathOf(folder, vkey)
  const before = await readForeignFile(path, NOTE_BYTES_MAX)
  const sizeBefore = before && readCheckpoint(before)?.size
  if (sizeBefore !== undefined && sizeBefore > (readCheckpoint(note)?.size ?? 0)) return
  await mkdir(join(folder, 'checkpoints'), { recursive: true, mode: 0o700 })
  const staged = `${path}.${randomUUID()}`
  const file = await open(staged, 'wx', 0o600)
  try {
    await file.writeFile(note)
    await file.sync()
  } finally {
    await file.close()
  }
  // A crash above leaves what was remembered before, and a stray file; below, the new one. Never half of one: it would
  // be `held.unusable` at every visit from then on.
  await rename(staged, path).catch(async error => {
    await rm(staged, { force: true })
    throw error
  })
}

function readCheckpoint(note: Uint8Array): Checkpoint | undefined {
  try {
    return parseCheckpoint(parseNote(note).text)
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  }
}
