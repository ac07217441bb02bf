import { keyOf, LOG_TEXT, leafOf, OPERATOR, Stream, TIME } from './record-kit.js'
import { signatureVectors } from './record-signatures.js'
import type { VectorCase, VectorFile } from './record-vectors.js'

/** Signatures, and what of a stream is attributed. */
export function streamVectors(): [string, VectorFile][] {
  return [...signatureVectors(), ...attributions()]
}

interface Expected {
  /** Indexes of attributed records, copies left out. */
  readonly attributed: readonly number[]
  readonly strays?: readonly number[]
  readonly copies?: readonly number[]
  readonly forks?: readonly { readonly seq: number; readonly indexes: readonly number[] }[]
  /** Seqs that are not there, as ranges. */
  readonly broken?: readonly (readonly [from: number, to: number])[]
  readonly outOfOrder?: boolean
}

/** `entries` are a whole log from index 0; what is expected concerns the one stream in it. */
const logOf = (name: string, stream: Stream, entries: readonly string[], expected: Expected): VectorCase => ({
  name,
  entries: [LOG_TEXT, ...entries],
  stream: stream.id,
  expect: { strays: [], copies: [], forks: [], broken: [], outOfOrder: false, ...expected },
})

function attributions(): [string, VectorFile][] {
  const file = (about: string, cases: VectorCase[]): VectorFile => ({ about, section: '3', kind: 'stream', cases })
  return [
    ['stream/attributed', file('A signature speaks for all records that lead up to it.', attributed())],
    [
      'stream/strays',
      file('A record that no signature covers speaks against the log, and changes nothing for the stream.', strays()),
    ],
    ['stream/forked-or-broken', file('Two records in one place, or none: signed by the stream’s own key.', forks())],
    ['stream/moved-start', file('Whose stream it is, its start says, and nobody else’s start will do.', starts())],
  ]
}

function attributed(): VectorCase[] {
  const signed = new Stream(3)
  const all = [signed.start, signed.loss(1), signed.loss(2)]
  const batched = new Stream(3)
  const batch = [batched.start, batched.loss(1, false), batched.loss(2, false), batched.loss(3)]
  const open = new Stream(3)
  const cut = [open.start, open.loss(1), open.loss(2, false)]
  const ended = new Stream(3)
  const whole = [ended.start, ended.loss(1, false), ended.next('stream.end', { calls: 0, pending: 0 })]
  const later = new Stream(3)
  const future = [later.start, later.next('com.example.note', { v: 2, text: [] }, false), later.loss(2)]
  const spoiled = new Stream(3)
  const bad = [spoiled.start, spoiled.next('loss', { reason: 'x', sig: `${'A'.repeat(86)}==` }, false), spoiled.loss(2)]
  return [
    logOf('each signed', signed, all, { attributed: [1, 2, 3] }),
    logOf('one batch', batched, batch, { attributed: [1, 2, 3, 4] }),
    logOf('start alone', signed, [signed.start], { attributed: [1] }),
    logOf('a batch without its signed end', open, cut, { attributed: [1, 2], strays: [3] }),
    logOf('an ended stream', ended, whole, { attributed: [1, 2, 3] }),
    logOf('a record of a later version is chained', later, future, { attributed: [1, 2, 3] }),
    logOf('a signature that is bad, in a record that a good one leads to', spoiled, bad, { attributed: [1, 2, 3] }),
    logOf('byte-identical copies', signed, [...all, all[1]!, all[2]!, all[0]!], {
      attributed: [1, 2, 3],
      copies: [4, 5, 6],
    }),
  ]
}

function strays(): VectorCase[] {
  const honest = new Stream(3)
  const one = [honest.start, honest.loss(1), honest.loss(2)]
  const at = (seq: number, prev: string, sign: boolean | number, reason = 'stray'): string =>
    honest.at(seq, prev, 'loss', { reason }, sign)
  const unsignedNext = at(3, honest.prev, false)
  const forgedNext = at(3, honest.prev, 9)
  const inside = at(2, leafOf(one[1]!), false)
  const head = at(1, honest.id, 9)
  const chain1 = at(3, honest.prev, false, 'a')
  const chain2 = at(4, leafOf(chain1), 9, 'b')
  const own = new Stream(3)
  const grown = [own.start, own.loss(1)]
  const between = own.at(2, own.prev, 'loss', { reason: 'stray' }, false)
  grown.push(own.loss(2, false), own.loss(3))
  const repeated = honest.next('stream.end', { calls: 0, pending: 0 })
  return [
    logOf('unsigned, after the end', honest, [...one, unsignedNext], { attributed: [1, 2, 3], strays: [4] }),
    logOf('signed by somebody else, after the end', honest, [...one, forgedNext], {
      attributed: [1, 2, 3],
      strays: [4],
    }),
    logOf('in the place of another', honest, [...one, inside], { attributed: [1, 2, 3], strays: [4] }),
    logOf('before what it replaces', honest, [one[0]!, head, one[1]!, one[2]!], { attributed: [1, 3, 4], strays: [2] }),
    logOf('two that lead up to a bad signature', honest, [...one, chain1, chain2], {
      attributed: [1, 2, 3],
      strays: [4, 5],
    }),
    logOf('inside a batch', own, [grown[0]!, grown[1]!, between, grown[2]!, grown[3]!], {
      attributed: [1, 2, 4, 5],
      strays: [3],
    }),
    logOf('far ahead', honest, [...one, at(2 ** 53 - 1, honest.id, false)], { attributed: [1, 2, 3], strays: [4] }),
    logOf(
      'an end that somebody wrote',
      honest,
      [...one, honest.at(3, leafOf(one[2]!), 'stream.end', { calls: 0, pending: 0 }, 9), repeated],
      {
        attributed: [1, 2, 3, 5],
        strays: [4],
      },
    ),
  ]
}

function forks(): VectorCase[] {
  const a = new Stream(3)
  const trunk = [a.start, a.loss(1)]
  const left = a.at(2, a.prev, 'loss', { reason: 'left' })
  const right = a.at(2, a.prev, 'loss', { reason: 'right' })
  const leftOn = a.at(3, leafOf(left), 'loss', { reason: 'left-on' })
  const gap = new Stream(3)
  const gapped = [gap.start, gap.loss(1), gap.loss(2), gap.loss(3), gap.loss(4)]
  const without = (...gone: number[]): string[] => gapped.filter((_, i) => !gone.includes(i))
  const batch = new Stream(3)
  const batched = [batch.start, batch.loss(1, false), batch.loss(2, false), batch.loss(3)]
  const far = gap.at(1000, 'cd'.repeat(32), 'loss', { reason: 'far' })
  const altered = batched[2]!.replace('"n2"', '"n9"')
  return [
    logOf('two records with one seq', a, [...trunk, left, right], {
      attributed: [1, 2, 3, 4],
      forks: [{ seq: 2, indexes: [3, 4] }],
    }),
    logOf('one of them goes on', a, [...trunk, left, right, leftOn], {
      attributed: [1, 2, 3, 4, 5],
      forks: [{ seq: 2, indexes: [3, 4] }],
    }),
    logOf('a record is missing', gap, without(2), { attributed: [1, 2, 3, 4], broken: [[2, 2]] }),
    logOf('two are missing', gap, without(2, 3), { attributed: [1, 2, 3], broken: [[2, 3]] }),
    logOf('the first is missing', gap, without(1), { attributed: [1, 2, 3, 4], broken: [[1, 1]] }),
    logOf('two gaps', gap, without(1, 3), {
      attributed: [1, 2, 3],
      broken: [
        [1, 1],
        [3, 3],
      ],
    }),
    logOf('a seq far ahead', gap, [...gapped, far], { attributed: [1, 2, 3, 4, 5, 6], broken: [[5, 999]] }),
    logOf('a record inside a batch was altered', batch, [batched[0]!, batched[1]!, altered, batched[3]!], {
      attributed: [1, 4],
      strays: [2, 3],
      broken: [[1, 2]],
    }),
    logOf('two records changed places', gap, [gapped[0]!, gapped[1]!, gapped[3]!, gapped[2]!, gapped[4]!], {
      attributed: [1, 2, 3, 4, 5],
      outOfOrder: true,
    }),
    logOf('the start stands last', gap, [gapped[1]!, gapped[0]!], { attributed: [1, 2], outOfOrder: true }),
  ]
}

function starts(): VectorCase[] {
  const honest = new Stream(3)
  const records = [honest.loss(1), honest.loss(2)]
  const other = new Stream(3, { members: { agent: { id: 'did:example:mallory' } } })
  const unsigned = new Stream(3)
  const forged = unsigned.start.replace(TIME, '2026-11-22T09:25:00.001Z')
  const stolen = new Stream(4, { members: { key: keyOf(3) } })
  const under = stolen.at(1, stolen.id, 'loss', { reason: 'x' }, 4)
  const byOperator = new Stream(3, { identity: OPERATOR, members: { role: 'operator' } })
  return [
    logOf('no start', honest, records, { attributed: [], strays: [1, 2] }),
    logOf('another start with the same key', honest, [other.start, ...records], { attributed: [], strays: [2, 3] }),
    logOf('a start whose signature is another’s', { ...honest, id: leafOf(forged) } as unknown as Stream, [forged], {
      attributed: [],
      strays: [1],
    }),
    logOf('signed by the identity’s holder, not by the stream’s key', stolen, [stolen.start, under], {
      attributed: [1],
      strays: [2],
    }),
    logOf('an operator’s stream', byOperator, [byOperator.start, byOperator.loss(1)], { attributed: [1, 2] }),
  ]
}
