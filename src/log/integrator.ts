import { equalBytes } from '../core/bytes/equal.js'
import { UnavailableError } from '../core/errors.js'
import {
  decodeBundle,
  leafHash,
  type NodeId,
  nodeInTile,
  type ProofPlan,
  partialsOf,
  splitTile,
  TILE_WIDTH,
  tileForNode,
  tilePath,
} from '../core/tlog/index.js'
import type { Objects, StoredObject } from './ports.js'
import { TreeBuilder } from './tree-builder.js'

export interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/**
 * Turns sequenced records into tiles and bundles. Everything it puts is a pure function of the sequence, so after a
 * crash the same objects come out again, and the store refuses any others.
 */
export class Integrator {
  readonly #objects: Objects
  readonly #builder: TreeBuilder
  /** Full tiles that are not durable yet. */
  #outbox: StoredObject[] = []
  #backlogBytes = 0
  /** Objects that were ever put into the outbox, and those of them that left it. */
  #queued = 0
  #written = 0
  #writing: Promise<void> | undefined
  /** Full paths of tiles that have partials on the disk. */
  readonly #withPartials = new Set<string>()
  /** Those whose partials are being put right now: their folder must not be removed meanwhile. */
  #putting: readonly string[] = NONE
  readonly #cache = new Map<string, Uint8Array>()

  constructor(objects: Objects, builder = TreeBuilder.empty()) {
    this.#objects = objects
    this.#builder = builder
  }

  /**
   * Goes on from the right edge of a tree as its tiles show it, at most 255 hashes a level and 255 records.
   * @returns undefined unless they are all there and give the root of `tree`, which somebody signed.
   */
  static async resume(objects: Objects, { size, root }: TreeHead): Promise<Integrator | undefined> {
    const edges: Uint8Array[][] = []
    for (let level = 0; TILE_WIDTH ** level <= size; level++) {
      const id = { level, index: Math.floor(size / TILE_WIDTH ** (level + 1)), width: widthAt(level, size) }
      const bytes = id.width > 0 ? await objects.get(tilePath(id)) : NO_BYTES
      if (bytes?.length !== 32 * id.width) return undefined
      edges.push(id.width > 0 ? splitTile(bytes, id.width) : [])
    }
    const width = widthAt(0, size)
    const path = { level: 'entries', index: Math.floor(size / TILE_WIDTH), width } as const
    const bundle = width > 0 ? await objects.get(tilePath(path)) : NO_BYTES
    const records = width === 0 ? [] : bundle && recordsIn(bundle, width)
    if (!records?.every((record, i) => equalBytes(leafHash(record), edges[0]![i]!))) return undefined
    const builder = TreeBuilder.from(size, records, edges)
    if (!equalBytes(builder.root(), root)) return undefined
    const integrator = new Integrator(objects, builder)
    for (const { level, index } of partialsOf(size))
      integrator.#withPartials.add(tilePath({ level, index, width: TILE_WIDTH }))
    return integrator
  }

  /**
   * Goes on from a tree whose first `below` entries were pruned: from the hashes before the cut in the tiles around it.
   *
   * @param root  Of those entries.
   * @param size  Entries of a tree of which all tiles that pruning leaves are there.
   * @returns undefined unless they are, and give `root`.
   */
  static async above(
    objects: Objects,
    { below, root }: { readonly below: number; readonly root: Uint8Array },
    size: number,
  ): Promise<Integrator | undefined> {
    const edges: Uint8Array[][] = []
    for (let level = 0; TILE_WIDTH ** level <= below; level++) {
      const count = widthAt(level, below)
      const index = Math.floor(below / TILE_WIDTH ** (level + 1))
      const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH)
      const bytes =
        count === 0
          ? NO_BYTES
          : ((await objects.get(tilePath({ level, index, width }))) ??
            (await objects.get(tilePath({ level, index, width: TILE_WIDTH }))))
      if (!bytes || bytes.length < 32 * count) return undefined
      edges.push(count > 0 ? splitTile(bytes.slice(0, 32 * count), count) : [])
    }
    const builder = TreeBuilder.from(below, [], edges)
    return equalBytes(builder.root(), root) ? new Integrator(objects, builder) : undefined
  }

  get size(): number {
    return this.#builder.size
  }

  /** The tree of all records so far, durable or not. */
  treeHead(): TreeHead {
    return { size: this.#builder.size, root: this.#builder.root() }
  }

  /** Bytes of full tiles that wait to be written: what the writer must not let grow without bound. */
  get backlogBytes(): number {
    return this.#backlogBytes
  }

  /**
   * Adds the next record. The tiles it makes full are written behind the caller's back; {@link settle} waits for them
   * and tells what went wrong.
   *
   * @param durable  Whether the tiles are known to be durable, because a signed checkpoint covers them.
   */
  add(record: Uint8Array, leaf: Uint8Array, durable = false): void {
    const full = this.#builder.add(record, leaf)
    if (durable || full.length === 0) return
    for (const object of full) {
      this.#outbox.push(object)
      this.#backlogBytes += object.bytes.length
    }
    this.#queued += full.length
    this.#writeAll().catch(() => {}) // settle() tries again and reports
  }

  /** At start, at the size of the head: its partial tiles are there, or are put again. */
  async restorePartials(): Promise<void> {
    await this.#putPartials(this.#builder.partials(), this.size)
  }

  /**
   * Makes all tiles of the tree as it is now durable, the partial ones too, and gives its size and root. C2SP
   * tlog-tiles: the tiles must be there before a checkpoint of that size is. One call at a time.
   */
  async settle(): Promise<TreeHead> {
    // Taken now, at one go: records that arrive while we write belong to the next checkpoint.
    const head = this.treeHead()
    const partials = this.#builder.partials()
    const queued = this.#queued
    while (this.#written < queued) await this.#writeSome()
    await this.#putPartials(partials, head.size)
    return head
  }

  async #putPartials(partials: readonly StoredObject[], size: number): Promise<void> {
    const tiles = partialsOf(size).map(({ level, index }) => tilePath({ level, index, width: TILE_WIDTH }))
    this.#putting = tiles
    try {
      await this.#objects.put(partials)
    } finally {
      this.#putting = NONE
    }
    for (const path of tiles) this.#withPartials.add(path)
    // While we wrote, some may have become full and been written, too early to remove these.
    const full = partialsOf(this.size).map(({ level, index }) => tilePath({ level, index, width: TILE_WIDTH }))
    await this.#removePartials(tiles.filter(path => !full.includes(path) && !this.#outbox.some(o => o.path === path)))
  }

  /** Resolves when the backlog is below `bytes`; undefined when it is. */
  below(bytes: number): Promise<void> | undefined {
    if (this.#backlogBytes < bytes) return undefined
    return (async () => {
      while (this.#backlogBytes >= bytes) await this.#writeSome()
    })()
  }

  async #writeAll(): Promise<void> {
    while (this.#outbox.length > 0) await this.#writeSome()
  }

  /** Writes the oldest objects of the outbox; whoever calls meanwhile waits for the same ones. */
  #writeSome(): Promise<void> {
    this.#writing ??= this.#writeBatch().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  async #writeBatch(): Promise<void> {
    const batch = this.#outbox.slice(0, WRITTEN_AT_ONCE)
    await this.#objects.put(batch)
    this.#outbox = this.#outbox.slice(batch.length)
    this.#written += batch.length
    for (const { bytes } of batch) this.#backlogBytes -= bytes.length
    await this.#removePartials(batch.map(object => object.path))
  }

  /**
   * The full tiles are durable, so their partial forms may go: whoever still holds an older checkpoint falls back to
   * the full tile, as C2SP tlog-tiles has it. A crash before this leaves partials behind, which harm nobody.
   */
  async #removePartials(fullTiles: readonly string[]): Promise<void> {
    const superseded = fullTiles.filter(path => !this.#putting.includes(path) && this.#withPartials.delete(path))
    if (superseded.length > 0) await this.#objects.removePartials(superseded)
  }

  /** The hashes that a plan asks for, folded. All its nodes must be in the tree as it is now. */
  async fold(plan: ProofPlan): Promise<Uint8Array[]> {
    const hashes: Uint8Array[] = []
    for (const node of plan.nodes) hashes.push(await this.#node(node))
    return plan.fold(hashes)
  }

  async #node(node: NodeId): Promise<Uint8Array> {
    const id = tileForNode(node, this.size)
    const edge = typeof id.level === 'number' ? this.#builder.edge(id.level, id.index) : undefined
    if (edge) {
      const bytes = new Uint8Array(id.width * 32)
      for (const [i, hash] of edge.slice(0, id.width).entries()) bytes.set(hash, i * 32)
      return nodeInTile(node, id, bytes)
    }
    return nodeInTile(node, id, await this.#fullTile(tilePath({ ...id, width: TILE_WIDTH })))
  }

  async #fullTile(path: string): Promise<Uint8Array> {
    const cached = this.#cache.get(path)
    if (cached) return cached
    const waiting = this.#outbox.find(object => object.path === path)
    const bytes = waiting?.bytes ?? (await this.#objects.get(path))
    if (!bytes)
      throw new UnavailableError('log.tile-missing', `${path} is not there`, { expected: 'every full tile of the log' })
    if (this.#cache.size >= CACHED_TILES_MAX) this.#cache.delete(this.#cache.keys().next().value!)
    this.#cache.set(path, bytes)
    return bytes
  }
}

/** The hashes in the last tile of a level, if that is not full; else 0. */
const widthAt = (level: number, size: number): number => Math.floor(size / TILE_WIDTH ** level) % TILE_WIDTH

function recordsIn(bundle: Uint8Array, width: number): Uint8Array[] | undefined {
  try {
    return decodeBundle(bundle, width)
  } catch {
    return undefined
  }
}

const NO_BYTES = new Uint8Array(0)
const NONE: readonly string[] = []
// One sync of a folder serves all tiles of a batch.
const WRITTEN_AT_ONCE = 64
// 8 KiB each.
const CACHED_TILES_MAX = 64
