import type { Disk, DiskFile, DiskLock } from '../../src/log/disk.js'

/*
 * A disk in memory that knows the difference between what was written and what is durable. Data is durable after a
 * datasync of its file, a name after a sync of its folder: the least that POSIX promises.
 */

interface Inode {
  data: Uint8Array
  durable: Uint8Array
  readonly mode: number
}
type Entry = Inode | 'directory'

export interface Operation {
  readonly what: 'create' | 'write' | 'datasync' | 'truncate' | 'mkdir' | 'rename' | 'remove' | 'syncDirectory' | 'lock'
  readonly path: string
  /** Of a rename: where to. */
  readonly to?: string
}

/** What a crash leaves: what was synced, or all that was written (only the process died). */
export type Survives = 'synced' | 'written'

export class SimDisk implements Disk {
  #names = new Map<string, Entry>([['/', 'directory']])
  #durableNames = new Map<string, Entry>([['/', 'directory']])
  readonly #locked = new Set<string>()
  /** Every change, in order. */
  readonly trace: Operation[] = []
  /** Called before each change; what it throws is what the operation fails with. */
  fault: (operation: Operation, number: number) => void = () => {}
  /** What the making of a file waits for, if anything. */
  gate: (path: string) => Promise<void> | undefined = () => undefined
  /** Whether a write that fails leaves half of its bytes, durably. */
  tears = false
  /** What kind of network file system this is, if it is one. */
  network: string | undefined
  /** Called after each change. */
  observe: (operation: Operation) => void = () => {}

  /** The disk after a crash. */
  crashed(survives: Survives): SimDisk {
    const disk = new SimDisk()
    const copies = new Map<Inode, Inode>()
    for (const [path, entry] of survives === 'synced' ? this.#durableNames : this.#names) {
      if (entry === 'directory') {
        disk.#names.set(path, entry)
        continue
      }
      const data = survives === 'synced' ? entry.durable : entry.data
      if (!copies.has(entry)) copies.set(entry, { data: data.slice(), durable: data.slice(), mode: entry.mode })
      disk.#names.set(path, copies.get(entry)!)
    }
    disk.#durableNames = new Map(disk.#names)
    return disk
  }

  /** What a reader sees now; undefined when there is no such file. */
  peek(path: string): Uint8Array | undefined {
    const entry = this.#names.get(path)
    return entry === undefined || entry === 'directory' ? undefined : entry.data
  }

  /** What a reader would see after a power cut. */
  peekDurable(path: string): Uint8Array | undefined {
    const entry = this.#durableNames.get(path)
    return entry === undefined || entry === 'directory' ? undefined : entry.durable
  }

  /** Puts bytes there, durably, behind the writer's back. */
  plant(path: string, bytes: Uint8Array): void {
    const inode = { data: bytes.slice(), durable: bytes.slice(), mode: 0o644 }
    this.#names.set(path, inode)
    this.#durableNames.set(path, inode)
  }

  erase(path: string): void {
    this.#names.delete(path)
    this.#durableNames.delete(path)
  }

  paths(): string[] {
    return [...this.#names.keys()].sort()
  }

  modeOf(path: string): number | undefined {
    const entry = this.#names.get(path)
    return entry === undefined || entry === 'directory' ? undefined : entry.mode
  }

  change<T>(operation: Operation, apply: () => T): T {
    this.fault(operation, this.trace.length)
    this.trace.push(operation)
    const result = apply()
    this.observe(operation)
    return result
  }

  async open(path: string, how: 'read' | 'write' | 'create', mode = 0o666): Promise<DiskFile> {
    if (how === 'create') await this.gate(path)
    const found = this.#names.get(path)
    if (how !== 'create') {
      if (found === undefined) throw errno('ENOENT', path)
      if (found === 'directory') throw errno('EISDIR', path)
      return new SimFile(this, path, found)
    }
    if (found !== undefined) throw errno('EEXIST', path)
    if (this.#names.get(parentOf(path)) !== 'directory') throw errno('ENOENT', path)
    return this.change({ what: 'create', path }, () => {
      const inode = { data: new Uint8Array(0), durable: new Uint8Array(0), mode }
      this.#names.set(path, inode)
      return new SimFile(this, path, inode)
    })
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    return this.peek(path)?.slice()
  }

  async stat(path: string) {
    const found = this.#names.get(path)
    if (found === undefined) return undefined
    return found === 'directory'
      ? ({ kind: 'directory', length: 0 } as const)
      : ({ kind: 'file', length: found.data.length } as const)
  }

  async list(path: string): Promise<readonly string[] | undefined> {
    if (this.#names.get(path) !== 'directory') return undefined
    return this.paths()
      .filter(name => name !== '/' && parentOf(name) === path)
      .map(name => name.slice(name.lastIndexOf('/') + 1))
  }

  async makeDirectory(path: string): Promise<boolean> {
    if (this.#names.has(path)) return false
    return this.change({ what: 'mkdir', path }, () => {
      this.#names.set(path, 'directory')
      return true
    })
  }

  async rename(from: string, to: string): Promise<void> {
    const entry = this.#names.get(from)
    if (entry === undefined) throw errno('ENOENT', from)
    this.change({ what: 'rename', path: from, to }, () => {
      this.#names.delete(from)
      this.#names.set(to, entry)
    })
  }

  async remove(path: string): Promise<void> {
    const below = [...this.#names.keys()].filter(name => name === path || name.startsWith(`${path}/`))
    if (below.length === 0) return
    this.change({ what: 'remove', path }, () => {
      for (const name of below) this.#names.delete(name)
    })
  }

  async syncDirectory(path: string): Promise<void> {
    if (this.#names.get(path) !== 'directory') throw errno('ENOENT', path)
    this.change({ what: 'syncDirectory', path }, () => {
      for (const name of this.#durableNames.keys())
        if (name !== '/' && parentOf(name) === path && !this.#names.has(name))
          for (const below of [...this.#durableNames.keys()])
            if (below === name || below.startsWith(`${name}/`)) this.#durableNames.delete(below)
      for (const [name, entry] of this.#names)
        if (name !== '/' && parentOf(name) === path) this.#durableNames.set(name, entry)
    })
  }

  async networkFileSystem(): Promise<string | undefined> {
    return this.network
  }

  async realPath(path: string): Promise<string> {
    return path
  }

  async lock(path: string): Promise<DiskLock | { readonly heldBy: string }> {
    if (this.#locked.has(path)) return { heldBy: 'another' }
    this.change({ what: 'lock', path }, () => {
      if (!this.#names.has(path))
        this.#names.set(path, { data: new Uint8Array(0), durable: new Uint8Array(0), mode: 0o600 })
      this.#locked.add(path)
    })
    return {
      release: async () => {
        this.#locked.delete(path)
      },
    }
  }
}

class SimFile implements DiskFile {
  readonly #disk: SimDisk
  readonly #path: string
  readonly #inode: Inode

  constructor(disk: SimDisk, path: string, inode: Inode) {
    this.#disk = disk
    this.#path = path
    this.#inode = inode
  }

  async length(): Promise<number> {
    return this.#inode.data.length
  }

  async read(at: number, length: number): Promise<Uint8Array> {
    return this.#inode.data.slice(at, at + length)
  }

  writeSync(bytes: Uint8Array, at: number): void {
    try {
      this.#disk.change({ what: 'write', path: this.#path }, () => this.#put(bytes, at))
    } catch (error) {
      if (this.#disk.tears) {
        this.#put(bytes.subarray(0, bytes.length / 2), at)
        this.#inode.durable = this.#inode.data
      }
      throw error
    }
  }

  #put(bytes: Uint8Array, at: number): void {
    const data = new Uint8Array(Math.max(this.#inode.data.length, at + bytes.length))
    data.set(this.#inode.data)
    data.set(bytes, at)
    this.#inode.data = data
  }

  datasyncSync(): void {
    this.#disk.change({ what: 'datasync', path: this.#path }, () => {
      this.#inode.durable = this.#inode.data
    })
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    this.writeSync(bytes, at)
  }

  async datasync(): Promise<void> {
    this.datasyncSync()
  }

  async truncate(length: number): Promise<void> {
    this.#disk.change({ what: 'truncate', path: this.#path }, () => {
      this.#inode.data = this.#inode.data.slice(0, length)
    })
  }

  async close(): Promise<void> {}
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

export const errno = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code })
