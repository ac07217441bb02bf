import { sha256Hex } from '#crypto'
import { type Exported, type ExportOptions, exportBundle } from '../../src/client/export.js'
import type { LogSource } from '../../src/client/source.js'
import { Frontier, leafHash, subtreesOf } from '../../src/core/tlog/index.js'
import {
  type Bundle,
  type BundleQuery,
  parseTrust,
  type Report,
  type TreePart,
  verifyBundle,
} from '../../src/core/verify/index.js'

/** A log in memory as a source. */
export const memorySource = (
  entries: readonly Uint8Array[],
  checkpoint: Uint8Array,
  notes: readonly Uint8Array[] = [],
  keys: readonly string[] = [],
): LogSource => ({
  kind: 'jsonl',
  name: 'a log in memory',
  suppliedTrust: [],
  checkpoint: async () => checkpoint,
  entries: async function* ({ from = 0, to = entries.length } = {}) {
    for (let index = from; index < Math.min(to, entries.length); index++) yield { index, record: entries[index]! }
  },
  note: async hash => notes.find(note => sha256Hex(note) === hash),
  verifierKeys: async () => keys,
  close: async () => {},
})

export const exported = (
  log: { readonly entries: readonly Uint8Array[]; checkpoint(): Uint8Array },
  query: ExportOptions['query'],
  notes: readonly Uint8Array[] = [],
): Promise<Exported> => exportBundle(memorySource(log.entries, log.checkpoint(), notes), { query })

export const judged = (bundle: Bundle, trust?: string): Report =>
  verifyBundle(bundle, trust === undefined ? { self: true } : { trust: parseTrust(trust) })

/** A bundle that shows these entries, entry 0 and no others: what a maker with any intention can make. */
export function excerpt(
  log: { readonly entries: readonly Uint8Array[]; checkpoint(): Uint8Array },
  shown: ReadonlySet<number>,
  query: BundleQuery,
): Bundle {
  const parts: TreePart[] = []
  const hide = (from: number, to: number): void => {
    for (const { level, index } of subtreesOf(from, to)) {
      const tree = Frontier.empty()
      for (const entry of log.entries.slice(index * 2 ** level, (index + 1) * 2 ** level)) tree.append(leafHash(entry))
      parts.push({ index: index * 2 ** level, level, hash: tree.root() })
    }
  }
  let from = 0
  for (const [index, record] of log.entries.entries()) {
    if (index > 0 && !shown.has(index)) continue
    hide(from, index)
    parts.push({ index, record })
    from = index + 1
  }
  hide(from, log.entries.length)
  return { keys: [], query, checkpoint: log.checkpoint(), notes: [], anchors: [], parts, files: [], disclosures: [] }
}

/** The lines of a bundle with another end: what somebody can do who changes one. */
export function ended(lines: readonly string[]): Uint8Array {
  const body = lines.map(line => `${line}\n`).join('')
  const end = JSON.stringify({ end: { lines: lines.length, sha256: sha256Hex(new TextEncoder().encode(body)) } })
  return new TextEncoder().encode(`${body}${end}\n`)
}

/** The lines of a bundle without its end. */
export const linesOf = (bytes: Uint8Array): string[] => new TextDecoder().decode(bytes).split('\n').slice(0, -2)
