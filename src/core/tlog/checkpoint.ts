import { fromBase64, toBase64 } from '../bytes/base64.js'
import { isWellFormed } from '../bytes/utf8.js'
import { MalformedError, quote } from '../errors.js'
import { checkInteger, parseInteger } from './integer.js'
import { HASH_LENGTH } from './merkle.js'

/** The state of a log at one size. */
export interface Checkpoint {
  /** The log's unchanging name: one non-empty line. */
  readonly origin: string
  /** Entries in the tree. */
  readonly size: number
  /** Root hash, 32 bytes. */
  readonly root: Uint8Array
  /** Lines after the third, each non-empty. Absent when there are none; a log of ours has none. */
  readonly extensions?: readonly string[]
}

/**
 * The checkpoint that a note's text states. Formatting what this returns gives the same text again.
 *
 * @param text  A note's text: at least three lines, each with its newline.
 * @throws {MalformedError} `checkpoint.lines` for fewer lines, an empty line, a control character or a lone
 *   surrogate; `checkpoint.size` unless it is a canonical decimal up to 2^53-1; `checkpoint.root` unless it is the
 *   canonical base64 of 32 bytes.
 * @see C2SP tlog-checkpoint, "Note text"
 */
export function parseCheckpoint(text: string): Checkpoint {
  // One piece more than is allowed, so that what the limit drops is refused and never cut off in silence.
  const lines = text.split('\n', LINES_MAX + 2)
  const end = lines.pop()
  const [origin, sizeLine, rootLine, ...extensions] = lines
  if (end !== '' || rootLine === undefined || lines.length > LINES_MAX || !lines.every(isLine))
    throw new MalformedError('checkpoint.lines', `${quote(text)} is no checkpoint`, {
      expected: 'origin, size and root, each on a line of its own that ends with a newline',
    })
  const size = parseInteger(sizeLine!)
  if (size === undefined)
    throw new MalformedError('checkpoint.size', `tree size ${quote(sizeLine)} is not canonical`, {
      expected: 'decimal digits without leading zeroes, at most 9007199254740991',
    })
  const root = parseRoot(rootLine)
  return extensions.length === 0 ? { origin: origin!, size, root } : { origin: origin!, size, root, extensions }
}

// Bounds what a stranger's note can make us keep. C2SP tlog-checkpoint sets no limit and discourages all extensions.
const LINES_MAX = 100

function parseRoot(line: string): Uint8Array {
  const refuse = (cause?: unknown): never => {
    throw new MalformedError('checkpoint.root', `root ${quote(line)} is no hash`, {
      expected: 'the canonical base64 of 32 bytes',
      cause,
    })
  }
  try {
    const root = fromBase64(line)
    return root.length === HASH_LENGTH ? root : refuse()
  } catch (cause) {
    return refuse(cause)
  }
}

/**
 * The text of a checkpoint, to be signed as a note.
 * @throws {RangeError} for what {@link parseCheckpoint} would not take.
 */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, root, extensions = [] } = checkpoint
  checkInteger(size, 'size')
  if (root.length !== HASH_LENGTH) throw new RangeError(`a root has ${HASH_LENGTH} bytes, not ${root.length}`)
  const lines = [origin, String(size), toBase64(root), ...extensions]
  if (lines.length > LINES_MAX) throw new RangeError(`a checkpoint has at most ${LINES_MAX} lines`)
  for (const line of lines) if (!isLine(line)) throw new RangeError(`${quote(line)} cannot be a line of a checkpoint`)
  return lines.map(line => `${line}\n`).join('')
}

const isLine = (text: string): boolean => text !== '' && isWellFormed(text) && !/[\u0000-\u001f]/.test(text)
