import { connect, type Socket } from 'node:net'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { absolute, connectablePath, hooksFolder, socketName } from './place.js'

/** How a hook ends: what it prints, and 0 or 2. */
export interface HookEnd {
  readonly exit: 0 | 2
  readonly out: string
}

/**
 * Hands one event to the process that records, and starts that process where there is none.
 *
 * @param args   the log, then options, as `deedlog hook claude-code` takes them
 * @param input  what the host wrote to standard input
 * @throws {Error} with a sentence that says what is wrong; the hook is to end with 2 then
 */
export async function askRecorder(args: readonly string[], input: Uint8Array): Promise<HookEnd> {
  const full = absolute(args)
  const path = join(hooksFolder(full[0]), socketName(full))
  const socket = (await connectTo(path)) ?? (await startedAt(path, full))
  return endOf(await exchange(socket, input))
}

async function connectTo(path: string): Promise<Socket | undefined> {
  const place = connectablePath(path)
  if (place === undefined) return undefined
  return new Promise((resolve, reject) => {
    const socket = connect({ path: place, allowHalfOpen: true })
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // A dead process's socket: the next one takes its place.
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined)
      else reject(new Error(`the recorder cannot be reached (${error.code})`))
    })
  })
}

async function startedAt(path: string, args: readonly string[]): Promise<Socket> {
  // Not needed by any hook but the first.
  const { spawn } = await import('node:child_process')
  const main = fileURLToPath(new URL('../main.js', import.meta.url))
  const words = [main, 'hook', 'serve', ...args, '--socket', basename(path)]
  const recorder = spawn(process.execPath, words, { detached: true, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const failed = (why: string) => new Error(`the recorder did not start: ${why}`)
  let said = ''
  recorder.stderr!.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(0, SAID_MAX)
  })
  let tooLate: NodeJS.Timeout | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      tooLate = setTimeout(() => reject(failed(`not within ${START_MS / 1000} seconds`)), START_MS)
      recorder.once('message', () => resolve())
      recorder.once('error', error => reject(failed(error.message)))
      recorder.once('close', () => reject(failed(said.trim() || 'it ended without a word')))
    })
  } finally {
    clearTimeout(tooLate)
  }
  if (recorder.connected) recorder.disconnect()
  recorder.stderr!.destroy()
  recorder.unref()
  const socket = await connectTo(path)
  if (!socket) throw failed('it is gone again')
  return socket
}

function exchange(socket: Socket, input: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error(`no answer in ${ANSWER_MS / 1000} seconds`)))
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > ANSWER_BYTES_MAX) socket.destroy(new Error('its answer is too long'))
    })
    socket.once('error', error => reject(new Error(`the recorder did not answer: ${error.message}`)))
    socket.once('close', () => resolve(Buffer.concat(chunks).toString()))
    socket.end(input)
  })
}

/** Only an answer that is whole lets a call go on. */
function endOf(answer: string): HookEnd {
  if (answer === '') throw new Error('the recorder ended before it answered')
  const { ok, out, error } = JSON.parse(answer) as { ok?: unknown; out?: unknown; error?: unknown }
  if (ok !== true || typeof out !== 'string')
    throw new Error(typeof error === 'string' ? error : 'its answer is unclear')
  return { exit: 0, out }
}

const START_MS = 20_000
const SAID_MAX = 2000
// Longer than an approver has.
const ANSWER_MS = 330_000
const ANSWER_BYTES_MAX = 65_536
