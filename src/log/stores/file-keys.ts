import { randomBytes } from 'node:crypto'
import { UnavailableError } from '../../core/errors.js'
import { type Disk, folderOf, temporaryOf, writeBeside } from '../disk.js'
import { diskError, reading } from '../disk-error.js'
import { isProtected, openProtected, protectSeed } from '../key-file.js'
import { decodePrivateKey, encodePrivateKey } from '../keys.js'
import { type Layout, PRIVATE_FILE_MODE } from '../layout.js'
import { type PassphraseSource, processPassphrase } from '../passphrase.js'
import type { KeyName, KeyStore } from '../ports.js'

/** A key of a log, or the one that is to take its place, kept before anything says so. */
export type HeldKey = KeyName | { readonly next: KeyName }

/** Keys as PEM files in the private folder, each for its owner alone, under a passphrase or not. */
export class FileKeys implements KeyStore {
  readonly #disk: Disk
  readonly #layout: Layout
  readonly #passphrase: PassphraseSource

  /** @param passphrase  Asked when a file needs it; default: that of the process. */
  constructor(disk: Disk, layout: Layout, passphrase: PassphraseSource = processPassphrase) {
    this.#disk = disk
    this.#layout = layout
    this.#passphrase = passphrase
  }

  /**
   * @throws {UnavailableError} `key.permissions`, `key.link` for a file that others could read or replace;
   *   `key.passphrase-missing`, `key.passphrase`; `log.key` for what is no key
   */
  async get(name: HeldKey): Promise<Uint8Array | undefined> {
    const path = this.path(name)
    const bytes = await readSecret(this.#disk, path)
    // Whoever wrote it may have failed before its name was durable, and something is about to be signed with it.
    if (bytes) await reading(path, this.#disk.syncDirectory(folderOf(path)))
    if (!bytes) return undefined
    return isProtected(bytes) ? openProtected(bytes, await this.#ask()) : decodePrivateKey(bytes, path)
  }

  /** Keeps a key, in place of one that was there. Protected if the keys of this log are. */
  async put(name: HeldKey, seed: Uint8Array): Promise<void> {
    const isUnderPassphrase = await this.isProtected()
    await this.#write(this.path(name), seed, isUnderPassphrase ? await this.#ask() : undefined)
  }

  async #write(path: string, seed: Uint8Array, passphrase: string | undefined): Promise<void> {
    const file = passphrase === undefined ? encodePrivateKey(seed) : await protectSeed(seed, passphrase, random)
    try {
      await writeBeside(this.#disk, path, file, PRIVATE_FILE_MODE)
      await this.#disk.rename(temporaryOf(path), path)
      // Nothing may be signed by a key that a crash could still take away.
      await this.#disk.syncDirectory(folderOf(path))
    } catch (cause) {
      throw diskError(cause, path, true)
    }
  }

  /** Destroys a key of this log: what is no longer to be used can only be stolen. */
  async remove(name: HeldKey): Promise<void> {
    const path = this.path(name)
    await reading(path, this.#disk.remove(path))
    await reading(path, this.#disk.syncDirectory(folderOf(path)))
  }

  /** Whether the keys of this log are under a passphrase: the log's key decides, and new keys are as it is. */
  async isProtected(): Promise<boolean> {
    for (const name of ['log', 'operator'] as const) {
      const bytes = await readSecret(this.#disk, this.path(name))
      if (bytes) return isProtected(bytes)
    }
    return false
  }

  /**
   * Writes every key file anew, under `passphrase` or, with undefined, without one. Each file is replaced whole; when
   * this ends early some are as before, and it can be called again.
   *
   * @returns the paths of the files
   */
  async rewrite(passphrase: string | undefined): Promise<readonly string[]> {
    const { keys, agentKeys, logKey } = this.#layout
    const found: string[] = []
    for (const folder of [keys, agentKeys])
      for (const name of (await reading(folder, this.#disk.list(folder))) ?? [])
        if (name.endsWith('.pem')) found.push(`${folder}/${name}`)
    // The log's key last: it says how new keys are written.
    found.sort((a, b) => Number(a === logKey) - Number(b === logKey))
    // All are opened before the first is written: a wrong passphrase changes nothing.
    const seeds: Uint8Array[] = []
    for (const path of found) {
      const bytes = (await readSecret(this.#disk, path))!
      seeds.push(isProtected(bytes) ? await openProtected(bytes, await this.#ask()) : decodePrivateKey(bytes, path))
    }
    for (const [i, path] of found.entries()) await this.#write(path, seeds[i]!, passphrase)
    return found
  }

  /** The next key takes the place of the one before it, which is gone. */
  async promote(name: KeyName): Promise<void> {
    const [from, to] = [this.path({ next: name }), this.path(name)]
    await reading(to, this.#disk.rename(from, to))
    await reading(to, this.#disk.syncDirectory(folderOf(to)))
  }

  path(name: HeldKey): string {
    if (typeof name === 'object' && 'next' in name) return this.path(name.next).replace(/\.pem$/, '.next.pem')
    if (name === 'log') return this.#layout.logKey
    if (name === 'former-log') return this.#layout.logKey.replace(/\.pem$/, '.former.pem')
    if (name === 'operator') return this.#layout.operatorKey
    return this.#layout.agentKey(name.agent)
  }

  async #ask(): Promise<string> {
    const passphrase = await this.#passphrase()
    if (passphrase !== undefined) return passphrase
    throw new UnavailableError('key.passphrase-missing', `the keys of ${this.#layout.target} are under a passphrase`, {
      expected: 'the passphrase: in DEEDLOG_PASSPHRASE, in a file named by --passphrase-file, or typed at a terminal',
    })
  }
}

/** The bytes of a key file that is only its owner's. */
export async function readSecret(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  if (!disk.readSecret) return reading(path, disk.readFile(path))
  const found = await reading(path, disk.readSecret(path))
  if (found === 'link')
    throw new UnavailableError('key.link', `${path} is reached by a symbolic link, which is not followed to a key`, {
      expected: 'the key file itself in its place',
    })
  if (!found) return undefined
  const { bytes, mode = 0, folderMode = 0 } = found
  const open = (mode & OTHERS) !== 0 ? [path, '600'] : (folderMode & OTHERS) !== 0 ? [folderOf(path), '700'] : undefined
  if (!open) return bytes
  throw new UnavailableError('key.permissions', `${open[0]} is open to other users, so its keys may be known to them`, {
    expected: `chmod ${open[1]} ${open[0]}, and new keys if others could read it meanwhile`,
  })
}

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

const OTHERS = 0o077
