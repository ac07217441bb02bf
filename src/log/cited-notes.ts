import { sha256Hex } from '#crypto'
import { equalBytes } from '../core/bytes/equal.js'
import { toHex } from '../core/bytes/hex.js'
import { HaltedError, MalformedError } from '../core/errors.js'
import type { ParsedRecord } from '../core/record/index.js'
import { rootPlan, type VerifierKey } from '../core/tlog/index.js'
import { ownCheckpoint, signedByUs } from './checkpoint-note.js'
import type { Integrator, TreeHead } from './integrator.js'
import type { Objects } from './ports.js'

/** A record's `after`: the checkpoint that its recorder had seen. */
interface After {
  readonly size: number
  readonly root: string
  readonly note: string
}

/**
 * The checkpoints of ours that records cite as seen before they were made. A record may name only a tree that is ours;
 * the note that it cites is kept no later than the record itself.
 */
export class CitedNotes {
  readonly #origin: string
  readonly #keys: readonly VerifierKey[]
  readonly #objects: Objects
  readonly #integrator: Integrator
  readonly #forked: (error: HaltedError) => void
  /** Checkpoints that recorders may still cite, by the hash of their note, oldest first. */
  readonly #recent = new Map<string, { readonly tree: TreeHead; readonly note: Uint8Array }>()
  readonly #kept = new Set<string>()
  /** Notes that are being written, by their hash. */
  readonly #keeping = new Map<string, Promise<void>>()

  /** @param options.forked  Told before {@link check} throws that two trees have our signature. */
  constructor(options: {
    /** Of the log. At least one. */
    readonly keys: readonly VerifierKey[]
    readonly objects: Objects
    readonly integrator: Integrator
    readonly forked: (error: HaltedError) => void
  }) {
    this.#origin = options.keys[0]!.name
    this.#keys = options.keys
    this.#objects = options.objects
    this.#integrator = options.integrator
    this.#forked = options.forked
  }

  /** A checkpoint of ours from now on may be cited. */
  remember(note: Uint8Array, tree: TreeHead): void {
    this.#recent.set(sha256Hex(note), { tree, note })
    if (this.#recent.size > RECENT_HEADS_MAX) this.#recent.delete(this.#recent.keys().next().value!)
  }

  /**
   * Keeps a note with the signatures of others on a checkpoint that we let out lately, so that records may cite it.
   * @throws {RangeError} when it is not of one of these, or lacks our own signature
   */
  async keepCosigned(note: Uint8Array): Promise<void> {
    const tree = ownCheckpoint(note, this.#keys)
    const isOurs = [...this.#recent.values()].some(
      each => each.tree.size === tree?.size && equalBytes(each.tree.root, tree.root),
    )
    if (!tree || !isOurs) throw new RangeError('what was cosigned is no checkpoint that this log has let out')
    await this.#keep(sha256Hex(note), note)
    this.remember(note, tree)
  }

  /**
   * Checks a record's `after` of our own origin against our own tree, and keeps the note that it cites. Answers without
   * a promise where nothing has to be read or written.
   *
   * @param handedOver  The note's bytes, as the recorder has them.
   * @param head        The newest signed tree.
   * @throws {MalformedError} `append.after` when it is beyond our head or has another root
   * @throws {HaltedError} `log.forked` when our own signature is on that other root
   */
  check(parsed: ParsedRecord, handedOver: Uint8Array | undefined, head: TreeHead): Promise<void> | undefined {
    const after = parsed.understood ? parsed.record.after : undefined
    if (after?.origin !== this.#origin) return undefined
    const tree = this.#recent.get(after.note)?.tree
    const isOurs = tree?.size === after.size && toHex(tree.root) === after.root
    return isOurs && this.#kept.has(after.note) ? undefined : this.#checkOwn(after, handedOver, head)
  }

  async #checkOwn(after: After, handedOver: Uint8Array | undefined, head: TreeHead): Promise<void> {
    const known = this.#recent.get(after.note)
    const note = known?.note ?? (handedOver && sha256Hex(handedOver) === after.note ? handedOver : undefined)
    const inTree = after.size <= head.size
    const root = inTree ? toHex(await this.#rootAt(after.size, head)) : undefined
    if (root !== after.root) {
      if (note && signedByUs(note, this.#keys, after)) {
        const error = new HaltedError(
          'log.forked',
          `this log has signed another tree of size ${after.size}: an old copy was put back, or a second writer has its key`,
        )
        this.#forked(error)
        throw error
      }
      throw new MalformedError(
        'append.after',
        inTree
          ? `the record was made after root ${after.root} of size ${after.size}, which is not this log's`
          : `the record was made after size ${after.size}, and only ${head.size} records are signed`,
        { expected: `a checkpoint of this log, at most of size ${head.size}` },
      )
    }
    if (!note || !signedByUs(note, this.#keys, after)) return
    await this.#keep(after.note, note)
  }

  /** Keeps a note that records cite. Streams that begin together cite the same one: it is written once. */
  #keep(hash: string, bytes: Uint8Array): Promise<void> {
    let keeping = this.#keeping.get(hash)
    if (!keeping) {
      keeping = this.#objects
        .put([{ path: `notes/${hash}`, bytes }])
        .then(() => {
          if (this.#kept.size >= RECENT_HEADS_MAX) this.#kept.clear() // putting one again costs a read
          this.#kept.add(hash)
        })
        .finally(() => this.#keeping.delete(hash))
      this.#keeping.set(hash, keeping)
    }
    return keeping
  }

  /** The root of our tree when it had `size` entries. */
  async #rootAt(size: number, head: TreeHead): Promise<Uint8Array> {
    if (size === head.size) return head.root
    return (await this.#integrator.fold(rootPlan(size)))[0]!
  }
}

// A recorder cites the newest checkpoint it has seen, at most a minute old in a busy stream, one a second.
const RECENT_HEADS_MAX = 128
