import { BEGINNING_BYTES, classify } from './classify.js'
import type { Given } from './protocol.js'
import type { Item } from './selection.js'

// A log of a hundred million records has fewer files.
const FILES_MAX = 2 ** 20
const DEPTH_MAX = 16

/** The items in what was chosen in a dialogue: files, or the files of one folder. */
export async function fromInput(list: FileList): Promise<Item[]> {
  const files = [...list]
  const inFolder = files.filter(file => file.webkitRelativePath !== '')
  const items: Item[] = []
  if (inFolder.length > 0) {
    const name = inFolder[0]!.webkitRelativePath.split('/')[0]!
    const given = inFolder.slice(0, FILES_MAX).map(file => ({ path: file.webkitRelativePath, file }))
    items.push({ kind: 'folder', name, files: given.filter(isPublic) })
  }
  for (const file of files) if (file.webkitRelativePath === '') items.push(await fileItem(file))
  return items
}

/** The items in what was dropped. Must be called in the drop event itself: its data are gone afterwards. */
export async function fromDrop(data: DataTransfer): Promise<Item[]> {
  const dropped = [...data.items].filter(({ kind }) => kind === 'file').map(heldBy)
  const items: Item[] = []
  for (const each of dropped) items.push(await itemOf(each))
  return items
}

/** One dropped thing, by all the ways in which browsers hand it over. */
interface Dropped {
  readonly file: File | null
  readonly entry: FileSystemEntry | null
  readonly handle: Promise<Handle | null> | undefined
}

/** The part of the File System API that is used here. */
type Handle =
  | { readonly kind: 'file'; readonly name: string; getFile(): Promise<File> }
  | { readonly kind: 'directory'; readonly name: string; values(): AsyncIterable<Handle> }

function heldBy(item: DataTransferItem): Dropped {
  const { getAsFileSystemHandle } = item as { getAsFileSystemHandle?: () => Promise<Handle | null> }
  return {
    file: item.getAsFile(),
    entry: item.webkitGetAsEntry?.() ?? null,
    handle: getAsFileSystemHandle?.call(item).catch(() => null),
  }
}

async function itemOf({ file, entry, handle }: Dropped): Promise<Item> {
  if (file && !entry?.isDirectory) return fileItem(file)
  const name = entry?.name ?? file?.name ?? ''
  const files: Given[] = []
  try {
    const held = await handle
    // Where the page was opened from a disk, Chromium lists a folder by its handle only; others have no handles.
    if (held?.kind === 'directory') await walkHandle(held, held.name, files, 0)
    else if (entry?.isDirectory) await walkEntry(entry as FileSystemDirectoryEntry, files, 0)
    return { kind: 'folder', name, files: files.filter(isPublic) }
  } catch {
    const advice = 'this browser does not let the page look into a dropped folder: use "Choose a folder"'
    return { kind: 'file', given: { path: name, file: new File([], name) }, role: 'unknown', advice }
  }
}

async function walkHandle(
  folder: Handle & { readonly kind: 'directory' },
  path: string,
  files: Given[],
  depth: number,
): Promise<void> {
  if (depth > DEPTH_MAX) return
  for await (const held of folder.values()) {
    if (files.length >= FILES_MAX) return
    const at = `${path}/${held.name}`
    if (held.kind === 'file') files.push({ path: at, file: await held.getFile() })
    else if (isPublic({ path: at })) await walkHandle(held, at, files, depth + 1)
  }
}

async function walkEntry(folder: FileSystemDirectoryEntry, files: Given[], depth: number): Promise<void> {
  if (depth > DEPTH_MAX) return
  const reader = folder.createReader()
  for (;;) {
    // A reader hands out a portion at a time, and nothing at the end.
    const portion = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail))
    if (portion.length === 0) return
    for (const entry of portion) {
      if (files.length >= FILES_MAX) return
      if (entry.isDirectory) await walkEntry(entry as FileSystemDirectoryEntry, files, depth + 1)
      // A full path begins with a slash.
      else files.push({ path: entry.fullPath.slice(1), file: await fileOf(entry as FileSystemFileEntry) })
    }
  }
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> => new Promise((done, fail) => entry.file(done, fail))

/** The writer's own files are none of an auditor's business: journal, keys, what calls disclosed. */
const isPublic = ({ path }: Pick<Given, 'path'>): boolean => !/(?:^|\.)private$/.test(path.split('/')[1] ?? '')

async function fileItem(file: File): Promise<Item> {
  const given = { path: file.name, file }
  try {
    const beginning = new TextDecoder().decode(await file.slice(0, BEGINNING_BYTES).arrayBuffer())
    return { kind: 'file', given, ...classify(file.name, beginning, file.size <= BEGINNING_BYTES) }
  } catch {
    return { kind: 'file', given, role: 'unknown', advice: 'it cannot be read: choose it again' }
  }
}
