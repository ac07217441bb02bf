import { UnavailableError } from '../core/errors.js'
import type { AppendEntry } from './backend.js'
import type { Disk } from './disk.js'
import { openToRead, reading } from './disk-error.js'
import {
  decodeFrameHeader,
  decodeFramePayload,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  isIncompleteWrite,
  isPayloadOf,
} from './frame.js'
import { parseSegmentName, segmentName } from './layout.js'
import { Window } from './window.js'

/** A frame as found in a segment. */
export interface ScannedFrame {
  readonly header: FrameHeader
  readonly segment: string
  /** Byte offset in the segment. */
  readonly at: number
  readonly payload: Uint8Array
  /** Decodes the payload: views of it. */
  entries(): AppendEntry[]
}

/** Where a frame ends in its segment. */
export const frameEnd = ({ at, header }: Pick<ScannedFrame, 'at' | 'header'>): number =>
  at + FRAME_HEADER_BYTES + header.payloadLength

/** Where the good frames of a journal end. */
export interface JournalTail {
  /** The last segment; undefined when there is none. */
  readonly segment: string | undefined
  /** Bytes of good frames in it. */
  readonly length: number
  /** Whether an incomplete write follows them. */
  readonly incomplete: boolean
}

/** Paths of the segments, in order, with the index of their first record. */
export async function listSegments(disk: Disk, folder: string): Promise<{ path: string; first: number }[]> {
  const names = (await reading(folder, disk.list(folder))) ?? []
  return names.flatMap(name => {
    const first = parseSegmentName(name)
    return first === undefined ? [] : [{ path: `${folder}/${segmentName(first)}`, first }]
  })
}

/**
 * Reads a journal from its first frame to its last and checks every byte.
 *
 * @param contiguous  Whether each frame must begin with the index after the one before it. Otherwise it must not
 *   begin lower than the one before it.
 * @returns  Where the good frames end: the generator's return value.
 * @throws {UnavailableError} `log.damaged`, with file, byte offset and record, for anything but an incomplete last write
 */
export async function* scanJournal(
  disk: Disk,
  folder: string,
  contiguous: boolean,
): AsyncGenerator<ScannedFrame, JournalTail> {
  const segments = await listSegments(disk, folder)
  // Segments before the first have shrunk.
  let next = contiguous ? (segments[0]?.first ?? 0) : 0
  let tail: JournalTail = { segment: undefined, length: 0, incomplete: false }
  for (const [i, { path, first }] of segments.entries()) {
    if (contiguous ? first !== next : first < next)
      throw damaged(`${path}, byte 0`, next, `the segment begins with record ${first}`)
    const place = (frame: ScannedFrame): void => {
      const { header, at } = frame
      if (contiguous ? header.first !== next : header.first < next)
        throw damaged(`${path}, byte ${at}`, next, `the frame begins with record ${header.first}`)
      next = contiguous ? header.first + header.count : header.first
    }
    const end = yield* scanSegment(disk, path, () => (contiguous ? next : undefined), i === segments.length - 1, place)
    tail = { segment: path, ...end }
  }
  return tail
}

/**
 * @param next   Index that the next frame should begin with; undefined where that cannot be foretold.
 * @param place  Told each good frame; throws when it does not belong where it is.
 */
async function* scanSegment(
  disk: Disk,
  segment: string,
  next: () => number | undefined,
  isLast: boolean,
  place: (frame: ScannedFrame) => void,
): AsyncGenerator<ScannedFrame, { length: number; incomplete: boolean }> {
  const file = await openToRead(disk, segment)
  try {
    const length = await file.length()
    const window = new Window(file)
    let at = 0
    while (at < length) {
      const start = await window.read(at, FRAME_HEADER_BYTES)
      const header = start.length === FRAME_HEADER_BYTES ? decodeFrameHeader(start) : undefined
      const payload = header && (await window.read(at + FRAME_HEADER_BYTES, header.payloadLength))
      if (!header || !payload || !isPayloadOf(header, payload)) {
        // Later segments are made only after the last write to this one was synced.
        if (isLast && isIncompleteWrite(await file.read(at, length - at), at, next()))
          return { length: at, incomplete: true }
        throw damaged(
          `${segment}, byte ${at}`,
          next(),
          header ? 'the frame is not what its header names' : 'there is no frame',
        )
      }
      const frame = { header, segment, at, payload, entries: () => decodeFramePayload(header, payload) }
      place(frame)
      yield frame
      at = frameEnd(frame)
    }
    return { length: at, incomplete: false }
  } finally {
    await file.close()
  }
}

/** Shows `visit` all that a scan yields and gives what it returns; closes its files also when `visit` throws. */
export async function visitAll<T, R>(
  scan: AsyncGenerator<T, R>,
  visit: (found: T) => void | Promise<void>,
): Promise<R> {
  try {
    for (;;) {
      const step = await scan.next()
      if (step.done) return step.value
      await visit(step.value)
    }
  } finally {
    await scan.return(undefined as never)
  }
}

/** Frames from a known offset on, without checking what lies before. For look-ups in a journal that was scanned. */
export async function* framesFrom(disk: Disk, segment: string, from: number): AsyncGenerator<ScannedFrame> {
  const file = await openToRead(disk, segment)
  try {
    const window = new Window(file)
    for (let at = from; ; ) {
      const start = await window.read(at, FRAME_HEADER_BYTES)
      if (start.length < FRAME_HEADER_BYTES) return
      const header = decodeFrameHeader(start)
      if (!header) throw damaged(`${segment}, byte ${at}`, undefined, 'there is no frame')
      const payload = await window.read(at + FRAME_HEADER_BYTES, header.payloadLength)
      if (payload.length < header.payloadLength) return
      yield { header, segment, at, payload, entries: () => decodeFramePayload(header, payload) }
      at += FRAME_HEADER_BYTES + header.payloadLength
    }
  } finally {
    await file.close()
  }
}

/**
 * What a log that is not as it was written refuses with. It names the place; what to do is for people to decide.
 * @param place  File and byte offset.
 */
export function damaged(place: string, record: number | undefined, what: string): UnavailableError {
  const where = record === undefined ? '' : `, at record ${record}`
  return new UnavailableError(
    'log.damaged',
    `the log is damaged (${place}${where}): ${what}. Nothing was changed; keep a copy and restore from a good one`,
  )
}

/** What a log refuses with whose head covers more than is there. */
export const rolledBack = (what: string, size: number, headSize: number): UnavailableError =>
  new UnavailableError(
    'log.rolled-back',
    `${what} ends before record ${size}, and ${headSize} records are signed: a part is missing or an old copy was put back`,
    { expected: `all ${headSize} records` },
  )
