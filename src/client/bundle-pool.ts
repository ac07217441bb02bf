import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { TILE_WIDTH } from '../core/tlog/index.js'
import type { CheckedBundle } from './bundle-check.js'

export interface Task {
  readonly number: number
  readonly index: number
  readonly width: number
}

export interface Answer {
  readonly number: number
  /** Undefined when the caller has to look itself. */
  readonly bundle: CheckedBundle | undefined
}

/**
 * Threads that read and check the bundles of one log ahead of the one that judges them. The judging is a story from
 * front to back and stays in one thread; a thread that dies or does not start leaves its bundles to it.
 */
export class BundlePool {
  readonly #workers: Worker[]
  readonly #waiting = new Map<number, (bundle: CheckedBundle | undefined) => void>()
  #next = 0
  #failed = false

  private constructor(workers: Worker[]) {
    this.#workers = workers
    for (const worker of workers) {
      worker.unref()
      worker.on('message', ({ number, bundle }: Answer) => this.#answer(number, bundle))
      worker.on('error', () => this.#fail())
    }
  }

  /** @returns undefined for no threads, or where their code is not there. */
  static start(publicFolder: string, threads: number): BundlePool | undefined {
    if (threads < 1 || !existsSync(CODE)) return undefined
    return new BundlePool(Array.from({ length: threads }, () => new Worker(CODE, { workerData: { publicFolder } })))
  }

  /** The bundles of the first `size` entries, in order; undefined for one that the caller has to read itself. */
  async *bundles(size: number): AsyncGenerator<CheckedBundle | undefined> {
    const ahead: Promise<CheckedBundle | undefined>[] = []
    const count = Math.ceil(size / TILE_WIDTH)
    for (let index = 0, asked = 0; index < count; index++) {
      // Bounded: what threads have checked and nobody has judged yet is in memory.
      for (; asked < count && ahead.length < AHEAD * this.#workers.length; asked++) {
        const width = Math.min(TILE_WIDTH, size - asked * TILE_WIDTH)
        ahead.push(this.#ask(asked, width))
      }
      yield await ahead.shift()
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map(worker => worker.terminate()))
  }

  #ask(index: number, width: number): Promise<CheckedBundle | undefined> {
    if (this.#failed) return Promise.resolve(undefined)
    const number = this.#next++
    const worker = this.#workers[number % this.#workers.length]!
    return new Promise(resolve => {
      if (this.#waiting.size === 0) for (const each of this.#workers) each.ref()
      this.#waiting.set(number, resolve)
      worker.postMessage({ number, index, width } satisfies Task)
    })
  }

  #answer(number: number, bundle: CheckedBundle | undefined): void {
    this.#waiting.get(number)?.(bundle)
    this.#waiting.delete(number)
    if (this.#waiting.size === 0) for (const worker of this.#workers) worker.unref()
  }

  #fail(): void {
    this.#failed = true
    for (const number of [...this.#waiting.keys()]) this.#answer(number, undefined)
  }
}

const CODE = fileURLToPath(new URL('./bundle-worker.js', import.meta.url))
// Of each thread, one that it works on and some that it may go on with while the caller judges.
const AHEAD = 4
