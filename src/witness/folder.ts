import { ed25519PublicKey } from '#crypto'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, MalformedError, quote, UnavailableError } from '../core/errors.js'
import { ALGORITHM, formatVerifierKey, isKeyName, parseVerifierKey, type VerifierKey } from '../core/tlog/index.js'
import { type Disk, folderOf, replaceFile } from '../log/disk.js'
import { diskError, reading } from '../log/disk-error.js'
import { decodePrivateKey, encodePrivateKey } from '../log/keys.js'
import { PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE, PUBLIC_FILE_MODE, PUBLIC_FOLDER_MODE } from '../log/layout.js'
import { readSecret } from '../log/stores/file-keys.js'

/*
 * Where a witness keeps what it must not forget. Public and private never share a folder: `public/` is what the
 * monitoring prefix serves, and a web server may be given it.
 *
 *   witness.json                        name of the witness, verifier keys of its logs
 *   public/<hash of origin>/checkpoint  the newest checkpoint it cosigned, with its cosignature: also its state
 *   forks/<hash of note>                notes that prove that a log signed two histories
 *   private/lock, private/witness.pem
 */

interface WitnessConfig {
  readonly name: string
  readonly logs: readonly VerifierKey[]
}

export class WitnessFolder {
  readonly path: string
  readonly #disk: Disk

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.path = path
  }

  get lockFile(): string {
    return `${this.path}/private/lock`
  }

  /** Makes the folder of a new witness with a key of its own. @throws {UnavailableError} `witness.exists` */
  async create(name: string, seed: Uint8Array): Promise<void> {
    if (!isKeyName(name) || name.length > NAME_LENGTH_MAX)
      throw new MalformedError('witness.name', `${quote(name)} is no name of a witness`, {
        expected: 'the schema-less URL it will be known by, such as witness.example/w1: no spaces, no plus sign',
      })
    if (await reading(this.path, this.#disk.stat(this.#configFile)))
      throw new UnavailableError('witness.exists', `${this.path} is a witness already`, {
        expected: 'a folder that does not exist yet',
      })
    await this.#makeFolder(this.path, PUBLIC_FOLDER_MODE)
    await this.#makeFolder(`${this.path}/private`, PRIVATE_FOLDER_MODE)
    await this.#makeFolder(`${this.path}/public`, PUBLIC_FOLDER_MODE)
    await this.#put(this.#keyFile, encodePrivateKey(seed), PRIVATE_FILE_MODE)
    // Last: what has no configuration is no witness, and can be made again.
    await this.writeConfig({ name, logs: [] })
  }

  /** @throws {UnavailableError} `witness.missing`, `witness.damaged` */
  async readConfig(): Promise<WitnessConfig> {
    const bytes = await reading(this.#configFile, this.#disk.readFile(this.#configFile))
    if (!bytes)
      throw new UnavailableError('witness.missing', `${this.path} is no witness: it has no witness.json`, {
        expected: 'a folder that deedlog witness init made',
      })
    return parseConfig(bytes, this.#configFile)
  }

  async writeConfig({ name, logs }: WitnessConfig): Promise<void> {
    const text = JSON.stringify({ format: FORMAT, name, logs: logs.map(({ text: vkey }) => vkey) }, null, 2)
    await this.#put(this.#configFile, toUtf8(`${text}\n`), PUBLIC_FILE_MODE)
  }

  /** The secret of the witness, 32 bytes, and its verifier key. @throws {UnavailableError} `log.key`, `key.*` */
  async readKey(name: string): Promise<{ seed: Uint8Array; key: VerifierKey }> {
    const bytes = await readSecret(this.#disk, this.#keyFile)
    if (!bytes)
      throw new UnavailableError('witness.key-missing', `the key of the witness is not at ${this.#keyFile}`, {
        expected: 'the key it was made with: another key is another witness',
      })
    const seed = decodePrivateKey(bytes, this.#keyFile)
    return { seed, key: formatVerifierKey(name, ALGORITHM.cosignature, ed25519PublicKey(seed)) }
  }

  /** The newest checkpoint cosigned for an origin, by the hash in its monitoring path. */
  readState(originHash: string): Promise<Uint8Array | undefined> {
    const path = this.#stateFile(originHash)
    return reading(path, this.#disk.readFile(path))
  }

  /** Replaces it durably: when this resolves, no crash brings the one before it back. */
  async writeState(originHash: string, note: Uint8Array): Promise<void> {
    const path = this.#stateFile(originHash)
    await this.#makeFolder(folderOf(path), PUBLIC_FOLDER_MODE)
    await this.#put(path, note, PUBLIC_FILE_MODE)
  }

  /** Keeps a note that contradicts another, at most {@link FORKS_MAX} of them. */
  async keepFork(hash: string, note: Uint8Array): Promise<void> {
    const folder = `${this.path}/forks`
    await this.#makeFolder(folder, PRIVATE_FOLDER_MODE)
    const kept = (await reading(folder, this.#disk.list(folder))) ?? []
    if (kept.length >= FORKS_MAX || kept.includes(hash)) return
    await this.#put(`${folder}/${hash}`, note, PRIVATE_FILE_MODE)
  }

  async listForks(): Promise<readonly string[]> {
    return (await reading(this.path, this.#disk.list(`${this.path}/forks`))) ?? []
  }

  get #configFile(): string {
    return `${this.path}/witness.json`
  }

  get #keyFile(): string {
    return `${this.path}/private/witness.pem`
  }

  #stateFile(originHash: string): string {
    return `${this.path}/public/${originHash}/checkpoint`
  }

  async #makeFolder(path: string, mode: number): Promise<void> {
    if (await reading(path, this.#disk.makeDirectory(path, mode)))
      await reading(path, this.#disk.syncDirectory(folderOf(path)))
  }

  async #put(path: string, bytes: Uint8Array, mode: number): Promise<void> {
    try {
      await replaceFile(this.#disk, path, bytes, mode)
    } catch (cause) {
      throw diskError(cause, path, true)
    }
  }
}

/** @throws {UnavailableError} `witness.damaged` */
function parseConfig(bytes: Uint8Array, path: string): WitnessConfig {
  try {
    const json: unknown = JSON.parse(fromUtf8(bytes))
    const { format, name, logs } = json as Record<string, unknown>
    if (format !== FORMAT || typeof name !== 'string' || !isKeyName(name) || !Array.isArray(logs))
      throw new TypeError('it lacks format, name or logs')
    return { name, logs: logs.map(vkey => logKeyOf(String(vkey))) }
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError || isDeedlogError(cause))) throw cause
    throw new UnavailableError('witness.damaged', `${path} is not as deedlog witness writes it`, { cause })
  }
}

/**
 * The verifier key of a log that a witness shall know.
 * @throws {MalformedError} `vkey.*`; `witness.log-key` for a key of another type than 0x01, Ed25519
 */
export function logKeyOf(vkey: string): VerifierKey {
  const key = parseVerifierKey(vkey)
  if (key.algorithm !== ALGORITHM.ed25519)
    throw new MalformedError('witness.log-key', `${quote(vkey)} is no key of a log`, {
      expected: 'a verifier key of type 1, Ed25519, named as the origin of the log',
    })
  return key
}

const FORMAT = 'deedlog-witness/1'
const NAME_LENGTH_MAX = 255
/** Proofs that somebody forked. A log that has forked once needs no thousand proofs of it. */
const FORKS_MAX = 64
