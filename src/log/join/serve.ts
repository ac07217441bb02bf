import { toHex } from '../../core/bytes/hex.js'
import { isDeedlogError, MalformedError } from '../../core/errors.js'
import type { AppendEntry, Level } from '../backend.js'
import type { LogWriter } from '../writer.js'
import { encodeFrame, type Frame, FrameReader } from './frames.js'
import type { Connection, Sockets } from './sockets.js'

/** What the holder of a log does for other processes of its user. */
export interface Served {
  readonly writer: LogWriter
  readonly version: string
  readonly keepRules: (file: Uint8Array) => Promise<void>
}

/**
 * Takes appends from other processes, until the returned function is called. A connection that says something else than
 * it should is closed; its process finds out by itself and asks again.
 */
export async function serve(sockets: Sockets, path: string, served: Served): Promise<() => Promise<void>> {
  const connections = new Set<Connection>()
  const stop = await sockets.listen(path, connection => {
    connections.add(connection)
    connection.once('close', () => connections.delete(connection))
    attend(connection, served)
  })
  return async () => {
    const stopped = stop?.()
    // Answers that are on their way still go; whoever waits longer must look for another holder.
    for (const connection of connections) connection.end()
    for (const connection of connections) setTimeout(() => connection.destroy(), LAST_WORDS_MS).unref()
    await Promise.race([stopped, new Promise(resolve => setTimeout(resolve, LAST_WORDS_MS))])
    for (const connection of connections) connection.destroy()
  }
}

function attend(connection: Connection, served: Served): void {
  connection.unref()
  connection.on('error', () => connection.destroy())
  const reader = new FrameReader()
  let underWay = 0
  connection.on('data', (bytes: Buffer) => {
    let frames: Frame[]
    try {
      frames = reader.push(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
    } catch {
      connection.destroy()
      return
    }
    for (const frame of frames) {
      const { id } = frame.header
      if (!isCount(id)) {
        connection.destroy()
        return
      }
      // What is not read waits in the other process, not in ours.
      if (++underWay >= UNDER_WAY_MAX) connection.pause()
      answer(frame, served)
        .then(
          ({ value, body }) => encodeFrame({ id, value }, body),
          (error: unknown) => encodeFrame({ id, error: told(error) }),
        )
        .then(reply => {
          if (connection.writable) connection.write(reply)
          if (--underWay < UNDER_WAY_MAX) connection.resume()
        })
        .catch(() => connection.destroy())
    }
  })
}

interface Answer {
  readonly value?: unknown
  readonly body?: readonly Uint8Array[]
}

async function answer({ header, body }: Frame, { writer, version, keepRules }: Served): Promise<Answer> {
  switch (header['call']) {
    case 'hello':
      return {
        value: {
          version,
          origin: writer.origin,
          id: writer.id,
          verifierKey: writer.logKey.text,
          operatorKey: writer.operatorKey.text,
        },
      }
    case 'append': {
      const receipts = await writer.append(entriesOf(header['entries'], body), levelOf(header['level']))
      return { value: receipts.map(({ index, leafHash }) => [index, leafHash]) }
    }
    case 'head':
      return { body: [writer.head] }
    case 'size':
      return { value: writer.size }
    case 'identity':
      return { value: toHex((await writer.identity(textOf(header['agent']))).publicKey) }
    case 'sign':
      return { body: [await (await writer.identity(textOf(header['agent']))).sign(body.slice())] }
    case 'keys-changed':
      writer.forgetSigners()
      return {}
    case 'rules':
      await keepRules(body.slice())
      return {}
    case 'erase':
      return { value: await writer.erase(body.slice()) }
    case 'flush':
      await writer.flush(levelOf(header['level']))
      return {}
    default:
      throw new MalformedError('join.call', 'the holder of the log does not know this call', {
        expected: 'the same version of deedlog in both processes',
      })
  }
}

/** Each entry is the lengths of its record, its disclosures and its note, which follow one another in the body. */
function entriesOf(lengths: unknown, body: Uint8Array): AppendEntry[] {
  const malformed = () => new MalformedError('join.frame', 'the entries of an append are not what their lengths say')
  if (!Array.isArray(lengths) || lengths.length > ENTRIES_MAX) throw malformed()
  let at = 0
  const take = (length: unknown): Uint8Array => {
    if (!isCount(length) || at + length > body.length) throw malformed()
    const part = body.slice(at, at + length)
    at += length
    return part
  }
  const entries = lengths.map((each: unknown) => {
    if (!Array.isArray(each) || each.length !== 3) throw malformed()
    const [record, disclosures, note] = each.map(take) as [Uint8Array, Uint8Array, Uint8Array]
    return {
      record,
      ...(disclosures.length > 0 ? { disclosures } : {}),
      ...(note.length > 0 ? { note } : {}),
    }
  })
  if (at !== body.length) throw malformed()
  return entries
}

function levelOf(level: unknown): Level {
  if (level === 'sequenced' || level === 'published' || level === 'witnessed') return level
  throw new MalformedError('join.frame', 'there is no such level')
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw new MalformedError('join.frame', 'the id of an agent is a string')
}

/** An error in a form that the other process makes the same error of. */
function told(error: unknown): object {
  if (!isDeedlogError(error)) return { name: 'RangeError', message: error instanceof Error ? error.message : 'unknown' }
  const { name, code, message, expected } = error
  return { name, code, message, expected, retryable: (error as { retryable?: boolean }).retryable }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const UNDER_WAY_MAX = 64
const ENTRIES_MAX = 65_536
const LAST_WORDS_MS = 200
