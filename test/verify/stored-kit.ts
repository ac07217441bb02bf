import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesOf } from './kit.js'
import type { Row } from './rows.js'
import type { Stored } from './rows-stored.js'

/*
 * The logs of the attack table on the disk, as an auditor finds them.
 */

/** A target, and what its auditor holds. Paths are absolute. */
export interface OnDisk {
  readonly target: string
  readonly trust?: string
  readonly held: readonly string[]
  readonly disclosure?: string
  /** For the auditor's page: what is brought to it. Undefined where there is nothing that anybody could bring. */
  readonly brought?: { readonly folder?: string; readonly files: readonly string[]; readonly self: boolean }
}

/** Entries under a checkpoint: in a folder, or in one file where they are not as many as the checkpoint says. */
export function putTree(row: Row, attacked: boolean, place: string): OnDisk {
  const { entries, checkpoint, holds } = row.build(attacked)
  const size = Number(new TextDecoder().decode(checkpoint ?? new Uint8Array()).split('\n')[1])
  const inFolder = checkpoint !== undefined && size === entries.length && entries.length > 0
  const target = join(place, inFolder ? 'log' : 'log.jsonl')
  const files: string[] = []
  if (inFolder) for (const [path, bytes] of filesOf(entries, checkpoint)) put(join(target, 'log', path), bytes)
  else {
    files.push(put(target, Buffer.concat(entries.flatMap(entry => [entry, Buffer.from('\n')]))))
    if (checkpoint) files.push(put(`${target}.checkpoint`, checkpoint))
  }
  const notes = inFolder ? join(target, 'log/notes') : `${target}.notes`
  for (const [hash, note] of holds.notes ?? []) put(join(notes, hash), note)
  const folder = inFolder ? target : (holds.notes?.size ?? 0) > 0 ? notes : undefined
  return held(place, files, folder, target, holds.trust, [
    ...(holds.held ?? []),
    ...(holds.memory ?? []).map(({ note }) => note),
  ])
}

/** Files of any kind. */
export function putStored(
  { files, bundle, trust, supplied, disclosure, held: notes = [] }: Stored,
  place: string,
): OnDisk {
  const target = join(place, bundle ? 'evidence.deedlog' : 'log')
  if (files) mkdirSync(join(target, 'log'), { recursive: true })
  for (const [path, bytes] of files ?? []) put(join(target, 'log', path), bytes)
  if (bundle) put(target, bundle)
  const shown = disclosure ? put(join(place, 'disclosure.json'), disclosure) : undefined
  const inside = supplied ? put(join(target, 'from-the-log.trust'), trust) : undefined
  const with_ = [...(bundle ? [target] : []), ...(shown ? [shown] : [])]
  const whole = held(place, with_, bundle ? undefined : target, target, inside ? undefined : trust, notes)
  const { brought, ...rest } = whole
  const nothing = (files?.size ?? 0) === 0 && !bundle && !inside
  return {
    ...rest,
    ...(inside ? { trust: inside } : {}),
    ...(shown ? { disclosure: shown } : {}),
    ...(nothing || !brought ? {} : { brought: { ...brought, self: false } }),
  }
}

function held(
  place: string,
  files: readonly string[],
  folder: string | undefined,
  target: string,
  text: string | undefined,
  notes: readonly Uint8Array[],
): OnDisk {
  const paths = notes.map((note, i) => put(join(place, `held-${i}.checkpoint`), note))
  const trust = text === undefined ? undefined : put(join(place, 'auditor.trust'), text)
  const brought = {
    files: [...files, ...paths, ...(trust ? [trust] : [])],
    self: trust === undefined,
    ...(folder === undefined ? {} : { folder }),
  }
  return { target, held: paths, brought, ...(trust ? { trust } : {}) }
}

function put(path: string, bytes: Uint8Array | string): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  return path
}
