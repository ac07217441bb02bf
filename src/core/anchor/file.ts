import { fromBase64, toBase64 } from '../bytes/base64.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { isDeedlogError, MalformedError, quote } from '../errors.js'
import { canonicalBytes, isBin, isHash, isInt, isText, isTime, isWord, type Json, parseJson } from '../record/index.js'

/** What became of anchoring one checkpoint. */
const ANCHOR_STATES = ['anchored', 'pending', 'failed', 'skipped'] as const
export type AnchorState = (typeof ANCHOR_STATES)[number]

/** What a log does about an anchor that cannot be had. spec/anchors.md, "Modes". */
export const ANCHOR_MODES = ['enforce', 'queue', 'best_effort'] as const
export type AnchorMode = (typeof ANCHOR_MODES)[number]

/**
 * One anchor of one checkpoint, as it is kept beside the log and carried in a bundle. All of it but `evidence` and
 * `note` is the keeper's word.
 *
 * @see spec/anchors.md, "The file of an anchor"
 */
export interface AnchorFile {
  /** `rfc3161`, `evm`, ...: what `evidence` is. */
  readonly kind: string
  /** Which of that kind: the keeper's name for it. */
  readonly name: string
  /** Entries and root (32 bytes) of the checkpoint that was to be anchored. */
  readonly size: number
  readonly root: Uint8Array
  readonly state: AnchorState
  /** What the other side answered; there when `anchored`, and while `pending` if there is something to show already. */
  readonly evidence?: Uint8Array
  /** The signed note of that checkpoint. */
  readonly note?: Uint8Array
  readonly mode?: AnchorMode
  /** Requests sent so far. */
  readonly attempts?: number
  /** When the state was last looked at, by the keeper's clock. */
  readonly time?: string
  /** A stable code of what went wrong, and a sentence; or why it was skipped. */
  readonly code?: string
  readonly detail?: string
}

/** Longest file of an anchor. */
export const ANCHOR_BYTES_MAX = 131_072
/** Longest evidence, decoded. */
export const EVIDENCE_BYTES_MAX = 65_536

/**
 * The bytes of an anchor's file: RFC 8785 JSON.
 * @throws {RangeError} for what {@link parseAnchorFile} would not read
 */
export function formatAnchorFile(file: AnchorFile): Uint8Array {
  const { kind, name, size, root, state, evidence, note, mode, attempts, time, code, detail } = file
  const bytes = canonicalBytes({
    v: 1,
    kind,
    name,
    size,
    root: toHex(root),
    state,
    ...(evidence === undefined ? {} : { evidence: toBase64(evidence) }),
    ...(note === undefined ? {} : { note: toBase64(note) }),
    ...(mode === undefined ? {} : { mode }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(time === undefined ? {} : { time }),
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { detail }),
  })
  try {
    parseAnchorFile(bytes)
  } catch (cause) {
    if (!isDeedlogError(cause)) throw cause
    throw new RangeError(`this cannot be written as an anchor: ${cause.message}`)
  }
  return bytes
}

/**
 * Reads the file of an anchor, or an anchor of a bundle: `{kind, size, root, evidence}` is enough. Members that are not
 * known are passed over.
 *
 * @throws {MalformedError} `anchor.length`, `anchor.utf8`, `anchor.syntax`, `anchor.depth`, `anchor.value`,
 *   `anchor.canonical` when it is not strict JSON; `anchor.file` when a member is not what it must be
 */
export function parseAnchorFile(bytes: Uint8Array): AnchorFile {
  const json = parseJson(bytes, {
    what: 'anchor',
    bytesMax: ANCHOR_BYTES_MAX,
    depthMax: 8,
    recordValues: true,
  })
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw broken('it is no object')
  const own = (name: string): Json | undefined => (Object.hasOwn(json, name) ? (json as Members)[name] : undefined)
  const { v = 1, kind, size, root, state = 'anchored', name = kind } = pick(own)
  if (v !== 1) throw broken(`v is ${quote(v)}`)
  if (!isAnchorName(kind)) throw broken(`kind is ${quote(kind)}`)
  if (!isAnchorName(name)) throw broken(`name is ${quote(name)}`)
  if (!isInt(size)) throw broken(`size is ${quote(size)}`)
  if (!isHash(root)) throw broken(`root is ${quote(root)}`)
  if (!isOneOf(state, ANCHOR_STATES)) throw broken(`state is ${quote(state)}`)
  const evidence = readBin(own, 'evidence', EVIDENCE_BYTES_MAX)
  if (state === 'anchored' && evidence === undefined) throw broken('it says anchored, and there is no evidence')
  const note = readBin(own, 'note', EVIDENCE_BYTES_MAX)
  return {
    kind,
    name,
    size,
    root: fromHex(root),
    state,
    ...(evidence === undefined ? {} : { evidence }),
    ...(note === undefined ? {} : { note }),
    ...optional(own, 'mode', (value): value is AnchorMode => isOneOf(value, ANCHOR_MODES)),
    ...optional(own, 'attempts', isInt),
    ...optional(own, 'time', isTime),
    ...optional(own, 'code', isWord),
    ...optional(own, 'detail', isText),
  }
}

/** What may stand in `kind` and `name`, and so in the name of a file on any disk. */
export const isAnchorName = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/.test(value)

/** The name of an anchor's file: by size, so that a folder lists in the order of the log. */
export const anchorFileName = ({ kind, name, size }: Pick<AnchorFile, 'kind' | 'name' | 'size'>): string =>
  `${String(size).padStart(SIZE_DIGITS, '0')}.${kind}.${name}.json`

/** What the name of a file says; undefined for a name that is none of ours. */
export function parseAnchorFileName(text: string): Pick<AnchorFile, 'kind' | 'name' | 'size'> | undefined {
  const [digits = '', kind, name, end, ...more] = text.split('.')
  const size = Number(digits)
  if (end !== 'json' || more.length > 0 || !isAnchorName(kind) || !isAnchorName(name) || !isInt(size)) return undefined
  const parsed = { kind, name, size }
  return anchorFileName(parsed) === text ? parsed : undefined
}

// 2^53-1 has 16 digits.
const SIZE_DIGITS = 16

type Members = { readonly [name: string]: Json }
type Own = (name: string) => Json | undefined

const pick = (own: Own): { [name in 'v' | 'kind' | 'name' | 'size' | 'root' | 'state']: Json | undefined } => ({
  v: own('v'),
  kind: own('kind'),
  name: own('name'),
  size: own('size'),
  root: own('root'),
  state: own('state'),
})

function optional<Name extends string, T>(
  own: Own,
  name: Name,
  is: (value: unknown) => value is T,
): { [name in Name]?: T } {
  const value = own(name)
  if (value === undefined) return {}
  if (!is(value)) throw broken(`${name} is ${quote(value)}`)
  return { [name]: value } as { [name in Name]?: T }
}

function readBin(own: Own, name: string, most: number): Uint8Array | undefined {
  const value = own(name)
  if (value === undefined) return undefined
  if (!isBin(value) || value === '' || value.length > most * 2) throw broken(`${name} is no base64 of its length`)
  const bytes = fromBase64(value)
  if (bytes.length > most) throw broken(`${name} has ${bytes.length} bytes`)
  return bytes
}

const isOneOf = <T extends string>(value: unknown, words: readonly T[]): value is T =>
  (words as readonly unknown[]).includes(value)

const broken = (why: string): MalformedError =>
  new MalformedError('anchor.file', `this is no anchor: ${why}`, {
    expected: 'an object with kind, size, root and evidence',
  })
