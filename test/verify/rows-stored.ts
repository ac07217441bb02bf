import {
  canonicalBytes,
  commit,
  discloseInFull,
  discloseInPart,
  formatDisclosure,
  type Json,
} from '../../src/core/record/index.js'
import { decodeBundle, encodeBundle } from '../../src/core/tlog/index.js'
import { Party, TestLog } from './kit.js'

/*
 * Attacks on what lies on the disk, and on disclosures: what no sequence of entries can show.
 */

const clerk = new Party('did:example:clerk')
const witness = new Party('witness.example/w1')
const quorum = [`witness w1 ${witness.vkey(witness.name, 4).text}`, 'quorum w1']

/** A log as somebody finds it, and what came with it. */
export interface Stored {
  /** Files below the target, by path; the target is the folder. None: the target is not there. */
  readonly files?: ReadonlyMap<string, Uint8Array>
  /** A bundle, which is the target then. */
  readonly bundle?: Uint8Array
  /** Checkpoints that the auditor has from elsewhere. */
  readonly held?: readonly Uint8Array[]
  /** Text of the auditor's trust file, beside the target or, by `supplied`, inside it. */
  readonly trust: string
  readonly supplied?: true
  /** A disclosure of `args` of the first call, to be checked instead of the whole log. */
  readonly disclosure?: Uint8Array
}

export interface StoredRow {
  readonly attack: string
  readonly holds: string
  readonly build: (attacked: boolean) => Stored
  readonly exit: 0 | 1 | 2 | 3
  /** The verdicts, or the code of the error that comes instead of a report. */
  readonly answers: readonly [evidence: string, completeness: string, conduct: string] | string
  readonly codes?: readonly string[]
  /** Said of the honest twin, where that is not exit 0. */
  readonly twin?: readonly string[]
  /** Notices that only the hostile one gets. */
  readonly notices?: readonly string[]
  /** Code of what is not excluded, where nobody can tell. */
  readonly undetected?: string
}

const UNTOLD = 'could not check'
const ALTERED = ['altered', UNTOLD, UNTOLD] as const

const long = (): TestLog => {
  const log = new TestLog()
  const stream = log.stream(clerk)
  for (let n = 0; log.size < 600; n++) stream.call({ tool: `tool_${n}` })
  stream.end()
  return log
}

const FIRST = 'tile/entries/000'
const LAST = 'tile/entries/002.p/89'

/** A log of 601 entries in a folder: two full bundles and a partial one. */
const folder =
  (attack: (files: Map<string, Uint8Array>) => void): StoredRow['build'] =>
  attacked => {
    const log = long()
    const files = log.files()
    if (attacked) attack(files)
    return { files, trust: log.trust() }
  }

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at]! ^= 1
  return copy
}

const change = (files: Map<string, Uint8Array>, path: string, to: (bytes: Uint8Array) => Uint8Array): void => {
  const bytes = files.get(path)
  if (!bytes) throw new Error(`the log has no ${path}: ${[...files.keys()].join(', ')}`)
  files.set(path, to(bytes))
}

const value: Json = { payment: { amount: 5, iban: 'DE1' }, note: 'x' }
const key = new Uint8Array(32).fill(9)
const amount = ['payment', 'amount']

/** A disclosure of the arguments of a call, honest or as somebody made it up. */
const disclosed = (
  attack: string,
  makeUp: (honest: { salt: string; paths: Json[]; fields: Json[] }) => Json,
  answers: string,
  exit: 1 | 2 = 2,
): StoredRow => ({
  attack: `a disclosure ${attack}`,
  holds: 'the log, and a disclosure',
  build: attacked => {
    const log = new TestLog()
    log.stream(clerk).call({ more: { args: commit(value, key) as unknown as Json } })
    const partial = discloseInPart(value, key, [amount])
    const honest = JSON.parse(Buffer.from(formatDisclosure(partial)).toString('utf8'))
    return {
      files: log.files(),
      trust: log.trust(),
      disclosure: attacked ? canonicalBytes(makeUp(honest)) : formatDisclosure(partial),
    }
  },
  exit,
  answers,
})

export const storedRows: readonly StoredRow[] = [
  {
    attack: 'a record is edited in its bundle, its tile stays',
    holds: 'a trust file',
    build: folder(files =>
      change(files, FIRST, bytes => {
        const entries = decodeBundle(bytes, 256)
        entries[40] = flipped(entries[40]!, 60)
        return encodeBundle(entries)
      }),
    ),
    exit: 1,
    answers: ALTERED,
    codes: [
      'entry.altered',
      'outcome.without-intent',
      'record.stray',
      'root.mismatch',
      'stream.broken',
      'stream.miscounted',
    ],
  },
  {
    attack: 'a hash in a tile is edited, the records stay',
    holds: 'a trust file',
    build: folder(files => change(files, 'tile/0/001', bytes => flipped(bytes, 100))),
    exit: 1,
    answers: ALTERED,
    codes: ['tile.altered'],
  },
  {
    attack: 'a bundle is overwritten with noise',
    holds: 'a trust file',
    build: folder(files => change(files, FIRST, bytes => flipped(bytes, 0))),
    exit: 1,
    answers: ALTERED,
    codes: ['entries.unreadable', 'entry.altered'],
  },
  {
    attack: 'the first bundle is gone, and nobody promised to keep it no longer',
    holds: 'a trust file',
    build: folder(files => void files.delete(FIRST)),
    exit: 1,
    answers: ['pruned, not permitted', UNTOLD, UNTOLD],
    codes: ['entries.pruned-not-permitted'],
  },
  {
    attack: 'the last bundle is gone',
    holds: 'a trust file',
    build: folder(files => void files.delete(LAST)),
    exit: 1,
    answers: ALTERED,
    codes: ['entries.missing'],
  },
  {
    attack: 'a bundle in the middle is gone',
    holds: 'a trust file',
    build: folder(files => void files.delete('tile/entries/001')),
    exit: 1,
    answers: ALTERED,
    codes: ['entries.missing'],
  },
  {
    attack: 'all bundles are gone, the checkpoint stays',
    holds: 'a trust file',
    build: folder(files => {
      for (const path of files.keys()) if (path.startsWith('tile/entries/')) files.delete(path)
    }),
    exit: 1,
    answers: ALTERED,
    codes: ['entries.missing'],
  },
  {
    attack: 'the checkpoint is gone',
    holds: 'a trust file',
    build: folder(files => void files.delete('checkpoint')),
    exit: 2,
    answers: [UNTOLD, UNTOLD, UNTOLD],
    codes: ['checkpoint.missing'],
  },
  {
    attack: 'the log is deleted, its folder stays',
    holds: 'a trust file',
    build: folder(files => files.clear()),
    exit: 2,
    answers: 'target.no-log',
  },
  {
    attack: 'the log is deleted',
    holds: 'a trust file',
    build: attacked => {
      const log = long()
      return attacked ? { trust: log.trust() } : { trust: log.trust(), files: log.files() }
    },
    exit: 2,
    answers: 'target.missing',
  },
  {
    attack: 'the trust file comes with the log',
    holds: 'nothing',
    build: attacked => {
      const log = long()
      return { files: log.files(), trust: log.trust(), ...(attacked ? { supplied: true } : {}) }
    },
    exit: 2,
    answers: [UNTOLD, 'complete as far as recorded', 'no exceptions'],
    codes: ['trust.supplied'],
  },

  {
    attack: 'no witness has seen the log for longer than the auditor allows',
    holds: 'a trust file with a quorum and a lag',
    build: attacked => {
      const log = new TestLog()
      log.stream(clerk).call()
      const lag = `lag ${attacked ? 60 : 2 ** 53 - 1}`
      return { files: log.files(log.checkpoint({ witnesses: [witness] })), trust: log.trust([clerk], [...quorum, lag]) }
    },
    exit: 2,
    answers: [UNTOLD, 'complete as far as recorded', 'no exceptions'],
    codes: ['checkpoint.stale'],
  },

  disclosed(
    'of another value in one field',
    ({ fields, ...rest }) => ({ ...rest, fields: shown(fields, 500) }),
    'disclosure.mismatch',
    1,
  ),
  disclosed(
    'in full of another value',
    () => discloseInFull({ ...(value as object), note: 'y' }, key) as unknown as Json,
    'disclosure.mismatch',
    1,
  ),
  disclosed(
    'under another key',
    () => discloseInFull(value, new Uint8Array(32).fill(8)) as unknown as Json,
    'disclosure.mismatch',
    1,
  ),
  disclosed(
    'that shows one path twice, with two values',
    ({ paths, fields, salt }) => ({ salt, paths: [...paths, amount], fields: [...fields, { salt, value: 500 }] }),
    'disclosure.paths',
  ),
  disclosed(
    'that leaves a path out',
    ({ paths, fields, salt }) => ({ salt, paths: paths.slice(1), fields: fields.slice(1) }),
    'disclosure.mismatch',
    1,
  ),
  disclosed('whose salt is cut', ({ salt: _, ...rest }) => ({ ...rest, salt: 'AAAA' }), 'disclosure.salt'),
  disclosed('with a member more', honest => ({ ...honest, note: 'trust me' }), 'disclosure.members'),
]

const shown = (fields: readonly Json[], value: Json): Json[] =>
  fields.map(field => (typeof field === 'object' && field !== null && 'value' in field ? { ...field, value } : field))
