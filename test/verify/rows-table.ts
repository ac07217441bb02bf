import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { canonicalBytes, encodeSig, type Json, recordMessage } from '../../src/core/record/index.js'
import { formatCheckpoint, formatNote, parseNote, signNote } from '../../src/core/tlog/index.js'
import { type Body, type Holds, id, Party, signed, TestLog, type TestStream } from './kit.js'
import type { Evidence, Row } from './rows.js'

/*
 * What is left of the table of attacks on logs: stolen and replaced keys, what was never recorded, dates, readers that
 * would disagree, and the odd signatures of spec/record.md section 3.
 */

const clerk = new Party('did:example:clerk')
const mallory = new Party('mallory')
const anna = new Party('anna')
const bert = new Party('bert')
const witness = new Party('witness.example/w1')
const quorum = [`witness w1 ${witness.vkey(witness.name, 4).text}`, 'quorum w1']

const WHOLE = 'complete as far as recorded'
const GOOD = 'no exceptions'
const UNTOLD = 'could not check'

const shows = (log: TestLog, holds: Holds = { trust: log.trust() }): Evidence => ({
  entries: log.entries,
  checkpoint: log.checkpoint(),
  holds,
})

type Told = Pick<Row, 'attack' | 'build'> & Partial<Row>

const unseen = (row: Told): Row => ({
  holds: 'a trust file',
  exit: 0,
  evidence: 'self-consistent',
  completeness: WHOLE,
  conduct: GOOD,
  codes: [],
  ...row,
})
const incomplete = (row: Told): Row => unseen({ exit: 3, completeness: 'exceptions', ...row })
const against = (row: Told): Row =>
  unseen({ exit: 1, evidence: 'altered', completeness: UNTOLD, conduct: UNTOLD, ...row })

/** One stream with a call before, and whatever is written. */
const written =
  (write: (stream: TestStream, log: TestLog, attacked: boolean) => void, more?: readonly string[]): Row['build'] =>
  attacked => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    stream.call({ session: { id: id(1), n: 0 } })
    write(stream, log, attacked)
    return shows(log, { trust: more ? log.trust([clerk], more) : log.trust() })
  }

const operatorStream = (log: TestLog, by = log.operator): TestStream =>
  log.stream(by, { role: 'operator', agent: { id: 'operator' } })

// The log's key: spec/keys.md, "The log's key".

const [former, newer] = [new Party('the former key'), new Party('the newer key')]

/** A checkpoint that these keys have signed, in the name of the origin. */
function signedBy(log: TestLog, keys: readonly Party[], size = log.size): Uint8Array {
  const text = formatCheckpoint({ origin: log.origin, size, root: log.root(size) })
  const notes = keys.map(key => parseNote(signNote(text, key.vkey(log.origin), message => key.sign(message))))
  return formatNote(
    text,
    notes.flatMap(note => note.signatures),
  )
}

const pins = (log: TestLog, keys: readonly Party[]): string =>
  [...keys.map(key => `log ${key.vkey(log.origin).text}`), ...log.trust().split('\n').slice(1)].join('\n')

const worked = (tool = 'pay'): TestLog => {
  const log = new TestLog()
  const stream = log.stream(clerk)
  for (let n = 0; n < 4; n++) stream.call({ tool, session: { id: id(1), n } })
  stream.end()
  return log
}

/** Whoever has stolen the older key signs another history with it, after the newer key took its place. */
const replaced = (
  attack: string,
  holds: string,
  pinned: readonly Party[],
  honest: readonly Party[],
  row: Partial<Row>,
  visits = false,
): Row =>
  against({
    attack: `the old key of a log signs a fork: ${attack}`,
    holds,
    build: attacked => {
      const [log, fork] = [worked(), worked('refund')]
      const held = visits ? { held: [signedBy(log, [newer, former], 5)] } : {}
      const of = attacked ? fork : log
      return {
        entries: of.entries,
        checkpoint: signedBy(of, attacked ? [former] : honest),
        holds: { trust: pins(log, pinned), ...held },
      }
    },
    codes: ['checkpoint.unsigned'],
    ...row,
  })

// Signatures that one library takes and another refuses: spec/record.md section 9.

/** R has a part of small order: good with a cofactor, bad without. */
function torsioned(message: Uint8Array, seed: Uint8Array): Uint8Array {
  const { Point } = ed25519
  const { head: scalar, prefix } = ((): { head: bigint; prefix: Uint8Array } => {
    const keys = ed25519.utils.getExtendedPublicKey(seed)
    return { head: keys.scalar, prefix: keys.prefix }
  })()
  const order = Point.Fn.ORDER
  const number = (bytes: Uint8Array): bigint =>
    [...bytes].reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) % order
  const r = number(sha512(Uint8Array.from([...prefix, ...message])))
  const small = Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')
  const R = Point.BASE.multiply(r).add(small).toBytes()
  const k = number(sha512(Uint8Array.from([...R, ...ed25519.getPublicKey(seed), ...message])))
  let s = (r + k * scalar) % order
  const S = Uint8Array.from({ length: 32 }, () => {
    const byte = Number(s & 255n)
    s >>= 8n
    return byte
  })
  return Uint8Array.from([...R, ...S])
}

/** The next record of a stream, signed in another way. */
const oddly = (stream: TestStream, body: Body, sign: (message: Uint8Array) => Uint8Array): Uint8Array => {
  const { sig: _, ...chained } = JSON.parse(new TextDecoder().decode(stream.make(body))) as Body
  return canonicalBytes({ ...chained, sig: encodeSig(sign(recordMessage(chained))) })
}

/** What a lenient reader would take for a record. */
const lenient = (what: string, change: (text: string) => string | Uint8Array): Row =>
  incomplete({
    attack: `an entry that a lenient reader takes for a record: ${what}`,
    build: written((stream, log, attacked) => {
      const text = new TextDecoder().decode(stream.make({ type: 'coverage', unseen: ['x'] }))
      if (!attacked) return
      const changed = change(text)
      log.push(typeof changed === 'string' ? toUtf8(changed) : changed)
    }),
    codes: ['entry.malformed'],
  })

export const tableRows: readonly Row[] = [
  replaced('the trust file pins the new key', 'a trust file with the new key', [newer], [newer], {}),
  replaced(
    'the trust file pins the old key still, nothing is held',
    'a trust file with the old key',
    [former],
    [newer, former],
    {
      exit: 0,
      evidence: 'self-consistent',
      completeness: WHOLE,
      conduct: GOOD,
      codes: [],
      undetected: 'rewritten-before',
    },
  ),
  replaced(
    'the trust file pins the old key still, an earlier checkpoint is held',
    'a trust file with the old key, and an earlier checkpoint',
    [former],
    [newer, former],
    { evidence: 'forked', codes: ['log.forked'] },
    true,
  ),
  replaced(
    'both keys are pinned, an earlier checkpoint is held',
    'a trust file with both keys, and an earlier checkpoint',
    [newer, former],
    [newer],
    { evidence: 'forked', codes: ['log.forked'] },
    true,
  ),

  // What never was in the log, and what is there too late.
  unseen({
    attack: 'a call is never recorded',
    build: written((stream, _, attacked) => {
      if (!attacked) stream.call({ session: { id: id(1), n: 1 } })
      stream.end()
    }),
    undetected: 'unrecorded',
  }),
  incomplete({
    attack: 'a call is taken out before it is recorded, its session had counted it',
    build: written((stream, _, attacked) => {
      if (!attacked) stream.call({ session: { id: id(1), n: 1 } })
      stream.call({ session: { id: id(1), n: 2 } })
      stream.end()
    }),
    codes: ['session.gap'],
  }),
  unseen({
    attack: 'an intent is written after its tool ran',
    build: written((stream, log, attacked) => {
      // The tool ran an hour before, says nobody.
      if (attacked) log.random(1)
      stream.call({ session: { id: id(1), n: 1 } })
    }),
    undetected: 'intent-after',
  }),
  unseen({
    attack: 'an agent’s key is stolen, and nobody has said so',
    build: attacked => {
      const log = worked()
      const stream = log.stream(clerk)
      stream.call({ tool: attacked ? 'refund' : 'pay' })
      return shows(log)
    },
    undetected: 'made-up',
  }),
  incomplete({
    attack: 'an agent’s key is stolen, and the operator says since when',
    build: attacked => {
      const log = worked()
      log.stream(clerk).call()
      if (attacked)
        operatorStream(log).add({ type: 'key', event: 'compromised', key: clerk.key, agent: clerk.name, since: 10 })
      else operatorStream(log).add({ type: 'coverage', unseen: ['x'] })
      return shows(log)
    },
    codes: ['key.disputed'],
  }),
  incomplete({
    attack: 'a compromised key is added again',
    build: written((stream, log, attacked) => {
      stream.end()
      const operator = operatorStream(log)
      const key = { type: 'key', key: clerk.key, agent: clerk.name }
      if (attacked) operator.add({ ...key, event: 'compromised' })
      operator.add({ ...key, event: 'add' })
      log.stream(clerk).call()
    }),
    codes: ['identity.contradicted', 'key.disputed'],
  }),
  incomplete({
    attack: 'an operator whose key was retired introduces another',
    build: attacked => {
      const second = new Party('second operator')
      const log = new TestLog({ operators: [new Party('operator example.com/deeds'), second] })
      const hand = operatorStream(log, second)
      hand.add(attacked ? { type: 'key', event: 'retire', key: log.operator.key } : { type: 'coverage', unseen: ['x'] })
      const agent = new Party('did:example:new')
      operatorStream(log).add({ type: 'key', event: 'add', key: agent.key, agent: agent.name })
      log.stream(agent).call()
      return shows(log, { trust: log.trust([clerk], ['quorum none', `operator ${second.vkey('second').text}`]) })
    },
    codes: ['identity.self-asserted', 'operator.not-counted'],
  }),
  unseen({
    attack: 'a forward-dated record, by its own recorder',
    build: written((stream, _, attacked) => {
      stream.add({ type: 'coverage', unseen: ['x'], ...(attacked ? { time: '2999-12-31T23:59:59.999Z' } : {}) })
    }),
    undetected: 'made-up',
  }),
  incomplete({
    attack: 'a stream names this log by its id and another log’s origin',
    build: attacked => {
      const log = new TestLog()
      log.stream(clerk, { logs: [{ id: log.id, origin: attacked ? 'example.com/other' : log.origin }] }).call()
      return shows(log)
    },
    codes: ['stream.other-origin'],
  }),
  unseen({
    attack: 'one denied call that ran, in a flood of harmless ones',
    exit: 3,
    conduct: 'exceptions',
    build: written((stream, _, attacked) => {
      for (let n = 1; n < 300; n++) {
        const bad = attacked && n === 150
        stream.call({ session: { id: id(1), n }, verdict: bad ? 'deny' : 'allow' })
      }
    }),
    codes: ['call.executed-though-denied'],
  }),

  // Witnesses.
  against({
    attack: 'the cosignature of an earlier checkpoint under a later one',
    holds: 'a trust file with a quorum',
    build: attacked => {
      const log = worked()
      const holds = { trust: log.trust([clerk], quorum) }
      const own = log.checkpoint({ witnesses: [witness] })
      if (!attacked) return { entries: log.entries, checkpoint: own, holds }
      const earlier = parseNote(log.checkpoint({ size: 5, witnesses: [witness] }))
      const now = parseNote(log.checkpoint())
      const checkpoint = formatNote(now.text, [...now.signatures, earlier.signatures[1]!])
      return { entries: log.entries, checkpoint, holds }
    },
    codes: ['checkpoint.quorum', 'cosignature.bad'],
  }),
  {
    ...unseen({
      attack: 'everything after entry 0 is removed and signed anew: its witness has seen more',
      holds: 'a trust file with a quorum',
      exit: 2,
      evidence: UNTOLD,
      build: attacked => {
        const log = worked()
        const holds = { trust: log.trust([clerk], quorum) }
        return attacked
          ? { entries: log.entries.slice(0, 1), checkpoint: log.checkpoint({ size: 1 }), holds }
          : { entries: log.entries, checkpoint: log.checkpoint({ witnesses: [witness] }), holds }
      },
      codes: ['checkpoint.quorum'],
    }),
  },

  // Signatures, and approvals.
  incomplete({
    attack: 'a signature with a part of small order, which some libraries take',
    build: written((stream, log, attacked) => {
      const body = { type: 'coverage', unseen: ['x'] }
      log.push(
        oddly(stream, body, message => (attacked ? torsioned(message, stream.key.seed) : stream.key.sign(message))),
      )
    }),
    codes: ['record.stray'],
  }),
  incomplete({
    attack: 'a signature whose S is as much too large as the group has elements',
    build: written((stream, log, attacked) => {
      log.push(
        oddly(stream, { type: 'coverage', unseen: ['x'] }, message => {
          const signature = stream.key.sign(message).slice()
          if (!attacked) return signature
          let carry = ed25519.Point.Fn.ORDER
          for (let i = 32; i < 64; i++) {
            carry += BigInt(signature[i]!)
            signature[i] = Number(carry & 255n)
            carry >>= 8n
          }
          return signature
        }),
      )
    }),
    codes: ['record.stray'],
  }),
  unseen({
    attack: 'an approval by another approver than it names',
    holds: 'a trust file with an approver',
    build: written(
      (stream, _, attacked) => {
        const call = stream.intent({ verdict: 'review' })
        stream.review(call, 'approved', stream.approval(call, 'approved', attacked ? bert : anna))
        stream.outcome(call)
      },
      ['quorum none', `approver ${anna.vkey().text}`, `approver ${bert.vkey().text}`],
    ),
    notices: ['review.unpinned'],
  }),

  // Readers that would disagree.
  lenient('a name twice', text => text.replace('{', '{"type":"loss",')),
  lenient('a space', text => text.replace(':', ': ')),
  lenient('a needless escape', text => text.replace('coverage', 'cover\\u0061ge')),
  lenient('a number of 2^53', text => text.replace(/"seq":\d+/, '"seq":9007199254740992')),
  lenient('a number with an exponent', text => text.replace(/"v":1/, '"v":1e0')),
  lenient('half of a surrogate pair', text => text.replace('"x"', '"\\ud800"')),
  lenient('a byte-order mark', text => `\ufeff${text}`),
  lenient('null', text => text.replace('"x"', 'null')),
  lenient('nine levels', text => text.replace('"x"', '[[[[[[[]]]]]]]')),
  lenient('bytes that are no UTF-8', text => Uint8Array.from([...toUtf8(text).slice(0, -1), 0xff, 0x7d])),
  unseen({
    attack: 'a line break in the name of a tool, to forge a line of somebody’s report',
    exit: 2,
    completeness: UNTOLD,
    build: written((stream, _, attacked) => {
      stream.intent({ tool: attacked ? 'pay\n0 exceptions' : 'pay' })
    }),
    codes: ['record.not-understood'],
  }),
  unseen({
    attack: 'a member named __proto__ that claims a verdict',
    build: written((stream, log, attacked) => {
      const call = stream.intent({ verdict: 'deny' })
      const body: Body = { type: 'coverage', unseen: ['x'] }
      const more = Object.fromEntries([['__proto__', { decision: { verdict: 'allow' } }]]) as unknown as Json
      stream.add(attacked ? { ...body, 'com.example.note': more } : body)
      stream.outcome(call, 'not_executed', 'no')
      void log
    }),
    undetected: 'made-up',
  }),
  incomplete({
    attack: 'a stream that pretends to be recovered by an operator',
    build: attacked => {
      const log = new TestLog()
      const stream = log.stream(clerk)
      stream.call()
      const by = attacked ? operatorStream(log) : log.stream(clerk)
      by.add({ type: 'recovery', of: stream.id, last: stream.prev, lastSeq: stream.seq })
      return shows(log)
    },
    codes: ['recovery.false'],
  }),
  incomplete({
    attack: 'a start that somebody without the identity’s key has signed over',
    build: written((_, log, attacked) => {
      const start = {
        v: 1,
        type: 'stream.start',
        seq: 0,
        time: log.time(),
        logs: [{ id: log.id, origin: log.origin }],
        role: 'agent',
        agent: { id: clerk.name },
        recorder: { name: 'deedlog', version: '0.1.0' },
        identity: clerk.key,
        key: mallory.key,
      }
      log.push(signed(start, attacked ? mallory : clerk))
    }),
    codes: ['record.stray'],
  }),
]
