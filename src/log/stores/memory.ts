import { equalBytes } from '../../core/bytes/equal.js'
import { HaltedError } from '../../core/errors.js'
import type { AppendEntry } from '../backend.js'
import type {
  Head,
  KeyName,
  KeyStore,
  Objects,
  SequencedRecord,
  Sequencer,
  Store,
  StoredObject,
  Visit,
} from '../ports.js'

/** The memory store: what the others do to a disk, without one. For tests; gone with the process. */
export function memoryStore(): Store {
  return {
    sequencer: new ArraySequencer(),
    objects: new MapObjects(),
    head: new MemoryHead(),
    keys: new MapKeys(),
    keepsTiles: true,
    async close() {},
  }
}

class ArraySequencer implements Sequencer {
  readonly #entries: AppendEntry[] = []

  get size(): number {
    return this.#entries.length
  }

  async replay(_headSize: number, visit: Visit): Promise<void> {
    for await (const found of this.read(0, this.size)) await visit(found)
  }

  append(entries: readonly AppendEntry[], lone: boolean): number | Promise<number> {
    const first = this.#entries.length
    this.#entries.push(...entries)
    // Takes turns as a disk would: an endless run of appends must not keep timers from firing.
    return lone ? first : new Promise(resolve => setImmediate(resolve, first))
  }

  async *read(from: number, to: number): AsyncGenerator<SequencedRecord> {
    for (let index = from; index < to; index++)
      yield { index, record: this.#entries[index]!.record, place: () => `record ${index} in memory` }
  }

  async close(): Promise<void> {}
}

class MapObjects implements Objects {
  readonly #objects = new Map<string, Uint8Array>()

  async put(objects: readonly StoredObject[]): Promise<void> {
    for (const { path, bytes } of objects) {
      const found = this.#objects.get(path)
      if (found && !equalBytes(found, bytes))
        throw new HaltedError('log.object-differs', `${path} holds other bytes than the records of this log give`)
      this.#objects.set(path, bytes)
    }
  }

  async get(path: string): Promise<Uint8Array | undefined> {
    return this.#objects.get(path)
  }

  async removePartials(paths: readonly string[]): Promise<void> {
    for (const path of paths)
      for (const name of this.#objects.keys()) if (name.startsWith(`${path}.p/`)) this.#objects.delete(name)
  }
}

class MemoryHead implements Head {
  #note: Uint8Array | undefined

  async read(): Promise<Uint8Array | undefined> {
    return this.#note
  }

  async swap(seen: Uint8Array | undefined, next: Uint8Array): Promise<void> {
    if (seen === undefined ? this.#note !== undefined : !this.#note || !equalBytes(seen, this.#note))
      throw new HaltedError('log.head-moved', 'the head is not what this writer left there')
    this.#note = next
  }

  async released(): Promise<Uint8Array | undefined> {
    return this.#note
  }

  async release(): Promise<void> {}
}

class MapKeys implements KeyStore {
  readonly #seeds = new Map<string, Uint8Array>()

  async get(name: KeyName): Promise<Uint8Array | undefined> {
    return this.#seeds.get(textOf(name))
  }

  async put(name: KeyName, seed: Uint8Array): Promise<void> {
    this.#seeds.set(textOf(name), seed)
  }
}

const textOf = (name: KeyName): string => (typeof name === 'string' ? name : `agent ${name.agent}`)
