import { closeSync, constants, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { median } from './numbers.mjs'

/*
 * What the disk itself can do: the least that any durable log must pay. Of the two ways Node has of getting bytes onto
 * the disk, the faster one of the moment counts.
 */

/** Appends to a new file, each write durable when `write` returns; in one of two ways. */
class DurableFile {
  #path
  #dsync
  #fd
  #at = 0

  constructor(path, dsync) {
    this.#path = path
    this.#dsync = dsync
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | (dsync ? constants.O_DSYNC : 0)
    this.#fd = openSync(path, flags)
  }

  write(bytes) {
    this.#at += writeSync(this.#fd, bytes, 0, bytes.length, this.#at)
    if (!this.#dsync) fdatasyncSync(this.#fd)
  }

  remove() {
    closeSync(this.#fd)
    rmSync(this.#path)
  }
}

/** Small durable writes, one at a time, to be mixed in between others. */
export class LoneLimit {
  #bytes
  #files
  #times = [[], []]

  constructor(path, length) {
    this.#bytes = Buffer.alloc(length, 'x')
    this.#files = [new DurableFile(`${path}.sync`, false), new DurableFile(`${path}.dsync`, true)]
  }

  measure() {
    for (const [i, file] of this.#files.entries()) {
      pause()
      const began = performance.now()
      file.write(this.#bytes)
      this.#times[i].push(performance.now() - began)
    }
  }

  /** Milliseconds of the faster way; forgets what was measured. */
  takeP50() {
    const p50 = Math.min(...this.#times.map(median))
    this.#times = [[], []]
    return p50
  }

  remove() {
    for (const file of this.#files) file.remove()
  }
}

/**
 * Before everything that is timed alone. A write right behind another takes about half as long as one that comes after a
 * pause, and records come after pauses: what is compared must wait alike.
 */
export function pause() {
  const end = performance.now() + PAUSE_MS
  while (performance.now() < end) {
    // Busy, as a program is between two records.
  }
}

const PAUSE_MS = 0.3

/** Writes of `length` bytes a second, each durable before the next. */
export function batchLimit(path, length, writes) {
  const bytes = Buffer.alloc(length, 'x')
  const rates = [false, true].map(dsync => {
    const file = new DurableFile(path, dsync)
    const began = performance.now()
    for (let i = 0; i < writes; i++) file.write(bytes)
    const seconds = (performance.now() - began) / 1000
    file.remove()
    return writes / seconds
  })
  return Math.max(...rates)
}
