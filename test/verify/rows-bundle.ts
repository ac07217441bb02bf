import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { type Bundle, type BundleQuery, formatBundle } from '../../src/core/verify/index.js'
import { ended, excerpt, linesOf } from './bundle-kit.js'
import { type BundleCase, bundleVectors } from './bundle-vectors.js'
import { Party, TestLog } from './kit.js'
import type { StoredRow } from './rows-stored.js'

/*
 * Attacks on evidence that travels: what somebody can make of a bundle who has the log, or nothing but the bundle.
 */

const clerk = new Party('did:example:clerk')
const mallory = new Party('mallory')
const UNTOLD = 'could not check'
const SHOWN = 'no exceptions in what is shown'

// The vectors that others test with too, each beside the honest one that it was made of.
const { files, cases } = await bundleVectors()
const TWINS: readonly (readonly [name: string, attack: string, twin: string])[] = [
  ['cut', 'cut off on the way', 'call'],
  ['no-end', 'its last line dropped', 'call'],
  ['other-end', 'a word exchanged on the way', 'call'],
  ['edited', 'a record edited, and a new end', 'call'],
  ['moved', 'two records in each other’s place', 'all'],
  ['hole', 'a line of the tree dropped', 'call'],
  ['doubled', 'a line of the tree twice', 'call'],
  ['reordered', 'lines in another order', 'call'],
  ['repeated-name', 'a name twice in one line', 'call'],
  ['proto', 'a line named __proto__', 'call'],
  ['version', 'of a version that nobody knows', 'call'],
  ['query-empty', 'made for no question', 'call'],
  ['query-other', 'shows another call than was asked for', 'call'],
  ['entry-form', 'a record dressed as bytes', 'call'],
  ['hidden-start', 'entry 0 behind a hash', 'call'],
  ['misaligned', 'a hash where no subtree is', 'call'],
  ['other-log', 'of another log', 'call'],
  ['false-file', 'a file of rules that no record names', 'call'],
  ['false-disclosure', 'a disclosure of another value', 'disclosed-in-full'],
  ['false-member', 'a disclosure of a member that holds none', 'disclosed-in-full'],
  ['disclosure-elsewhere', 'a disclosure of an entry that is not shown', 'disclosed-in-full'],
  ['false-field', 'a disclosure of one field with another value', 'disclosed-in-part'],
  ['without-outcome', 'the outcome left out', 'call'],
  ['without-review', 'the approval left out, so that a call looks unapproved', 'reviewed'],
  ['without-signature', 'the signature left out that covers the intent', 'call'],
  ['without-start', 'the start of a stream left out', 'call'],
  ['without-call', 'the intent that was asked for left out', 'call'],
  ['without-one-of-session', 'one call of a session left out', 'session'],
  ['without-introduction', 'the operator’s word on a key left out', 'denied-yet-ran'],
]

const named = (name: string): BundleCase => {
  const found = cases.find(each => each.name === name)
  if (!found) throw new Error(`there is no vector ${name}`)
  return found
}

const ofVector = ([name, attack, twin]: (typeof TWINS)[number]): StoredRow => {
  const [hostile, honest] = [named(name), named(twin)]
  const { error, exitCode, evidence, completeness, conduct, findings } = hostile
  return {
    attack: `a bundle, ${attack}`,
    holds: 'a bundle and a trust file',
    build: attacked => {
      const { file, trust } = attacked ? hostile : honest
      return { bundle: files.get(file)!, trust }
    },
    exit: error === undefined ? (exitCode as StoredRow['exit']) : 2,
    answers: error ?? [evidence!, completeness!, conduct!],
    ...(findings ? { codes: findings } : {}),
    ...(honest.findings && honest.findings.length > 0 ? { twin: honest.findings } : {}),
  }
}

/** Seven calls, the first of which failed; on the attacked side a second outcome says otherwise. */
function twice(attacked: boolean): { readonly log: TestLog; readonly call: string } {
  const log = new TestLog()
  const stream = log.stream(clerk)
  const call = stream.call({}, 'failed')
  if (attacked) stream.outcome(call, 'succeeded', 'yes')
  for (let n = 0; n < 6; n++) stream.call()
  stream.end()
  return { log, call: call.call }
}

const showing = (log: TestLog, shown: readonly number[], query: BundleQuery, checkpoint = log.checkpoint()): Bundle =>
  excerpt({ entries: log.entries, checkpoint: () => checkpoint }, new Set(shown), query)

const everything = (log: TestLog, checkpoint?: Uint8Array): Bundle =>
  showing(log, [...log.entries.keys()], { all: true }, checkpoint)

/** Another history under the same key, as long as the other. */
function other(by?: Party): TestLog {
  const log = new TestLog()
  if (by) Object.assign(log, { key: by })
  const stream = log.stream(clerk)
  for (let n = 0; n < 7; n++) stream.call({ tool: 'refund' })
  stream.end()
  return log
}

/** The bundle under another checkpoint, closed anew. */
const under = (bundle: Bundle, checkpoint: Uint8Array): Uint8Array =>
  ended(linesOf(formatBundle(bundle)).with(1, `{"checkpoint":${JSON.stringify(new TextDecoder().decode(checkpoint))}}`))

const made = (row: Omit<StoredRow, 'holds'> & Partial<StoredRow>): StoredRow => ({
  holds: 'a bundle and a trust file',
  ...row,
})

export const bundleRows: readonly StoredRow[] = [
  ...TWINS.map(ofVector),
  made({
    attack: 'a bundle, a second outcome left out',
    build: attacked => {
      const { log, call } = twice(attacked)
      return { bundle: formatBundle(showing(log, [1, 2, 3], { calls: [call] })), trust: log.trust() }
    },
    exit: 0,
    answers: ['self-consistent', SHOWN, SHOWN],
    undetected: 'left-out',
  }),
  made({
    attack: 'a bundle, a second outcome left out: the log is held too',
    holds: 'the log and a trust file',
    build: attacked => {
      const { log } = twice(attacked)
      return { files: log.files(), trust: log.trust() }
    },
    exit: 3,
    answers: ['self-consistent', 'complete as far as recorded', 'exceptions'],
    codes: ['call.second-outcome'],
  }),
  made({
    attack: 'a bundle under an older checkpoint',
    build: attacked => {
      const { log } = twice(false)
      const bundle = everything(log)
      return {
        bundle: attacked ? under(bundle, log.checkpoint({ size: 9 })) : formatBundle(bundle),
        trust: log.trust(),
      }
    },
    exit: 2,
    answers: 'bundle-file.tree',
  }),
  made({
    attack: 'a bundle under the checkpoint of another history of the same length',
    build: attacked => {
      const { log } = twice(false)
      const bundle = everything(log)
      return { bundle: attacked ? under(bundle, other().checkpoint()) : formatBundle(bundle), trust: log.trust() }
    },
    exit: 1,
    answers: ['altered', UNTOLD, UNTOLD],
    codes: ['root.mismatch'],
  }),
  made({
    attack: 'a bundle under a checkpoint that another key signed',
    build: attacked => {
      const log = attacked ? other(mallory) : other()
      return { bundle: formatBundle(everything(log)), trust: new TestLog().trust() }
    },
    exit: 1,
    answers: ['altered', UNTOLD, UNTOLD],
    codes: ['checkpoint.unsigned'],
  }),
  made({
    attack: 'a bundle of a history written anew: an earlier checkpoint is held',
    holds: 'a bundle, a trust file and an earlier checkpoint',
    build: attacked => {
      const { log } = twice(false)
      return {
        bundle: formatBundle(everything(attacked ? other() : log)),
        trust: log.trust(),
        held: [log.checkpoint({ size: 9 })],
      }
    },
    exit: 1,
    answers: ['forked', UNTOLD, UNTOLD],
    codes: ['log.forked'],
  }),
  made({
    attack: 'a bundle of a log from which the tail was removed since: a later checkpoint is held',
    holds: 'a bundle, a trust file and a later checkpoint',
    build: attacked => {
      const { log } = twice(false)
      const short = excerpt(
        { entries: log.entries.slice(0, 9), checkpoint: () => log.checkpoint({ size: 9 }) },
        new Set([...Array(9).keys()]),
        { all: true },
      )
      return attacked
        ? { bundle: formatBundle(short), trust: log.trust(), held: [log.checkpoint()] }
        : { bundle: formatBundle(everything(log)), trust: log.trust(), held: [log.checkpoint()] }
    },
    exit: 2,
    answers: [UNTOLD, 'complete as far as recorded', 'no exceptions'],
    codes: ['held.unusable'],
  }),
  made({
    attack: 'the log is deleted: a bundle is held',
    build: attacked => {
      const { log, call } = twice(false)
      return attacked
        ? { bundle: formatBundle(showing(log, [1, 2, 3], { calls: [call] })), trust: log.trust() }
        : { files: log.files(), trust: log.trust() }
    },
    exit: 0,
    answers: ['self-consistent', SHOWN, SHOWN],
    undetected: 'later',
  }),
  made({
    attack: 'a bundle that is noise behind its first bytes',
    build: attacked => {
      const { log } = twice(false)
      const bundle = formatBundle(everything(log))
      return { bundle: attacked ? toUtf8('{"deedlog":"bundle/1","query":\u0000\n') : bundle, trust: log.trust() }
    },
    exit: 2,
    answers: 'bundle-file.syntax',
  }),
]
