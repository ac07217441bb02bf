import { concatBytes } from '../core/bytes/equal.js'
import { type Disk, temporaryOf } from './disk.js'
import { openToRead, reading } from './disk-error.js'
import {
  decodeFrameHeader,
  FRAME_ENTRIES_MAX,
  FRAME_HEADER_BYTES,
  FRAME_PAYLOAD_MAX,
  type FrameHeader,
  isPayloadOf,
  LENGTH_FLAG,
  putHeader,
} from './frame.js'
import { damaged } from './journal-scan.js'
import { PRIVATE_FILE_MODE } from './layout.js'
import { Window } from './window.js'

/*
 * What is left of a journal segment once the tiles hold its records: the disclosures, each with the leaf hash of its
 * record. A file is written whole and never changed; to take something out of it, another one takes its name. Format:
 * spec/vault.md, "Vault files".
 */

export interface VaultEntry {
  /** Of the record. */
  readonly index: number
  /** Its leaf hash, 32 bytes. */
  readonly leaf: Uint8Array
  readonly disclosures: Uint8Array
}

/** A file of disclosures of the records `first` up to, not including, `end`. */
export interface VaultFile {
  readonly path: string
  readonly first: number
  readonly end: number
}

export const vaultName = (first: number, end: number): string => `${digits(first)}-${digits(end)}.vault`

/** The vault files of a folder, by their first record. */
export async function listVault(disk: Disk, folder: string): Promise<VaultFile[]> {
  const names = (await reading(folder, disk.list(folder))) ?? []
  return names.flatMap(name => {
    const match = /^(\d{16})-(\d{16})\.vault$/.exec(name)
    const [first, end] = [Number(match?.[1]), Number(match?.[2])]
    return match && Number.isSafeInteger(end) && first < end ? [{ path: `${folder}/${name}`, first, end }] : []
  })
}

/**
 * Writes entries, ascending by index, under the temporary name of `path`, durably.
 *
 * The file is synced a piece at a time: one long flush would hold up the sync that an append waits for.
 *
 * @returns how many there were; without any there is no file
 */
export async function writeVault(
  disk: Disk,
  path: string,
  groups: AsyncIterable<readonly VaultEntry[]>,
): Promise<number> {
  const temporary = temporaryOf(path)
  await disk.remove(temporary)
  const file = await disk.open(temporary, 'create', PRIVATE_FILE_MODE)
  let count = 0
  let at = 0
  let synced = 0
  let group: VaultEntry[] = []
  let bytes = 0
  const put = async (): Promise<void> => {
    if (group.length === 0) return
    const frame = encodeVaultFrame(group)
    group = []
    bytes = 0
    await file.write(frame, at)
    at += frame.length
    if (at - synced < SYNCED_BYTES) return
    await file.datasync()
    synced = at
  }
  try {
    for await (const entries of groups)
      for (const entry of entries) {
        const length = ENTRY_BYTES + entry.disclosures.length
        if (bytes + length > FRAME_BYTES || group.length === FRAME_ENTRIES_MAX) await put()
        group.push(entry)
        bytes += length
        count++
      }
    await put()
    await file.datasync()
  } finally {
    await file.close()
  }
  if (count === 0) await disk.remove(temporary)
  return count
}

/**
 * All entries of a vault file, every byte checked.
 * @throws {UnavailableError} `log.damaged`, with file, byte offset and record
 */
export async function* readVault(disk: Disk, file: VaultFile): AsyncGenerator<VaultEntry> {
  let next = file.first
  for await (const frame of frames(disk, file)) {
    for (const entry of await frame.entries()) {
      if (entry.index < next || entry.index >= file.end)
        throw wrong(file, frame.at, next, 'its records are out of order')
      next = entry.index + 1
      yield entry
    }
  }
}

/** The entry of a record, reading no more than headers and one frame; undefined when the file has none. */
export async function findInVault(disk: Disk, file: VaultFile, index: number): Promise<VaultEntry | undefined> {
  let covering: VaultFrame | undefined
  let found: VaultEntry[] = []
  // The file is open as long as the generator is at work.
  for await (const frame of frames(disk, file)) {
    if (frame.header.first > index) break
    covering = frame
    if (frame.last >= index) found = await frame.entries()
  }
  return covering && found.find(entry => entry.index === index)
}

interface VaultFrame {
  readonly header: FrameHeader
  readonly at: number
  /** The greatest index it could hold. */
  readonly last: number
  entries(): Promise<VaultEntry[]>
}

async function* frames(disk: Disk, file: VaultFile): AsyncGenerator<VaultFrame> {
  const opened = await openToRead(disk, file.path)
  try {
    const length = await opened.length()
    const window = new Window(opened)
    const headerAt = async (at: number): Promise<FrameHeader | undefined> => {
      if (at >= length) return undefined
      const start = await window.read(at, FRAME_HEADER_BYTES)
      const header = start.length === FRAME_HEADER_BYTES ? decodeFrameHeader(start, MAGIC) : undefined
      if (!header || at + FRAME_HEADER_BYTES + header.payloadLength > length)
        throw wrong(file, at, header?.first, 'there is no whole frame')
      return header
    }
    let at = 0
    let header = await headerAt(at)
    while (header) {
      const end: number = at + FRAME_HEADER_BYTES + header.payloadLength
      const next = await headerAt(end)
      const [here, of] = [at, header]
      yield {
        header,
        at,
        last: (next?.first ?? file.end) - 1,
        entries: async () => {
          const payload = await opened.read(here + FRAME_HEADER_BYTES, of.payloadLength)
          const entries = isPayloadOf(of, payload) ? decode(of, payload) : undefined
          if (!entries) throw wrong(file, here, of.first, 'the frame is not what its header names')
          return entries
        },
      }
      at = end
      header = next
    }
  } finally {
    await opened.close()
  }
}

function encodeVaultFrame(entries: readonly VaultEntry[]): Uint8Array {
  const first = entries[0]!.index
  const parts: Uint8Array[] = [new Uint8Array(FRAME_HEADER_BYTES)]
  for (const { index, leaf, disclosures } of entries) {
    const start = new Uint8Array(8)
    const view = new DataView(start.buffer)
    view.setUint32(0, LENGTH_FLAG + (index - first))
    view.setUint32(4, LENGTH_FLAG + disclosures.length)
    parts.push(start, leaf, disclosures)
  }
  const frame = concatBytes(...parts)
  // A journal frame held each of these beside its record, which is longer than what is here in its place.
  if (frame.length > FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX)
    throw new RangeError(`${frame.length} bytes are no frame of a vault file`)
  putHeader(frame, MAGIC, first, entries.length)
  return frame
}

function decode({ first, count }: FrameHeader, payload: Uint8Array): VaultEntry[] | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const entries: VaultEntry[] = []
  let at = 0
  while (entries.length < count) {
    if (at + ENTRY_BYTES > payload.length) return undefined
    const index = first + view.getUint32(at) - LENGTH_FLAG
    const end = at + ENTRY_BYTES + view.getUint32(at + 4) - LENGTH_FLAG
    if (index < first || end < at + ENTRY_BYTES || end > payload.length) return undefined
    entries.push({
      index,
      leaf: payload.subarray(at + 8, at + ENTRY_BYTES),
      disclosures: payload.subarray(at + ENTRY_BYTES, end),
    })
    at = end
  }
  return at === payload.length ? entries : undefined
}

const wrong = ({ path }: VaultFile, at: number, record: number | undefined, what: string): Error =>
  damaged(`${path}, byte ${at}`, record, what)

const digits = (index: number): string => String(index).padStart(16, '0')

// "DLV" and the version of this format.
const MAGIC = new Uint8Array([0x44, 0x4c, 0x56, 0x01])
// Two numbers and a leaf hash.
const ENTRY_BYTES = 40
// A look-up reads one frame.
const FRAME_BYTES = 64 * 1024
const SYNCED_BYTES = 1024 * 1024
