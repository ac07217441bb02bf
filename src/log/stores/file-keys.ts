import { type Disk, folderOf, temporaryOf, writeBeside } from '../disk.js'
import { diskError, reading } from '../disk-error.js'
import { decodePrivateKey, encodePrivateKey } from '../keys.js'
import { type Layout, PRIVATE_FILE_MODE } from '../layout.js'
import type { KeyName, KeyStore } from '../ports.js'

/** Keys as PEM files in the private folder. */
export class FileKeys implements KeyStore {
  readonly #disk: Disk
  readonly #layout: Layout

  constructor(disk: Disk, layout: Layout) {
    this.#disk = disk
    this.#layout = layout
  }

  async get(name: KeyName): Promise<Uint8Array | undefined> {
    const path = this.#path(name)
    const bytes = await reading(path, this.#disk.readFile(path))
    // Whoever wrote it may have failed before its name was durable, and something is about to be signed with it.
    if (bytes) await reading(path, this.#disk.syncDirectory(folderOf(path)))
    return bytes && decodePrivateKey(bytes, path)
  }

  async put(name: KeyName, seed: Uint8Array): Promise<void> {
    const path = this.#path(name)
    try {
      await writeBeside(this.#disk, path, encodePrivateKey(seed), PRIVATE_FILE_MODE)
      await this.#disk.rename(temporaryOf(path), path)
      // Nothing may be signed by a key that a crash could still take away.
      await this.#disk.syncDirectory(folderOf(path))
    } catch (cause) {
      throw diskError(cause, path, true)
    }
  }

  #path(name: KeyName): string {
    if (name === 'log') return this.#layout.logKey
    if (name === 'operator') return this.#layout.operatorKey
    return this.#layout.agentKey(name.agent)
  }
}
