import { ed25519Sign, sha256Hex } from '#crypto'
import { isDeedlogError, UnavailableError } from '../core/errors.js'
import {
  type AddCheckpoint,
  type Checkpoint,
  cosign,
  formatNote,
  monitoringPath,
  parseAddCheckpoint,
  parseNote,
  parseSignatureLine,
  type VerifierKey,
  verifyCheckpoint,
  verifyCosignatures,
} from '../core/tlog/index.js'
import type { DiskLock } from '../log/disk.js'
import type { World } from '../log/world.js'
import { logKeyOf, WitnessFolder } from './folder.js'
import { type Judgement, judge, readSubmitted, type Submitted } from './judge.js'

/** What a witness answers: an HTTP status, and the body with it. */
export interface Answer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422 | 429
  readonly body: string
  /** `text/x.tlog.size` with 409: the body is a size. */
  readonly contentType?: string
}

/** What a witness knows of one log. */
export interface WitnessedLog {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
  /** Of the newest checkpoint it cosigned; undefined when none yet. */
  readonly size: number | undefined
  /** When, in seconds since 1970. */
  readonly seconds: number | undefined
}

type WitnessWorld = Pick<World, 'disk' | 'clock' | 'random'>

/**
 * A witness of C2SP tlog-witness: it cosigns a checkpoint of a log it knows only if it goes on from the one it cosigned
 * last. One process at a time, held by an operating-system lock.
 *
 * The new state is durable before the cosignature leaves. A crash before that leaves the old state, and nobody has
 * seen a cosignature; a crash after it leaves a state whose cosignature nobody may have received, and whoever asks
 * again for the same checkpoint is answered 200.
 *
 * What a witness cannot see: that its own folder was put back to an older one. Then it may cosign what contradicts what
 * it cosigned before; whoever holds both cosignatures can prove it.
 */
export class Witness {
  readonly key: VerifierKey
  readonly #world: WitnessWorld
  readonly #folder: WitnessFolder
  readonly #seed: Uint8Array
  readonly #lock: DiskLock
  #logs: ReadonlyMap<string, readonly VerifierKey[]>
  /** By origin: the last of those who wait for their turn, and how many they are. */
  readonly #turns = new Map<string, { last: Promise<unknown>; waiting: number }>()
  #closed = false

  private constructor(parts: {
    world: WitnessWorld
    folder: WitnessFolder
    seed: Uint8Array
    key: VerifierKey
    lock: DiskLock
    logs: readonly VerifierKey[]
  }) {
    this.key = parts.key
    this.#world = parts.world
    this.#folder = parts.folder
    this.#seed = parts.seed
    this.#lock = parts.lock
    this.#logs = byOrigin(parts.logs)
  }

  /**
   * Opens a witness to answer requests. Checks what it cosigned last of every log it knows.
   *
   * @param path  Absolute.
   * @throws {UnavailableError} `witness.missing`, `witness.damaged`, `witness.key-missing`, `witness.in-use`, `key.*`
   */
  static async open(world: WitnessWorld, path: string): Promise<Witness> {
    const folder = new WitnessFolder(world.disk, path)
    const { name, logs } = await folder.readConfig()
    const lock = await world.disk.lock(folder.lockFile, `process ${process.pid}`)
    if ('heldBy' in lock)
      throw new UnavailableError('witness.in-use', `another process runs this witness: ${lock.heldBy}`, {
        expected: 'one process for each witness',
      })
    try {
      const witness = new Witness({ world, folder, lock, logs, ...(await folder.readKey(name)) })
      for (const origin of witness.#logs.keys()) await witness.#last(origin)
      return witness
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** Makes a new witness and returns its verifier key, for the policies of those who shall count it. */
  static async create(world: WitnessWorld, path: string, name: string): Promise<VerifierKey> {
    const folder = new WitnessFolder(world.disk, path)
    await folder.create(name, world.random(32))
    return (await folder.readKey(name)).key
  }

  /**
   * Lets a witness know a log. A running one learns it when it is next asked about that log.
   * @returns whether it was new to it
   * @throws {MalformedError} `vkey.*`, `witness.log-key`
   */
  static async addLog(world: WitnessWorld, path: string, vkey: string): Promise<boolean> {
    const key = logKeyOf(vkey)
    const folder = new WitnessFolder(world.disk, path)
    const { name, logs } = await folder.readConfig()
    if (logs.some(({ text }) => text === key.text)) return false
    await folder.writeConfig({ name, logs: [...logs, key] })
    return true
  }

  /** Answers `add-checkpoint`. Requests about one log are answered one after the other. */
  async addCheckpoint(body: Uint8Array): Promise<Answer> {
    let request: AddCheckpoint
    let submitted: Submitted
    try {
      request = parseAddCheckpoint(body)
      submitted = readSubmitted(request)
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      return { status: 400, body: 'this is no request to add a checkpoint\n' }
    }
    const { origin } = submitted.checkpoint
    if (!this.#logs.has(origin)) this.#logs = byOrigin((await this.#folder.readConfig()).logs)
    return this.#inTurn(origin, () => this.#answer(request, submitted))
  }

  async #answer(request: AddCheckpoint, submitted: Submitted): Promise<Answer> {
    const { note, checkpoint } = submitted
    const { origin } = checkpoint
    const keys = this.#logs.get(origin)
    const last = keys && (await this.#last(origin))
    const judgement = judge(request, submitted, keys && { keys, last })
    if (judgement.status !== 200) {
      if (judgement.fork) await this.#folder.keepFork(sha256Hex(request.note), request.note)
      return refusal(judgement)
    }
    const seconds = Math.floor(this.#world.clock.now() / 1000)
    // "As of the specified time, the largest": a clock that went back would make a lie of the cosignature before.
    if (last && seconds < last.seconds)
      throw new UnavailableError('witness.clock', 'the clock of this machine has gone back', {
        expected: `a time after ${new Date(last.seconds * 1000).toISOString()}`,
        retryable: true,
      })
    const line = cosign(note.text, seconds, this.key, message => ed25519Sign(message, this.#seed))
    // What is served to monitors: the log's signatures that were verified, and ours.
    const verified = note.signatures.filter(({ name, keyId }) =>
      judgement.signedBy.some(key => key.name === name && key.keyId === keyId),
    )
    await this.#folder.writeState(hashOf(origin), formatNote(note.text, [...verified, parseSignatureLine(line)]))
    // Durable. Only now may anybody see it.
    return { status: 200, body: `${line}\n` }
  }

  /** The newest checkpoint cosigned for an origin, by the SHA-256 of the origin in lowercase hex. */
  newest(originHash: string): Promise<Uint8Array | undefined> {
    return this.#folder.readState(originHash)
  }

  /**
   * What a witness has cosigned, in the order its logs were made known to it. Takes no lock: it may be running.
   * @throws {UnavailableError} `witness.missing`, `witness.damaged`, `witness.key-missing`, `key.*`
   */
  static async read(
    world: Pick<World, 'disk'>,
    path: string,
  ): Promise<{ readonly key: VerifierKey; readonly logs: readonly WitnessedLog[] }> {
    const folder = new WitnessFolder(world.disk, path)
    const { name, logs } = await folder.readConfig()
    const { key } = await folder.readKey(name)
    const found: WitnessedLog[] = []
    for (const [origin, keys] of byOrigin(logs)) {
      const last = await lastOf(folder, origin, keys, key)
      found.push({ origin, keys, size: last?.size, seconds: last?.seconds })
    }
    return { key, logs: found }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled([...this.#turns.values()].map(({ last }) => last))
    await this.#lock.release()
  }

  #last(origin: string): Promise<Cosigned | undefined> {
    return lastOf(this.#folder, origin, this.#logs.get(origin)!, this.key)
  }

  async #inTurn(origin: string, answer: () => Promise<Answer>): Promise<Answer> {
    if (this.#closed) throw new UnavailableError('witness.closed', 'this witness is closed', { retryable: true })
    const turn = this.#turns.get(origin) ?? { last: Promise.resolve(), waiting: 0 }
    if (turn.waiting >= WAITING_MAX) return { status: 429, body: 'too many requests about this log\n' }
    this.#turns.set(origin, turn)
    turn.waiting++
    const mine = turn.last.then(answer)
    turn.last = mine.then(
      () => {},
      () => {},
    )
    try {
      return await mine
    } finally {
      turn.waiting--
      if (turn.waiting === 0) this.#turns.delete(origin)
    }
  }
}

type Cosigned = Checkpoint & { readonly seconds: number }

/**
 * What was cosigned last, checked like a stranger's: a damaged state must not pass for none, or the next request could
 * start over with another history.
 */
async function lastOf(
  folder: WitnessFolder,
  origin: string,
  keys: readonly VerifierKey[],
  ours: VerifierKey,
): Promise<Cosigned | undefined> {
  const bytes = await folder.readState(hashOf(origin))
  if (!bytes) return undefined
  try {
    const note = parseNote(bytes)
    const checkpoint = verifyCheckpoint(note, keys)
    const [cosignature] = verifyCosignatures(note, [ours])
    if (cosignature) return { ...checkpoint, seconds: cosignature.seconds }
  } catch (cause) {
    if (!isDeedlogError(cause)) throw cause
  }
  throw new UnavailableError('witness.damaged', `what this witness cosigned last of ${origin} is not as it left it`, {
    expected: 'the file as it was: without it the witness no longer knows what it has cosigned',
  })
}

/** Hashes of the notes that contradict what a witness cosigned, each signed by its log. They are in `forks/`. */
export const witnessForks = (world: Pick<World, 'disk'>, path: string): Promise<readonly string[]> =>
  new WitnessFolder(world.disk, path).listForks()

function refusal(judgement: Exclude<Judgement, { status: 200 }>): Answer {
  const { status, why, size } = judgement
  return size === undefined
    ? { status, body: `${why}\n` }
    : { status, body: `${size}\n`, contentType: 'text/x.tlog.size' }
}

function byOrigin(keys: readonly VerifierKey[]): ReadonlyMap<string, readonly VerifierKey[]> {
  const logs = new Map<string, VerifierKey[]>()
  for (const key of keys) logs.set(key.name, [...(logs.get(key.name) ?? []), key])
  return logs
}

const hashOf = (origin: string): string => monitoringPath(origin).split('/')[0]!

// Each of them waits for a sync or two of the disk.
const WAITING_MAX = 64
