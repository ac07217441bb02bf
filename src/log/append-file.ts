import { type Disk, type DiskFile, folderOf } from './disk.js'
import { diskError, isNoSpace, reading } from './disk-error.js'

/**
 * A file that only grows, each write durable before the next. Knows the one thing that decides whether a log may go
 * on after an error: whether what is on the disk is still known.
 */
export class AppendFile {
  readonly path: string
  readonly #file: DiskFile
  #length: number

  private constructor(path: string, file: DiskFile, length: number) {
    this.path = path
    this.#file = file
    this.#length = length
  }

  /** Makes the file and its name durable. `EEXIST` when there is one. */
  static async create(disk: Disk, path: string, mode: number): Promise<AppendFile> {
    const file = await reading(path, disk.open(path, 'create', mode))
    try {
      // Without this a crash could keep the bytes and lose the file.
      await disk.syncDirectory(folderOf(path))
    } catch (cause) {
      await file.close()
      throw diskError(cause, path, false)
    }
    return new AppendFile(path, file, 0)
  }

  /**
   * Opens a file that is there, cuts it to `length`, and writes what lies from `rewriteFrom` on again, as it is.
   *
   * Those bytes may come from a write whose sync failed: the kernel then shows them, has marked them as saved, and a
   * second sync says yes without writing. Writing the same bytes makes them unsaved again, and a crash while doing so
   * changes nothing.
   */
  static async reopen(disk: Disk, path: string, length: number, rewriteFrom: number): Promise<AppendFile> {
    const file = await reading(path, disk.open(path, 'write'))
    try {
      if ((await file.length()) > length) await file.truncate(length)
      for (let at = rewriteFrom; at < length; at += REWRITE_BYTES)
        await file.write(await file.read(at, Math.min(REWRITE_BYTES, length - at)), at)
      await file.datasync()
      // Whoever made the file may have failed before its name was durable.
      await disk.syncDirectory(folderOf(path))
    } catch (cause) {
      await file.close()
      throw diskError(cause, path, false)
    }
    return new AppendFile(path, file, length)
  }

  get length(): number {
    return this.#length
  }

  /**
   * Appends `bytes` durably. With `lone` it blocks and answers at once, without a promise.
   *
   * @throws {UnavailableError} `log.no-space`: nothing was saved, the file is as it was
   * @throws {HaltedError} `log.write-failed`: what was saved is unknown
   */
  append(bytes: Uint8Array, lone: boolean): void | Promise<void> {
    if (!lone) return this.#appendAsync(bytes)
    try {
      this.#file.writeSync(bytes, this.#length)
    } catch (error) {
      return this.#takeBack(error)
    }
    // A crash above leaves an incomplete write that no one was told of; it is cut at the next start.
    try {
      this.#file.datasyncSync()
    } catch (cause) {
      throw this.#halted(cause)
    }
    this.#length += bytes.length
  }

  async #appendAsync(bytes: Uint8Array): Promise<void> {
    try {
      await this.#file.write(bytes, this.#length)
    } catch (error) {
      return this.#takeBack(error)
    }
    try {
      await this.#file.datasync()
    } catch (cause) {
      // Never again on this descriptor: the kernel forgets an error once it has told it.
      throw this.#halted(cause)
    }
    this.#length += bytes.length
  }

  /** After a failed write: nothing was saved, if the file can be brought back to where it was. */
  async #takeBack(cause: unknown): Promise<never> {
    if (!isNoSpace(cause)) throw this.#halted(cause)
    try {
      await this.#file.truncate(this.#length)
      await this.#file.datasync()
    } catch {
      throw this.#halted(cause)
    }
    throw diskError(cause, this.path, true)
  }

  #halted(cause: unknown): Error {
    return diskError(cause, this.path, false)
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

const REWRITE_BYTES = 1024 * 1024
