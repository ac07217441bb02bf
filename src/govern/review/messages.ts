import { toUtf8 } from '../../core/bytes/utf8.js'
import { MalformedError } from '../../core/errors.js'
import {
  canonicalBytes,
  isHash,
  isId,
  isInt,
  isKey,
  isSig,
  isWord,
  type Json,
  parseJson,
} from '../../core/record/index.js'

/*
 * What the command line and a process in which calls wait say to each other: one line asked, one line answered, then
 * the connection is closed. Each line is a JSON object in its RFC 8785 form with exactly the members named here. Both
 * sides are the same person's processes, and neither believes the other: docs/design/review.md.
 */

export type Request = { readonly v: 1; readonly do: 'list' } | ({ readonly v: 1; readonly do: 'answer' } & Answer)

/** An answer is to one call with these arguments, and to no other. */
export interface Answer {
  readonly call: string
  /** Leaf hash of the intent. */
  readonly intent: string
  /** Root of the arguments' commitment. */
  readonly root: string
  readonly verdict: 'approved' | 'rejected'
  /** A pseudonym, a `word`. */
  readonly by: string
  readonly approval?: { readonly key: string; readonly sig: string }
}

export type Reply =
  | { readonly v: 1; readonly pid: number; readonly pending: readonly PendingCall[] }
  | { readonly v: 1; readonly done: true }
  | { readonly v: 1; readonly error: { readonly code: string; readonly message: string } }

/** A call that waits, as a person is to see it. */
export interface PendingCall {
  readonly call: string
  readonly agent: string
  /** The beginning of the tool's name. */
  readonly tool: string
  /** The beginning of the arguments, as tagged JSON. */
  readonly args: string
  /** Length of all of them, in bytes. */
  readonly argsBytes: number
  readonly root: string
  readonly intent: string
  readonly waitingMs: number
}

/** Longest line either side reads, in bytes. The calls of one process, with all that is shown of each, fit in a reply. */
export const REQUEST_BYTES_MAX = 4096
export const REPLY_BYTES_MAX = 4 * 1024 * 1024
/** Calls that may wait in one process: what comes beyond is denied at once. */
export const PENDING_MAX = 256
/** How much is shown, in UTF-16 code units. */
export const ARGS_SHOWN = 2000
export const TOOL_SHOWN = 255

export const formatMessage = (message: Request | Reply): Uint8Array => {
  const line = canonicalBytes(message as unknown as Json)
  const bytes = new Uint8Array(line.length + 1)
  bytes.set(line)
  bytes[line.length] = NEWLINE
  return bytes
}

export const NEWLINE = 0x0a

/** @param line  Without its newline. @throws {MalformedError} `review.message` */
export function parseRequest(line: Uint8Array): Request {
  const message = parseObject(line, REQUEST_BYTES_MAX)
  if (message['do'] === 'list') return { ...exactly(message, ['do', 'v']), v: 1, do: 'list' }
  const { call, intent, root, verdict, by, approval } = exactly(message, [
    'by',
    'call',
    'do',
    'intent',
    'root',
    'v',
    'verdict',
    ...('approval' in message ? ['approval'] : []),
  ])
  if (message['do'] !== 'answer' || !isId(call) || !isHash(intent) || !isHash(root) || !isWord(by)) throw malformed()
  if (verdict !== 'approved' && verdict !== 'rejected') throw malformed()
  const answer = { v: 1, do: 'answer', call, intent, root, verdict, by } as const
  if (approval === undefined) return answer
  const { key, sig } = exactly(asObject(approval), ['key', 'sig'])
  if (!isKey(key) || !isSig(sig)) throw malformed()
  return { ...answer, approval: { key, sig } }
}

/** @throws {MalformedError} `review.message` */
export function parseReply(line: Uint8Array): Reply {
  const message = parseObject(line, REPLY_BYTES_MAX)
  if ('error' in message) {
    const { error } = exactly(message, ['error', 'v'])
    const { code, message: text } = exactly(asObject(error), ['code', 'message'])
    if (typeof code !== 'string' || typeof text !== 'string') throw malformed()
    return { v: 1, error: { code, message: text } }
  }
  if ('done' in message) {
    if (exactly(message, ['done', 'v'])['done'] !== true) throw malformed()
    return { v: 1, done: true }
  }
  const { pid, pending } = exactly(message, ['pending', 'pid', 'v'])
  if (!isInt(pid) || !Array.isArray(pending) || pending.length > PENDING_MAX) throw malformed()
  return { v: 1, pid, pending: pending.map(parsePending) }
}

function parsePending(value: Json): PendingCall {
  const { call, agent, tool, args, argsBytes, root, intent, waitingMs } = exactly(asObject(value), [
    'agent',
    'args',
    'argsBytes',
    'call',
    'intent',
    'root',
    'tool',
    'waitingMs',
  ])
  if (!isId(call) || !isWord(agent) || typeof tool !== 'string' || typeof args !== 'string') throw malformed()
  if (!isInt(argsBytes) || !isHash(root) || !isHash(intent) || !isInt(waitingMs)) throw malformed()
  return { call, agent, tool, args, argsBytes, root, intent, waitingMs }
}

type Members = { readonly [name: string]: Json }

function parseObject(line: Uint8Array, bytesMax: number): Members {
  let value: Json
  try {
    value = parseJson(line, { what: 'review', bytesMax, depthMax: 4, recordValues: true })
  } catch (cause) {
    throw malformed(cause)
  }
  const message = asObject(value)
  if (message['v'] !== 1) throw malformed()
  return message
}

function asObject(value: Json | undefined): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed()
  return value as Members
}

/** `names` are ascending, as those of a canonical object are. */
function exactly(message: Members, names: readonly string[]): Members {
  if (Object.keys(message).sort().join() !== [...names].sort().join()) throw malformed()
  return message
}

const malformed = (cause?: unknown): MalformedError =>
  new MalformedError('review.message', 'a message about a review is not of the form that it should have', {
    cause,
    expected: 'the same version of deedlog on both sides',
  })

/** The beginning of `text`. A surrogate without its pair, which no message can carry, is replaced. */
export const beginning = (text: string, length: number): string => text.slice(0, length).replace(/\p{Cs}/gu, '\ufffd')

export const byteLength = (text: string): number => toUtf8(text).length
