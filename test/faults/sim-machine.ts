import { createHash } from 'node:crypto'
import type { Disk, DiskFile, DiskLock } from '../../src/log/disk.js'
import type { World } from '../../src/log/world.js'
import { errno } from './sim-disk.js'
import type { Random } from './sim-random.js'

/*
 * A computer in memory: a disk, a clock and processes, all driven by one seed. Nothing happens but by the clock, one
 * thing at a time, so that a seed gives the same run on every machine.
 *
 * What the disk promises is the least that POSIX does. Data is durable after a datasync of its file, a name after a sync
 * of its folder. A power cut keeps any part of what was not synced: of a file each write whole, in part by sectors, or
 * not at all; of a folder the first so many changes of names. A failed datasync leaves pages that the kernel shows and
 * never writes again (Linux), until somebody writes them anew.
 */

interface Inode {
  /** What a reader sees. */
  data: Uint8Array
  /** What is sure to survive a power cut. */
  durable: Uint8Array
  /** Writes since the last datasync, in order. */
  pending: Change[]
  /** Ranges that a failed datasync has marked as saved although they are not. */
  lost: Range[]
  /** Another one after every change of its bytes. */
  version: number
}
type Range = readonly [from: number, to: number]
type Change = { readonly at: number; readonly bytes: Uint8Array } | { readonly length: number }
type Entry = Inode | 'directory'
type NameChange = (names: Map<string, Entry>) => void

/** What was done to the disk; `power cut` and `kill` come from outside. */
export interface DiskEvent {
  readonly what: Kind | 'power cut' | 'kill'
  readonly path: string
  readonly to?: string
  /** How it went, where it did not go well. */
  readonly fault?: Fault
}
type Kind = 'create' | 'write' | 'datasync' | 'truncate' | 'mkdir' | 'rename' | 'remove' | 'syncDirectory' | 'read'
/** Failed, and nothing was done; failed, and it was done; failed, and a part was done. */
type Fault = 'clean' | 'done' | 'torn'

/** How bad the weather is. All are probabilities of one operation, or milliseconds. */
export interface Weather {
  readonly faults: number
  readonly readFaults: number
  readonly noSpace: number
  readonly delayMs: number
  /** Whether a power cut keeps sectors of a write in any order; otherwise a beginning of it. */
  readonly anyOrder: boolean
}

export class Machine {
  readonly random: Random
  weather: Weather
  /** Milliseconds since the machine was made. */
  now = 0
  /** Called after each change of the disk. */
  observe: (event: DiskEvent) => void = () => {}
  /** Things that happened so far. */
  events = 0
  #names = new Map<string, Entry>([['/', 'directory']])
  #durableNames = new Map<string, Entry>([['/', 'directory']])
  /** Changes of names since the last sync of their folder, by folder. */
  readonly #pendingNames = new Map<string, NameChange[]>()
  readonly #locks = new Map<string, SimProcess>()
  readonly #processes = new Set<SimProcess>()
  readonly #schedule: Scheduled[] = []
  #scheduled = 0
  #drawn = 0
  #versions = 0

  constructor(random: Random, weather: Weather) {
    this.random = random
    this.weather = weather
  }

  /** A process that has just started. */
  process(): SimProcess {
    const process = new SimProcess(this)
    this.#processes.add(process)
    return process
  }

  /** Runs the machine until `work` is over. @throws when everybody waits and nothing is left to happen */
  async run<T>(work: Promise<T>): Promise<T> {
    let over = false
    const noted = work.finally(() => {
      over = true
    })
    noted.catch(() => {})
    for (;;) {
      // All that can go on without the clock does so before this comes back.
      await new Promise(resolve => setImmediate(resolve))
      if (over) return noted
      const next = this.#schedule.shift()
      if (!next) throw new Error('everybody waits, and nothing is left to happen')
      this.now = Math.max(this.now, next.at)
      this.events++
      next.fire()
    }
  }

  sleep(ms: number): Promise<void> {
    return new Promise(resolve => this.after(ms, resolve))
  }

  /** Calls `fire` after `ms`; the returned function takes it back. */
  after(ms: number, fire: () => void): () => void {
    const item: Scheduled = { at: this.now + ms, order: this.#scheduled++, fire }
    let low = 0
    let high = this.#schedule.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#schedule[middle]!
      if (other.at < item.at || (other.at === item.at && other.order < item.order)) low = middle + 1
      else high = middle
    }
    this.#schedule.splice(low, 0, item)
    return () => {
      const at = this.#schedule.indexOf(item)
      if (at >= 0) this.#schedule.splice(at, 1)
    }
  }

  /** All processes die at once, and of what was not synced any part is gone. */
  powerCut(): void {
    for (const process of [...this.#processes]) this.end(process)
    const copies = new Map<Inode, Inode>()
    const survivor = (inode: Inode): Inode => {
      const known = copies.get(inode)
      if (known) return known
      const data = this.#whatSurvives(inode)
      const copy: Inode = { data, durable: data, pending: [], lost: [], version: inode.version }
      // A datasync does not have to write down when the bytes changed: what was synced may look touched, never the
      // other way round.
      if (inode.pending.length > 0 || inode.lost.length > 0 || this.random.chance(0.2))
        copy.version = this.nextVersion()
      copies.set(inode, copy)
      return copy
    }
    for (const changes of this.#pendingNames.values())
      for (const change of changes.slice(0, this.random.int(0, changes.length))) change(this.#durableNames)
    this.#pendingNames.clear()
    const names = new Map<string, Entry>([['/', 'directory']])
    for (const path of [...this.#durableNames.keys()].sort())
      if (path !== '/' && names.get(parentOf(path)) === 'directory') {
        const entry = this.#durableNames.get(path)!
        names.set(path, entry === 'directory' ? entry : survivor(entry))
      }
    this.#names = names
    this.#durableNames = new Map(names)
    this.observe({ what: 'power cut', path: '/' })
  }

  #whatSurvives({ durable, pending }: Inode): Uint8Array {
    const { random } = this
    let bytes = durable
    const whole = random.int(0, pending.length)
    for (const [i, change] of pending.entries()) {
      if (!this.weather.anyOrder && i > whole) break
      const keepsAll = i < whole
      if ('length' in change) {
        if (keepsAll || random.chance(0.5)) bytes = resized(bytes, change.length)
        else if (!this.weather.anyOrder) break
      } else if (keepsAll) bytes = written(bytes, change.bytes, change.at)
      else if (random.chance(0.7)) bytes = this.#tornWrite(bytes, change.bytes, change.at)
    }
    return bytes
  }

  #tornWrite(old: Uint8Array, bytes: Uint8Array, at: number): Uint8Array {
    const { random } = this
    if (!this.weather.anyOrder || random.chance(0.5)) {
      const end = at + random.int(0, bytes.length)
      // Where the file goes on behind it, or the file system has made room for all of it, a sector is there or is not.
      const length = random.chance(0.3) ? at + bytes.length : end
      const whole = old.length > end || length > end ? Math.max(at, end - (end % SECTOR)) : end
      return resized(written(old, bytes.subarray(0, whole - at), at), Math.max(old.length, length))
    }
    let torn = resized(old, Math.max(old.length, at + bytes.length))
    for (let from = 0; from < bytes.length; ) {
      const to = Math.min(bytes.length, from + SECTOR - ((at + from) % SECTOR))
      if (random.chance(0.5)) torn = written(torn, bytes.subarray(from, to), at + from)
      from = to
    }
    return torn
  }

  /** Ends a process as SIGKILL does: what the kernel was at is done or not, its locks are free. */
  kill(process: SimProcess): void {
    process.finishSome()
    this.end(process)
    this.observe({ what: 'kill', path: '/' })
  }

  end(process: SimProcess): void {
    process.die()
    this.#processes.delete(process)
    for (const [path, holder] of this.#locks) if (holder === process) this.#locks.delete(path)
  }

  /** What a reader sees; undefined when there is no such file. */
  peek(path: string): Uint8Array | undefined {
    const entry = this.#names.get(path)
    return entry === undefined || entry === 'directory' ? undefined : entry.data
  }

  /** What is sure to be there after a power cut. */
  peekDurable(path: string): Uint8Array | undefined {
    const entry = this.#durableNames.get(path)
    return entry === undefined || entry === 'directory' ? undefined : entry.durable
  }

  paths(): string[] {
    return [...this.#names.keys()]
  }

  durablePaths(): string[] {
    return [...this.#durableNames.keys()]
  }

  entry(path: string): Entry | undefined {
    return this.#names.get(path)
  }

  /** Changes names now, and durably once the folder is synced. */
  rename(folder: string, change: NameChange): void {
    change(this.#names)
    const pending = this.#pendingNames.get(folder)
    if (pending) pending.push(change)
    else this.#pendingNames.set(folder, [change])
  }

  syncNames(folder: string): void {
    for (const change of this.#pendingNames.get(folder) ?? []) change(this.#durableNames)
    this.#pendingNames.delete(folder)
  }

  takeLock(path: string, process: SimProcess): DiskLock | undefined {
    if (this.#locks.has(path)) return undefined
    this.#locks.set(path, process)
    return {
      release: async () => {
        if (this.#locks.get(path) === process) this.#locks.delete(path)
      },
    }
  }

  /** What a file is told apart by from itself before a change. */
  nextVersion(): number {
    return ++this.#versions
  }

  /** Bytes that no two logs of this machine share. */
  bytes(length: number, seed: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += 32) {
      const block = createHash('sha256')
        .update(`${seed} ${this.#drawn++}`)
        .digest()
      bytes.set(block.subarray(0, Math.min(32, length - at)), at)
    }
    return bytes
  }
}

interface Scheduled {
  readonly at: number
  readonly order: number
  readonly fire: () => void
}

/** One process: what it knows of the world, and everything it has under way. */
export class SimProcess implements Disk {
  readonly world: World
  readonly #machine: Machine
  readonly #underWay = new Set<Operation>()
  #alive = true
  /** Operations of it that failed. */
  faults = 0
  #bury: () => void = () => {}
  /** Resolves when the process is dead. */
  readonly death = new Promise<void>(resolve => {
    this.#bury = resolve
  })

  constructor(machine: Machine) {
    this.#machine = machine
    this.world = {
      disk: this,
      clock: {
        now: () => BEGINNING + Math.floor(machine.now),
        monotonic: () => machine.now,
        timer: (ms, fire) => {
          const cancel = machine.after(ms, () => {
            if (this.#alive) fire()
          })
          return { cancel, keepAlive: () => {} }
        },
      },
      random: length => machine.bytes(length, machine.random.int(0, 2 ** 31)),
      logs: new Map(),
    }
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Waits for `work` of this process; @throws {Dead} when the process dies before. */
  life<T>(work: Promise<T>): Promise<T> {
    return Promise.race([
      work,
      this.death.then(() => {
        throw new Dead()
      }),
    ])
  }

  finishSome(): void {
    for (const operation of [...this.#underWay])
      if (this.#machine.random.chance(0.5)) {
        operation.cancel()
        operation.finish()
      }
  }

  die(): void {
    this.#alive = false
    for (const operation of this.#underWay) operation.cancel()
    this.#underWay.clear()
    this.#bury()
  }

  /** An operation that takes its time, and may fail in every way. */
  operate<T>(event: DiskEvent, apply: (fault: Fault | undefined) => T): Promise<T> {
    if (!this.#alive) return new Promise(() => {})
    const { random, weather } = this.#machine
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        this.#underWay.delete(operation)
        try {
          resolve(this.now(event, apply))
        } catch (error) {
          reject(error)
        }
      }
      const delay = random.wait(weather.delayMs) * (random.chance(0.02) ? 50 : 1)
      const operation: Operation = { finish, cancel: this.#machine.after(delay, finish) }
      this.#underWay.add(operation)
    })
  }

  /** The same, at once. */
  now<T>(event: DiskEvent, apply: (fault: Fault | undefined) => T): T {
    const machine = this.#machine
    const { random, weather } = machine
    const isRead = event.what === 'read'
    const code = NEEDS_SPACE.has(event.what) && random.chance(weather.noSpace) ? 'ENOSPC' : 'EIO'
    const fails = code === 'ENOSPC' || random.chance(isRead ? weather.readFaults : weather.faults)
    if (!fails) {
      const result = apply(undefined)
      if (!isRead) machine.observe(event)
      return result
    }
    this.faults++
    // Of a full disk it is known how it fails: a write may take a part, anything else takes nothing.
    const fault = isRead
      ? 'clean'
      : event.what === 'write'
        ? random.pick(code === 'ENOSPC' ? (['clean', 'torn'] as const) : (['clean', 'torn', 'done'] as const))
        : code === 'ENOSPC'
          ? 'clean'
          : random.pick(['clean', 'done'] as const)
    if (fault !== 'clean' || event.what === 'datasync') apply(fault)
    if (!isRead) machine.observe({ ...event, fault })
    throw errno(code, event.path)
  }

  async open(path: string, how: 'read' | 'write' | 'create'): Promise<DiskFile> {
    const machine = this.#machine
    if (how !== 'create')
      return this.#read(path, () => {
        const found = machine.entry(path)
        if (found === undefined) throw errno('ENOENT', path)
        if (found === 'directory') throw errno('EISDIR', path)
        return new SimFile(machine, this, path, found)
      })
    return this.operate({ what: 'create', path }, () => {
      if (machine.entry(path) !== undefined) throw errno('EEXIST', path)
      if (machine.entry(parentOf(path)) !== 'directory') throw errno('ENOENT', path)
      const inode: Inode = {
        data: NOTHING,
        durable: NOTHING,
        pending: [],
        lost: [],
        version: this.#machine.nextVersion(),
      }
      machine.rename(parentOf(path), names => names.set(path, inode))
      return new SimFile(machine, this, path, inode)
    })
  }

  readFile(path: string): Promise<Uint8Array | undefined> {
    return this.#read(path, () => this.#machine.peek(path)?.slice())
  }

  stat(path: string): ReturnType<Disk['stat']> {
    return this.#read(path, () => {
      const found = this.#machine.entry(path)
      if (found === undefined) return undefined
      return found === 'directory'
        ? { kind: 'directory', length: 0 }
        : { kind: 'file', length: found.data.length, version: String(found.version) }
    })
  }

  list(path: string): Promise<readonly string[] | undefined> {
    return this.#read(path, () => {
      if (this.#machine.entry(path) !== 'directory') return undefined
      const inside = this.#machine.paths().filter(name => name !== '/' && parentOf(name) === path)
      return inside.map(name => name.slice(name.lastIndexOf('/') + 1)).sort()
    })
  }

  /** Reading takes no time here, and fails rarely. */
  async #read<T>(path: string, look: () => T): Promise<T> {
    if (!this.#alive) return new Promise(() => {})
    return this.now({ what: 'read', path }, look)
  }

  makeDirectory(path: string): Promise<boolean> {
    return this.operate({ what: 'mkdir', path }, () => {
      if (this.#machine.entry(path) !== undefined) return false
      if (this.#machine.entry(parentOf(path)) !== 'directory') throw errno('ENOENT', path)
      this.#machine.rename(parentOf(path), names => names.set(path, 'directory'))
      return true
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.operate({ what: 'rename', path: from, to }, () => {
      const entry = this.#machine.entry(from)
      if (entry === undefined) throw errno('ENOENT', from)
      this.#machine.rename(parentOf(from), names => {
        names.delete(from)
        names.set(to, entry)
      })
    })
  }

  remove(path: string): Promise<void> {
    return this.operate({ what: 'remove', path }, () => {
      const below = this.#machine.paths().filter(name => name === path || name.startsWith(`${path}/`))
      // What is inside goes first, as it does with `rm -r`.
      for (const name of below.sort().reverse())
        this.#machine.rename(parentOf(name), names => {
          for (const inside of [...names.keys()])
            if (inside === name || inside.startsWith(`${name}/`)) names.delete(inside)
        })
    })
  }

  syncDirectory(path: string): Promise<void> {
    return this.operate({ what: 'syncDirectory', path }, () => {
      if (this.#machine.entry(path) !== 'directory') throw errno('ENOENT', path)
      this.#machine.syncNames(path)
    })
  }

  async networkFileSystem(): Promise<undefined> {}

  async realPath(path: string): Promise<string> {
    return path
  }

  async lock(path: string): Promise<DiskLock | { readonly heldBy: string }> {
    if (!this.#alive) return new Promise(() => {})
    const lock = this.#machine.takeLock(path, this)
    if (!lock) return { heldBy: 'another' }
    if (this.#machine.entry(path) === undefined) {
      const inode: Inode = {
        data: NOTHING,
        durable: NOTHING,
        pending: [],
        lost: [],
        version: this.#machine.nextVersion(),
      }
      this.#machine.rename(parentOf(path), names => names.set(path, inode))
    }
    return lock
  }
}

interface Operation {
  readonly finish: () => void
  readonly cancel: () => void
}

/** The process died while somebody waited for it. */
export class Dead extends Error {
  override readonly name = 'Dead'
}

class SimFile implements DiskFile {
  readonly #machine: Machine
  readonly #process: SimProcess
  readonly #path: string
  readonly #inode: Inode

  constructor(machine: Machine, process: SimProcess, path: string, inode: Inode) {
    this.#machine = machine
    this.#process = process
    this.#path = path
    this.#inode = inode
  }

  async length(): Promise<number> {
    return this.#inode.data.length
  }

  async read(at: number, length: number): Promise<Uint8Array> {
    return this.#process.now({ what: 'read', path: this.#path }, () => this.#inode.data.slice(at, at + length))
  }

  write(bytes: Uint8Array, at: number): Promise<void> {
    // What is written is what the caller has in its buffer when the kernel comes to it.
    return this.#process.operate({ what: 'write', path: this.#path }, fault => this.#put(bytes, at, fault))
  }

  writeSync(bytes: Uint8Array, at: number): void {
    this.#process.now({ what: 'write', path: this.#path }, fault => this.#put(bytes, at, fault))
  }

  #put(all: Uint8Array, at: number, fault: Fault | undefined): void {
    const bytes = all.slice(0, fault === 'torn' ? this.#machine.random.int(0, all.length) : all.length)
    const inode = this.#inode
    inode.data = written(inode.data, bytes, at)
    inode.version = this.#machine.nextVersion()
    inode.pending.push({ at, bytes })
    inode.lost = inode.lost.flatMap(range => without(range, [at, at + bytes.length]))
  }

  datasync(): Promise<void> {
    return this.#process.operate({ what: 'datasync', path: this.#path }, fault => this.#sync(fault))
  }

  datasyncSync(): void {
    this.#process.now({ what: 'datasync', path: this.#path }, fault => this.#sync(fault))
  }

  #sync(fault: Fault | undefined): void {
    const inode = this.#inode
    // The kernel forgets: these pages count as saved from now on, whatever is on the disk.
    if (fault === 'clean')
      for (const change of inode.pending)
        if ('bytes' in change) inode.lost.push([change.at, change.at + change.bytes.length])
    let durable = inode.data
    for (const [from, to] of inode.lost) {
      const old = resized(inode.durable, Math.max(inode.durable.length, to)).subarray(from, to)
      durable = written(durable, old.subarray(0, Math.max(0, Math.min(to, inode.data.length) - from)), from)
    }
    inode.durable = durable
    inode.pending = []
  }

  truncate(length: number): Promise<void> {
    return this.#process.operate({ what: 'truncate', path: this.#path }, () => {
      const inode = this.#inode
      inode.data = resized(inode.data, length)
      inode.version = this.#machine.nextVersion()
      inode.pending.push({ length })
      inode.lost = inode.lost.flatMap(range => without(range, [length, Number.POSITIVE_INFINITY]))
    })
  }

  async close(): Promise<void> {}
}

function written(old: Uint8Array, bytes: Uint8Array, at: number): Uint8Array {
  const data = new Uint8Array(Math.max(old.length, bytes.length === 0 ? 0 : at + bytes.length))
  data.set(old)
  data.set(bytes, at)
  return data
}

function resized(old: Uint8Array, length: number): Uint8Array {
  const data = new Uint8Array(length)
  data.set(old.subarray(0, length))
  return data
}

/** What is left of a range without another. */
const without = ([from, to]: Range, [low, high]: Range): Range[] =>
  (
    [
      [from, Math.min(to, low)],
      [Math.max(from, high), to],
    ] as const
  ).filter(([a, b]) => a < b)

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

const NEEDS_SPACE: ReadonlySet<string> = new Set(['create', 'write', 'mkdir'])
const BEGINNING = Date.UTC(2026, 10, 22, 9, 25)
const SECTOR = 512
const NOTHING = new Uint8Array(0)
