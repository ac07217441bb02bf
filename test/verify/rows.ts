import { canonicalBytes, type Json, recordLeaf } from '../../src/core/record/index.js'
import { edited, type Holds, id, Party, signed, TestLog, type TestStream } from './kit.js'

const clerk = new Party('did:example:clerk')
const mallory = new Party('mallory')
const anna = new Party('anna')
const witness = new Party('witness.example/w1')

/** What an auditor is shown, and what they brought. */
export interface Evidence {
  readonly entries: readonly Uint8Array[]
  readonly checkpoint: Uint8Array | undefined
  readonly holds: Holds
}

/** What the auditor holds, the attack, and the answers. Without the attack, the same log has nothing to report. */
export interface Row {
  readonly attack: string
  /** In words, for whoever reads the table. */
  readonly holds: string
  readonly build: (attacked: boolean) => Evidence
  /** 0 where nobody can tell: then `undetected` names what the report says it does not exclude. */
  readonly exit: 0 | 1 | 2 | 3
  readonly evidence: string
  readonly completeness: string
  readonly conduct: string
  readonly codes: readonly string[]
  /** Said of the honest twin, where that is not exit 0: an honest log can have exceptions too. */
  readonly twin?: readonly string[]
  /** Notices that only the hostile log gets. */
  readonly notices?: readonly string[]
  /** Code of what is not excluded. */
  readonly undetected?: string
}

const WHOLE = 'complete as far as recorded'
const GOOD = 'no exceptions'
const UNTOLD = 'could not check'

/** A log with three calls in one stream; the attack changes it while it is written, or afterwards. */
function written(
  write: (stream: TestStream, log: TestLog, attacked: boolean) => void,
  after: (log: TestLog) => Partial<Evidence> = () => ({}),
  holds: (log: TestLog) => Holds = log => ({ trust: log.trust() }),
): Row['build'] {
  return attacked => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    stream.call({ session: { id: id(1), n: 0 } })
    write(stream, log, attacked)
    const checkpoint = log.checkpoint()
    return { entries: log.entries, checkpoint, holds: holds(log), ...(attacked ? after(log) : {}) }
  }
}

const threeCalls = (stream: TestStream): void => {
  stream.call({ session: { id: id(1), n: 1 } })
  stream.call({ session: { id: id(1), n: 2 } })
  stream.end()
}

/** The attack happens to a finished log whose checkpoint stays as it was. */
const tampered = (after: (entries: Uint8Array[], log: TestLog) => Uint8Array[]): Row['build'] =>
  written(threeCalls, log => ({ entries: after([...log.entries], log) }))

/** The log's operator does it, and signs the outcome: only records and what the auditor holds can tell. */
const resigned = (
  after: (entries: Uint8Array[], log: TestLog) => Uint8Array[],
  holds?: (log: TestLog) => Holds,
): Row['build'] =>
  written(
    threeCalls,
    log => {
      log.entries = after([...log.entries], log)
      return { entries: log.entries, checkpoint: log.checkpoint() }
    },
    holds,
  )

const altered = (row: Pick<Row, 'attack' | 'build' | 'codes'>): Row => ({
  ...row,
  holds: 'a trust file',
  exit: 1,
  evidence: 'altered',
  completeness: UNTOLD,
  conduct: UNTOLD,
})

const excepted = (row: Pick<Row, 'attack' | 'build' | 'codes'> & Partial<Row>): Row => ({
  holds: 'a trust file',
  exit: 3,
  evidence: 'self-consistent',
  completeness: WHOLE,
  conduct: GOOD,
  ...row,
})

const incomplete = (row: Pick<Row, 'attack' | 'build' | 'codes'> & Partial<Row>): Row =>
  excepted({ completeness: 'exceptions', ...row })
const misconduct = (row: Pick<Row, 'attack' | 'build' | 'codes'> & Partial<Row>): Row =>
  excepted({ conduct: 'exceptions', ...row })

export const rows: readonly Row[] = [
  // The tree: somebody without the log's key.
  altered({
    attack: 'one byte of a record is flipped',
    build: tampered(entries => {
      entries[3] = entries[3]!.slice()
      entries[3]![40]! ^= 1
      return entries
    }),
    codes: ['root.mismatch', 'entry.suspect', 'record.stray', 'stream.broken', 'outcome.missing', 'stream.miscounted'],
  }),
  altered({
    attack: 'a record is edited and not signed again',
    build: tampered(entries => {
      entries[4] = edited(entries[4]!, json => {
        json['tool'] = { name: 'refund' }
      })
      return entries
    }),
    codes: [
      'root.mismatch',
      'entry.suspect',
      'record.stray',
      'stream.broken',
      'outcome.without-intent',
      'stream.miscounted',
      'session.gap',
    ],
  }),
  altered({
    attack: 'entry 0 is edited',
    build: tampered(entries => {
      entries[0] = edited(entries[0]!, json => {
        json['retention'] = { days: 1 }
      })
      return entries
    }),
    codes: ['root.mismatch', 'entry.suspect', 'log.record', 'log.id', 'stream.foreign'],
  }),
  altered({
    attack: 'two records change places',
    build: tampered(entries => {
      const [a, b] = [entries[3]!, entries[4]!]
      entries[3] = b
      entries[4] = a
      return entries
    }),
    codes: ['root.mismatch', 'stream.out-of-order'],
  }),
  altered({
    attack: 'a record is deleted',
    build: tampered(entries => {
      entries.splice(4, 1)
      return entries
    }),
    codes: ['entries.missing', 'stream.broken', 'outcome.without-intent', 'stream.miscounted', 'session.gap'],
  }),
  altered({
    attack: 'a record is inserted',
    build: tampered((entries, log) => {
      const other = new TestLog()
      const stranger = other.stream(mallory)
      stranger.call()
      entries.splice(3, 0, other.entries[2]!)
      return entries.slice(0, log.size)
    }),
    codes: ['root.mismatch', 'entry.suspect', 'record.stray'],
  }),
  altered({
    attack: 'the last records are cut off, the checkpoint stays',
    build: tampered(entries => entries.slice(0, -2)),
    codes: ['entries.missing'],
  }),
  altered({
    attack: 'a byte of the checkpoint is flipped: its root',
    build: written(threeCalls, log => {
      const checkpoint = log.checkpoint()
      checkpoint[log.origin.length + 8]! ^= 1
      return { checkpoint }
    }),
    codes: ['checkpoint.signature', 'root.mismatch'],
  }),
  altered({
    attack: 'a byte of the checkpoint is flipped: its signature',
    build: written(threeCalls, log => {
      const checkpoint = log.checkpoint()
      checkpoint[checkpoint.length - 20]! = checkpoint[checkpoint.length - 20] === 0x41 ? 0x42 : 0x41
      return { checkpoint }
    }),
    codes: ['checkpoint.signature'],
  }),
  altered({
    attack: 'the checkpoint is replaced by noise',
    build: written(threeCalls, () => ({ checkpoint: Uint8Array.of(1, 2, 3) })),
    codes: ['checkpoint.malformed'],
  }),
  altered({
    attack: 'a history is written anew and signed with another log key',
    build: written(threeCalls, log => {
      const forged = new TestLog({ origin: log.origin, operators: [mallory] })
      Object.assign(forged, { key: mallory })
      forged.stream(clerk).call()
      return { entries: forged.entries, checkpoint: forged.checkpoint() }
    }),
    codes: ['checkpoint.unsigned', 'log.id', 'log.operator'],
  }),

  // The log's own key helps.
  {
    ...altered({
      attack: 'the tail is removed and the rest signed, an older checkpoint is held',
      build: resigned(
        entries => entries.slice(0, -3),
        log => ({ trust: log.trust(), held: [heldOf(log)] }),
      ),
      codes: ['log.rolled-back'],
    }),
    holds: 'a trust file and an earlier checkpoint',
    evidence: 'rolled back',
  },
  {
    ...altered({
      attack: 'history is rewritten and signed, an older checkpoint is held',
      build: resigned(
        (entries, log) => [...entries.slice(0, 2), ...rewritten(log)],
        log => ({ trust: log.trust(), held: [heldOf(log)] }),
      ),
      codes: ['log.forked'],
    }),
    holds: 'a trust file and an earlier checkpoint',
    evidence: 'forked',
  },
  altered({
    attack: 'the log record is signed by another than operators[0]',
    build: attacked => {
      const log = new TestLog(attacked ? { signer: mallory } : {})
      log.stream(clerk).call()
      return { entries: log.entries, checkpoint: log.checkpoint(), holds: { trust: log.trust() } }
    },
    codes: ['log.record'],
  }),
  altered({
    attack: 'the log names an operator whom the trust file does not',
    build: attacked => {
      const log = new TestLog(attacked ? { operators: [new Party('operator example.com/deeds'), mallory] } : {})
      log.stream(clerk).call()
      return { entries: log.entries, checkpoint: log.checkpoint(), holds: { trust: log.trust() } }
    },
    codes: ['log.operator'],
  }),
  altered({
    attack: 'mixed origins: records of one log under the checkpoint of another',
    build: attacked => {
      const log = new TestLog()
      log.stream(clerk).call()
      const other = new TestLog({ origin: 'example.com/other' })
      const checkpoint = attacked ? other.checkpoint({ size: log.size, root: log.root() }) : log.checkpoint()
      const trust = `${log.trust()}log ${other.key.vkey(other.origin).text}\n`
      return { entries: log.entries, checkpoint, holds: { trust } }
    },
    codes: ['log.origin'],
  }),
  {
    attack: 'another log under the same trust file',
    holds: 'a trust file for a log of another origin',
    build: attacked => {
      const log = new TestLog()
      log.stream(clerk).call()
      const other = attacked ? new TestLog({ origin: 'example.com/other' }) : log
      if (attacked) other.stream(clerk).call()
      return { entries: other.entries, checkpoint: other.checkpoint(), holds: { trust: log.trust() } }
    },
    exit: 1,
    evidence: 'altered',
    completeness: UNTOLD,
    conduct: UNTOLD,
    codes: ['trust.other-log', 'log.id', 'log.operator'],
  },
  incomplete({
    attack: 'a second log record is let in',
    build: written((stream, log, attacked) => {
      if (attacked) log.push(new TestLog({ operators: [mallory] }).entries[0]!)
      threeCalls(stream)
    }),
    codes: ['log.record-misplaced'],
  }),

  // Whose stream.
  incomplete({
    attack: 'a stream of another log is copied in',
    build: written((stream, log, attacked) => {
      threeCalls(stream)
      const other = attacked ? new TestLog({ origin: 'example.com/other' }) : log
      const before = other.size
      const foreign = other.stream(clerk)
      foreign.call({ verdict: 'allow' })
      foreign.end()
      if (attacked) log.entries.push(...other.entries.slice(before))
    }),
    codes: ['stream.foreign'],
  }),
  incomplete({
    attack: 'records under another stream’s id, signed with one’s own key',
    build: written((stream, log, attacked) => {
      threeCalls(stream)
      if (!attacked) return
      const squatter = signed(
        {
          v: 1,
          type: 'loss',
          stream: stream.id,
          seq: 3,
          prev: stream.prev,
          time: log.time(),
          reason: 'squatted',
        },
        mallory,
      )
      log.push(squatter)
    }),
    codes: ['record.stray'],
  }),
  incomplete({
    attack: 'a second start with the id of another stream in its members',
    build: written((stream, log, attacked) => {
      threeCalls(stream)
      if (!attacked) return
      const start = JSON.parse(Buffer.from(log.entries[1]!).toString('utf8')) as { [name: string]: Json }
      start['identity'] = mallory.key
      start['key'] = mallory.key
      delete start['sig']
      const squatted = signed(start, mallory)
      log.push(squatted)
      log.push(
        signed(
          { v: 1, type: 'loss', stream: stream.id, seq: 1, prev: recordLeaf(squatted), time: log.time(), reason: 'x' },
          mallory,
        ),
      )
    }),
    codes: ['record.stray', 'identity.contradicted'],
  }),
  incomplete({
    attack: 'an agent whom the trust file does not list',
    build: written((stream, log, attacked) => {
      threeCalls(stream)
      log.stream(attacked ? mallory : clerk).call()
    }),
    codes: ['identity.self-asserted'],
  }),
  incomplete({
    attack: 'a listed agent under another key',
    build: written((stream, log, attacked) => {
      threeCalls(stream)
      log.stream(clerk).call()
      if (!attacked) return
      const impostor = Object.assign(new Party('impostor'), { name: clerk.name })
      log.stream(impostor).call()
    }),
    codes: ['identity.contradicted'],
  }),
  incomplete({
    attack: 'a stream says operator and is none',
    build: written((stream, log, attacked) => {
      threeCalls(stream)
      const operator = attacked ? mallory : log.operator
      log.stream(operator, { role: 'operator', agent: { id: 'operator' } }).call()
    }),
    codes: ['operator.not-counted'],
  }),
  incomplete({
    attack: 'an agent writes a key record',
    build: written((stream, log, attacked) => {
      const body = { type: 'key', event: 'add', key: anna.key, agent: 'anna' }
      if (attacked) stream.add(body)
      else log.stream(log.operator, { role: 'operator', agent: { id: 'operator' } }).add(body)
      threeCalls(stream)
    }),
    codes: ['operator.only'],
  }),
  incomplete({
    attack: 'an agent settles its own call',
    build: written((stream, log, attacked) => {
      const call = stream.intent()
      stream.outcome(call, 'unknown', 'unknown')
      const settle = { type: 'settlement', intent: call.intent, result: 'succeeded', basis: 'ledger' }
      if (attacked) stream.add(settle)
      log.stream(log.operator, { role: 'operator', agent: { id: 'operator' } }).add(settle)
      stream.call()
    }),
    codes: ['operator.only'],
  }),
  incomplete({
    attack: 'a key is used although it was compromised',
    build: written((stream, log, attacked) => {
      threeCalls(stream)
      const operator = log.stream(log.operator, { role: 'operator', agent: { id: 'operator' } })
      if (attacked) operator.add({ type: 'key', event: 'compromised', key: clerk.key, since: 4 })
      else operator.add({ type: 'key', event: 'add', key: clerk.key, agent: clerk.name })
      log.stream(clerk).call()
    }),
    codes: ['identity.contradicted', 'key.disputed'],
  }),

  // Streams.
  incomplete({
    attack: 'a stray: a record that no signature covers',
    build: written((stream, log, attacked) => {
      threeCalls(stream)
      const other = log.stream(clerk)
      other.call()
      if (attacked) log.push(other.make({ type: 'loss', reason: 'stray' }, mallory))
    }),
    codes: ['record.stray'],
  }),
  incomplete({
    attack: 'a small-order key as the key of a stream',
    build: written((stream, log, attacked) => {
      threeCalls(stream)
      // The neutral element: whatever k is, [k]A is it again.
      const neutral = Buffer.concat([Buffer.of(1, 1), Buffer.alloc(31)]).toString('base64')
      const weak = log.stream(clerk, attacked ? { key: neutral } : {})
      // Under it, R = the neutral element and S = 0 is a signature of every message for lenient verifiers.
      if (attacked)
        log.push(
          canonicalBytes({
            v: 1,
            type: 'loss',
            reason: 'forged',
            stream: weak.id,
            seq: 1,
            prev: weak.prev,
            time: log.time(),
            sig: Buffer.concat([Buffer.of(1), Buffer.alloc(63)]).toString('base64'),
          }),
        )
    }),
    codes: ['record.stray'],
  }),
  incomplete({
    attack: 'a fork: two signed records for one place',
    build: written((stream, log, attacked) => {
      const at = { seq: stream.seq, prev: stream.prev }
      threeCalls(stream)
      if (!attacked) return
      log.push(
        signed(
          { v: 1, type: 'loss', reason: 'fork', stream: stream.id, seq: at.seq + 1, prev: at.prev, time: log.time() },
          stream.key,
        ),
      )
    }),
    codes: ['stream.forked', 'stream.out-of-order', 'loss.recorded', 'stream.after-end'],
  }),
  incomplete({
    attack: 'a record is left out inside a stream, the log signs',
    build: resigned(entries => entries.filter((_, index) => index !== 5)),
    codes: ['stream.broken', 'outcome.missing', 'stream.miscounted'],
  }),
  incomplete({
    attack: 'records out of order, the log signs',
    build: resigned(entries => [...entries.slice(0, 3), entries[4]!, entries[3]!, ...entries.slice(5)]),
    codes: ['stream.out-of-order'],
  }),
  incomplete({
    attack: 'a record is edited without the stream’s key, the log signs',
    build: resigned(entries => {
      entries[4] = edited(entries[4]!, json => {
        json['tool'] = { name: 'refund' }
      })
      return entries
    }),
    codes: ['record.stray', 'stream.broken', 'outcome.without-intent', 'stream.miscounted', 'session.gap'],
  }),
  incomplete({
    attack: 'the stream’s key is used after stream.end',
    build: written((stream, _, attacked) => {
      threeCalls(stream)
      if (attacked) stream.call({ session: { id: id(2), n: 0 } })
    }),
    codes: ['stream.after-end'],
  }),
  incomplete({
    attack: 'a stream ends with a count of its own',
    build: written((stream, _, attacked) => {
      stream.end(0, attacked ? 7 : stream.calls)
    }),
    codes: ['stream.miscounted'],
  }),
  incomplete({
    attack: 'a malformed entry is let in',
    build: written((stream, log, attacked) => {
      if (attacked) log.push(Uint8Array.from(Buffer.from('{"v": 1}')))
      threeCalls(stream)
    }),
    codes: ['entry.malformed'],
  }),
  {
    ...incomplete({
      attack: 'a record of an unknown type',
      build: written((stream, _, attacked) => {
        if (attacked) stream.add({ type: 'parole' })
        threeCalls(stream)
      }),
      codes: ['record.not-understood'],
    }),
    exit: 2,
    completeness: UNTOLD,
  },
  {
    ...incomplete({
      attack: 'a record with a critical member that is not known',
      build: written((stream, _, attacked) => {
        const call = stream.intent()
        stream.outcome(call, 'succeeded', 'yes', attacked ? { 'com.example.x': 1, crit: ['com.example.x'] } : {})
        threeCalls(stream)
      }),
      codes: ['record.not-understood'],
    }),
    exit: 2,
    completeness: UNTOLD,
  },
  incomplete({
    attack: 'a recovery that does not name the newest record',
    build: written((stream, log, attacked) => {
      const call = stream.intent()
      stream.outcome(call, 'succeeded')
      const next = log.stream(clerk)
      next.add({
        type: 'recovery',
        of: stream.id,
        last: attacked ? stream.id : stream.prev,
        lastSeq: attacked ? 0 : stream.seq,
      })
    }),
    codes: ['recovery.false'],
  }),
  incomplete({
    attack: 'a stream goes on after its recovery',
    build: written((stream, log, attacked) => {
      const next = log.stream(clerk)
      next.add({ type: 'recovery', of: stream.id, last: stream.prev, lastSeq: stream.seq })
      ;(attacked ? stream : next).call()
    }),
    codes: ['recovery.alive'],
  }),
  incomplete({
    attack: 'a recovery by another agent',
    build: written(
      (stream, log, attacked) => {
        const next = log.stream(attacked ? mallory : clerk)
        next.add({ type: 'recovery', of: stream.id, last: stream.prev, lastSeq: stream.seq })
      },
      undefined,
      log => ({ trust: log.trust([clerk, mallory]) }),
    ),
    codes: ['recovery.false'],
  }),
  incomplete({
    attack: 'a record cites a checkpoint that never was',
    build: written((stream, log, attacked) => {
      const after = log.after()
      stream.add({ type: 'loss', reason: 'x', after: attacked ? { ...after, root: 'ab'.repeat(32) } : after })
    }),
    codes: ['after.disputed', 'loss.recorded'],
    twin: ['loss.recorded'],
  }),
  incomplete({
    attack: 'a record cites a checkpoint of the future',
    build: written((stream, log, attacked) => {
      const after = log.after()
      stream.add({ type: 'loss', reason: 'x', after: attacked ? { ...after, size: 1000 } : after })
    }),
    codes: ['after.disputed', 'loss.recorded'],
    twin: ['loss.recorded'],
  }),

  // Sessions and calls.
  incomplete({
    attack: 'a session lacks a call',
    build: written((stream, _, attacked) => {
      stream.call({ session: { id: id(1), n: attacked ? 2 : 1 } })
      stream.end()
    }),
    codes: ['session.gap'],
  }),
  incomplete({
    attack: 'a session counts one number twice',
    build: written((stream, _, attacked) => {
      stream.call({ session: { id: id(1), n: attacked ? 0 : 1 } })
    }),
    codes: ['session.gap'],
  }),
  incomplete({
    attack: 'a session ends with more calls than are here',
    build: written((stream, _, attacked) => {
      stream.add({ type: 'session.end', session: id(1), calls: attacked ? 2 : 1 })
    }),
    codes: ['session.gap'],
  }),
  incomplete({
    attack: 'a call follows the end of its session',
    build: written((stream, _, attacked) => {
      stream.add({ type: 'session.end', session: id(1), calls: 1 })
      stream.call({ session: { id: id(attacked ? 1 : 2), n: attacked ? 1 : 0 } })
    }),
    codes: ['session.gap'],
  }),
  incomplete({
    attack: 'one id for two calls of a stream',
    build: written((stream, _, attacked) => {
      const first = stream.call()
      const body = {
        type: 'intent',
        tool: { name: 'pay' },
        args: first.args as unknown as Json,
        decision: { verdict: 'allow' },
      }
      const intent = stream.add({ ...body, call: attacked ? first.call : id(9) })
      stream.outcome({ call: attacked ? first.call : id(9), intent })
    }),
    codes: ['call.repeated-id'],
  }),
  {
    ...incomplete({
      attack: 'a call whose outcome is missing, and the stream says nothing is pending',
      build: written((stream, _, attacked) => {
        const call = stream.intent()
        if (!attacked) stream.outcome(call)
        stream.end(0)
      }),
      codes: ['stream.miscounted', 'outcome.missing'],
    }),
  },
  misconduct({
    attack: 'a call is pending when its stream ends, and the stream says so',
    build: written((stream, _, attacked) => {
      const call = stream.intent()
      if (!attacked) stream.outcome(call)
      stream.end(attacked ? 1 : 0)
    }),
    codes: ['call.pending-at-end'],
  }),
  incomplete({
    attack: 'a recovered stream leaves a call without an outcome',
    build: written((stream, log, attacked) => {
      const call = stream.intent()
      if (!attacked) stream.outcome(call)
      const next = log.stream(clerk)
      next.add({ type: 'recovery', of: stream.id, last: stream.prev, lastSeq: stream.seq })
      next.call()
    }),
    codes: ['outcome.missing'],
  }),
  misconduct({
    attack: 'a crash turns an outcome into unknown, and nobody settles it',
    build: written((stream, log, attacked) => {
      const call = stream.intent()
      const next = log.stream(clerk)
      next.add({ type: 'recovery', of: stream.id, last: stream.prev, lastSeq: stream.seq })
      next.outcome(call, 'unknown', 'unknown')
      const operator = log.stream(log.operator, { role: 'operator', agent: { id: 'operator' } })
      const settlement = { type: 'settlement', intent: call.intent, result: 'succeeded', basis: 'ledger' }
      if (!attacked) operator.add(settlement)
    }),
    codes: ['call.unknown'],
  }),
  misconduct({
    attack: 'a final outcome is settled to the contrary',
    build: written((stream, log, attacked) => {
      const call = stream.intent()
      stream.outcome(call, attacked ? 'succeeded' : 'unknown', attacked ? 'yes' : 'unknown')
      const operator = log.stream(log.operator, { role: 'operator', agent: { id: 'operator' } })
      operator.add({ type: 'settlement', intent: call.intent, result: 'not_executed', basis: 'ledger' })
    }),
    codes: ['settlement.disputed'],
  }),
  misconduct({
    attack: 'two outcomes for one call',
    build: written((stream, _, attacked) => {
      const call = stream.call()
      if (attacked) stream.outcome(call, 'failed')
    }),
    codes: ['call.second-outcome'],
  }),
  misconduct({
    attack: 'a late outcome after a final one',
    build: written((stream, _, attacked) => {
      const call = stream.intent()
      stream.outcome(call, attacked ? 'succeeded' : 'timed_out', attacked ? 'yes' : 'unknown')
      stream.outcome(call, 'failed', 'yes', { late: true })
    }),
    codes: ['call.second-outcome'],
  }),
  incomplete({
    attack: 'an outcome for an intent that is not there',
    build: written((stream, _, attacked) => {
      const call = stream.intent()
      stream.outcome(attacked ? { ...call, intent: 'ab'.repeat(32) } : call)
      if (attacked) stream.outcome(call)
    }),
    codes: ['outcome.without-intent'],
  }),
  incomplete({
    attack: 'an outcome for another call’s intent',
    build: written((stream, _, attacked) => {
      const [a, b] = [stream.intent(), stream.intent()]
      stream.outcome(attacked ? { ...a, call: b.call } : a)
      stream.outcome(b)
    }),
    codes: ['outcome.not-counted'],
  }),
  incomplete({
    attack: 'an outcome written by another agent’s stream',
    build: written(
      (stream, log, attacked) => {
        const call = stream.intent()
        const other = log.stream(mallory)
        if (attacked) other.outcome(call, 'succeeded', 'yes', { late: true })
        else stream.outcome(call)
      },
      undefined,
      log => ({ trust: log.trust([clerk, mallory]) }),
    ),
    codes: ['outcome.not-counted'],
  }),
  misconduct({
    attack: 'executed though denied',
    build: written((stream, _, attacked) => {
      const call = stream.intent({ verdict: 'deny' })
      stream.outcome(call, attacked ? 'succeeded' : 'not_executed', attacked ? 'yes' : 'no')
    }),
    codes: ['call.executed-though-denied'],
  }),
  misconduct({
    attack: 'a denied call whose outcome is unknown',
    build: written((stream, _, attacked) => {
      const call = stream.intent({ verdict: 'deny' })
      stream.outcome(call, attacked ? 'failed' : 'not_executed', attacked ? 'unknown' : 'no')
    }),
    codes: ['call.executed-though-denied'],
  }),
  misconduct({
    attack: 'executed though denied, said only after the stream had ended',
    build: written((stream, log, attacked) => {
      const call = stream.intent({ verdict: 'deny' })
      stream.end()
      const next = log.stream(clerk)
      if (attacked) next.outcome(call, 'succeeded', 'yes', { late: true })
      else next.call()
    }),
    codes: ['call.executed-though-denied'],
  }),
  misconduct({
    attack: 'executed without approval',
    build: written((stream, _, attacked) => {
      const call = stream.intent({ verdict: 'review' })
      if (!attacked) stream.review(call)
      stream.outcome(call)
    }),
    codes: ['call.executed-without-approval'],
  }),
  misconduct({
    attack: 'approved only after it had run',
    build: written((stream, _, attacked) => {
      const call = stream.intent({ verdict: 'review' })
      if (!attacked) stream.review(call)
      const outcome = { type: 'outcome', call: call.call, intent: call.intent, status: 'pending', executed: 'yes' }
      stream.add(outcome)
      if (attacked) stream.review(call)
      stream.outcome(call, 'succeeded', 'yes', { late: true })
    }),
    codes: ['call.executed-without-approval'],
  }),
  misconduct({
    attack: 'declined yet executed',
    build: written((stream, _, attacked) => {
      const call = stream.intent({ verdict: 'review' })
      stream.review(call, attacked ? 'rejected' : 'approved')
      stream.outcome(call)
    }),
    codes: ['call.declined-yet-executed'],
  }),
  misconduct({
    attack: 'a second review overturns the first',
    build: written((stream, _, attacked) => {
      const call = stream.intent({ verdict: 'review' })
      stream.review(call, attacked ? 'rejected' : 'approved')
      if (attacked) stream.review(call, 'approved')
      stream.outcome(call)
    }),
    codes: ['call.declined-yet-executed', 'review.misplaced'],
  }),
  misconduct({
    attack: 'other arguments than decided on',
    build: written((stream, _, attacked) => {
      const call = stream.intent()
      stream.outcome(
        call,
        'succeeded',
        'yes',
        attacked ? { args: stream.commitment({ amount: 500 }) as unknown as Json } : {},
      )
    }),
    codes: ['call.other-arguments'],
  }),
  misconduct({
    attack: 'other arguments than approved',
    build: written((stream, _, attacked) => {
      const call = stream.intent({ verdict: 'review' })
      stream.review(call, 'approved', { args: stream.commitment({ amount: 50 }) as unknown as Json })
      stream.outcome(
        call,
        'succeeded',
        'yes',
        attacked ? { args: stream.commitment({ amount: 500 }) as unknown as Json } : {},
      )
    }),
    codes: ['call.other-arguments'],
  }),
  misconduct({
    attack: 'an approval whose signature is of another call',
    build: written(
      (stream, _, attacked) => {
        const other = stream.intent({ verdict: 'review' })
        stream.review(other, 'approved', stream.approval(other, 'approved', anna))
        stream.outcome(other)
        const call = stream.intent({ verdict: 'review' })
        stream.review(call, 'approved', stream.approval(attacked ? other : call, 'approved', anna))
        stream.outcome(call)
      },
      undefined,
      log => ({ trust: log.trust([clerk], ['quorum none', `approver ${anna.vkey().text}`]) }),
    ),
    codes: ['review.signature'],
  }),
  ...(['unmediated', 'belated'] as const).map(flag =>
    misconduct({
      attack: `a call that is ${flag}`,
      build: written((stream, _, attacked) => {
        stream.call(attacked ? { more: { [flag]: true } } : {})
      }),
      codes: [`call.${flag}`],
    }),
  ),
  ...(['degraded', 'lossy'] as const).map(tier =>
    misconduct({
      attack: `a call of tier ${tier}`,
      build: written((stream, _, attacked) => {
        stream.call(attacked ? { more: { tier } } : {})
      }),
      codes: [`call.${tier}`],
    }),
  ),

  // Witnesses.
  {
    attack: 'the witnesses have not seen this checkpoint',
    holds: 'a trust file with a quorum',
    build: attacked => {
      const log = new TestLog()
      log.stream(clerk).call()
      const lines = [`witness w1 ${witness.vkey(witness.name, 4).text}`, 'quorum w1']
      return {
        entries: log.entries,
        checkpoint: log.checkpoint({ witnesses: attacked ? [] : [witness] }),
        holds: { trust: log.trust([clerk], lines) },
      }
    },
    exit: 2,
    evidence: 'could not check',
    completeness: WHOLE,
    conduct: GOOD,
    codes: ['checkpoint.quorum'],
  },
  {
    ...altered({
      attack: 'a cosignature is forged',
      build: attacked => {
        const log = new TestLog()
        log.stream(clerk).call()
        const lines = [`witness w1 ${witness.vkey(witness.name, 4).text}`, 'quorum w1']
        const checkpoint = log.checkpoint({ witnesses: [witness] })
        if (attacked) checkpoint[checkpoint.length - 20] = checkpoint[checkpoint.length - 20] === 0x41 ? 0x42 : 0x41
        return { entries: log.entries, checkpoint, holds: { trust: log.trust([clerk], lines) } }
      },
      codes: ['cosignature.bad', 'checkpoint.quorum'],
    }),
    holds: 'a trust file with a quorum',
  },
]

/** What the auditor kept from an earlier visit: the checkpoint of the whole log as it then was. */
function heldOf(log: TestLog): Uint8Array {
  return log.checkpoint({ size: log.size - 1 })
}

/** As many records as the log had after its first stream's start, of another history. */
function rewritten(log: TestLog): Uint8Array[] {
  const copy = new TestLog()
  const stream = copy.stream(clerk)
  for (let i = 0; copy.size < log.size; i++) stream.call({ tool: `other ${i}` })
  return copy.entries.slice(2, log.size)
}
