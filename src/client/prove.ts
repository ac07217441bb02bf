import { isDeedlogError, MalformedError } from '../core/errors.js'
import {
  type Checkpoint,
  Frontier,
  formatTlogProof,
  leafHash,
  type NodeId,
  nodeInTile,
  parseCheckpoint,
  parseNote,
  planInclusion,
  tileForNode,
  verifyInclusion,
} from '../core/tlog/index.js'
import type { LogSource } from './source.js'
import { readTile } from './tile-check.js'

/**
 * The C2SP tlog-proof of an entry, checked before it is handed out; undefined when the log has no checkpoint that
 * covers it. From tiles where the log has them, else from the entries.
 *
 * @throws {VerificationError} `inclusion` when the log does not hash to its checkpoint
 */
export async function proveEntry(source: LogSource, index: number): Promise<Uint8Array | undefined> {
  const note = await source.checkpoint()
  const checkpoint = note && readCheckpoint(note)
  if (!note || !checkpoint || index >= checkpoint.size) return undefined
  const plan = planInclusion(index, checkpoint.size)
  const proof = plan.fold(
    (await hashesFromTiles(source, plan.nodes, checkpoint.size)) ??
      (await hashesFromEntries(source, plan.nodes, checkpoint.size)),
  )
  for await (const { record } of source.entries({ from: index, to: index + 1 })) {
    verifyInclusion(index, checkpoint.size, leafHash(record), proof, checkpoint.root)
    return formatTlogProof({ index, proof, checkpoint: note })
  }
  throw new MalformedError('call.unknown', `the log has no entry ${index}`)
}

function readCheckpoint(note: Uint8Array): Checkpoint | undefined {
  try {
    return parseCheckpoint(parseNote(note).text)
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  }
}

async function hashesFromTiles(
  source: LogSource,
  nodes: readonly NodeId[],
  size: number,
): Promise<Uint8Array[] | undefined> {
  if (!source.tile) return undefined
  const hashes: Uint8Array[] = []
  for (const node of nodes) {
    const id = tileForNode(node, size)
    const bytes = await readTile(source.tile, id)
    if (bytes?.length !== id.width * 32) return undefined
    hashes.push(nodeInTile(node, id, bytes))
  }
  return hashes
}

/** One pass over the entries; each of the nodes grows as its entries go by. */
async function hashesFromEntries(source: LogSource, nodes: readonly NodeId[], size: number): Promise<Uint8Array[]> {
  const trees = nodes.map(({ level, index }) => ({
    from: index * 2 ** level,
    to: (index + 1) * 2 ** level,
    frontier: Frontier.empty(),
  }))
  for await (const { index, record } of source.entries({ to: size }))
    for (const { from, to, frontier } of trees) if (from <= index && index < to) frontier.append(leafHash(record))
  return trees.map(({ frontier }) => frontier.root())
}
