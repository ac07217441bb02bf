import { equalBytes } from '../../core/bytes/equal.js'
import { HaltedError } from '../../core/errors.js'
import { type Disk, folderOf, replaceFile, temporaryOf, writeBeside } from '../disk.js'
import { diskError, isNoSpace, reading } from '../disk-error.js'
import { type Layout, PRIVATE_FILE_MODE, PUBLIC_FILE_MODE } from '../layout.js'
import type { Head } from '../ports.js'

/** The head as two files: `private/head`, and the checkpoint for everybody. */
export class FileHead implements Head {
  readonly #disk: Disk
  readonly #layout: Layout
  /** Whether the name of the private head is known to survive a power cut. */
  #durable = false

  constructor(disk: Disk, layout: Layout) {
    this.#disk = disk
    this.#layout = layout
  }

  read(): Promise<Uint8Array | undefined> {
    return reading(this.#layout.head, this.#disk.readFile(this.#layout.head))
  }

  async swap(seen: Uint8Array | undefined, next: Uint8Array): Promise<void> {
    const path = this.#layout.head
    const found = await this.read()
    // We hold the lock, so nobody else may have written. That somebody did, or put an old copy back, must not go
    // under: signing on top of it would be signing two histories.
    if (seen === undefined ? found !== undefined : !found || !equalBytes(seen, found))
      throw new HaltedError('log.head-moved', `${path} is not what this writer left there; open the log again`)
    try {
      await writeBeside(this.#disk, path, next, PRIVATE_FILE_MODE)
    } catch (cause) {
      // A crash or an error up to here leaves the old head.
      throw diskError(cause, path, isNoSpace(cause))
    }
    try {
      await this.#disk.rename(temporaryOf(path), path)
      await this.#disk.syncDirectory(folderOf(path))
    } catch (cause) {
      throw diskError(cause, path, false)
    }
    this.#durable = true
  }

  released(): Promise<Uint8Array | undefined> {
    return reading(this.#layout.checkpoint, this.#disk.readFile(this.#layout.checkpoint))
  }

  async release(note: Uint8Array): Promise<void> {
    const path = this.#layout.checkpoint
    // The writer before us may have failed between the rename and this sync. A power cut would then leave everybody with
    // a checkpoint that we know nothing of.
    if (!this.#durable) await reading(this.#layout.head, this.#disk.syncDirectory(folderOf(this.#layout.head)))
    this.#durable = true
    const found = await this.released()
    // After a restart: the same checkpoint may be out with cosignatures, which stand behind our own signatures.
    if (found && equalBytes(found.subarray(0, note.length), note)) return
    try {
      await replaceFile(this.#disk, path, note, PUBLIC_FILE_MODE)
    } catch (cause) {
      // Whichever of the two checkpoints is there, it is one that the head covers; the next start releases again.
      throw diskError(cause, path, true)
    }
  }
}
