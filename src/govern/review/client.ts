import { connect } from 'node:net'
import { isDeedlogError, UnavailableError } from '../../core/errors.js'
import { connectingPath, removeSocket, reviewFolder, socketsIn } from './folder.js'
import {
  type Answer,
  formatMessage,
  NEWLINE,
  type PendingCall,
  parseReply,
  REPLY_BYTES_MAX,
  type Reply,
  type Request,
} from './messages.js'

export type { Answer } from './messages.js'

/** A call that waits, and where. */
export interface Found extends PendingCall {
  readonly pid: number
  /** @internal */
  readonly socket: string
}

// The other side is on this machine and answers from memory.
const REPLY_MS = 5000

/**
 * The calls of a log that wait for an approver, in all processes that record in it, the longest waiting first. Sockets
 * that dead processes left are removed.
 *
 * @throws {UnavailableError} `review.folder`, `review.platform`
 */
export async function pendingReviews(target: string): Promise<Found[]> {
  const found: Found[] = []
  for (const socket of socketsIn(reviewFolder(target))) {
    const reply = await ask(socket, { v: 1, do: 'list' })
    if (reply && 'pending' in reply) found.push(...reply.pending.map(call => ({ ...call, pid: reply.pid, socket })))
  }
  return found.sort((a, b) => b.waitingMs - a.waitingMs)
}

/**
 * Answers one of them.
 *
 * @throws {UnavailableError} `review.unknown` when it does not wait any more, `review.refused` when the process does not
 *   take the answer, `review.silent` when it gives none
 */
export async function answerReview({ socket }: Found, answer: Answer): Promise<void> {
  const reply = await ask(socket, { v: 1, do: 'answer', ...answer })
  if (!reply) throw new UnavailableError('review.unknown', 'the process in which the call waited has ended')
  if ('error' in reply) throw new UnavailableError(known(reply.error.code), reply.error.message)
  if (!('done' in reply)) throw silent('it answered something else')
}

const known = (code: string): string => (code === 'review.unknown' ? code : 'review.refused')

/** @returns undefined when nobody listens there: then the socket is gone too */
async function ask(socket: string, request: Request): Promise<Reply | undefined> {
  try {
    return parseReply(await exchange(connectingPath(socket), formatMessage(request)))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ECONNREFUSED' && code !== 'ENOENT') throw isDeedlogError(error) ? error : silent(String(code), error)
    removeSocket(socket)
    return undefined
  }
}

function exchange(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(bytes))
    const chunks: Buffer[] = []
    let length = 0
    const fail = (error: Error) => {
      socket.destroy()
      reject(error)
    }
    socket.setTimeout(REPLY_MS, () => fail(silent(`not within ${REPLY_MS / 1000} seconds`)))
    socket.on('error', fail)
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > REPLY_BYTES_MAX + 1) fail(silent('it says too much'))
    })
    socket.on('end', () => {
      const line = Buffer.concat(chunks)
      if (line.at(-1) === NEWLINE) resolve(line.subarray(0, -1))
      else fail(silent('it broke off'))
      socket.destroy()
    })
  })
}

const silent = (why: string, cause?: unknown): UnavailableError =>
  new UnavailableError('review.silent', `a process in which calls wait does not answer: ${why}`, {
    cause,
    expected: 'a running process with cliApprover; try again',
    retryable: true,
  })
