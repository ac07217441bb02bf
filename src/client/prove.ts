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
  tilePath,
  verifyInclusion,
} from '../core/tlog/index.js'
import { partsOf } from './bundle-file.js'
import { refusePruned } from './kept.js'
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
  await refusePruned(source, index)
  const plan = planInclusion(index, checkpoint.size)
  const proof = plan.fold(await subtreeHashes(source, plan.nodes, checkpoint.size))
  for await (const { record } of source.entries({ from: index, to: index + 1 })) {
    verifyInclusion(index, checkpoint.size, leafHash(record), proof, checkpoint.root)
    return formatTlogProof({ index, proof, checkpoint: note })
  }
  throw new MalformedError('call.unknown', `the log has no entry ${index}`)
}

/**
 * The hashes of perfect subtrees of a log's tree, none of which overlaps another: from tiles where the log has them, else
 * from the entries. Nothing says that they are right but the root that they lead to.
 */
export const subtreeHashes = async (source: LogSource, nodes: readonly NodeId[], size: number): Promise<Uint8Array[]> =>
  (await hashesFromTiles(source, nodes, size)) ?? (await hashesFromEntries(source, nodes, size))

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
  // Neighbours lie in one tile.
  let last: { readonly path: string; readonly bytes: Uint8Array } | undefined
  for (const node of nodes) {
    const id = tileForNode(node, size)
    const path = tilePath(id)
    const bytes: Uint8Array | undefined = last?.path === path ? last.bytes : await readTile(source.tile, id)
    if (bytes?.length !== id.width * 32) return undefined
    last = { path, bytes }
    hashes.push(nodeInTile(node, id, bytes))
  }
  return hashes
}

/** One pass over the tree; each of the nodes grows as what lies in it goes by. They do not overlap. */
async function hashesFromEntries(source: LogSource, nodes: readonly NodeId[], size: number): Promise<Uint8Array[]> {
  const trees = nodes.map(({ level, index }) => ({
    from: index * 2 ** level,
    to: (index + 1) * 2 ** level,
    frontier: Frontier.empty(),
  }))
  const inOrder = [...trees].sort((a, b) => a.from - b.from)
  let at = 0
  for await (const part of partsOf(source, size)) {
    while (at < inOrder.length && inOrder[at]!.to <= part.index) at++
    const tree = inOrder[at]
    if (!tree) break
    if (part.index < tree.from) continue
    if ('hash' in part) tree.frontier.appendSubtree(part.level, part.hash)
    else tree.frontier.append(leafHash(part.record))
  }
  return trees.map(({ frontier }) => frontier.root())
}
