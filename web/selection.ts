import type { Role } from './classify.js'
import type { Asked, Evidence, Given } from './protocol.js'

/** A file or folder as it came in. */
export type Item =
  | { readonly kind: 'file'; readonly given: Given; readonly role: Role; readonly advice?: string }
  | { readonly kind: 'folder'; readonly name: string; readonly files: readonly Given[] }

/** What an item is used as, in words for the list on the page. */
export interface Use {
  readonly item: Item
  readonly name: string
  readonly as: string
  readonly used: boolean
}

/**
 * Sorts out what came in: which of it is the evidence, whose word it is held against, and what belongs to what. Where
 * there are several logs, the one that came last is meant.
 */
export function select(
  items: readonly Item[],
  self: boolean,
): { readonly asked: Asked | undefined; readonly uses: Use[] } {
  const used = new Map<Item, string>()
  const files = (role: Role) => items.filter((item): item is FileItem => item.kind === 'file' && item.role === role)
  const main = items.findLast(item => (item.kind === 'folder' ? !BESIDE.test(item.name) : EVIDENCE.has(item.role)))
  const evidence = main && evidenceOf(main, items, used)
  const trust = files('trust').at(-1)
  if (trust) used.set(trust, 'Trust file: whose signatures count')
  const held = files('checkpoint').filter(item => !used.has(item))
  for (const item of held) used.set(item, 'Earlier checkpoint that you kept: the log must continue it')
  const disclosures = files('disclosure')
  for (const item of disclosures) used.set(item, 'Disclosure: will be held against the log')
  const uses = items.map(item => ({ item, name: nameOf(item), as: used.get(item) ?? idle(item), used: used.has(item) }))
  if (!evidence) return { asked: undefined, uses }
  const given = (list: readonly FileItem[]) => list.map(item => item.given)
  return {
    asked: { evidence, trust: trust?.given, self, held: given(held), disclosures: given(disclosures) },
    uses,
  }
}

type FileItem = Item & { readonly kind: 'file' }

/** Folders that lie beside a JSONL log. */
const BESIDE = /\.jsonl\.(?:notes|anchors)$/

const EVIDENCE: ReadonlySet<Role> = new Set<Role>(['bundle', 'jsonl', 'proof'])

/** The name of what came in; what comes again under it takes its place. */
export const nameOf = (item: Item): string => (item.kind === 'folder' ? `${item.name}/` : item.given.path)

function evidenceOf(main: Item, items: readonly Item[], used: Map<Item, string>): Evidence {
  if (main.kind === 'folder') {
    used.set(main, `Folder of a log, ${main.files.length} files`)
    return { kind: 'folder', name: main.name, files: main.files }
  }
  const { file, path: name } = main.given
  if (main.role === 'bundle') {
    used.set(main, 'Bundle of evidence')
    return { kind: 'bundle', name, file }
  }
  const files = items.filter((item): item is FileItem => item.kind === 'file')
  if (main.role === 'proof') {
    used.set(main, 'Proof of one record')
    const record = files.findLast(item => item.role === 'record')
    if (record) used.set(record, 'The record that the proof is of')
    return { kind: 'proof', name, file, record: record?.given.file }
  }
  used.set(main, 'Log, one record a line')
  const checkpoint = files.findLast(item => item.given.path === `${name}.checkpoint`)
  if (checkpoint) used.set(checkpoint, 'Signed checkpoint of the log')
  const beside = (ending: string, as: string): ReadonlyMap<string, File> => {
    const folder = items.findLast(item => item.kind === 'folder' && item.name === name + ending)
    if (folder?.kind !== 'folder') return new Map()
    used.set(folder, as)
    return new Map(folder.files.map(({ file }) => [file.name, file]))
  }
  return {
    kind: 'jsonl',
    name,
    file,
    checkpoint: checkpoint?.given.file,
    notes: beside('.notes', 'Signed notes that records cite'),
    anchors: beside('.anchors', 'What dates the log from outside'),
  }
}

function idle(item: Item): string {
  if (item.kind === 'folder') return 'Not used: another log came later'
  if (item.role === 'unknown') return `Not used: ${item.advice ?? 'nothing that this page reads'}`
  return item.role === 'record' ? 'Not used: bring the proof of this record too' : 'Not used: another came later'
}
