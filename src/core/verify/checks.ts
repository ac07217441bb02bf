import type { Check, CheckStatus } from './report.js'

/** What each check asserts when it passes, and what it does not. In the order of a report. */
export const CHECKS = {
  'checkpoint.signature': {
    asserts: 'the log’s key signed the checkpoint',
    doesNotAssert: 'that it signed no other; whose key it is beyond what the trust file says',
  },
  'checkpoint.quorum': {
    asserts:
      'the witnesses whom the trust file asks for have seen this tree, as one that continues what they saw before',
    doesNotAssert: 'that the witnesses are honest, or that they have read the records',
  },
  'checkpoint.lag': {
    asserts: 'the newest cosignature of the quorum is no older than the trust file allows',
    doesNotAssert: 'that nothing was recorded since',
  },
  'checkpoint.dated': {
    asserts: 'somebody whom the trust file names for it has dated a tree that this one continues',
    doesNotAssert: 'that it is the only tree of this log: an anchor says nothing of forks',
  },
  'checkpoint.root': {
    asserts: 'the records are, byte for byte and in this order, those the checkpoint was signed over',
    doesNotAssert: 'that what they say is true',
  },
  'checkpoint.held': {
    asserts: 'this log continues the earlier checkpoints that you hold',
    doesNotAssert: 'anything about what was removed before those',
  },
  'checkpoint.remembered': {
    asserts: 'this log continues what you saw of it at earlier visits',
    doesNotAssert: 'anything about what was removed before the first of them',
  },
  'bundle.shown': {
    asserts:
      'the records that are shown stand, byte for byte and in these places, in the tree the checkpoint was signed over',
    doesNotAssert: 'anything about the records that are not shown, or that what the shown ones say is true',
  },
  'entry.included': {
    asserts: 'the one record that was shown is, byte for byte, an entry of the tree the checkpoint was signed over',
    doesNotAssert: 'anything about other records, or that what it says is true',
  },
  'tiles.match': {
    asserts: 'the tiles are what the records hash to, so proofs read from them hold',
    doesNotAssert: 'anything that the root does not',
  },
  'log.record': {
    asserts: 'entry 0 is the log’s own record, signed by the operator it names, of the origin of the checkpoint',
    doesNotAssert: 'who the operator is',
  },
  'log.id': {
    asserts: 'this is the log whose id the trust file names',
    doesNotAssert: 'anything about its records',
  },
  'log.operators': {
    asserts: 'the trust file names every operator of the log',
    doesNotAssert: 'that they are honest',
  },
  'records.after': {
    asserts: 'every checkpoint of this log that a record cites is one of this tree',
    doesNotAssert: 'when the records were made: that takes the notes and their cosignatures',
  },
  'records.understood': {
    asserts: 'every entry is a record of a kind and version that this verifier knows',
    doesNotAssert: 'that what they say is true',
  },
  'records.attributed': {
    asserts: 'every record is covered by a signature of its stream, directly or through the records after it',
    doesNotAssert: 'who holds the keys; signatures that a later one makes superfluous are not checked',
  },
  'streams.whole': {
    asserts: 'no stream lacks a record, has two for one place, is out of order or is foreign to this log',
    doesNotAssert: 'that nothing was left out at the end of a stream that is still running',
  },
  'streams.identity': {
    asserts: 'the trust file, or an operator whom it trusts, vouches for the identity of every stream',
    doesNotAssert: 'that the identity’s key was not used by somebody else',
  },
  'sessions.counted': {
    asserts: 'every session counts its calls from 0 without a gap',
    doesNotAssert: 'that no call was made outside the session',
  },
  'calls.outcomes': {
    asserts: 'every call that is over has an outcome, or was refused',
    doesNotAssert: 'that the outcome is true',
  },
  'calls.conduct': {
    asserts: 'no tool ran against its decision, without its approval, or with other arguments than those in force',
    doesNotAssert: 'that the decisions were right, or that the recorder tells the truth',
  },
  'approvals.signed': {
    asserts: 'every signature of an approver in a review is good',
    doesNotAssert: 'that reviews without one were approved by anybody but the recorder',
  },
  'disclosures.match': {
    asserts: 'the disclosures that are kept are those the records committed to',
    doesNotAssert: 'that the values are true',
  },
} as const satisfies { readonly [code: string]: { readonly asserts: string; readonly doesNotAssert: string } }

export type CheckCode = keyof typeof CHECKS

/** Collects what was checked. A check that was never begun is reported as not checked. */
export class Checks {
  readonly #results = new Map<CheckCode, { status: CheckStatus; detail?: string }>()

  set(code: CheckCode, status: CheckStatus, detail?: string): void {
    this.#results.set(code, detail === undefined ? { status } : { status, detail })
  }

  /** What was found of a check so far; undefined when it was not begun. */
  statusOf(code: CheckCode): { readonly status: CheckStatus; readonly detail?: string } | undefined {
    return this.#results.get(code)
  }

  list(): Check[] {
    return (Object.keys(CHECKS) as CheckCode[]).map(code => ({
      code,
      ...CHECKS[code],
      ...(this.#results.get(code) ?? { status: 'not_checked', detail: 'not reached' }),
    }))
  }
}
