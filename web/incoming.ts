import { BEGINNING_BYTES, classify } from './classify.js'
import type { Given } from './protocol.js'
import type { Item } from './selection.js'

// A log of a hundred million records has fewer files.
const FILES_MAX = 2 ** 20
const DEPTH_MAX = 16
// So many files go by before the page may draw again.
const BREATH = 512

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
export function fromDrop(data: DataTransfer): Promise<Item[]> {
  const entries = [...data.items].map(item => item.webkitGetAsEntry?.() ?? item.getAsFile())
  return readEntries(entries.filter(entry => entry !== null))
}

async function readEntries(entries: readonly (FileSystemEntry | File)[]): Promise<Item[]> {
  const items: Item[] = []
  for (const entry of entries)
    if (entry instanceof File) items.push(await fileItem(entry))
    else if (entry.isDirectory) {
      const files: Given[] = []
      await walk(entry as FileSystemDirectoryEntry, files, 0)
      items.push({ kind: 'folder', name: entry.name, files: files.filter(isPublic) })
    } else items.push(await fileItem(await fileOf(entry as FileSystemFileEntry)))
  return items
}

async function walk(folder: FileSystemDirectoryEntry, files: Given[], depth: number): Promise<void> {
  if (depth > DEPTH_MAX) return
  const reader = folder.createReader()
  for (;;) {
    // A reader hands out a portion at a time, and nothing at the end.
    const portion = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail))
    if (portion.length === 0) return
    for (const entry of portion) {
      if (files.length >= FILES_MAX) return
      if (entry.isDirectory) await walk(entry as FileSystemDirectoryEntry, files, depth + 1)
      // A full path begins with a slash.
      else files.push({ path: entry.fullPath.slice(1), file: await fileOf(entry as FileSystemFileEntry) })
      if (files.length % BREATH === 0) await new Promise(done => setTimeout(done))
    }
  }
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> => new Promise((done, fail) => entry.file(done, fail))

/** The writer's own files are none of an auditor's business: journal, keys, what calls disclosed. */
const isPublic = ({ path }: Given): boolean => !/(?:^|\.)private$/.test(path.split('/')[1] ?? '')

async function fileItem(file: File): Promise<Item> {
  const given = { path: file.name, file }
  try {
    const beginning = new TextDecoder().decode(await file.slice(0, BEGINNING_BYTES).arrayBuffer())
    return { kind: 'file', given, ...classify(file.name, beginning, file.size <= BEGINNING_BYTES) }
  } catch {
    return { kind: 'file', given, role: 'unknown', advice: 'it cannot be read: choose it again' }
  }
}
