import type { Layout } from '../log/layout.js'
import { parseStandings, STANDINGS_BYTES_MAX, standingsPath, type WitnessStanding } from '../log/witness-standing.js'
import { readForeignFile } from './read-file.js'

/**
 * The witnesses of a log that did not cosign when they were last asked. The keeper's word, not evidence; what cannot be
 * read is as good as not said.
 */
export async function notWitnessedIn(layout: Layout): Promise<WitnessStanding[]> {
  const bytes = await readForeignFile(standingsPath(layout), STANDINGS_BYTES_MAX).catch(() => undefined)
  return (bytes ? parseStandings(bytes) : []).filter(({ error }) => error !== undefined)
}
