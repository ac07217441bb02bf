import { toHex } from '../core/bytes/hex.js'
import { VerificationError } from '../core/errors.js'
import { parseCheckpoint, parseNote } from '../core/tlog/index.js'
import { Sample } from '../core/verify/index.js'
import { refuseBundle } from './bundle-file.js'
import { type CallRow, listCalls } from './calls.js'
import type { OnProgress } from './feed.js'
import type { LogSource } from './source.js'

/** What was drawn, and from what. */
export interface DrawnSample {
  /** Of the checkpoint that it was drawn under. */
  readonly size: number
  readonly root: string
  /** Calls that it was drawn from. */
  readonly population: number
  /** By their index, each with the rank it was drawn by. */
  readonly calls: readonly (CallRow & { readonly rank: string })[]
}

/**
 * Draws a sample of a log's calls, as spec/sample.md says.
 *
 * @param wanted  `n` from 1; `seed` any text.
 * @throws {VerificationError} `entries.unproven` without a checkpoint, or when the records are not those it covers
 */
export async function sampleCalls(
  source: LogSource,
  { n, seed }: { readonly n: number; readonly seed: string },
  options: { readonly onProgress?: OnProgress } = {},
): Promise<DrawnSample> {
  refuseBundle(source)
  const note = await source.checkpoint()
  if (!note) throw new VerificationError('entries.unproven', 'the log has no signed checkpoint to draw a sample under')
  const { size, root } = parseCheckpoint(parseNote(note).text)
  // The log may grow meanwhile: what is drawn from is what this checkpoint covers.
  const rows = await listCalls({ ...source, checkpoint: async () => note }, {}, options)
  const sample = new Sample<CallRow>(seed, root, n)
  for (const row of rows) sample.add(row.intent, row)
  const calls = sample.drawn().map(({ rank, call }) => ({ ...call, rank }))
  calls.sort((a, b) => a.index - b.index)
  return { size, root: toHex(root), population: sample.population, calls }
}
