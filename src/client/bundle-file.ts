import { sha256Hex } from '#crypto'
import { MalformedError, quote } from '../core/errors.js'
import { type Disclosure, formatDisclosureSet } from '../core/record/index.js'
import type { Bundle, TreePart } from '../core/verify/index.js'
import { keptIn } from './kept.js'
import type { LogSource, RawEntry } from './source.js'

/** The log that a bundle shows a part of, as a source: its entries are those that it shows. */
export function bundleSource(bundle: Bundle, name: string): LogSource {
  const notes = new Map(bundle.notes.map(note => [sha256Hex(note), note]))
  const disclosures = new Map<string, Map<string, Disclosure>>()
  for (const { index, path, disclosure } of bundle.disclosures) {
    const set = disclosures.get(`${index}`) ?? new Map<string, Disclosure>()
    disclosures.set(`${index}`, set.set(path, disclosure))
  }
  return {
    kind: 'bundle',
    name,
    bundle,
    suppliedTrust: [],
    checkpoint: async () => bundle.checkpoint,
    entries: async function* ({ from = 0, to = Number.POSITIVE_INFINITY } = {}): AsyncGenerator<RawEntry> {
      for (const part of bundle.parts) if ('record' in part && from <= part.index && part.index < to) yield part
    },
    note: async hash => notes.get(hash),
    verifierKeys: async () => bundle.keys,
    disclosures: async index => {
      const set = disclosures.get(`${index}`)
      return set && formatDisclosureSet(set)
    },
    ruleFile: async digest => bundle.files.find(file => sha256Hex(file) === digest),
    close: async () => {},
  }
}

/**
 * For what only a whole log can answer.
 * @throws {MalformedError} `target.kind` for a bundle
 */
export function refuseBundle({ bundle, name }: LogSource): void {
  if (bundle)
    throw new MalformedError('target.kind', `${quote(name)} is a bundle, which shows a part of a log`, {
      expected: 'the log: a folder, a JSONL file or an address',
    })
}

/** The tree of a source's log below `size`, as far as it is here: its entries, or subtrees in their place. */
export async function* partsOf(source: LogSource, size: number): AsyncGenerator<TreePart> {
  if (source.bundle) yield* source.bundle.parts
  else {
    const kept = await keptIn(source)
    yield* kept?.parts ?? []
    yield* source.entries({ from: kept?.below ?? 0, to: size })
  }
}

/**
 * Whether the tree of a source's log can be cut at a size: not where only the hash of a subtree around it is known.
 */
export async function cutsOf(source: LogSource): Promise<(size: number) => boolean> {
  const kept = source.bundle ? undefined : await keptIn(source)
  const parts = source.bundle?.parts ?? kept?.parts ?? []
  const ends = new Set(parts.map(({ index }) => `${index}`))
  const below = source.bundle ? Number.POSITIVE_INFINITY : (kept?.below ?? 0)
  return size => size >= below || ends.has(`${size}`)
}
