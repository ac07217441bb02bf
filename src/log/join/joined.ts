import { fromHex } from '../../core/bytes/hex.js'
import { HaltedError, MalformedError, UnavailableError, VerificationError } from '../../core/errors.js'
import type { LogRef } from '../../core/record/index.js'
import type { AppendEntry, Level, Receipt, Signer } from '../backend.js'
import type { Erased } from '../erase.js'
import { encodeFrame, type Frame, FrameReader } from './frames.js'
import type { Connection, Sockets } from './sockets.js'

/** The holder of the log is gone, or about to be: what was asked may have been done or not. Ask the next one again. */
export class HolderGone extends Error {
  override readonly name = 'HolderGone'
}

interface Hello {
  readonly version: string
  readonly origin: string
  readonly id: string
  readonly verifierKey: string
  readonly operatorKey: string
}

/** A log that another process of this user writes: everything is done there, and asked for here. */
export class JoinedLog {
  readonly origin: string
  readonly id: string
  readonly verifierKey: string
  readonly operatorKey: string
  readonly version: string
  readonly #wire: Wire

  private constructor(wire: Wire, hello: Hello) {
    this.#wire = wire
    this.origin = hello.origin
    this.id = hello.id
    this.verifierKey = hello.verifierKey
    this.operatorKey = hello.operatorKey
    this.version = hello.version
  }

  /** Undefined when nobody listens at `path`. @throws {HolderGone} when it goes before it has said who it is */
  static async at(sockets: Sockets, path: string): Promise<JoinedLog | undefined> {
    const connection = await sockets.connect(path)
    if (!connection) return undefined
    const wire = new Wire(connection)
    const { value } = await wire.ask({ call: 'hello' })
    const hello = value as Hello
    if (typeof hello?.origin !== 'string' || typeof hello.id !== 'string') {
      wire.close()
      throw new HolderGone('it does not say who it is')
    }
    return new JoinedLog(wire, hello)
  }

  async append(
    entries: readonly AppendEntry[],
    { level = 'sequenced' }: { level?: Level } = {},
  ): Promise<readonly Receipt[]> {
    const parts = entries.flatMap(({ record, disclosures = NOTHING, note = NOTHING }) => [record, disclosures, note])
    for (const part of parts)
      if (!ArrayBuffer.isView(part)) throw new TypeError('a record is handed over as its bytes, a Uint8Array')
    const lengths = entries.map((_, i) => parts.slice(i * 3, i * 3 + 3).map(({ length }) => length))
    const { value } = await this.#wire.ask({ call: 'append', level, entries: lengths }, parts)
    return (value as [number, string][]).map(([index, leafHash]) => ({ index, leafHash, level }))
  }

  async logs(): Promise<readonly LogRef[]> {
    return [{ id: this.id, origin: this.origin }]
  }

  async head(): Promise<Uint8Array> {
    return (await this.#wire.ask({ call: 'head' })).body
  }

  async size(): Promise<number> {
    return (await this.#wire.ask({ call: 'size' })).value as number
  }

  /** The secret stays with the holder, which signs. */
  async identity(agent: string): Promise<Signer> {
    const { value } = await this.#wire.ask({ call: 'identity', agent })
    return {
      publicKey: fromHex(value as string),
      sign: async message => (await this.#wire.ask({ call: 'sign', agent }, [message])).body,
    }
  }

  async keysChanged(): Promise<void> {
    await this.#wire.ask({ call: 'keys-changed' })
  }

  async keepRules(file: Uint8Array): Promise<void> {
    await this.#wire.ask({ call: 'rules' }, [file])
  }

  /** See `Log.erase`: the files are the holder's, so it does it. */
  async erase(plan: Uint8Array): Promise<Erased> {
    return (await this.#wire.ask({ call: 'erase' }, [plan])).value as Erased
  }

  async flush(level: Level = 'published'): Promise<void> {
    await this.#wire.ask({ call: 'flush', level })
  }

  async close(): Promise<void> {
    this.#wire.close()
  }
}

/** Questions and answers over one connection, each with its number. */
class Wire {
  readonly #connection: Connection
  readonly #reader = new FrameReader()
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>()
  #asked = 0
  #gone = false

  constructor(connection: Connection) {
    this.#connection = connection
    connection.unref()
    connection.on('data', (bytes: Buffer) => this.#take(bytes))
    connection.on('error', () => this.#end())
    connection.on('end', () => this.#end())
    connection.on('close', () => this.#end())
  }

  ask(header: object, body: readonly Uint8Array[] = []): Promise<Answer> {
    if (this.#gone) return Promise.reject(new HolderGone('the holder of the log is gone'))
    const id = this.#asked++
    const frame = encodeFrame({ id, ...header }, body)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      // Somebody waits: the process must not end meanwhile.
      this.#connection.ref()
      this.#connection.write(frame)
    })
  }

  close(): void {
    this.#connection.destroy()
    this.#end()
  }

  #take(bytes: Buffer): void {
    let frames: Frame[]
    try {
      frames = this.#reader.push(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
    } catch {
      this.close()
      return
    }
    for (const { header, body } of frames) {
      const waiting = this.#waiting.get(header['id'] as number)
      this.#waiting.delete(header['id'] as number)
      if (header['error'] === undefined) waiting?.resolve({ value: header['value'], body: body.slice() })
      else waiting?.reject(errorOf(header['error'] as Told))
    }
    if (this.#waiting.size === 0) this.#connection.unref()
  }

  #end(): void {
    this.#gone = true
    this.#connection.destroy()
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(new HolderGone('the holder of the log is gone'))
  }
}

interface Answer {
  readonly value: unknown
  readonly body: Uint8Array
}

interface Told {
  readonly name?: unknown
  readonly code?: unknown
  readonly message?: unknown
  readonly expected?: unknown
  readonly retryable?: unknown
}

function errorOf({ name, code, message, expected, retryable }: Told): Error {
  if (code === 'log.closed' || code === 'log.halted') return new HolderGone(String(message))
  const options = typeof expected === 'string' ? { expected } : {}
  const [how, why] = [String(code), String(message)]
  if (name === 'MalformedError') return new MalformedError(how, why, options)
  if (name === 'VerificationError') return new VerificationError(how, why, options)
  if (name === 'HaltedError') return new HaltedError(how, why, options)
  if (name === 'UnavailableError') return new UnavailableError(how, why, { ...options, retryable: retryable === true })
  return new RangeError(why)
}

const NOTHING = new Uint8Array(0)
