import { sha256Hex } from '#crypto'
import { exportBundle } from '../../src/client/export.js'
import { toBase64 } from '../../src/core/bytes/base64.js'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { isDeedlogError } from '../../src/core/errors.js'
import {
  commit,
  discloseInFull,
  discloseInPart,
  formatDisclosureSet,
  formatTime,
  type Json,
} from '../../src/core/record/index.js'
import { ALGORITHM, leafHash } from '../../src/core/tlog/index.js'
import { type Bundle, formatBundle, parseBundle } from '../../src/core/verify/index.js'
import { ended, excerpt, judged, linesOf, memorySource } from './bundle-kit.js'
import { codes, id, Party, signed, TestLog } from './kit.js'

/*
 * The files under spec/vectors/bundle/: honest bundles of one log, and what somebody can make of them. Expectations are
 * what this implementation answers; the test holds them against the lines of spec/bundle.md that each case names.
 */

export interface BundleCase {
  readonly name: string
  /** Of a file beside `cases.json`. */
  readonly file: string
  /** What the case shows, and where spec/bundle.md says so. */
  readonly about: string
  /** The text of a trust file, or `self`. */
  readonly trust: string
  /** The code with which it is refused; then nothing else is there. */
  readonly error?: string
  readonly exitCode?: number
  readonly evidence?: string
  readonly completeness?: string
  readonly conduct?: string
  /** Codes of the findings that are no notices, sorted. */
  readonly findings?: readonly string[]
  readonly bundle?: unknown
}

const VALUE: Json = { payment: { amount: 5, iban: 'DE1' }, note: 'for cake' }
const RULES = toUtf8('version: "1.0"\nname: all\n')
const witness = new Party('witness.example/one')

interface Story {
  readonly log: TestLog
  readonly trust: string
  readonly key: Uint8Array
  readonly notes: readonly Uint8Array[]
  readonly call: string
  readonly session: string
  /** Index of the intent of `call`, and of the call that is denied yet runs. */
  readonly intent: number
  readonly bad: string
  readonly pending: string
  readonly reviewed: string
}

/** Two agents, an operator, rules, sessions, a batch, a review, a recovered stream, and one call that ran though denied. */
function story(): Story {
  const log = new TestLog({ origin: 'example.com/bundles' })
  const [clerk, cashier] = [new Party('did:example:clerk'), new Party('did:example:cashier')]
  const operator = log.stream(log.operator, { role: 'operator', agent: { id: log.origin } })
  operator.add({ type: 'key', event: 'add', key: cashier.key, agent: cashier.name, time: log.time() })
  operator.end()
  const first = log.checkpoint({ witnesses: [witness] })
  const stream = log.stream(clerk, { after: log.after(log.size, first) as unknown as Json })
  const rules = stream.add({
    type: 'rules',
    engine: { name: 'example', version: '1' },
    files: [{ digest: sha256Hex(RULES), name: 'all.yaml' }],
  })
  const key = log.random(32)
  const session = { id: id(1), n: 0 }
  const other = log.stream(cashier)
  for (let i = 0; i < 9; i++) other.call({ session: { id: id(7), n: i } })
  const call = id(100)
  stream.calls++
  const intent = log.size
  const leaf = stream.add(
    {
      type: 'intent',
      call,
      tool: { name: 'pay' },
      args: commit(VALUE, key) as unknown as Json,
      decision: { verdict: 'allow', rules },
      session,
    },
    'nobody',
  )
  // In the same batch: its signature covers both.
  const neighbour = stream.intent({ tool: 'look', session: { id: id(1), n: 1 } })
  stream.outcome({ call, intent: leaf })
  stream.outcome(neighbour)
  const reviewed = stream.intent({ verdict: 'review', session: { id: id(1), n: 2 } })
  stream.review(reviewed)
  stream.outcome(reviewed)
  const second = log.checkpoint({ witnesses: [witness] })
  stream.add({ type: 'session.end', session: id(1), calls: 3, after: log.after(log.size, second) as unknown as Json })
  const bad = other.call({ verdict: 'deny', session: { id: id(7), n: 9 } })
  const pending = other.intent({ session: { id: id(7), n: 10 } })
  const next = log.stream(cashier)
  next.add({ type: 'recovery', of: other.id, last: other.prev, lastSeq: other.seq })
  next.outcome(pending, 'unknown', 'unknown')
  stream.end()
  log.push(toUtf8('{"half":'))
  const pins = [`witness one ${witness.vkey(witness.name, ALGORITHM.cosignature).text}`, 'quorum one']
  return {
    log,
    trust: log.trust([clerk], pins),
    key,
    notes: [first, second],
    call,
    session: id(1),
    intent,
    bad: bad.call,
    pending: pending.call,
    reviewed: reviewed.call,
  }
}

/** The files by name, and the cases. */
export async function bundleVectors(): Promise<{ files: Map<string, Uint8Array>; cases: BundleCase[] }> {
  const { log, trust, key, notes, call, session, intent, bad, pending, reviewed } = story()
  const checkpoint = log.checkpoint({ witnesses: [witness] })
  const disclosures = formatDisclosureSet(new Map([['args', discloseInFull(VALUE, key)]]))
  const source = {
    ...memorySource(log.entries, checkpoint, notes, [log.key.vkey(log.origin).text]),
    disclosures: async (index: number) => (index === intent ? disclosures : undefined),
    ruleFile: async () => RULES,
  }
  const made = formatTime(Date.UTC(2026, 10, 25))
  const make = async (
    query: Bundle['query'],
    more: { disclose?: readonly { call: string; of?: string }[]; rules?: boolean } = {},
  ) => (await exportBundle(source, { query, made, ...more })).bundle

  const files = new Map<string, Uint8Array>()
  const cases: BundleCase[] = []
  const add = (name: string, about: string, bytes: Uint8Array, held: string = trust): void => {
    const file = `${name}.deedlog`
    files.set(file, bytes)
    cases.push({ name, file, about, trust: held, ...expected(bytes, held) })
  }

  const one = await make({ calls: [call] }, { rules: true })
  const full = await make({ calls: [call] }, { disclose: [{ call, of: 'args' }] })
  const part = await make({ calls: [call] }, { disclose: [{ call, of: 'args.payment.amount' }] })
  const whole = await make({ sessions: [session] })
  const all = await make({ all: true })
  add('call', '§4: one call with its session’s end, its rules and their file', formatBundle(one))
  add('call-self', '§1: without a trust file there are only the keys that it names', formatBundle(one), 'self')
  add('disclosed-in-full', '§5, Disclosures', formatBundle(full))
  add('disclosed-in-part', '§5, Disclosures: one field shown, two withheld', formatBundle(part))
  add('session', '§5, The query: a session whole', formatBundle(whole))
  add('all', '§5: a bundle that hides nothing is judged like the log', formatBundle(all))
  add('denied-yet-ran', '§5: what rests on shown records stands', formatBundle(await make({ calls: [bad] })))
  add('unknown', '§5, Calls: no last word is known', formatBundle(await make({ calls: [pending] })))
  add('reviewed', '§4: a reviewed call', formatBundle(await make({ calls: [reviewed] })))
  const span = { since: formatTime(Date.UTC(2026, 10, 24, 9)), until: formatTime(Date.UTC(2026, 10, 24, 9, 1)) }
  add('time', '§3: calls of a range of times', formatBundle(await make(span)))

  // What somebody can make of them who knows the format.
  const text = (bundle: Bundle) => linesOf(formatBundle(bundle))
  const base = text(one)
  const at = (lines: readonly string[], beginning: string) => lines.findIndex(line => line.startsWith(beginning))
  const hidden = full.parts.find(each => 'hash' in each)!.index
  const shown = (bundle: Bundle) => bundle.parts.flatMap(each => ('record' in each ? [each.index] : []))
  const typeAt = (index: number) => {
    try {
      return (JSON.parse(new TextDecoder().decode(log.entries[index]!)) as { type: string }).type
    } catch {
      return ''
    }
  }
  const without = (bundle: Bundle, drop: (type: string, index: number) => boolean): Bundle => ({
    ...excerpt(
      { entries: log.entries, checkpoint: () => checkpoint },
      new Set(shown(bundle).filter(index => !drop(typeAt(index), index))),
      bundle.query,
    ),
    notes: bundle.notes,
  })
  add('cut', '§1: cut off', formatBundle(one).subarray(0, 2000))
  add('no-end', '§1: without its end', toUtf8(base.map(line => `${line}\n`).join('')))
  add(
    'other-end',
    '§1: changed on the way',
    toUtf8(new TextDecoder().decode(formatBundle(one)).replace('"pay"', '"pax"')),
  )
  add('edited', '§2: a record edited, and a new end', ended(base.map(line => line.replace('"pay"', '"pax"'))))
  add('moved', '§2: two records in each other’s place', formatBundle(swapped(all, intent, intent + 3)))
  add('hole', '§2: a part of the tree left out', ended(base.toSpliced(at(base, '{"hash"'), 1)))
  add(
    'doubled',
    '§2: a part of the tree twice',
    ended(base.toSpliced(at(base, '{"hash"'), 0, base[at(base, '{"hash"')]!)),
  )
  add('reordered', '§1: a note behind the tree', ended([...base.toSpliced(2, 1), base[2]!]))
  add('spaced', '§1: a line that is not canonical', ended(base.with(0, base[0]!.replace(':', ': '))))
  add(
    'repeated-name',
    '§1: a name twice in one line',
    ended(base.with(0, base[0]!.replace('{', '{"deedlog":"bundle/1",'))),
  )
  add('proto', '§1: a line of no kind', ended([...base, '{"__proto__":1}']))
  add('version', '§1: another version', ended(base.with(0, base[0]!.replace('bundle/1', 'bundle/2'))))
  add('query-empty', '§3: no query', ended(base.with(0, '{"deedlog":"bundle/1","query":{}}')))
  add('query-other', '§5, The query: asked for what is not shown', formatBundle({ ...one, query: { calls: [id(99)] } }))
  add(
    'entry-form',
    '§2: a record as bytes',
    ended(base.map(line => (line.startsWith('{"index":0,') ? asEntry(log.entries[0]!) : line))),
  )
  add(
    'hidden-start',
    '§2: entry 0 is not shown',
    formatBundle({ ...one, parts: [{ index: 0, level: 0, hash: leafHash(log.entries[0]!) }, ...one.parts.slice(1)] }),
  )
  add(
    'misaligned',
    '§2: no perfect subtree',
    ended(base.map(line => line.replace(/("index":)(\d+)(,"level":)0/, '$1$2$35'))),
  )
  add(
    'false-file',
    '§5, Files',
    ended([...base, `{"file":"${toBase64(toUtf8('version: "2.0"\n'))}"}`].sort((a, b) => kind(a) - kind(b))),
  )
  add(
    'false-disclosure',
    '§5, Disclosures: another value',
    formatBundle({
      ...full,
      disclosures: full.disclosures.map(each => ({ ...each, disclosure: discloseInFull({ payment: 6 }, key) })),
    }),
  )
  add(
    'false-member',
    '§5, Disclosures: of a member that holds no commitment',
    formatBundle({ ...full, disclosures: full.disclosures.map(each => ({ ...each, path: 'output' })) }),
  )
  add(
    'false-field',
    '§5, Disclosures: another field than that',
    formatBundle({
      ...part,
      disclosures: part.disclosures.map(each => ({
        ...each,
        disclosure: discloseInPart({ payment: { amount: 6, iban: 'DE1' }, note: 'for cake' }, key, [
          ['payment', 'amount'],
        ]),
      })),
    }),
  )
  add(
    'disclosure-elsewhere',
    '§5, Disclosures: of an entry that is not shown',
    formatBundle({ ...full, disclosures: full.disclosures.map(each => ({ ...each, index: hidden })) }),
  )
  add(
    'anchor-of-no-kind',
    '§5, Anchors',
    formatBundle({
      ...one,
      anchors: [{ kind: 'example.com/stone', size: 9, root: 'ab'.repeat(32), evidence: toUtf8('x') }],
    }),
  )
  add(
    'other-log',
    '§1: the trust file names another log',
    formatBundle(one),
    new TestLog({ origin: 'example.com/other' }).trust([], ['quorum none']),
  )

  // What somebody can leave out.
  add('without-outcome', '§5, Calls', formatBundle(without(one, type => type === 'outcome')))
  add(
    'without-review',
    '§5, Calls: an accusation that rests on what is left out is none',
    formatBundle(without(await make({ calls: [reviewed] }), type => type === 'review')),
  )
  add(
    'without-signature',
    '§5, Attribution',
    formatBundle(without(one, (type, index) => type === 'stream.end' || index > intent)),
  )
  add('without-start', '§5, Attribution', formatBundle(without(one, type => type === 'stream.start')))
  add('without-call', '§5, The query', formatBundle(without(one, type => type === 'intent')))
  add('without-one-of-session', '§5, The query', formatBundle(without(whole, (_, index) => index === intent)))
  add('without-session-end', '§5, The query', formatBundle(without(whole, type => type === 'session.end')))
  add(
    'without-recovery',
    '§5, Calls',
    formatBundle(without(await make({ calls: [pending] }), type => type === 'recovery')),
  )
  add(
    'without-introduction',
    '§4: the operator’s word on the agent’s key',
    formatBundle(without(await make({ calls: [bad] }), type => type === 'key')),
  )

  // What a stream's key signed twice, and what it signed after the stream was over, is shown or not as the maker likes.
  add('two-outcomes', '§5: a second outcome stands', formatBundle(secondOutcome()), secondOutcomeTrust())
  return { files, cases }
}

const ORDER = ['{"deedlog"', '{"checkpoint"', '{"note"', '{"anchor"', '{"index"', '{"file"', '{"disclosure"']
const kind = (line: string): number => {
  const found = ORDER.findIndex(each => line.startsWith(each))
  return found < 0 ? 4 : found
}

const asEntry = (bytes: Uint8Array): string => `{"entry":"${toBase64(bytes)}","index":0}`

function swapped(bundle: Bundle, a: number, b: number): Bundle {
  const record = (index: number) => {
    const found = bundle.parts.find(each => each.index === index)!
    return 'record' in found ? found.record : new Uint8Array()
  }
  const parts = bundle.parts.map(each =>
    each.index === a ? { index: a, record: record(b) } : each.index === b ? { index: b, record: record(a) } : each,
  )
  return { ...bundle, parts }
}

const twice = new TestLog({ origin: 'example.com/twice' })
const twiceStream = twice.stream()
const twiceCall = twiceStream.call()
twiceStream.outcome(twiceCall, 'failed', 'yes')
for (let i = 0; i < 5; i++) twiceStream.call()
twice.push(signed({ v: 1, type: 'stream.start' }, twice.key))

const secondOutcome = (): Bundle => excerpt(twice, new Set([1, 2, 3, 4]), { calls: [twiceCall.call] })
const secondOutcomeTrust = (): string => twice.trust()

function expected(bytes: Uint8Array, held: string): Partial<BundleCase> {
  try {
    const report = judged(parseBundle(bytes), held === 'self' ? undefined : held)
    return {
      exitCode: report.exitCode,
      evidence: report.evidence.verdict,
      completeness: report.completeness.verdict,
      conduct: report.conduct.verdict,
      findings: codes(report).sort(),
      bundle: report.bundle,
    }
  } catch (error) {
    if (isDeedlogError(error)) return { error: error.code }
    throw error
  }
}
