import { sha256Hex } from '#crypto'
import { type Json, recordLeaf } from '../../src/core/record/index.js'
import { edited, type Holds, id, Party, signed, TestLog, type TestStream } from './kit.js'
import type { Evidence, Row } from './rows.js'

/*
 * Attacks that one auditor sees and another does not, by what each of them holds; and what is left of the list of
 * spec/record.md. A row that nobody can see says so with the word of the report for it.
 */

const clerk = new Party('did:example:clerk')
const mallory = new Party('mallory')
const witness = new Party('witness.example/w1')

const WHOLE = 'complete as far as recorded'
const GOOD = 'no exceptions'
const UNTOLD = 'could not check'

const honest = (log = new TestLog()): TestLog => {
  const stream = log.stream(clerk)
  for (let n = 0; n < 4; n++) stream.call({ session: { id: id(1), n } })
  stream.end()
  return log
}

/** The same key and origin, another history of the same length; from entry 0 on, if it is told so. */
function anew(log: TestLog, fromStart: boolean): TestLog {
  const other = new TestLog(fromStart ? { operators: [log.operator, new Party('second operator')] } : {})
  const stream = other.stream(clerk)
  for (let n = 0; n < 4; n++) stream.call({ tool: 'other', session: { id: id(1), n } })
  stream.end()
  return other
}

const shows = (log: TestLog, holds: Holds, size = log.size): Evidence => ({
  entries: log.entries.slice(0, size),
  checkpoint: log.checkpoint({ size }),
  holds,
})

const quorum = [`witness w1 ${witness.vkey(witness.name, 4).text}`, 'quorum w1']

/** Four auditors of a log whose tail was removed, or whose history was written anew, by whoever has its keys. */
function seenBy(
  attack: string,
  hostile: (log: TestLog) => Evidence,
  verdict: { readonly code: 'log.rolled-back' | 'log.forked'; readonly evidence: string; readonly undetected: string },
  more: readonly string[] = [],
): Row[] {
  const build =
    (holds: (log: TestLog) => Holds, cosigned = false): Row['build'] =>
    attacked => {
      const log = honest()
      const evidence = attacked ? hostile(log) : shows(log, {})
      const checkpoint = cosigned && !attacked ? log.checkpoint({ witnesses: [witness] }) : evidence.checkpoint
      return { ...evidence, checkpoint, holds: holds(log) }
    }
  const known = { exit: 1, evidence: verdict.evidence, completeness: UNTOLD, conduct: UNTOLD } as const
  return [
    ...(more.length > 0
      ? []
      : [
          {
            attack: `${attack}: nobody held anything before`,
            holds: 'a trust file',
            build: build(log => ({ trust: log.trust() })),
            exit: 0,
            evidence: 'self-consistent',
            completeness: WHOLE,
            conduct: GOOD,
            codes: [],
            undetected: verdict.undetected,
          } as const,
        ]),
    {
      attack: `${attack}: an earlier checkpoint is held`,
      holds: 'a trust file and an earlier checkpoint',
      build: build(log => ({ trust: log.trust(), held: [log.checkpoint({ size: log.size - 1 })] })),
      ...known,
      codes: [verdict.code, ...more],
    },
    {
      attack: `${attack}: the auditor was here before`,
      holds: 'a trust file and the memory of a visit',
      build: build(log => ({ trust: log.trust(), memory: [{ name: 'memory', note: log.checkpoint({ size: 8 }) }] })),
      ...known,
      codes: [verdict.code, ...more],
    },
    {
      attack: `${attack}: its witness has seen the true one`,
      holds: 'a trust file with a quorum',
      build: build(log => ({ trust: log.trust([clerk], quorum) }), true),
      exit: more.length > 0 ? 1 : 2,
      evidence: more.length > 0 ? 'altered' : 'could not check',
      completeness: more.length > 0 ? UNTOLD : WHOLE,
      conduct: more.length > 0 ? UNTOLD : GOOD,
      codes: ['checkpoint.quorum', ...more],
    },
  ]
}

function written(
  write: (stream: TestStream, log: TestLog, attacked: boolean) => void,
  holds: (log: TestLog) => Holds = log => ({ trust: log.trust() }),
): Row['build'] {
  return attacked => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    stream.call({ session: { id: id(1), n: 0 } })
    write(stream, log, attacked)
    return shows(log, holds(log))
  }
}

const operatorStream = (log: TestLog, by = log.operator): TestStream =>
  log.stream(by, { role: 'operator', agent: { id: 'operator' } })

const incomplete = (row: Pick<Row, 'attack' | 'build' | 'codes'> & Partial<Row>): Row => ({
  holds: 'a trust file',
  exit: 3,
  evidence: 'self-consistent',
  completeness: 'exceptions',
  conduct: GOOD,
  ...row,
})

const unnoticed = (row: Pick<Row, 'attack' | 'build'> & Partial<Row>): Row =>
  incomplete({ exit: 0, completeness: WHOLE, codes: [], ...row })

export const heldRows: readonly Row[] = [
  ...seenBy('the tail is removed', log => shows(log, {}, 6), {
    code: 'log.rolled-back',
    evidence: 'rolled back',
    undetected: 'unseen-tail',
  }),
  ...seenBy('history is written anew', log => shows(anew(log, false), {}), {
    code: 'log.forked',
    evidence: 'forked',
    undetected: 'rewritten-before',
  }),
  ...seenBy(
    'history is written anew from entry 0 on',
    log => shows(anew(log, true), {}),
    { code: 'log.forked', evidence: 'forked', undetected: 'rewritten-before' },
    ['log.id', 'log.operator'],
  ),
  {
    attack: 'everything is removed and nothing is signed, a checkpoint is held',
    holds: 'a trust file and an earlier checkpoint',
    build: attacked => {
      const log = honest()
      return shows(log, { trust: log.trust(), held: [log.checkpoint({ size: 5 })] }, attacked ? 0 : log.size)
    },
    exit: 1,
    evidence: 'rolled back',
    completeness: UNTOLD,
    conduct: UNTOLD,
    codes: ['checkpoint.empty', 'log.rolled-back'],
  },
  {
    attack: 'everything is removed and nothing is signed, nothing is held',
    holds: 'a trust file',
    build: attacked => {
      const log = honest()
      return shows(log, { trust: log.trust() }, attacked ? 0 : log.size)
    },
    exit: 2,
    evidence: 'could not check',
    completeness: WHOLE,
    conduct: GOOD,
    codes: ['checkpoint.empty'],
  },
  {
    attack: 'an earlier checkpoint that another key signed',
    holds: 'a trust file and a checkpoint of somebody',
    build: attacked => {
      const log = honest()
      const other = honest()
      if (attacked) Object.assign(other, { key: mallory })
      return shows(log, { trust: log.trust(), held: [other.checkpoint({ size: 4 })] })
    },
    exit: 2,
    evidence: 'could not check',
    completeness: WHOLE,
    conduct: GOOD,
    codes: ['held.unusable'],
  },
  {
    attack: 'a note that a record cites proves another root',
    holds: 'a trust file, and the log keeps the note',
    build: attacked => {
      const log = new TestLog()
      const stream = log.stream(clerk)
      stream.call()
      const root = attacked ? new Uint8Array(32).fill(7) : log.root(3)
      const note = log.checkpoint({ size: 3, root })
      const after = { ...log.after(3, note), root: Buffer.from(root).toString('hex') }
      stream.add({ type: 'coverage', unseen: ['x'], after })
      return shows(log, { trust: log.trust(), notes: new Map([[sha256Hex(note), note]]) })
    },
    exit: 1,
    evidence: 'forked',
    completeness: UNTOLD,
    conduct: UNTOLD,
    codes: ['log.forked'],
  },
  {
    attack: 'one byte of a record is flipped, and nobody outside is asked',
    holds: 'nothing',
    build: attacked => {
      const log = honest()
      const entries = [...log.entries]
      if (attacked) {
        entries[3] = entries[3]!.slice()
        entries[3]![40]! ^= 1
      }
      return { entries, checkpoint: log.checkpoint(), holds: { self: true } }
    },
    exit: 1,
    evidence: 'altered',
    completeness: UNTOLD,
    conduct: UNTOLD,
    codes: ['root.mismatch', 'entry.suspect', 'record.stray', 'stream.broken', 'outcome.missing', 'stream.miscounted'],
  },
  {
    ...unnoticed({
      attack: 'the whole log is somebody else’s, and nobody outside is asked',
      build: attacked => {
        const log = attacked ? honest(new TestLog({ operators: [mallory] })) : honest()
        if (attacked) Object.assign(log, { key: mallory })
        return shows(log, { self: true })
      },
      undetected: 'keys-in-one-hand',
    }),
    holds: 'nothing',
  },

  // Records in a wrong place, or by a wrong hand.
  unnoticed({
    attack: 'a replayed record: a byte-identical copy',
    build: written((stream, log, attacked) => {
      stream.call()
      if (attacked) log.push(log.entries[4]!)
    }),
    notices: ['record.copied'],
  }),
  unnoticed({
    attack: 'a replayed stream: all of it once more',
    build: written((stream, log, attacked) => {
      stream.end()
      if (attacked) log.entries.push(...log.entries.slice(stream.first))
    }),
    notices: ['record.copied'],
  }),
  unnoticed({
    attack: 'a backdated record, by its own recorder',
    build: written((stream, _, attacked) => {
      stream.add({ type: 'coverage', unseen: ['x'], ...(attacked ? { time: '2020-01-01T00:00:00.000Z' } : {}) })
    }),
    undetected: 'made-up',
  }),
  incomplete({
    attack: 'a backdated record, by the log',
    build: attacked => {
      const log = honest()
      if (attacked)
        log.entries[log.size - 1] = edited(log.entries.at(-1)!, json => {
          json['time'] = '2020-01-01T00:00:00.000Z'
        })
      return shows(log, { trust: log.trust() })
    },
    codes: ['record.stray'],
  }),
  incomplete({
    attack: 'a renumbered stream: its records, one number further, the log signs',
    build: attacked => {
      const log = honest()
      if (attacked)
        log.entries = log.entries.map((entry, index) =>
          index < 4 ? entry : edited(entry, json => Object.assign(json, { seq: (json['seq'] as number) + 1 })),
        )
      return shows(log, { trust: log.trust() })
    },
    codes: ['record.stray'],
  }),
  incomplete({
    attack: 'an agent writes an erasure',
    build: written((stream, log, attacked) => {
      const call = stream.call()
      const body = { type: 'erasure', intents: [call.intent], basis: 'request' }
      if (attacked) stream.add(body)
      else operatorStream(log).add(body)
    }),
    codes: ['operator.only'],
  }),
  incomplete({
    attack: 'somebody who says operator introduces an agent’s key',
    build: written((_, log, attacked) => {
      const agent = new Party('did:example:new')
      const body = { type: 'key', event: 'add', key: agent.key, agent: agent.name }
      operatorStream(log, attacked ? mallory : log.operator).add(body)
      log.stream(agent).call()
    }),
    codes: ['operator.not-counted', 'identity.self-asserted'],
  }),
  incomplete({
    attack: 'a key is used after its operator has retired it',
    build: written((stream, log, attacked) => {
      stream.end()
      operatorStream(log).add({ type: 'key', event: attacked ? 'retire' : 'add', key: clerk.key, agent: clerk.name })
      log.stream(clerk).call()
    }),
    codes: ['identity.contradicted'],
  }),
  incomplete({
    attack: 'a key is used outside the range that the trust file gives it',
    build: attacked => {
      const log = honest()
      log.stream(clerk).call()
      const range = attacked ? `agent ${clerk.vkey().text} 0 5` : `agent ${clerk.vkey().text}`
      return shows(log, { trust: log.trust([], ['quorum none', range]) })
    },
    holds: 'a trust file with a range',
    codes: ['identity.self-asserted'],
  }),
  incomplete({
    attack: 'a stream.start whose signature is of another key',
    build: written((stream, log, attacked) => {
      stream.end()
      const start = JSON.parse(Buffer.from(log.entries[stream.first]!).toString('utf8')) as { [name: string]: Json }
      delete start['sig']
      start['time'] = log.time()
      start['key'] = new Party('a fresh key').key
      log.push(signed(start, attacked ? mallory : clerk))
    }),
    codes: ['record.stray'],
  }),
  incomplete({
    attack: 'a continuation in the middle of a log',
    build: written((stream, log, attacked) => {
      stream.end()
      const operator = operatorStream(log)
      const of = { of: 'ab'.repeat(32), note: 'cd'.repeat(32), size: 3 }
      if (attacked) operator.add({ type: 'continuation', ...of, reason: 'restored' })
      else operator.add({ type: 'coverage', unseen: ['x'] })
    }),
    codes: ['continuation.misplaced'],
  }),
  incomplete({
    attack: 'a decision names rules that are not on record',
    build: written((stream, _, attacked) => {
      const file = { digest: 'ab'.repeat(32), name: 'rules.yaml' }
      const rules = stream.add({ type: 'rules', engine: { name: 'test', version: '1' }, files: [file] })
      stream.call({ more: { decision: { verdict: 'allow', rules: attacked ? 'cd'.repeat(32) : rules } } })
    }),
    codes: ['rules.unknown'],
  }),
  incomplete({
    attack: 'a stream of a log that was copied whole, under a new log record',
    build: attacked => {
      const log = honest()
      const copy = attacked ? new TestLog({ origin: log.origin, operators: [log.operator] }) : log
      if (attacked) {
        const start = edited(copy.entries[0]!, json => Object.assign(json, { time: '2026-01-01T00:00:00.000Z' }))
        const { sig: _, ...body } = JSON.parse(Buffer.from(start).toString('utf8')) as { [name: string]: Json }
        copy.entries = [signed(body, log.operator), ...log.entries.slice(1)]
        Object.assign(copy, { id: recordLeaf(copy.entries[0]!) })
      }
      return shows(copy, { trust: copy.trust() })
    },
    codes: ['stream.foreign'],
  }),
]
