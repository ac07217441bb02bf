import { sha256 } from '#crypto'
import { equalBytes } from '../core/bytes/equal.js'
import { MalformedError } from '../core/errors.js'
import type { AppendEntry } from './backend.js'

/*
 * One write of the private journal: a header of 32 bytes, then for each entry two lengths, the record and its
 * disclosures. Format: `spec/layout.md`, "Journal". A frame is one write and never more, so an incomplete frame is an
 * incomplete write, and none of its records was ever acknowledged.
 */

export const FRAME_HEADER_BYTES = 32
/** Entries of a frame: bounds what a reader allocates before it has seen any of them. */
export const FRAME_ENTRIES_MAX = 65_536
/** Bytes of a frame after its header: a reader holds one frame in memory. */
export const FRAME_PAYLOAD_MAX = 64 * 1024 * 1024

export interface FrameHeader {
  /** Index of the first record. */
  readonly first: number
  /** Records, 1 to {@link FRAME_ENTRIES_MAX}. */
  readonly count: number
  /** Bytes after the header. */
  readonly payloadLength: number
  /** First 8 bytes of the payload's SHA-256. */
  readonly check: Uint8Array
}

/** The bytes `entries` take in a frame, header excluded. */
export const payloadLengthOf = (entries: readonly AppendEntry[]): number =>
  entries.reduce((length, entry) => length + 8 + entry.record.length + (entry.disclosures?.length ?? 0), 0)

/**
 * A frame that carries `entries` from index `first` on.
 * @throws {RangeError} for no entries, or more than a frame takes.
 */
export function encodeFrame(first: number, entries: readonly AppendEntry[]): Uint8Array {
  const payloadLength = payloadLengthOf(entries)
  if (entries.length < 1 || entries.length > FRAME_ENTRIES_MAX || payloadLength > FRAME_PAYLOAD_MAX)
    throw new RangeError(`${entries.length} entries of ${payloadLength} bytes are no frame`)
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payloadLength)
  const view = new DataView(frame.buffer)
  let at = FRAME_HEADER_BYTES
  for (const { record, disclosures } of entries) {
    view.setUint32(at, LENGTH_FLAG + record.length)
    view.setUint32(at + 4, LENGTH_FLAG + (disclosures?.length ?? 0))
    frame.set(record, at + 8)
    if (disclosures) frame.set(disclosures, at + 8 + record.length)
    at += 8 + record.length + (disclosures?.length ?? 0)
  }
  putHeader(frame, MAGIC, first, entries.length)
  return frame
}

/** Writes the header of a frame whose payload is in its place, behind the room for it. */
export function putHeader(frame: Uint8Array, magic: Uint8Array, first: number, count: number): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  frame.set(magic)
  view.setUint32(4, Math.floor(first / 2 ** 32))
  view.setUint32(8, first % 2 ** 32)
  view.setUint32(12, count)
  view.setUint32(16, frame.length - FRAME_HEADER_BYTES)
  frame.set(sha256(frame.subarray(FRAME_HEADER_BYTES)).subarray(0, 8), 20)
  frame.set(headerCheck(frame), 28)
}

/**
 * The header at the start of `bytes`, which are at least as many as a header has; undefined when they are none. The
 * header has a check of its own: with one flipped bit in its length, a frame in the middle would look like an
 * incomplete last one and take all that follow with it.
 */
export function decodeFrameHeader(bytes: Uint8Array, magic = MAGIC): FrameHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_HEADER_BYTES)
  if (!equalBytes(bytes.subarray(0, 4), magic) || !equalBytes(bytes.subarray(28, 32), headerCheck(bytes)))
    return undefined
  const first = view.getUint32(4) * 2 ** 32 + view.getUint32(8)
  const count = view.getUint32(12)
  const payloadLength = view.getUint32(16)
  const possible =
    Number.isSafeInteger(first + count) &&
    count >= 1 &&
    count <= FRAME_ENTRIES_MAX &&
    payloadLength <= FRAME_PAYLOAD_MAX
  return possible ? { first, count, payloadLength, check: bytes.slice(20, 28) } : undefined
}

/**
 * The entries of a payload that {@link isPayloadOf} its header, as views of it.
 * @throws {MalformedError} `journal.frame` when they are not as many as the header says.
 */
export function decodeFramePayload(header: FrameHeader, payload: Uint8Array): AppendEntry[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const entries: AppendEntry[] = []
  let at = 0
  while (entries.length < header.count) {
    if (at + 8 > payload.length) throw malformed('it ends inside an entry')
    const recordEnd = at + 8 + view.getUint32(at) - LENGTH_FLAG
    const end = recordEnd + view.getUint32(at + 4) - LENGTH_FLAG
    if (recordEnd < at + 8 || end < recordEnd || end > payload.length) throw malformed('it ends inside an entry')
    const record = payload.subarray(at + 8, recordEnd)
    entries.push(end > recordEnd ? { record, disclosures: payload.subarray(recordEnd, end) } : { record })
    at = end
  }
  if (at !== payload.length) throw malformed('it goes on after its last entry')
  return entries
}

/** Whether `payload` is whole and what was written behind `header`. */
export const isPayloadOf = (header: FrameHeader, payload: Uint8Array): boolean =>
  payload.length === header.payloadLength && equalBytes(sha256(payload).subarray(0, 8), header.check)

/**
 * Whether `rest`, all that a file holds from offset `at` on and not a good frame, is what an incomplete write of the
 * frame of record `first` leaves: the beginning of a frame, with or without sectors of zeros where the disk made room
 * and did not come to write. Anything else was written whole once, perhaps acknowledged, and damaged since.
 *
 * @param first  Index the frame would begin with; undefined where it cannot be foretold.
 */
export function isIncompleteWrite(rest: Uint8Array, at: number, first: number | undefined): boolean {
  const header = rest.length >= FRAME_HEADER_BYTES ? decodeFrameHeader(rest) : undefined
  if (header) {
    const length = FRAME_HEADER_BYTES + header.payloadLength
    return rest.length < length || (rest.length === length && hasUnwrittenSector(rest, at))
  }
  // Zeros with a frame behind them are not the last write.
  if (hasUnwrittenSector(rest, at)) return !hasFrameHeader(rest)
  return rest.length < FRAME_HEADER_BYTES && isHeaderStart(rest, first)
}

/** Whether `bytes`, fewer than a header has, begin as the header of record `first` would. */
function isHeaderStart(bytes: Uint8Array, first: number | undefined): boolean {
  const start = new Uint8Array(12)
  start.set(MAGIC)
  const view = new DataView(start.buffer)
  view.setUint32(4, Math.floor((first ?? 0) / 2 ** 32))
  view.setUint32(8, (first ?? 0) % 2 ** 32)
  const known = Math.min(bytes.length, first === undefined ? MAGIC.length : start.length)
  return equalBytes(bytes.subarray(0, known), start.subarray(0, known))
}

/** Records and disclosures are JSON, which has no control characters: they cannot hold the magic of a frame. */
function hasFrameHeader(bytes: Uint8Array): boolean {
  for (let at = 0; at + FRAME_HEADER_BYTES <= bytes.length; at++)
    if (bytes[at] === MAGIC[0] && decodeFrameHeader(bytes.subarray(at))) return true
  return false
}

/** Whether one of the disk sectors that `bytes`, at offset `at` of their file, touch holds only zeros of them. */
export function hasUnwrittenSector(bytes: Uint8Array, at: number): boolean {
  let from = 0
  while (from < bytes.length) {
    const to = Math.min(bytes.length, from + SECTOR_BYTES - ((at + from) % SECTOR_BYTES))
    if (to - from >= ZEROS_MIN && bytes.subarray(from, to).every(byte => byte === 0)) return true
    from = to
  }
  return false
}

// The least that any disk writes at once, and so the least that can be missing inside a write.
const SECTOR_BYTES = 512
// More zeros in a row than any header or length has; JSON has none.
const ZEROS_MIN = 24
// Set in every length of an entry, so that many entries without bytes are not a sector of zeros.
export const LENGTH_FLAG = 2 ** 31

// "DLJ" and the version of this format.
const MAGIC = new Uint8Array([0x44, 0x4c, 0x4a, 0x01])

const headerCheck = (frame: Uint8Array): Uint8Array => sha256(frame.subarray(0, 28)).subarray(0, 4)

const malformed = (why: string): MalformedError => new MalformedError('journal.frame', `the frame is damaged: ${why}`)
