import { sha256Hex } from '#crypto'
import { type ParsedRecord, parseRecord } from '../../src/core/record/index.js'
import { formatKept, KeptParts, KeptPlan } from '../../src/core/verify/index.js'
import { edited, Party, signed, TestLog } from './kit.js'
import type { Stored, StoredRow } from './rows-stored.js'

/*
 * Attacks on the promise to keep: spec/record.md section 7, "Pruning", and spec/kept.md. The honest twin of each was
 * pruned as its entry 0 had promised.
 */

const clerk = new Party('did:example:clerk')
const witness = new Party('witness.example/w1')
const mallory = new Party('mallory')
const quorum = [`witness w1 ${witness.vkey(witness.name, 4).text}`, 'quorum w1']
const BELOW = 256
/** The witness saw it on a day that is past, so that a promise of no days at all is over. */
const OVER = 0
const CENTURY = 36_525

const parsed = (entry: Uint8Array): ParsedRecord | undefined => {
  try {
    return parseRecord(entry)
  } catch {
    return undefined
  }
}

interface Wishes {
  readonly days?: number
  readonly across?: boolean
}

/** Below 256 an agent's stream, an operator's with the word that a key is lost, and another agent's; more above. */
function long({ days = OVER, across = false }: Wishes = {}): TestLog {
  const log = new TestLog(days < 0 ? {} : { retentionDays: days })
  const one = log.stream(clerk)
  while (log.size < 100) one.call()
  one.end()
  const operator = log.stream(log.operator, { role: 'operator', agent: { id: 'operator' } })
  operator.add({ type: 'key', event: 'compromised', key: new Party('did:example:lost').key })
  operator.end()
  const two = log.stream(clerk)
  while (log.size < BELOW - 1) two.add({ type: 'coverage', unseen: ['x'] })
  if (across) two.call()
  two.end()
  const three = log.stream(clerk)
  while (log.size < 400) three.call()
  three.end()
  return log
}

const at = (log: TestLog, type: string): number => log.entries.findIndex(entry => parsed(entry)?.json['type'] === type)

const seen = (log: TestLog, size = log.size): Uint8Array => log.checkpoint({ size, witnesses: [witness] })

/** The folder of a log whose first entries were pruned, keeping what is due but for what an attacker would rather hide. */
function pruned(log: TestLog, hides: (index: number) => boolean = () => false, checkpoint = seen(log)): Stored {
  const plan = new KeptPlan()
  for (const [index, entry] of log.entries.entries()) plan.add(index, parsed(entry))
  const parts = new KeptParts()
  for (const [index, entry] of log.entries.slice(0, BELOW).entries())
    if (plan.isPrunable(index, parsed(entry)) || hides(index)) parts.hideEntry(entry)
    else parts.keep(entry)
  const files = log.files(checkpoint)
  for (const path of ['tile/entries/000', 'tile/0/000']) files.delete(path)
  files.set('kept/records.jsonl', formatKept({ below: BELOW, notes: [], parts: parts.finish() }))
  return { files, trust: log.trust([clerk], quorum) }
}

const UNTOLD = 'could not check'
const forbidden = (attack: string, build: () => Stored): StoredRow => ({
  attack: `pruned: ${attack}`,
  holds: 'a trust file with a quorum',
  build: attacked => (attacked ? build() : pruned(long())),
  exit: 1,
  answers: ['pruned, not permitted', UNTOLD, UNTOLD],
  codes: ['entries.pruned-not-permitted'],
})

const changed = (change: (text: string) => string): Stored => {
  const stored = pruned(long())
  const files = new Map(stored.files)
  const path = 'kept/records.jsonl'
  files.set(path, new TextEncoder().encode(change(new TextDecoder().decode(files.get(path)!))))
  return { ...stored, files }
}

/** The lines of what is kept, changed, with an end that fits. */
const rewritten = (change: (lines: string[]) => string[]): Stored =>
  changed(text => {
    const lines = change(text.split('\n').slice(0, -2))
    const body = lines.map(line => `${line}\n`).join('')
    const end = { lines: lines.length, sha256: sha256Hex(new TextEncoder().encode(body)) }
    return `${body}${JSON.stringify({ end })}\n`
  })

export const prunedRows: readonly StoredRow[] = [
  forbidden('nobody had promised a retention', () => pruned(long({ days: -1 }))),
  forbidden('before the time was over', () => pruned(long({ days: CENTURY }))),
  forbidden('a stream goes on above', () => pruned(long({ across: true }))),
  forbidden('the word that a key is lost is left out', () => {
    const log = long()
    return pruned(log, index => index === at(log, 'key'))
  }),
  forbidden('the operator’s stream that says so is left out whole', () => {
    const log = long()
    return pruned(log, index => Math.abs(index - at(log, 'key')) <= 1)
  }),
  forbidden('the last record of an agent’s stream is left out', () => {
    const log = long()
    return pruned(log, index => index === at(log, 'stream.end'))
  }),
  {
    ...forbidden('the start of an agent’s stream is left out', () => pruned(long(), index => index === 1)),
    codes: ['entries.pruned-not-permitted', 'record.unattributed'],
  },
  forbidden('what is kept is cut off', () => changed(text => text.slice(0, 1000))),
  forbidden('what is kept is gone', () => {
    const stored = pruned(long())
    const files = new Map(stored.files)
    files.delete('kept/records.jsonl')
    return { ...stored, files }
  }),
  {
    ...forbidden('a second log record promises less than the first', () => {
      const log = long({ days: CENTURY })
      log.push(
        signed(
          {
            ...(JSON.parse(new TextDecoder().decode(edited(log.entries[0]!, json => delete json['sig']))) as object),
            retention: { days: OVER },
          },
          log.operator,
        ),
      )
      return pruned(log)
    }),
    codes: ['entries.pruned-not-permitted', 'log.record-misplaced'],
  },
  {
    ...forbidden('an agent promises less than the log', () => {
      const log = new TestLog({ retentionDays: CENTURY, operators: [new Party('operator example.com/deeds'), mallory] })
      const stream = log.stream(clerk)
      while (log.size < BELOW - 1) stream.call()
      stream.add({ type: 'coverage', unseen: ['x'], 'com.example.retention': { days: OVER } })
      if (log.size < BELOW) stream.end()
      const next = log.stream(clerk)
      while (log.size < 400) next.call()
      next.end()
      return { ...pruned(log), trust: log.trust([clerk], [`operator ${mallory.vkey().text}`, ...quorum]) }
    }),
  },
  {
    ...forbidden('a kept record is edited', () =>
      rewritten(lines => lines.map(line => line.replace('"compromised"', '"retire"'))),
    ),
    answers: ['altered', UNTOLD, UNTOLD],
    codes: ['record.unattributed', 'root.mismatch', 'stream.broken'],
  },
  {
    ...forbidden('a kept record is left out, with its place', () =>
      rewritten(lines => lines.filter(line => !line.includes('"compromised"'))),
    ),
  },
  {
    ...forbidden('nobody outside says when it was there', () => {
      const log = long()
      return { ...pruned(log, undefined, log.checkpoint()), trust: log.trust([clerk]) }
    }),
    exit: 2,
    answers: [UNTOLD, 'no exceptions in what is shown', 'no exceptions in what is shown'],
    codes: ['entries.pruned'],
  },
]
