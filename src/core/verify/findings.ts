import type { Area, Finding, Severity } from './report.js'

/** What a finding code means, whatever log it is found in. `spec/report.md` prints this table. */
export interface FindingKind {
  readonly area: Area
  readonly severity: Severity
  /** What follows from it. */
  readonly asserts: string
  /** What a reader might think follows, and does not. */
  readonly doesNotAssert: string
}

const kind = (area: Area, severity: Severity, asserts: string, doesNotAssert: string): FindingKind => ({
  area,
  severity,
  asserts,
  doesNotAssert,
})

/** Every finding there is. A code never changes its area or severity: one that needs another is another code. */
export const FINDINGS = {
  // Evidence: is this the log?
  'trust.none': kind(
    'evidence',
    'unknown',
    'nobody outside said whose log this is: everything was held against the log’s own word only',
    'that anything is wrong with the log',
  ),
  'trust.supplied': kind(
    'evidence',
    'unknown',
    'the trust file was supplied by the log itself and counts as none',
    'that its content is wrong; get one from somebody you trust',
  ),
  'trust.other-log': kind(
    'evidence',
    'unknown',
    'the trust file names no log of this origin',
    'that the log is bad: it may be the wrong trust file',
  ),
  'checkpoint.missing': kind(
    'evidence',
    'unknown',
    'there is no signed checkpoint, so nothing says how many records there are or what they are',
    'that there ever was one',
  ),
  'checkpoint.malformed': kind(
    'evidence',
    'against',
    'the signed checkpoint is not one: its bytes do not parse',
    'who changed it, or that it was on purpose',
  ),
  'checkpoint.empty': kind(
    'evidence',
    'unknown',
    'the checkpoint covers no record, not even the log’s own',
    'that records were removed',
  ),
  'checkpoint.signature': kind(
    'evidence',
    'against',
    'the log’s key did not sign this checkpoint',
    'which of text and signature was changed',
  ),
  'checkpoint.unsigned': kind(
    'evidence',
    'against',
    'the checkpoint claims an origin whose log key did not sign it',
    'that the records are false: but nobody you trust vouches for them',
  ),
  'checkpoint.quorum': kind(
    'evidence',
    'unknown',
    'the trust file wants witnesses who did not sign this checkpoint',
    'that the records are false',
  ),
  'checkpoint.stale': kind(
    'evidence',
    'unknown',
    'no quorum has seen the log as lately as the trust file wants: newer records may be held back',
    'that there are newer records',
  ),
  'cosignature.bad': kind(
    'evidence',
    'against',
    'a witness you trust did not make the cosignature in its name',
    'who made it',
  ),
  'witness.not-asked': kind(
    'evidence',
    'unknown',
    'a witness could not be asked what it has cosigned last: it may have seen more of the log, or another one',
    'that it has',
  ),
  'witness.not-cosigned': kind(
    'completeness',
    'notice',
    'the keeper of the log says that a witness did not cosign when it was asked',
    'why: it is the keeper’s word',
  ),
  'anchor.bad': kind(
    'completeness',
    'exception',
    'what is kept as an anchor is false, or is of something else; it dates nothing',
    'who exchanged it: the files beside a log are not signed',
  ),
  'anchor.disputed': kind(
    'completeness',
    'exception',
    'a tree of this origin was dated that this log never had',
    'that the log was forked: whoever dates it asks for no signature of the log',
  ),
  'anchor.beyond': kind(
    'completeness',
    'exception',
    'a larger tree of this origin was dated than the one that is shown',
    'that records were removed: whoever dates it asks for no signature of the log',
  ),
  'anchor.unpinned': kind(
    'evidence',
    'notice',
    'a tree was dated by somebody whom the trust file does not name; it is not counted',
    'that the date is wrong',
  ),
  'anchor.unreadable': kind(
    'evidence',
    'notice',
    'what is kept as an anchor cannot be read; it dates nothing',
    'anything about the log',
  ),
  'anchor.passed-over': kind(
    'evidence',
    'notice',
    'there are more anchors than a verification looks at',
    'anything about the log',
  ),
  'anchor.not-made': kind(
    'completeness',
    'notice',
    'the keeper of the log says that a checkpoint was to be dated and was not',
    'why: it is the keeper’s word',
  ),
  'root.mismatch': kind(
    'evidence',
    'against',
    'the records are not those the checkpoint was signed over',
    'who changed them, when, or that it was on purpose',
  ),
  'entry.altered': kind(
    'evidence',
    'against',
    'these records are not what was signed',
    'what they said before, or who changed them',
  ),
  'entry.suspect': kind(
    'evidence',
    'against',
    'the records do not hash to the signed root, and these are the ones that their neighbours or signatures contradict',
    'that no other record was changed',
  ),
  'entry.not-included': kind(
    'evidence',
    'against',
    'the record that was shown is not the one the proof is of',
    'which of record, proof and checkpoint was changed',
  ),
  'entries.missing': kind(
    'evidence',
    'against',
    'the checkpoint was signed over records that are not here',
    'that they were removed on purpose: a copy made while the log was being written also looks like this',
  ),
  'entries.pruned': kind(
    'evidence',
    'unknown',
    'the first records were pruned, and whether that was permitted could not be checked',
    'that it was not',
  ),
  'entries.pruned-not-permitted': kind(
    'evidence',
    'against',
    'the first records are not here, and pruning them was not permitted, or did not keep what it has to keep',
    'what they said, or that they were removed on purpose',
  ),
  'entries.pruned-as-promised': kind(
    'evidence',
    'notice',
    'the first records were pruned after the time for which the log had promised to keep them; operators’ records are here',
    'what the others said: they and the calls in them are not judged',
  ),
  'entries.unreadable': kind(
    'evidence',
    'against',
    'a file of records does not parse: its bytes are not those that were written',
    'which record was meant to be changed, beyond those named',
  ),
  'tile.altered': kind(
    'evidence',
    'against',
    'a tile of the log is not what its records hash to: proofs read from it will not hold',
    'that a record was changed',
  ),
  'tile.missing': kind(
    'evidence',
    'notice',
    'a tile that the checkpoint implies is not here; it can be computed again from the records',
    'that a record is missing',
  ),
  'log.record': kind('evidence', 'against', 'entry 0 is not signed by the operator it names', 'who wrote it'),
  'log.record-missing': kind(
    'evidence',
    'unknown',
    'entry 0 is no log record that this version understands, so it is not known which log this is',
    'that the log is bad: it may be no Deedlog log, or a newer one',
  ),
  'log.record-misplaced': kind(
    'completeness',
    'exception',
    'a second log record was let in; it counts for nothing',
    'that anything else is affected',
  ),
  'log.id': kind(
    'evidence',
    'against',
    'this is not the log that the trust file names: its entry 0 is another',
    'which of the two is the real one',
  ),
  'log.operator': kind(
    'evidence',
    'against',
    'the log names an operator whom the trust file does not',
    'that the operator is dishonest',
  ),
  'log.origin': kind(
    'evidence',
    'against',
    'checkpoint and log record name different origins: they are of two logs',
    'which of the two is the real one',
  ),
  'log.forked': kind(
    'evidence',
    'against',
    'the log signed two trees of which neither continues the other',
    'which of the two is the real one',
  ),
  'log.rolled-back': kind(
    'evidence',
    'against',
    'the log signed a larger tree than the one it shows now',
    'what the removed records said; an older copy of the log looks the same',
  ),
  'held.unusable': kind(
    'evidence',
    'unknown',
    'an earlier checkpoint that you hold could not be compared with this log',
    'that the log is bad',
  ),
  'memory.not-saved': kind(
    'evidence',
    'notice',
    'what you saw of this log could not be remembered: the next visit will compare it with less',
    'anything about the log',
  ),
  'disclosure.mismatch': kind(
    'evidence',
    'against',
    'a value is shown as what a record committed to, and it is not',
    'what the record did commit to, or who changed the disclosure',
  ),
  'after.disputed': kind(
    'completeness',
    'exception',
    'a record cites a checkpoint that this tree contradicts, and the signed note is not here to decide',
    'whether the log or the recorder is wrong',
  ),
  // Completeness: is all of it here?
  'entry.malformed': kind(
    'completeness',
    'exception',
    'the log let in bytes that are no record; they count for nothing',
    'anything about an agent',
  ),
  'record.not-understood': kind(
    'completeness',
    'unknown',
    'records are of a kind or version that this verifier does not know: what they say was not checked',
    'that they are wrong',
  ),
  'record.stray': kind(
    'completeness',
    'exception',
    'no signature covers these records: they count for nothing and speak against the log that let them in',
    'anything about the agent whose stream they name',
  ),
  'record.unattributed': kind(
    'completeness',
    'unknown',
    'the bundle does not show the signed record that these records need to count',
    'that there is none in the log',
  ),
  'bundle.not-shown': kind(
    'completeness',
    'unknown',
    'the bundle does not show, or not wholly, what it says that it was asked for',
    'that the log does not hold it, or that it was left out on purpose',
  ),
  'bundle.session-open': kind(
    'completeness',
    'notice',
    'the calls of a session are shown, and not that it had no more',
    'that it had',
  ),
  'record.copied': kind(
    'completeness',
    'notice',
    'the log holds a record twice, byte for byte; the copy counts for nothing',
    'that the call happened twice',
  ),
  'stream.forked': kind(
    'completeness',
    'exception',
    'a stream’s key signed two different records for one place; both are shown, neither is preferred',
    'which of them is true',
  ),
  'stream.broken': kind(
    'completeness',
    'exception',
    'a record of the stream is missing below one that is signed',
    'what it said, or whether log or recorder left it out',
  ),
  'stream.out-of-order': kind(
    'completeness',
    'exception',
    'the log holds records of a stream in another order than they were made',
    'anything about the agent',
  ),
  'stream.foreign': kind(
    'completeness',
    'exception',
    'a stream that was not made for this log was put into it; it counts for nothing here',
    'that its records are false: they may be true in their own log',
  ),
  'stream.after-end': kind(
    'completeness',
    'exception',
    'a stream’s key signed records after the stream had ended',
    'who used the key: it should have been forgotten',
  ),
  'stream.miscounted': kind(
    'completeness',
    'exception',
    'a stream’s own closing count differs from what the log holds of it',
    'which of the two is right',
  ),
  'stream.other-origin': kind(
    'completeness',
    'exception',
    'a stream names this log by its id and by another log’s origin',
    'which of the two its agent meant; its records count',
  ),
  'stream.overlong': kind(
    'completeness',
    'notice',
    'a stream took new calls for longer than a day, or than 2^20 records',
    'that anything is wrong with them; times are the recorder’s own',
  ),
  'recovery.false': kind(
    'completeness',
    'exception',
    'a recovery does not name the newest record of the stream it recovers, or not one of its own',
    'that it was on purpose',
  ),
  'recovery.alive': kind(
    'completeness',
    'exception',
    'a stream went on after another had declared it dead',
    'which of the two recorders was wrong',
  ),
  'identity.self-asserted': kind(
    'completeness',
    'exception',
    'nobody but the stream itself says that it is this agent’s',
    'that it is somebody else’s',
  ),
  'identity.contradicted': kind(
    'completeness',
    'exception',
    'the trust file lists this agent with other keys only, or the key was withdrawn before the stream began',
    'who holds the key',
  ),
  'identity.not-shown': kind(
    'completeness',
    'unknown',
    'nothing that the bundle shows vouches for the identity of a stream, and what it does not show may',
    'that nobody does',
  ),
  'identity.unpinned': kind(
    'completeness',
    'notice',
    'agents were taken at their own word, for want of a trust file',
    'that they are others',
  ),
  'key.disputed': kind(
    'completeness',
    'exception',
    'records were signed with a key from the point on at which its owner says it was in other hands',
    'that they are forged; they are shown, not removed',
  ),
  'operator.not-counted': kind(
    'completeness',
    'exception',
    'a stream claims to be the operator’s and is not; its records count for nothing',
    'who wrote it',
  ),
  'operator.only': kind(
    'completeness',
    'exception',
    'an agent’s stream holds a record that only an operator may write; it counts for nothing',
    'that its content is false',
  ),
  'continuation.misplaced': kind(
    'completeness',
    'exception',
    'a log says that it carries on after another, but not at its start; that counts for nothing',
    'that it does not',
  ),
  'log.continues': kind(
    'completeness',
    'notice',
    'the operator says that this log carries on after another one, which could not be continued',
    'that the other log was checked',
  ),
  'continuation.not-given': kind(
    'completeness',
    'notice',
    'the log that this one carries on after was not given: it was not compared',
    'that there is anything wrong with it',
  ),
  'continuation.note': kind(
    'completeness',
    'unknown',
    'the signed note of the earlier log from which this log carries on could not be held against that log',
    'that the earlier log is another one than it says',
  ),
  'continuation.foreign': kind(
    'completeness',
    'exception',
    'a log says that it carries on after another, and no operator of that one says so',
    'who its operator is',
  ),
  'continuation.cycle': kind(
    'completeness',
    'exception',
    'logs say of each other that they carry on after one another',
    'which of them came first',
  ),
  'continuation.lost': kind(
    'completeness',
    'exception',
    'the earlier log holds records beyond the size from which this log carries on: they are lost to it',
    'that anybody meant to lose them; they still are in the earlier log',
  ),
  'log.moved': kind(
    'completeness',
    'notice',
    'the operator has moved this log: it is not written here any more, and may have gone on elsewhere',
    'where it is now: the path is the operator’s word, on the operator’s machine',
  ),
  'session.gap': kind(
    'completeness',
    'exception',
    'calls of a session are missing, repeated, or come after its end',
    'what the missing calls were',
  ),
  'call.repeated-id': kind(
    'completeness',
    'exception',
    'two calls of one stream bear one id',
    'that they are one call',
  ),
  'rules.unknown': kind(
    'completeness',
    'exception',
    'a decision names rules that are not on record before it in its stream',
    'that there were none',
  ),
  'rules.incomplete': kind(
    'completeness',
    'exception',
    'a set of rules carries on from a part that is not on record before it in its stream',
    'that the part never was in force',
  ),
  'outcome.awaited': kind(
    'completeness',
    'notice',
    'a call has no outcome yet; its recorder is still running as far as the log knows',
    'that the tool ran, or that it did not',
  ),
  'outcome.provisional': kind('completeness', 'notice', 'the last word on a call is provisional', 'how the call ended'),
  'outcome.missing': kind(
    'completeness',
    'exception',
    'a call never got an outcome, though its recorder is gone',
    'that the tool ran, or that it did not',
  ),
  'outcome.without-intent': kind(
    'completeness',
    'exception',
    'a record is about a call whose intent is not in the log before it',
    'that the call did not happen',
  ),
  'outcome.not-counted': kind(
    'completeness',
    'exception',
    'a record about a call is not in a place where it counts, or does not match the call’s id',
    'that its content is false',
  ),
  'outcome.misfit': kind(
    'completeness',
    'exception',
    'an outcome says that it is late where no late one was due',
    'that the rest of it is false',
  ),
  'loss.recorded': kind(
    'completeness',
    'exception',
    'the recorder says that records or outcomes are missing',
    'how many, where it did not count them',
  ),
  'coverage.not-wrapped': kind(
    'completeness',
    'notice',
    'the recorder says that it does not record the calls of these tools',
    'that they were called',
  ),
  // Conduct: did the agents behave?
  'call.executed-though-denied': kind(
    'conduct',
    'exception',
    'a tool ran, or may have run, although the decision was to deny',
    'why: the host, the agent or a fault may have gone round the decision',
  ),
  'call.executed-without-approval': kind(
    'conduct',
    'exception',
    'a tool ran, or may have run, without the approval that the decision asked for',
    'that nobody had approved outside the log',
  ),
  'call.declined-yet-executed': kind(
    'conduct',
    'exception',
    'a tool ran, or may have run, although the reviewer had declined',
    'why',
  ),
  'call.other-arguments': kind(
    'conduct',
    'exception',
    'the tool was run with other arguments than those decided on or approved',
    'that they were worse: compare the two disclosures',
  ),
  'call.second-outcome': kind(
    'conduct',
    'exception',
    'a call has more outcomes than it may have',
    'which of them is true',
  ),
  'call.unmediated': kind(
    'conduct',
    'exception',
    'the recorder saw a call that it could not have held back',
    'that the call would have been denied',
  ),
  'call.belated': kind(
    'conduct',
    'exception',
    'an intent was written after the fact',
    'that the call was hidden at the time',
  ),
  'call.degraded': kind(
    'conduct',
    'exception',
    'a call was let through although it could not be recorded in time',
    'that anything about it is missing',
  ),
  'call.lossy': kind(
    'conduct',
    'exception',
    'a call was let through although records of it could be lost',
    'that they were',
  ),
  'call.unknown': kind(
    'conduct',
    'exception',
    'what became of a call is unknown, and nobody has settled it',
    'that the tool ran, or that it did not',
  ),
  'call.pending-at-end': kind(
    'conduct',
    'exception',
    'a stream ended while a call had no final outcome, and none came later',
    'how the call ended',
  ),
  'call.not-shown-whole': kind(
    'conduct',
    'unknown',
    'the bundle does not show a record on which the judgement of a call depends, nor that there is none',
    'that there is one, or that it was left out on purpose',
  ),
  'review.misplaced': kind(
    'conduct',
    'exception',
    'a review stands where none counts: not asked for, a second one, or from another stream’s recorder',
    'that the reviewer did not answer',
  ),
  'review.signature': kind(
    'conduct',
    'exception',
    'the approver’s signature on a review is not good: the review is the recorder’s word, with a false proof',
    'that the approver did not approve',
  ),
  'review.unpinned': kind(
    'conduct',
    'notice',
    'a review bears a good signature of a key that the trust file does not give to that approver, or none',
    'that the approver did not approve',
  ),
  'settlement.disputed': kind(
    'conduct',
    'exception',
    'the operator settled a call that was not open to be settled',
    'which of outcome and settlement is true',
  ),
} as const satisfies { readonly [code: string]: FindingKind }

export type FindingCode = keyof typeof FINDINGS

// A hostile log can hold one exception per record. Findings of one code beyond these are counted, not listed.
const FINDINGS_PER_CODE_MAX = 50
const INDEXES_MAX = 16

/** Where and about whom. */
export interface Whereabouts {
  readonly indexes?: readonly number[]
  /** How many there are, when `indexes` is only the first of them. */
  readonly count?: number
  readonly stream?: string
  readonly call?: string
}

/** Collects findings in the memory of a page, however many there are. */
export class Findings {
  readonly #kept = new Map<FindingCode, Finding[]>()
  readonly #more = new Map<FindingCode, { indexes: number[]; count: number }>()

  add(code: FindingCode, message: string, where: Whereabouts = {}): void {
    const indexes = (where.indexes ?? []).slice(0, INDEXES_MAX)
    const count = where.count ?? Math.max(where.indexes?.length ?? 0, 1)
    const kept = this.#kept.get(code) ?? []
    this.#kept.set(code, kept)
    if (kept.length < FINDINGS_PER_CODE_MAX) {
      kept.push({
        code,
        ...FINDINGS[code],
        message,
        indexes,
        count,
        ...(where.stream === undefined ? {} : { stream: where.stream }),
        ...(where.call === undefined ? {} : { call: where.call }),
      })
      return
    }
    const more = this.#more.get(code) ?? { indexes: [], count: 0 }
    this.#more.set(code, more)
    more.count += count
    for (const index of indexes) if (more.indexes.length < INDEXES_MAX) more.indexes.push(index)
  }

  has(code: FindingCode): boolean {
    return this.#kept.has(code)
  }

  /** In the order of the table above; within a code, in the order of their coming. */
  list(): Finding[] {
    return (Object.keys(FINDINGS) as FindingCode[]).flatMap(code => {
      const kept = this.#kept.get(code) ?? []
      const more = this.#more.get(code)
      if (!more) return kept
      const { area, severity, asserts, doesNotAssert } = FINDINGS[code]
      const message = `${more.count} more like those above`
      return [...kept, { code, area, severity, asserts, doesNotAssert, message, ...more }]
    })
  }
}
