import { fromHex } from '../bytes/hex.js'
import { quote } from '../errors.js'
import {
  type After,
  type Record as DeedRecord,
  type Hash,
  type Id,
  type Intent,
  isHash,
  isInt,
  type Key,
  OPERATOR_ONLY,
  type ParsedRecord,
  type Recovery,
  type StreamStart,
  verifyRecordSignature,
} from '../record/index.js'
import { type CallSummary, Calls } from './conduct.js'
import { describeEntry, plainly } from './describe.js'
import type { Findings } from './findings.js'
import { Fingerprints } from './fingerprints.js'
import { Identities } from './identity.js'
import type { Knowledge } from './knowledge.js'
import type { NotShown } from './not-shown.js'
import type { PastRoots } from './past-roots.js'
import type { RulesInForce } from './report.js'
import { type SessionFault, Sessions } from './sessions.js'
import { isOver, isSameRecorder, type StreamState } from './stream-state.js'
import type { Citation } from './times.js'
import type { Trust } from './trust.js'

/** What a log says of the one that it carries on after. */
export interface Continuation {
  /** Leaf hash of that log's entry 0. */
  readonly of: Hash
  /** SHA-256 of the newest signed note of it, and the size in it. */
  readonly note: Hash
  readonly size: number
  readonly reason: string
  readonly time: string
  /** Key of the operator who says so. */
  readonly identity: Key
}

/** A checkpoint that a record cites and that this tree contradicts. */
export interface Dispute {
  readonly after: After
  readonly why: string
  /** Of the records that cite it, the first of them, and how many there are. */
  readonly indexes: number[]
  count: number
}

// Of entries to be described this many are kept; the rest is counted.
const KEPT_MAX = 16
// Disputed citations, each note once. Any of them may be the proof of a fork, wherever a stranger put it among others.
const DISPUTES_MAX = 4096
// Tool names come from strangers. A recorder with more tools than this is counted up to here.
const TOOLS_MAX = 4096
// spec/record.md §2: beyond either of them new calls go to a new stream.
const STREAM_MS_MAX = 24 * 3600 * 1000
const STREAM_RECORDS_MAX = 2 ** 20
// Notes cited by records, for finding the newest that a quorum has seen: one per checkpoint, the newest kept.
const CITED_MAX = 1024
// Each of 32 files with names of up to 255 bytes. A recorder that changes its rules more often is counted up to here.
const RULES_MAX = 256

/**
 * One pass over the entries. What is attributed is folded into calls, sessions and streams; what does not fit the
 * picture of streams that are plain chains is put down for the next pass (see `Knowledge`).
 *
 * Memory: per stream a few hundred bytes, one record of each stream that has not ended, and its sessions; per open
 * call some 400 bytes; per call 16 bytes (its id's fingerprint); per record about one byte (past roots) and 2 MB.
 */
export class Reading {
  readonly #surveys: boolean
  readonly #known: Knowledge
  readonly #findings: Findings
  readonly #trust: Trust | undefined
  readonly #tree: PastRoots
  readonly #identities: Identities
  readonly #onRecord: ((index: number, record: DeedRecord, stream: Hash) => void) | undefined
  readonly #notUnderstood = new Set<Hash>()
  readonly #salt: () => Uint8Array
  readonly #signedOrigin: () => string | undefined
  #ids: Fingerprints | undefined
  readonly #idsSeen = new Map<string, number>()
  /** Newest signed record of each stream, its signature not checked yet. Only in a survey. */
  readonly #tails = new Map<StreamState, Pick<ParsedRecord, 'json'>>()
  readonly #tools = new Map<string, 'yes' | 'no'>()
  readonly #unseen = new Set<string>()
  readonly #revived = new Set<StreamState>()
  readonly #rules = new Map<Hash, Omit<RulesInForce, 'decisions'> & { decisions: number }>()
  readonly #overlong = new Set<StreamState>()
  readonly #notShown: NotShown
  /** Streams with calls that were not asked for. */
  readonly #passedOver = new Set<StreamState>()
  readonly #isAsked: ((intent: Intent) => boolean) | undefined
  readonly #judgedFrom: number

  readonly streams = new Map<Hash, StreamState>()
  readonly calls: Calls
  /** Streams that are no plain chain; with ids that no stream has. Only in a survey. */
  readonly odd = new Set<Hash>()
  readonly suspectIds = new Set<string>()
  readonly suspectIntents = new Set<Hash>()
  /** Sizes whose roots were asked for and are too long ago. */
  readonly sizes = new Set<number>()
  /** By the hash of the note that is cited. */
  readonly disputes = new Map<string, Dispute>()
  /** Checkpoints of this log that records cite and this tree agrees with, by the hash of their note. */
  readonly cited = new Map<Hash, After>()
  /** Which record of a stream was the first to cite each of them, by stream and note. The newest are kept. */
  readonly citations = new Map<string, Citation>()
  readonly malformedIndexes: number[] = []
  /** Entries that are not understood and belong to no stream that is known: the first of them. */
  readonly adrift: number[] = []
  readonly descriptions = new Map<number, string>()
  malformed = 0
  notUnderstood = 0
  /** In a bundle: calls that were not asked for, of which an intent is shown. */
  others = 0
  /** In a bundle: the sessions of the calls that were asked for, by stream and id. */
  readonly askedSessions = new Map<string, { readonly stream: StreamState; readonly id: Id }>()
  /** In a bundle: ids of the calls that were asked for. */
  readonly askedCalls = new Set<Id>()
  signaturesChecked = 0
  losses = { records: 0, counted: 0 }
  logId = ''
  origin: string | undefined
  operators: readonly Key[] = []
  /** What entry 0 promises to keep every entry for; undefined where it promises nothing. */
  retentionDays: number | undefined
  /** What it says of a log that it carries on after. */
  continuation: Continuation | undefined
  /** What is wrong with entry 0; undefined when nothing is. */
  logRecordFault: { readonly code: 'log.record' | 'log.record-missing'; readonly why: string } | undefined

  constructor(options: {
    surveys: boolean
    known: Knowledge
    findings: Findings
    trust: Trust | undefined
    tree: PastRoots
    /** Bytes that nobody knew when the records were written. Asked for when the first of them is here. */
    salt: () => Uint8Array
    /** The origin that the checkpoint states. */
    signedOrigin: () => string | undefined
    onCall: ((call: CallSummary) => void) | undefined
    onRecord: ((index: number, record: DeedRecord, stream: Hash) => void) | undefined
    /** Entries that a bundle gives by their hashes; none where all are read. */
    notShown: NotShown
    /** In a bundle: whether a call was asked for. Others serve attribution and counting, and are not judged. */
    isAsked: ((intent: Intent) => boolean) | undefined
    /** Calls whose intents stand below this are not judged either: the log was pruned. */
    judgedFrom: number
    /** Whether what is wrong with a call is reported; of all calls when absent. */
    lists: ((intent: Intent) => boolean) | undefined
  }) {
    this.#surveys = options.surveys
    this.#known = options.known
    this.#findings = options.findings
    this.#trust = options.trust
    this.#tree = options.tree
    this.#salt = options.salt
    this.#signedOrigin = options.signedOrigin
    this.#identities = new Identities(options.trust)
    this.#onRecord = options.onRecord
    this.#notShown = options.notShown
    this.#isAsked = options.isAsked
    this.#judgedFrom = options.judgedFrom
    this.calls = new Calls({
      findings: options.findings,
      watched: options.known.watched,
      notUnderstood: this.#notUnderstood,
      odd: options.known.odd,
      trust: options.trust,
      notShown: options.notShown,
      lists: options.lists,
      onCall: options.onCall,
    })
  }

  /** An entry whose bytes are no record. */
  malformedEntry(index: number, bytes: Uint8Array, why: string): void {
    this.malformed++
    if (this.malformedIndexes.length < KEPT_MAX) {
      this.malformedIndexes.push(index)
      this.descriptions.set(index, describeEntry(bytes))
    }
    if (index === 0) this.logRecordFault = { code: 'log.record-missing', why }
    this.#findings.add('entry.malformed', `entry ${index} is no record: ${why}`, { indexes: [index] })
  }

  /** An entry that parses. The tree has size `index`: it is appended after this. */
  entry(index: number, parsed: ParsedRecord): void {
    if (this.#known.described.has(index)) this.descriptions.set(index, describeEntry(parsed.bytes))
    // What stands in the place of the log record and is none is read like any other.
    if (index === 0 && this.#logRecord(parsed)) return
    const { json } = parsed
    if (parsed.leaf === this.logId || (!parsed.understood && this.#notUnderstood.has(parsed.leaf))) {
      this.#copied(index)
      return
    }
    if (index > 0 && parsed.understood && json['type'] === 'log') {
      this.#findings.add('log.record-misplaced', `entry ${index} is a log record; only entry 0 is one`, {
        indexes: [index],
      })
      return
    }
    if (this.#known.copies.has(index)) {
      this.#copied(index)
      return
    }
    if (this.#known.strays.has(index)) return
    if (json['stream'] === undefined) this.#start(index, parsed)
    else this.#chained(index, parsed)
  }

  #logRecord(parsed: ParsedRecord): boolean {
    if (!parsed.understood || parsed.record.type !== 'log') {
      const why = parsed.understood ? `it is of type ${quote(parsed.record.type)}` : plainly(parsed.why)
      this.logRecordFault = { code: 'log.record-missing', why }
      return false
    }
    const { record } = parsed
    this.logId = parsed.leaf
    this.origin = record.origin
    this.operators = record.operators
    this.retentionDays = record.retention?.days
    this.#identities.logRecord(record.operators)
    this.signaturesChecked++
    if (!verifyRecordSignature(parsed, record.operators[0]!))
      this.logRecordFault = { code: 'log.record', why: 'its signature is not good under the first of its operators' }
    return true
  }

  #copied(index: number): void {
    this.#findings.add('record.copied', `entry ${index} is a byte-identical copy of an earlier one`, {
      indexes: [index],
    })
  }

  #start(index: number, parsed: ParsedRecord): void {
    const id = parsed.leaf
    if (this.streams.has(id) && this.#known.lateStarts.get(id)?.index !== index) {
      this.#copied(index)
      return
    }
    if (!parsed.understood) {
      // A start of a later version: what follows names a key that cannot be read, so none of it is judged.
      this.#notUnderstoodRecord(index, parsed)
      this.#setAdrift(index, parsed)
      // What kinds of record may be without a stream in later versions is not known; one begins with a start.
      if (parsed.json['type'] !== 'stream.start') return
      const unknown = { foreign: false, pretender: false, identity: 'self-asserted', notUnderstood: 1 } as const
      this.streams.set(id, { ...unread(id, index), ...unknown })
      return
    }
    const { record } = parsed
    // Of what is understood, only a start and a log record have no stream, and the latter was sent away before.
    if (record.type !== 'stream.start') return
    if (this.#surveys) {
      this.signaturesChecked++
      if (!verifyRecordSignature(parsed, record.identity)) {
        this.odd.add(id)
        return
      }
    }
    const stream = this.#begun(id, index, record)
    this.#welcome(index, record, stream)
    if (!stream.foreign) this.#after(index, record, id)
  }

  /** The stream of a start at `index`, as far as is known now. */
  #begun(id: Hash, index: number, record: StreamStart): StreamState {
    const foreign = this.logId !== '' && !record.logs.some(log => log.id === this.logId)
    const isOperator = this.#identities.isOperator(record.identity)
    const verdict = {
      foreign,
      pretender: !foreign && record.role === 'operator' && !isOperator,
      identity: this.#identities.stateOf(record, index),
    }
    const before = this.streams.get(id)
    if (before) return Object.assign(before, verdict)
    const { agent, role, identity, key, time } = record
    const start = { agent: agent.id, role, identity, key, time }
    const stream: StreamState = { ...unread(id, index), start, ...verdict, notUnderstood: 0 }
    this.streams.set(id, stream)
    return stream
  }

  /** What its start alone says about a stream. */
  #welcome(index: number, record: StreamStart, stream: StreamState): void {
    const where = { indexes: [index], stream: stream.id }
    const who = `the stream of agent ${quote(record.agent.id)} at index ${index}`
    if (stream.foreign) {
      this.#findings.add(
        'stream.foreign',
        `${who} was made for ${record.logs.map(log => quote(log.origin)).join(', ')}, not for this log`,
        where,
      )
      return
    }
    const origin = record.logs.find(log => log.id === this.logId)?.origin
    if (origin !== undefined && origin !== this.origin)
      this.#findings.add('stream.other-origin', `${who} calls this log ${quote(origin)}`, where)
    const isVouched = stream.identity === 'pinned' || stream.identity === 'introduced'
    // Of a pruned log all records of operators are kept; of a bundle, what its maker chose.
    const isDoubted = this.#trust !== undefined || stream.pretender || stream.identity === 'contradicted'
    if (isDoubted && this.#isAsked && !isVouched && this.#notShown.below(index) > 0) {
      this.#findings.add('identity.not-shown', `${who} is signed by a key that nothing shown vouches for`, where)
      return
    }
    if (stream.pretender) {
      this.#findings.add('operator.not-counted', `${who} says operator, and its identity is none of this log's`, where)
      return
    }
    if (stream.identity === 'contradicted')
      this.#findings.add(
        'identity.contradicted',
        `${who} is signed by a key that the trust file does not give to that agent, or that was withdrawn before`,
        where,
      )
    if (stream.identity === 'self-asserted' && this.#trust)
      this.#findings.add('identity.self-asserted', `${who} is signed by a key that nobody else vouches for`, where)
  }

  #chained(index: number, parsed: ParsedRecord): void {
    const place = placeOf(parsed)
    if (!place) {
      // Its place cannot be read: it belongs to nobody, and nobody can be blamed for it.
      this.#notUnderstoodRecord(index, parsed)
      this.#setAdrift(index, parsed)
      return
    }
    const { id, seq, prev } = place
    const late = this.#known.lateStarts.get(id)
    // Its start is attributed and stands further on: the record counts, and is out of order.
    const stream = this.streams.get(id) ?? (late && this.#begun(id, late.index, late.record))
    if (!stream) {
      this.#unfit(id, parsed)
      return
    }
    if (!stream.start) {
      // The key is in a start that is not understood: neither attributed nor stray.
      stream.records++
      this.#notUnderstoodRecord(index, parsed)
      return
    }
    if (parsed.leaf === stream.last.leaf) {
      this.#copied(index)
      return
    }
    if (this.#surveys) {
      // Behind an end nothing is taken on trust: the signature of the end covers none of it.
      if (seq !== stream.last.seq + 1 || prev !== stream.last.leaf || stream.ended) {
        this.#unfit(id, parsed)
        return
      }
      // Only the parsed form: as long as a view of its bytes lives, so does the bundle of 256 entries around them.
      if (parsed.json['sig'] !== undefined) this.#tails.set(stream, { json: parsed.json })
    }
    this.#attributed(index, parsed, stream, seq)
  }

  #setAdrift(index: number, { bytes }: ParsedRecord): void {
    if (this.adrift.length >= KEPT_MAX) return
    this.adrift.push(index)
    this.descriptions.set(index, describeEntry(bytes))
  }

  /** The record does not continue its stream: the stream is looked at as a whole in the next pass. */
  #unfit(id: Hash, parsed: ParsedRecord): void {
    this.odd.add(id)
    if (!parsed.understood) return
    const { record } = parsed
    if ('intent' in record) this.suspectIntents.add(record.intent)
    if (record.type === 'intent') this.suspectIds.add(`${id} ${record.call}`)
  }

  #attributed(index: number, parsed: ParsedRecord, stream: StreamState, seq: number): void {
    stream.records++
    stream.highest = Math.max(stream.highest, index)
    if (seq > stream.last.seq) stream.last = { seq, leaf: parsed.leaf, index }
    if (!stream.foreign && !stream.pretender) this.#unexpected(index, seq, stream)
    if (!parsed.understood) {
      stream.notUnderstood++
      this.calls.unread(index, stream)
      this.#notUnderstoodRecord(index, parsed)
      return
    }
    // Of an operator's stream that does not count, nothing is said but whether it goes on.
    if (stream.pretender && parsed.record.type === 'stream.end')
      stream.ended ??= { index, countsPending: false, isBlurred: false }
    if (stream.foreign || stream.pretender) return
    this.#after(index, parsed.record, stream.id)
    this.#content(index, parsed.leaf, parsed.record, stream)
    if (this.#surveys && parsed.record.type === 'stream.end') this.checkTail(stream)
  }

  /** A record of a stream that was over; it need not be understood to be one. */
  #unexpected(index: number, seq: number, stream: StreamState): void {
    const where = { indexes: [index], stream: stream.id }
    if (stream.ended)
      this.#findings.add(
        'stream.after-end',
        `entry ${index}, seq ${seq}, was signed after the stream had ended at index ${stream.ended.index}`,
        where,
      )
    if (stream.recovered !== undefined && !this.#revived.has(stream)) {
      this.#revived.add(stream)
      this.#findings.add(
        'recovery.alive',
        `the stream goes on at index ${index} after it was recovered as dead at index ${stream.recovered}`,
        where,
      )
    }
  }

  #content(index: number, leaf: Hash, record: DeedRecord, stream: StreamState): void {
    const where = { indexes: [index], stream: stream.id }
    if (OPERATOR_ONLY.has(record.type) && stream.start?.role !== 'operator') {
      this.#findings.add(
        'operator.only',
        `entry ${index} is a ${record.type} record in the stream of agent ${quote(stream.start?.agent)}`,
        where,
      )
      return
    }
    // What a thief of the key writes binds nobody, least of all a word that the key is good again. `key.disputed` says so.
    if (OPERATOR_ONLY.has(record.type) && this.#isCompromised(stream)) return
    this.#onRecord?.(index, record, stream.id)
    switch (record.type) {
      case 'intent':
        this.#callId(index, stream, record.call)
        {
          const rules = record.decision.rules === undefined ? undefined : this.#rules.get(record.decision.rules)
          if (rules) rules.decisions++
        }
        this.#timely(index, stream, record)
        if (record.decision.rules !== undefined && this.#lacksRules(stream, record.decision.rules))
          this.#findings.add(
            'rules.unknown',
            `the decision at index ${index} names rules ${record.decision.rules}, which are not before it in its stream`,
            { ...where, call: record.call },
          )
        if (record.session)
          this.#session(index, stream, record.session.id, stream.sessions.call(record.session.id, record.session.n))
        // Of a call below what was pruned, what is kept tells a part at best.
        if (index < this.#judgedFrom || this.#isAsked?.(record) === false) {
          stream.calls++
          this.others++
          this.calls.passOver(leaf)
          this.#passedOver.add(stream)
          return
        }
        if (this.#isAsked) this.#asked(record, stream)
        this.calls.intent(index, leaf, record, stream)
        return
      case 'review': {
        this.calls.review(index, record, stream)
        return
      }
      case 'outcome': {
        this.calls.outcome(index, record, stream)
        return
      }
      case 'settlement': {
        this.calls.settlement(index, record)
        return
      }
      case 'rules':
        if (record.part !== undefined && this.#lacksRules(stream, record.part))
          this.#findings.add(
            'rules.incomplete',
            `the rules at index ${index} carry on from ${record.part}, which is not before them in their stream`,
            where,
          )
        stream.rules.add(leaf)
        if (this.#rules.size < RULES_MAX)
          this.#rules.set(leaf, {
            id: leaf,
            index,
            stream: stream.id,
            engine: `${record.engine.name} ${record.engine.version}`,
            files: record.files,
            ...(record.part === undefined ? {} : { part: record.part }),
            decisions: 0,
          })
        return
      case 'session.end': {
        this.#session(index, stream, record.session, stream.sessions.end(record.session, record.calls))
        return
      }
      case 'stream.end': {
        this.#ended(index, record, stream)
        return
      }
      case 'recovery': {
        this.#recovery(index, record, stream)
        return
      }
      case 'key': {
        this.#identities.event(index, record, stream.start!.identity)
        return
      }
      case 'coverage':
        for (const tool of record.tools ?? [])
          if (this.#tools.has(tool.name) || this.#tools.size < TOOLS_MAX) this.#tools.set(tool.name, tool.wrapped)
        for (const kind of record.unseen ?? []) if (this.#unseen.size < TOOLS_MAX) this.#unseen.add(kind)
        return
      case 'loss':
        this.losses = {
          records: this.losses.records + 1,
          counted: Math.min(this.losses.counted + (record.count ?? 0), Number.MAX_SAFE_INTEGER),
        }
        {
          this.#findings.add(
            'loss.recorded',
            `the recorder says at index ${index} that ${record.count ?? 'some'} records or outcomes are missing: ${quote(record.reason)}`,
            where,
          )
          return
        }
      case 'continuation':
        if (index !== 2 || stream.first !== 1 || record.seq !== 1) {
          this.#findings.add(
            'continuation.misplaced',
            `entry ${index} is a continuation; only entry 2 can be one`,
            where,
          )
          return
        }
        {
          const { of, note, size, reason, time } = record
          this.continuation = { of, note, size, reason, time, identity: stream.start!.identity }
          this.#findings.add(
            'log.continues',
            `this log carries on after log ${of} at size ${size}: ${quote(reason)}`,
            where,
          )
          return
        }
    }
  }

  #asked({ call, session }: Intent, stream: StreamState): void {
    this.askedCalls.add(call)
    if (session) this.askedSessions.set(`${stream.id} ${session.id}`, { stream, id: session.id })
  }

  /** Whether no record of the stream is these rules, nor one that is not understood or not shown. */
  #lacksRules = (stream: StreamState, rules: Hash): boolean =>
    !stream.rules.has(rules) && !this.#notUnderstood.has(rules) && this.hidden(stream) === 0

  /** How many records of a stream a bundle does not show, below the newest that it shows. */
  hidden = ({ last, records }: StreamState): number =>
    this.#notShown.total > 0 ? Math.max(0, last.seq + 1 - records) : 0

  #callId(index: number, stream: StreamState, call: Id): void {
    const name = `${stream.id} ${call}`
    if (this.#surveys) {
      this.#ids ??= new Fingerprints(this.#salt())
      if (this.#ids.add(name)) this.suspectIds.add(name)
      return
    }
    if (!this.#known.watchedIds.has(name)) return
    const first = this.#idsSeen.get(name)
    if (first === undefined) this.#idsSeen.set(name, index)
    else
      this.#findings.add('call.repeated-id', `the calls at index ${first} and ${index} bear one id, ${quote(call)}`, {
        indexes: [first, index],
        stream: stream.id,
        call,
      })
  }

  #session(index: number, stream: StreamState, id: Id, fault: SessionFault | undefined): void {
    // Records that are not understood, or not shown, may be the missing calls.
    const unread = stream.notUnderstood + this.hidden(stream)
    if (fault === undefined || (fault.lacking > 0 && fault.lacking <= unread)) return
    stream.sessions.faulty.add(id)
    this.#findings.add('session.gap', `session ${quote(id)} ${fault.what}`, { indexes: [index], stream: stream.id })
  }

  #ended(index: number, record: { readonly calls: number; readonly pending: number }, stream: StreamState): void {
    const countsPending = record.pending === stream.pending
    // Calls that are not judged, or not shown, may be among those that it counts.
    const isBlurred = this.hidden(stream) > 0 || this.#passedOver.has(stream)
    stream.ended ??= { index, countsPending, isBlurred }
    // A record that is not understood, or not shown, may be one call more, and the outcome of another.
    const notUnderstood = stream.notUnderstood + this.hidden(stream)
    const more = record.calls - stream.calls
    if (more < 0 || more > notUnderstood || (!countsPending && notUnderstood === 0 && !isBlurred))
      this.#findings.add(
        'stream.miscounted',
        `the stream ends with ${record.calls} calls, ${record.pending} of them pending; ${stream.calls} and ${stream.pending} are here`,
        { indexes: [index], stream: stream.id },
      )
    this.calls.streamOver(stream)
  }

  #recovery(index: number, record: Recovery, stream: StreamState): void {
    const of = this.streams.get(record.of)
    const may = of !== undefined && isSameRecorder(of, stream)
    const names = of !== undefined && of.last.leaf === record.last && of.last.seq === record.lastSeq
    // A recovery of a stream of which nothing can be read is neither true nor false here.
    if (of && !of.start) return
    if (this.#notShown.below(index) > 0 && of !== stream && (!of || (may && of.last.seq < record.lastSeq))) {
      // Its last record is not shown; that it is of this stream, the recovery says.
      if (of) {
        of.recovered ??= index
        this.calls.streamOver(of)
      }
      return
    }
    if (!of || !may || !names || of === stream) {
      const why = !of
        ? 'a stream that is not here'
        : !may
          ? "another recorder's stream"
          : of === stream
            ? 'its own stream'
            : `seq ${record.lastSeq} as the last of a stream whose last below it is seq ${of.last.seq}`
      this.#findings.add('recovery.false', `the recovery at index ${index} names ${why}`, {
        indexes: of ? [of.last.index, index].sort((a, b) => a - b) : [index],
        stream: record.of,
      })
      return
    }
    of.recovered ??= index
    this.calls.streamOver(of)
  }

  /** Whether the key ever was an operator's of this log, by its record or by `key` records that count. */
  wasOperator(key: Key): boolean {
    return this.#identities.wasOperator(key)
  }

  #isCompromised({ start, first }: StreamState): boolean {
    return (
      start !== undefined &&
      (this.#identities.isCompromisedAbove(start.identity, first) ||
        this.#identities.isCompromisedAbove(start.key, first))
    )
  }

  /** spec/record.md §2: a stream takes new calls for a day or 2^20 records. By the recorder's own clock: no evidence. */
  #timely(index: number, stream: StreamState, { seq, time }: Intent): void {
    const begun = stream.start?.time
    if (begun === undefined || this.#overlong.has(stream)) return
    if (seq < STREAM_RECORDS_MAX && Date.parse(time) - Date.parse(begun) <= STREAM_MS_MAX) return
    this.#overlong.add(stream)
    this.#findings.add('stream.overlong', `the stream takes a new call at seq ${seq}, index ${index}, ${time}`, {
      indexes: [stream.first, index].sort((a, b) => a - b),
      stream: stream.id,
    })
  }

  #notUnderstoodRecord(index: number, parsed: ParsedRecord): void {
    this.notUnderstood++
    this.#notUnderstood.add(parsed.leaf)
    const why = parsed.understood ? 'its stream begins with a record that is not understood' : parsed.why
    this.#findings.add('record.not-understood', `entry ${index} is not understood: ${plainly(why)}`, {
      indexes: [index],
    })
  }

  /** Holds what a record cites against the tree as it was. */
  #after(index: number, record: DeedRecord, stream: Hash): void {
    const { after } = record
    if (!after || after.origin !== (this.origin ?? this.#signedOrigin())) return
    // A tree of more entries than stand before the record cannot have been seen by it.
    const had = after.size > index ? false : this.#tree.had(after.size, fromHex(after.root))
    if (had === undefined) {
      this.sizes.add(after.size)
      return
    }
    if (had) {
      const first = `${stream} ${after.note}`
      if (!this.citations.has(first)) {
        this.citations.set(first, { note: after.note, index, stream })
        if (this.citations.size > CITED_MAX) this.citations.delete(this.citations.keys().next().value!)
      }
      this.cited.delete(after.note)
      this.cited.set(after.note, after)
      if (this.cited.size > CITED_MAX) this.cited.delete(this.cited.keys().next().value!)
      return
    }
    const why =
      after.size > index ? `when only ${index} entries stood before it` : 'with another root than this tree had'
    const before = this.disputes.get(after.note)
    if (before) {
      before.count++
      if (before.indexes.length < KEPT_MAX) before.indexes.push(index)
    } else if (this.disputes.size < DISPUTES_MAX)
      this.disputes.set(after.note, { after, why, indexes: [index], count: 1 })
    else this.#disputed({ after, why, indexes: [index], count: 1 })
  }

  /** What is left of the disputes when the notes that decide them have been read and taken out. */
  reportDisputes(): void {
    for (const dispute of this.disputes.values()) this.#disputed(dispute)
  }

  #disputed({ after, why, indexes, count }: Dispute): void {
    const entry = `entry ${indexes[0]}${count > 1 ? ` and ${count - 1} more` : ''}`
    this.#findings.add('after.disputed', `${entry} cites a checkpoint of size ${after.size} ${why}`, { indexes, count })
  }

  /** Checks the newest signature of a stream that was taken for a plain chain; if it does not cover all, it is odd. */
  checkTail(stream: StreamState): void {
    const tail = this.#tails.get(stream)
    this.#tails.delete(stream)
    if (stream.last.seq === 0 || !stream.start) return
    if (tail) this.signaturesChecked++
    const covered = tail?.json['seq'] === stream.last.seq && verifyRecordSignature(tail, stream.start.key)
    if (!covered) this.odd.add(stream.id)
  }

  /** After the last entry of a survey: the tails of the streams that go on. */
  checkTails(): void {
    for (const stream of this.streams.values()) if (!stream.ended || this.#tails.has(stream)) this.checkTail(stream)
  }

  /** What can be said of streams only when all is read. */
  finishStreams(): { total: number; ended: number; gaps: number } {
    const sessions = { total: 0, ended: 0, gaps: 0 }
    let unpinned = 0
    let first: number | undefined
    for (const stream of this.streams.values()) {
      if (stream.foreign || stream.pretender || !stream.start) continue
      for (const [id, fault] of stream.sessions.leftOpen()) this.#session(stream.last.index, stream, id, fault)
      sessions.total += stream.sessions.total
      sessions.ended += stream.sessions.ended
      sessions.gaps += stream.sessions.faulty.size
      this.#compromised(stream, stream.start.identity)
      if (stream.start.key !== stream.start.identity) this.#compromised(stream, stream.start.key)
      if (stream.identity !== 'self-asserted' || this.#trust) continue
      unpinned++
      first ??= stream.first
    }
    if (first !== undefined)
      this.#findings.add('identity.unpinned', `${unpinned} streams say themselves whose they are; nobody else does`, {
        indexes: [first],
        count: unpinned,
      })
    return sessions
  }

  #compromised(stream: StreamState, key: Key): void {
    const from = this.#identities.disputedFrom(key)
    if (from === undefined || stream.highest < from) return
    this.#findings.add(
      'key.disputed',
      `records up to index ${stream.highest} are signed with a key that is said to have been compromised from index ${from}`,
      { indexes: [Math.min(Math.max(from, stream.first), stream.highest), stream.highest], stream: stream.id },
    )
  }

  /** The sets of rules that streams put on record. */
  rules(): readonly RulesInForce[] {
    return [...this.#rules.values()]
  }

  /** What recorders declared that they see and do not see. */
  coverage(): { wrapped: number; notWrapped: number; unseen: readonly string[] } {
    const not = [...this.#tools].filter(([, wrapped]) => wrapped === 'no').map(([name]) => name)
    if (not.length > 0)
      this.#findings.add(
        'coverage.not-wrapped',
        `calls of ${not.length} tools are not recorded, among them ${not.slice(0, 5).map(quote).join(', ')}`,
        { count: not.length },
      )
    return { wrapped: this.#tools.size - not.length, notWrapped: not.length, unseen: [...this.#unseen].sort() }
  }

  /** Whether anything is left that only another pass can tell. */
  get needsMore(): boolean {
    return (
      this.odd.size > 0 ||
      this.calls.suspects.size > 0 ||
      this.suspectIntents.size > 0 ||
      this.suspectIds.size > 0 ||
      this.sizes.size > 0
    )
  }
}

/** What is known of any stream whose start stands at `index`, before anything else is read. */
const unread = (id: Hash, index: number) => ({
  id,
  first: index,
  last: { seq: 0, leaf: id, index },
  highest: index,
  records: 1,
  calls: 0,
  pending: 0,
  sessions: new Sessions(),
  rules: new Set<Hash>(),
})

/** Whether a stream that is over can be told from one that runs, for a summary. */
export const stateOfStream = (stream: StreamState): 'ended' | 'recovered' | 'running' =>
  stream.ended ? 'ended' : isOver(stream) ? 'recovered' : 'running'

/** Where a record after a start says that it stands; undefined when that cannot be read. */
export function placeOf({
  json,
}: ParsedRecord): { readonly id: Hash; readonly seq: number; readonly prev: Hash } | undefined {
  const { stream: id, seq, prev } = json
  return isHash(id) && isInt(seq) && seq > 0 && isHash(prev) ? { id, seq, prev } : undefined
}
