import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesOf } from '../verify/kit.js'
import type { Evidence, Row } from '../verify/rows.js'
import type { Stored, StoredRow } from '../verify/rows-stored.js'
import type { Brought } from './browser.js'

/** A log of an attack on the disk: for the command line a target and what goes with it, for the page what is brought. */
export interface AttackFiles {
  readonly target: string
  readonly trust?: string
  readonly held: readonly Uint8Array[]
  /** Undefined where there is nothing that anybody could bring to a page. */
  readonly brought: Brought | undefined
}

/** Entries under a checkpoint: in a folder, or in one file where it is not as many as the checkpoint says. */
export function writeTree(row: Row, attacked: boolean, place: string): AttackFiles {
  const { entries, checkpoint, holds }: Evidence = row.build(attacked)
  const size = Number(new TextDecoder().decode(checkpoint ?? new Uint8Array()).split('\n')[1])
  const inFolder = size === entries.length && entries.length > 0
  const target = join(place, inFolder ? 'log' : 'log.jsonl')
  const files: string[] = []
  if (inFolder && checkpoint)
    for (const [path, bytes] of filesOf(entries, checkpoint)) put(join(target, 'log', path), bytes)
  else {
    files.push(put(target, Buffer.concat(entries.flatMap(entry => [entry, Buffer.from('\n')]))))
    if (checkpoint) files.push(put(`${target}.checkpoint`, checkpoint))
  }
  const notes = inFolder ? join(target, 'log/notes') : `${target}.notes`
  for (const [hash, note] of holds.notes ?? []) put(join(notes, hash), note)
  const held = [...(holds.held ?? []), ...(holds.memory ?? []).map(({ note }) => note)]
  for (const [i, note] of held.entries()) files.push(put(join(place, `held-${i}.checkpoint`), note))
  const trust = holds.trust === undefined ? undefined : put(join(place, 'auditor.trust'), holds.trust)
  const folder = inFolder ? target : (holds.notes?.size ?? 0) > 0 ? notes : undefined
  const brought = { folder, files: trust === undefined ? files : [...files, trust], self: trust === undefined }
  return { target, held, ...(trust === undefined ? {} : { trust }), brought }
}

/** What lies on the disk, whatever it is. */
export function writeStored(row: StoredRow, attacked: boolean, place: string): AttackFiles {
  const { files, trust: text, supplied, disclosure }: Stored = row.build(attacked)
  const target = join(place, 'log')
  for (const [path, bytes] of files ?? []) put(join(target, 'log', path), bytes)
  const trust = put(supplied ? join(target, 'from-the-log.trust') : join(place, 'auditor.trust'), text)
  const more = disclosure ? [put(join(place, 'disclosure.json'), disclosure)] : []
  const brought = { folder: target, files: supplied ? more : [trust, ...more] }
  return { target, trust, held: [], brought: (files?.size ?? 0) === 0 && !supplied ? undefined : brought }
}

function put(path: string, bytes: Uint8Array | string): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  return path
}
