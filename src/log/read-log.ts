import { ed25519PublicKey } from '#crypto'
import { equalBytes } from '../core/bytes/equal.js'
import { quote, UnavailableError } from '../core/errors.js'
import { linkOf, type ParsedRecord, parseRecord } from '../core/record/index.js'
import { ALGORITHM, formatVerifierKey, leafHash, type VerifierKey } from '../core/tlog/index.js'
import { frontierOf, type Kept } from '../core/verify/index.js'
import { Acceptance } from './acceptance.js'
import { type LogSigner, ownCheckpoint } from './checkpoint-note.js'
import { Integrator, type TreeHead } from './integrator.js'
import { damaged, rolledBack } from './journal-scan.js'
import type { SequencedRecord, Store } from './ports.js'
import { resume } from './resume.js'
import { checkedSigner, type OutsideSigners, seedSigner } from './signer.js'
import type { World } from './world.js'

/** What a log is, as its first record and its keys say. */
export interface Identity {
  readonly origin: string
  /** Leaf hash of entry 0, lowercase hex. */
  readonly id: string
}

/** What an open log starts from. */
export interface ReadLog {
  readonly logKey: VerifierKey
  readonly operatorKey: VerifierKey
  /** The log's own key first; while it takes another's place, that one too. */
  readonly logSigners: readonly LogSigner[]
  /** Of the log's own key; undefined where it is kept elsewhere. */
  readonly seed: Uint8Array | undefined
  readonly head: Uint8Array
  readonly headTree: TreeHead
  readonly acceptance: Acceptance
  readonly integrator: Integrator
  /** Records below this were pruned. */
  readonly below: number
}

/**
 * Reads a log from its store and compares all that must agree. Writes nothing but what a crash left unfinished.
 * @throws {UnavailableError} `log.damaged`, `log.rolled-back`, `log.key` and what the disk says
 */
export async function readLog({
  store,
  identity,
  signers,
  world,
}: {
  readonly store: Store
  readonly identity: Identity
  /** Keys that are kept elsewhere. */
  readonly signers?: OutsideSigners
  readonly world: Pick<World, 'clock'>
}): Promise<ReadLog> {
  const { origin, id } = identity
  const seed = signers?.log ? undefined : await requireKey(store, 'log')
  const logSigner = signers?.log ? checkedSigner(signers.log, 'the log', world.clock) : seedSigner(seed!)
  const former = await store.keys.get('former-log')
  const logSigners = [logSigner, ...(former ? [seedSigner(former)] : [])]
    .map(({ publicKey, sign }) => ({ key: formatVerifierKey(origin, ALGORITHM.ed25519, publicKey), sign }))
    // A crash may have come when the key was kept as the former one, and was still the only one.
    .filter(({ key }, i, all) => all.findIndex(other => other.key.text === key.text) === i)
  const logKeys = logSigners.map(({ key }) => key)
  const logKey = logKeys[0]!
  const operatorKey = formatVerifierKey(
    origin,
    ALGORITHM.ed25519,
    signers?.operator?.publicKey ?? ed25519PublicKey(await requireKey(store, 'operator')),
  )
  const head = await store.head.read()
  if (!head) throw rolledBack('the head', 0, 1)
  const headTree = ownCheckpoint(head, logKeys)
  if (!headTree)
    throw new UnavailableError('log.key', 'the newest checkpoint is not signed by the key of this log', {
      expected: `a signature of ${logKey.text}`,
    })
  // Somebody put an old private folder beside a newer public one: going on would sign a second history.
  const released = await store.head.released()
  const releasedTree = released && ownCheckpoint(released, logKeys)
  if (releasedTree && releasedTree.size > headTree.size) throw rolledBack('the head', headTree.size, releasedTree.size)

  const kept = await store.kept?.()
  const below = kept?.below ?? 0
  const resumed = await resume({ store, id, head, headTree }, logKey)
  if (resumed) return { logKey, operatorKey, logSigners, seed, head, headTree, below, ...resumed }

  const { integrator, acceptance: begun } = kept
    ? await startAbove(store, identity, kept, headTree.size)
    : { integrator: new Integrator(store.objects), acceptance: undefined }
  let acceptance: Acceptance | undefined = begun
  await store.sequencer.replay(headTree.size, async ({ index, record: bytes, place }) => {
    const record = parsedOr(bytes, why => damaged(place(), index, why))
    if (!acceptance) {
      const log = record.understood && record.record.type === 'log' ? record.record : undefined
      if (!log || record.leaf !== id || log.origin !== origin)
        throw damaged(place(), index, `it is not the log record of ${quote(origin)} with the id ${id}`)
      acceptance = new Acceptance(id, log.operators)
    } else if (index >= headTree.size) {
      // No signature of ours covers these yet, so each must show by itself that it is as it was written.
      const why = acceptance.describeDamage(record)
      if (why) throw damaged(place(), index, why)
    }
    acceptance.saved(record, index)
    integrator.add(bytes.slice(), leafHash(bytes), store.keepsTiles && index < headTree.size)
    if (integrator.size === headTree.size) {
      if (!equalBytes(integrator.treeHead().root, headTree.root)) throw await locateDamage(store, id, headTree.size)
      await integrator.restorePartials()
    }
    const pressure = integrator.below(BACKLOG_BYTES_MAX)
    if (pressure) await pressure
  })
  if (!acceptance) throw rolledBack('the log', 0, headTree.size)
  return { logKey, operatorKey, logSigners, seed, head, headTree, below, acceptance, integrator }
}

/** What a log starts from whose first entries were pruned: their tree, and what the operators' records among them say. */
async function startAbove(
  store: Store,
  { origin, id }: Identity,
  kept: Kept,
  size: number,
): Promise<{ readonly integrator: Integrator; readonly acceptance: Acceptance }> {
  const broken = (what: string) => damaged('kept/records.jsonl', undefined, what)
  const [first, ...others] = kept.parts.flatMap(part =>
    'record' in part ? [{ index: part.index, record: parsedOr(part.record, broken) }] : [],
  )
  const log = first?.record.understood && first.record.record.type === 'log' ? first.record.record : undefined
  if (!log || first!.record.leaf !== id || log.origin !== origin)
    throw broken(`it does not begin with the log record of ${quote(origin)} with the id ${id}`)
  const tree = { below: kept.below, root: frontierOf(kept).root() }
  const integrator = kept.below < size ? await Integrator.above(store.objects, tree, size) : undefined
  if (!integrator) throw broken(`the tiles do not go on from the ${kept.below} entries that it is of`)
  const acceptance = new Acceptance(id, log.operators)
  for (const { record, index } of others) acceptance.saved(record, index)
  // Nothing follows in any of these: whoever hands over a part of one again is refused.
  for (const { record } of others) acceptance.seal(record.leaf)
  return { integrator, acceptance }
}

/** Which of the records below the head was altered: the first that shows it. */
async function locateDamage(store: Store, id: string, size: number): Promise<UnavailableError> {
  let acceptance: Acceptance | undefined
  // By stream, the last record when nothing signs it. A batch ends signed, and a head covers whole batches.
  const unsigned = new Map<string, SequencedRecord>()
  for await (const found of store.sequencer.read(0, size)) {
    const { index, record: bytes, place } = found
    const record = parsedOr(bytes, why => damaged(place(), index, why))
    if (!acceptance) {
      if (record.leaf !== id) return damaged(place(), index, 'it is not the log record')
      acceptance = new Acceptance(id, record.understood && record.record.type === 'log' ? record.record.operators : [])
    } else {
      const why = acceptance.describeDamage(record)
      if (why) return damaged(place(), index, why)
      const stream = linkOf(record)!.stream
      if (record.json['sig'] === undefined) unsigned.set(stream, found)
      else unsigned.delete(stream)
    }
    acceptance.saved(record, index)
  }
  for (const { index, place } of unsigned.values()) return damaged(place(), index, 'no signature covers it')
  return damaged('the log', size, `its first ${size} records do not give the root that was signed for them`)
}

/** A parsed record, or the error that `damage` makes of why it cannot be parsed. */
function parsedOr(bytes: Uint8Array, damage: (why: string) => Error): ParsedRecord {
  try {
    return parseRecord(bytes)
  } catch (error) {
    throw damage(`it is no record (${(error as Error).message})`)
  }
}

async function requireKey(store: Store, name: 'log' | 'operator'): Promise<Uint8Array> {
  const seed = await store.keys.get(name)
  if (!seed)
    throw new UnavailableError('log.key', `the ${name} key of this log is not in its private folder`, {
      expected: 'the key the log was made with; without it the log can be read and verified, not written',
    })
  return seed
}

/** Full tiles that may wait to be written before whoever adds records waits for them. */
export const BACKLOG_BYTES_MAX = 64 * 1024 * 1024
