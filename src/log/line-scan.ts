import { isSig, linkOf, type ParsedRecord, parseRecord } from '../core/record/index.js'
import type { Disk } from './disk.js'
import { openToRead } from './disk-error.js'
import { hasUnwrittenSector } from './frame.js'
import { damaged } from './journal-scan.js'
import { Window } from './window.js'

/** One record of a file with one record per line. */
export interface ScannedLine {
  /** Without the newline. */
  readonly record: Uint8Array
  /** Byte offset of the line. */
  readonly at: number
  readonly index: number
}

/**
 * Reads lines from a known offset to the end of the file, or to the last newline.
 *
 * @returns what follows the last newline: where it begins, and the bytes.
 * @throws {UnavailableError} `log.damaged` for a line longer than any record
 */
export async function* scanLines(
  disk: Disk,
  path: string,
  from: { readonly index: number; readonly at: number },
): AsyncGenerator<ScannedLine, { readonly at: number; readonly rest: Uint8Array }> {
  const file = await openToRead(disk, path)
  try {
    const window = new Window(file)
    let { index, at } = from
    for (;;) {
      const bytes = await window.read(at, LINE_BYTES_MAX)
      const end = bytes.indexOf(NEWLINE)
      if (end < 0) {
        if (bytes.length < LINE_BYTES_MAX) return { at, rest: bytes.slice() }
        const rest = await file.read(at, (await file.length()) - at)
        // Room that the disk made for a write of many lines and did not come to fill.
        if (rest.indexOf(NEWLINE) < 0 && hasUnwrittenSector(rest, at)) return { at, rest }
        throw damaged(`${path}, byte ${at}`, index, `the line is longer than ${LINE_BYTES_MAX - 1} bytes`)
      }
      yield { record: bytes.slice(0, end), at, index }
      at += end + 1
      index++
    }
  } finally {
    await file.close()
  }
}

/**
 * Whether `rest`, what follows the last newline at offset `at`, is what an incomplete write leaves: the beginning of a
 * record, at most all of it but the newline, or zeros where the disk made room and did not come to write. A whole record
 * with something else in place of its newline was written once, perhaps acknowledged, and damaged since.
 */
export function isIncompleteLine(rest: Uint8Array, at: number): boolean {
  if (rest.length === 0 || hasUnwrittenSector(rest, at)) return true
  const end = objectEnd(rest)
  const record = end === rest.length ? parsed(rest) : undefined
  return rest[0] === BRACE_OPEN && (end === undefined || (record !== undefined && linkOf(record) !== undefined))
}

/** Where the JSON object that the bytes begin with ends; undefined when it does not. */
function objectEnd(bytes: Uint8Array): number | undefined {
  let depth = 0
  let inString = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (inString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === BRACE_OPEN) depth++
    else if (byte === BRACE_CLOSE && --depth <= 0) return at + 1
  }
  return undefined
}

/** Whether a line is a record with a signature, good or bad. */
export const isSignedLine = (record: Uint8Array): boolean => Object.hasOwn(parsed(record)?.json ?? {}, 'sig')

/** Whether a line is a record of some stream as it is written before the signed one at the end of its batch. */
export function isUnsignedRecord(line: Uint8Array): boolean {
  const record = parsed(line)
  if (!record || !linkOf(record)) return false
  // A flipped bit in the name `sig` makes the last, acknowledged record look like one that was never signed.
  return !Object.values(record.json).some(value => isSig(value))
}

function parsed(line: Uint8Array): ParsedRecord | undefined {
  try {
    return parseRecord(line)
  } catch {
    return undefined
  }
}

// A record has at most 16,384 bytes, and then comes the newline.
const LINE_BYTES_MAX = 16_385
const NEWLINE = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c
const BRACE_OPEN = 0x7b
const BRACE_CLOSE = 0x7d
