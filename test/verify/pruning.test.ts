import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '#crypto'
import { type ParsedRecord, parseRecord } from '../../src/core/record/index.js'
import {
  formatKept,
  frontierOf,
  type Kept,
  KeptParts,
  KeptPlan,
  LogVerifier,
  parseKept,
  parseTrust,
  type Report,
} from '../../src/core/verify/index.js'
import { agents, histories, honestLog } from './histories.js'
import { codes, Party, TestLog } from './kit.js'

/*
 * Logs whose first entries were pruned, as promised and otherwise: spec/record.md section 7, "Pruning".
 */

const clerk = new Party('did:example:clerk')
const witness = new Party('witness.example/w1')
const quorum = [`witness w1 ${witness.vkey(witness.name, 4).text}`, 'quorum w1']
const DAYS = 30
/** The witness signs size n at this plus n. */
const SEEN = Date.UTC(2026, 10, 24, 9) / 1000
const LATER = SEEN + 700 + DAYS * 86_400

const parsed = (entry: Uint8Array): ParsedRecord | undefined => {
  try {
    return parseRecord(entry)
  } catch {
    return undefined
  }
}

interface Wishes {
  readonly retentionDays?: number
  /** Whether an agent's stream lies across entry 256. */
  readonly across?: boolean
}

/** Two agents' streams and two of the operator below 256, one of them with the word that a key is lost; more above. */
function long({ retentionDays = DAYS, across = false }: Wishes = {}): TestLog {
  const log = new TestLog(retentionDays === 0 ? {} : { retentionDays })
  const one = log.stream(clerk)
  for (let n = 0; log.size < 100; n++) one.call({ tool: `tool_${n}` })
  one.end()
  operates(log, { type: 'key', event: 'compromised', key: new Party('did:example:lost').key })
  const two = log.stream(clerk)
  while (log.size < 230) two.call()
  if (!across) two.end()
  operates(log, { type: 'coverage', unseen: ['x'] })
  const filler = log.stream(new Party('did:example:filler'))
  while (log.size < 255) filler.add({ type: 'coverage', unseen: ['x'] })
  filler.end()
  if (across) two.call()
  const three = log.stream(clerk)
  while (log.size < 600) three.call()
  three.end()
  return log
}

function operates(
  log: TestLog,
  body: { readonly type: string; readonly [name: string]: never | string | string[] },
): void {
  const stream = log.stream(log.operator, { role: 'operator', agent: { id: 'operator' } })
  stream.add(body as never)
  stream.end()
}

const dated = (log: TestLog, size = 300): Uint8Array => log.checkpoint({ size, witnesses: [witness] })

/** What pruning keeps, but for the entries that an attacker would rather hide. */
function kept(log: TestLog, below: number, hides: (index: number) => boolean = () => false): Kept {
  const plan = new KeptPlan()
  for (const [index, entry] of log.entries.entries()) plan.add(index, parsed(entry))
  const parts = new KeptParts()
  for (const [index, entry] of log.entries.slice(0, below).entries())
    if (plan.isPrunable(index, parsed(entry)) || hides(index)) parts.hideEntry(entry)
    else parts.keep(entry)
  return { below, notes: [sha256Hex(dated(log, Math.min(300, log.size)))], parts: parts.finish() }
}

interface Held {
  readonly notes?: readonly Uint8Array[]
  readonly now?: number
  readonly trust?: readonly string[]
  readonly held?: readonly Uint8Array[]
  readonly self?: true
  /** Text of another trust file. */
  readonly text?: string
}

function judge(
  log: TestLog,
  what: Kept,
  { notes = [dated(log)], now = LATER, trust = quorum, held, self, text }: Held = {},
): Report {
  const verifier = new LogVerifier({
    ...(self
      ? { self: true }
      : { trust: parseTrust(text ?? log.trust([clerk, new Party('did:example:filler')], trust)) }),
    nowSeconds: now,
    ...(held ? { held } : {}),
  })
  verifier.checkpoint(log.checkpoint({ witnesses: [witness] }))
  verifier.pruned(what.below, notes)
  do {
    for (const part of what.parts)
      if ('hash' in part) verifier.skip(part.index, part.level, part.hash)
      else verifier.add(part.index, part.record)
    for (let index = what.below; index < log.size; index++) verifier.add(index, log.entries[index]!)
  } while (verifier.again())
  return verifier.finish()
}

const at = (log: TestLog, type: string): number =>
  log.entries.findIndex(entry => new TextDecoder().decode(entry).includes(`"type":"${type}"`))

describe('a log that was pruned as it had promised', () => {
  const log = long()

  it('holds, and says up to where', () => {
    const report = judge(log, kept(log, 256))
    expect(codes(report)).toEqual([])
    expect(report.exitCode).toBe(0)
    expect(report.evidence.words).toEqual([`intact to ${log.size}`, 'pruned below 256'])
    expect(report.findings.map(finding => finding.code)).toContain('entries.pruned-as-promised')
    expect(report.completeness.verdict).toBe('no exceptions in what is shown')
  })

  it('keeps less than half of what was there, and gives the root of what was there', () => {
    const what = kept(log, 256)
    expect(what.parts.filter(part => 'record' in part).length).toBeLessThan(80)
    expect(frontierOf(what).root()).toEqual(log.root(256))
  })

  it('is read back as it was written', () => {
    const what = kept(log, 256)
    expect(parseKept(formatKept(what))).toEqual(what)
  })

  it('takes the operator’s word that a key is lost from below', () => {
    const other = long()
    other.stream(new Party('did:example:lost')).call()
    expect(codes(judge(other, kept(other, 256)))).toContain('identity.contradicted')
  })

  it('continues a checkpoint from above, and cannot show that it continues one from below', () => {
    expect(judge(log, kept(log, 256), { held: [log.checkpoint({ size: 400 })] }).exitCode).toBe(0)
    expect(judge(log, kept(log, 256), { held: [log.checkpoint({ size: 256 })] }).exitCode).toBe(0)
    const below = judge(log, kept(log, 256), { held: [log.checkpoint({ size: 77 })] })
    expect(codes(below)).toEqual(['held.unusable'])
    const forged = log.checkpoint({ size: 400, root: new Uint8Array(32).fill(7) })
    expect(judge(log, kept(log, 256), { held: [forged] }).evidence.verdict).toBe('forked')
  })

  it('can be pruned again', () => {
    const plan = new KeptPlan()
    const first = kept(log, 256)
    const parts = new KeptParts()
    for (const part of first.parts) if ('record' in part) plan.add(part.index, parsed(part.record))
    for (let index = 256; index < log.size; index++) plan.add(index, parsed(log.entries[index]!))
    expect(plan.highestCut(512)).toBe(256)
    for (const part of first.parts)
      if ('hash' in part) parts.hide(part.level, part.hash)
      else if (plan.isPrunable(part.index, parsed(part.record))) throw new Error('what is kept is not pruned')
      else parts.keep(part.record)
    expect(parts.finish()).toEqual(first.parts)
  })
})

describe('random honest logs', { timeout: 120_000 }, () => {
  it('are not accused when they were pruned wherever no stream is cut in two', () => {
    let pruned = 0
    fc.assert(
      fc.property(histories, fc.nat(), (history, at) => {
        const log = new TestLog({ retentionDays: DAYS })
        const { unknown } = honestLog(history, log)
        const plan = new KeptPlan()
        for (const [index, entry] of log.entries.entries()) plan.add(index, parsed(entry))
        const cuts = log.entries.flatMap((_, index) => (index > 0 && plan.isCut(index) ? [index] : []))
        const below = cuts[at % cuts.length]!
        const what = kept(log, below)
        if (what.parts.some(part => 'hash' in part)) pruned++
        const trust = log.trust(agents, quorum)
        const report = judge(log, what, { notes: [log.checkpoint({ witnesses: [witness] })], text: trust })
        expect(codes(report).filter(code => code !== 'call.unknown')).toEqual([])
        if (unknown === 0) expect(codes(report)).toEqual([])
        expect(report.evidence.words).toContain(`pruned below ${below}`)
        // An entry that is hidden and belongs to nobody is noticed.
        const inner = what.parts.find(part => 'record' in part && part.index > 0)
        if (!inner) return
        const worse = judge(
          log,
          kept(log, below, index => index === inner.index),
          {
            notes: [log.checkpoint({ witnesses: [witness] })],
            text: trust,
          },
        )
        expect(worse.exitCode).toBe(1)
      }),
      { numRuns: 200, seed: 20261125 },
    )
    expect(pruned).toBeGreaterThan(10)
  })
})

describe('a log that was pruned otherwise', () => {
  const refused = (report: Report, words = ['pruned, not permitted']): void => {
    expect(report.exitCode).toBe(1)
    expect(report.evidence.words).toEqual(words)
  }

  it('promised no retention: not permitted', () => {
    const log = long({ retentionDays: 0 })
    refused(judge(log, kept(log, 256)))
  })

  it('was pruned before the time was over: not permitted', () => {
    const log = long()
    refused(judge(log, kept(log, 256), { now: LATER - 86_400 }))
  })

  it('has a stream that goes on above: not permitted', () => {
    const log = long({ across: true })
    refused(judge(log, kept(log, 256)))
  })

  it('lacks the record that says a key is lost, out of its stream: not permitted', () => {
    const log = long()
    const index = at(log, 'key')
    refused(
      judge(
        log,
        kept(log, 256, i => i === index),
      ),
    )
  })

  it('lacks the whole stream that says so: not permitted, by counting', () => {
    const log = long()
    const index = at(log, 'key')
    const report = judge(
      log,
      kept(log, 256, i => Math.abs(i - index) <= 1),
    )
    refused(report)
    expect(report.findings.find(f => f.code === 'entries.pruned-not-permitted')?.message).toContain('3 entries')
  })

  it('lacks the start or the end of an agent’s stream: not permitted', () => {
    const log = long()
    refused(
      judge(
        log,
        kept(log, 256, index => index === 1),
      ),
    )
    refused(
      judge(
        log,
        kept(log, 256, index => index === 100 || index === 101),
      ),
    )
  })

  it('shows what another log kept: altered', () => {
    const [log, other] = [long(), new TestLog({ origin: 'example.com/other', retentionDays: DAYS })]
    const stream = other.stream(clerk)
    while (other.size < 400) stream.call()
    expect(judge(log, kept(other, 256)).evidence.verdict).toBe('altered')
  })

  it('shows a hash that does not fold, or a record that was edited: altered', () => {
    const log = long()
    const what = kept(log, 256)
    const parts = what.parts.map(part => ('hash' in part ? { ...part, hash: part.hash.map(byte => byte ^ 1) } : part))
    expect(judge(log, { ...what, parts }).evidence.verdict).toBe('altered')
    const edited = what.parts.map(part => {
      if (!('record' in part) || part.index !== at(log, 'key')) return part
      return {
        ...part,
        record: new TextEncoder().encode(new TextDecoder().decode(part.record).replace('compromised', 'retire')),
      }
    })
    expect(judge(log, { ...what, parts: edited }).evidence.verdict).toBe('altered')
  })

  it('has nobody outside who says when it was there: could not check', () => {
    const log = long()
    for (const held of [{ self: true }, { trust: ['quorum none'] }] as const) {
      const report = judge(log, kept(log, 256), held)
      expect(report.exitCode).toBe(2)
      expect(report.evidence.words).toContain('pruned, not checkable')
    }
  })

  it('has only a cosignature of today: the log does not show that the time is over', () => {
    const log = long()
    refused(judge(log, kept(log, 256), { notes: [], now: SEEN + log.size + 86_400 }))
  })
})

describe('what is said to be kept', () => {
  const log = long()
  const good = new TextDecoder().decode(formatKept(kept(log, 256)))
  const closed = (lines: readonly string[]): Uint8Array => {
    const body = lines.map(line => `${line}\n`).join('')
    return new TextEncoder().encode(
      `${body}{"end":{"lines":${lines.length},"sha256":"${sha256Hex(new TextEncoder().encode(body))}"}}\n`,
    )
  }
  const lines = good.split('\n').slice(0, -2)
  const [head, ...tree] = lines as [string, ...string[]]

  it('is as it was built here', () => {
    expect(new TextDecoder().decode(closed(lines))).toBe(good)
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a part of a line', new TextEncoder().encode(good.slice(0, 1000))],
    ['lines without their end', new TextEncoder().encode(good.slice(0, good.lastIndexOf('{"end"')))],
    ['another end', new TextEncoder().encode(good.replace('"sha256":"', '"sha256":"0'))],
    ['an m that is no multiple of 256', closed([head.replace('256', '255'), ...tree])],
    ['an m of 0', closed([head.replace('256', '0'), ...tree])],
    ['an m as a text', closed([head.replace('256', '"256"'), ...tree])],
    ['an m of 2^53', closed([head.replace('256', '9007199254740992'), ...tree])],
    ['a larger m than entries', closed([head.replace('256', '512'), ...tree])],
    ['one entry too many', closed([...lines, tree.at(-1)!.replace(/"index":\d+/, '"index":256')])],
    ['entries out of order', closed([head, tree[1]!, tree[0]!, ...tree.slice(2)])],
    ['an entry twice', closed([head, tree[0]!, ...tree])],
    ['no entry 0', closed([head, `{"hash":"${'ab'.repeat(32)}","index":0,"level":8}`])],
    ['another version', closed([head.replace('kept/1', 'kept/2'), ...tree])],
    ['a member more', closed([head.replace('{', '{"__proto__":1,'), ...tree])],
    ['a note that is none', closed([head.replace(/"notes":\[".{64}"/, '"notes":["x"'), ...tree])],
    ['a line of another kind', closed([...lines.slice(0, -1), '{"x":1}'])],
    ['a line that is no JSON', closed([...lines.slice(0, -1), 'x'])],
    ['a hash of another length', closed([head, tree[0]!, '{"hash":"ab","index":1,"level":0}'])],
    [
      'a subtree in a place where none begins',
      closed([head, tree[0]!, `{"hash":"${'ab'.repeat(32)}","index":1,"level":3}`]),
    ],
  ])('is refused when it is %s', (_, bytes) => {
    expect(() => parseKept(bytes)).toThrow(expect.objectContaining({ code: 'kept.form' }))
  })
})
