import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { TILE_WIDTH } from '../core/tlog/index.js'
import { type CheckedBundle, entriesOf } from './bundle-check.js'
import type { ReadAhead } from './feed.js'

export interface Task {
  readonly number: number
  /** The first bundle, and how many entries it and those after it have; all are full but perhaps the last. */
  readonly index: number
  readonly entries: number
}

export interface Answer {
  readonly number: number
  /** Undefined for each that the caller has to look at itself. */
  readonly bundles: readonly (CheckedBundle | undefined)[]
}

/**
 * Threads that read and check the bundles of one log ahead of the one that judges them. The judging is a story from
 * front to back and stays in one thread; a thread that dies or does not start leaves its bundles to it.
 */
export class BundlePool implements ReadAhead {
  readonly #workers: Worker[]
  readonly #waiting = new Map<number, (bundles: Answer['bundles']) => void>()
  #next = 0
  #failed = false

  private constructor(workers: Worker[]) {
    this.#workers = workers
    for (const worker of workers) {
      worker.unref()
      worker.on('message', ({ number, bundles }: Answer) => this.#answer(number, bundles))
      worker.on('error', () => this.#fail())
    }
  }

  /** @returns undefined for no threads, or where their code is not there. */
  static start(publicFolder: string, threads: number): BundlePool | undefined {
    if (threads < 1 || !existsSync(CODE)) return undefined
    return new BundlePool(Array.from({ length: threads }, () => new Worker(CODE, { workerData: { publicFolder } })))
  }

  async *bundles(size: number): ReturnType<ReadAhead['bundles']> {
    const ahead: Promise<Answer['bundles']>[] = []
    for (let asked = 0; asked < size || ahead.length > 0; ) {
      // Bounded: what threads have checked and nobody has judged yet is in memory.
      for (; asked < size && ahead.length < AHEAD * this.#workers.length; asked += TASK_ENTRIES)
        ahead.push(this.#ask(asked / TILE_WIDTH, Math.min(TASK_ENTRIES, size - asked)))
      for (const bundle of await ahead.shift()!) yield bundle && { entries: entriesOf(bundle), root: bundle.root }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map(worker => worker.terminate()))
  }

  #ask(index: number, entries: number): Promise<Answer['bundles']> {
    if (this.#failed) return Promise.resolve(unchecked(entries))
    const number = this.#next++
    const worker = this.#workers[number % this.#workers.length]!
    return new Promise(resolve => {
      if (this.#waiting.size === 0) for (const each of this.#workers) each.ref()
      this.#waiting.set(number, bundles => resolve(bundles.length > 0 ? bundles : unchecked(entries)))
      worker.postMessage({ number, index, entries } satisfies Task)
    })
  }

  #answer(number: number, bundles: Answer['bundles']): void {
    this.#waiting.get(number)?.(bundles)
    this.#waiting.delete(number)
    if (this.#waiting.size === 0) for (const worker of this.#workers) worker.unref()
  }

  #fail(): void {
    this.#failed = true
    for (const number of [...this.#waiting.keys()]) this.#answer(number, [])
  }
}

const CODE = fileURLToPath(new URL('./bundle-worker.js', import.meta.url))

const unchecked = (entries: number): Answer['bundles'] =>
  Array.from({ length: Math.ceil(entries / TILE_WIDTH) }, () => undefined)

// A message costs as much as judging a hundred records.
const TASK_ENTRIES = 4 * TILE_WIDTH
// Of each thread, one task that it works on and one that it may go on with while the caller judges.
const AHEAD = 2
