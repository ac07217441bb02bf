import { sha256Hex } from '#crypto'
import { discloseInFull, discloseInPart, formatDisclosure, type Json } from '../../src/core/record/index.js'
import { ALGORITHM } from '../../src/core/tlog/index.js'
import { formatKept, KeptParts } from '../../src/core/verify/index.js'
import { codes, judge, Party, TestLog } from './kit.js'
import type { Evidence, Row } from './rows.js'
import { rows } from './rows.js'
import { heldRows } from './rows-held.js'
import { tableRows } from './rows-table.js'

/*
 * Vectors of the pages that are about whole logs and about files beside them: what a trust file may be, what pruning
 * keeps, what a vault holds, and logs with what their auditors hold.
 */

/** A file that is read or refused. */
export interface FormCase {
  readonly name: string
  readonly text: string
  readonly expect: 'ok' | 'refused'
}

/** A log, what is held, and what a verification answers. */
export interface LogCase {
  readonly name: string
  /** Entries as text, or as hex where they are no UTF-8. */
  readonly entries: readonly (string | { readonly hex: string })[]
  readonly checkpoint?: string
  /** The text of a trust file, or `self`. */
  readonly trust: string
  /** Checkpoints that the auditor has from elsewhere, and notes that the log keeps. */
  readonly held: readonly string[]
  readonly notes: readonly string[]
  readonly exitCode: number
  readonly evidence: string
  readonly completeness: string
  readonly conduct: string
  /** Codes of the findings that are no notices, sorted. */
  readonly findings: readonly string[]
}

const text = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

function entryText(bytes: Uint8Array): string | { hex: string } {
  try {
    return text(bytes)
  } catch {
    return { hex: Buffer.from(bytes).toString('hex') }
  }
}

function logCase(row: Row, attacked: boolean): LogCase {
  const { entries, checkpoint, holds }: Evidence = row.build(attacked)
  const report = judge(entries, checkpoint, holds)
  return {
    name: attacked ? row.attack : `${row.attack}: its honest twin`,
    entries: entries.map(entryText),
    ...(checkpoint ? { checkpoint: new TextDecoder().decode(checkpoint) } : {}),
    trust: holds.trust ?? 'self',
    held: [...(holds.held ?? []), ...(holds.memory ?? []).map(({ note }) => note)].map(text),
    notes: [...(holds.notes ?? new Map<string, Uint8Array>()).values()].map(text),
    exitCode: report.exitCode,
    evidence: report.evidence.verdict,
    completeness: report.completeness.verdict,
    conduct: report.conduct.verdict,
    findings: codes(report).sort(),
  }
}

/** Rows of the table of attacks, by the words that they begin with, and the page that each is about. */
const CHOSEN: Readonly<Record<string, readonly string[]>> = {
  keys: [
    'the old key of a log signs a fork',
    'a key is used after its operator has retired it',
    'a key is used although it was compromised',
    'a compromised key is added again',
    'an operator whose key was retired',
    'somebody who says operator',
    'an agent writes a key record',
  ],
  'trust-file': [
    'an agent whom the trust file does not list',
    'a listed agent under another key',
    'a key is used outside the range',
    'another log under the same trust file',
    'the log names an operator whom the trust file does not',
    'the witnesses have not seen',
    'a cosignature is forged',
    'the cosignature of an earlier checkpoint',
    'an approval by another approver',
  ],
  stream: [
    'a replayed record',
    'a renumbered stream',
    'a record is left out inside a stream',
    'a fork: two signed records',
    'the stream’s key is used after stream.end',
    'a stream of another log is copied in',
    'a recovery by another agent',
    'a second start with the id of another stream',
    'a signature with a part of small order',
    'a session lacks a call',
  ],
  report: [
    'the tail is removed: an earlier checkpoint is held',
    'history is written anew: an earlier checkpoint is held',
    'everything is removed and nothing is signed, a checkpoint is held',
    'a note that a record cites proves another root',
    'one byte of a record is flipped, and nobody',
    'executed though denied',
    'a record of an unknown type',
    'a crash turns an outcome into unknown',
  ],
}

function logCases(page: string): LogCase[] {
  const all = [...rows, ...heldRows, ...tableRows]
  return CHOSEN[page]!.flatMap(beginning => {
    const found = all.filter(row => row.attack.startsWith(beginning))
    if (found.length === 0) throw new Error(`no attack begins with ${beginning}`)
    return found.flatMap(row => [logCase(row, true), logCase(row, false)])
  })
}

const ok = (name: string, of: string): FormCase => ({ name, text: of, expect: 'ok' })
const refused = (name: string, of: string): FormCase => ({ name, text: of, expect: 'refused' })

function trustCases(): FormCase[] {
  const log = new TestLog()
  const witness = new Party('witness.example/w1')
  const agent = `agent ${new Party('did:example:clerk').vkey().text}`
  const cosigner = `witness w1 ${witness.vkey(witness.name, ALGORITHM.cosignature).text}`
  const plain = `log ${log.key.vkey(log.origin).text}\nquorum none\n`
  const id = `log-id ${log.id}\n`
  return [
    ok('a plain tlog-policy', plain),
    ok('what an operator writes for a new log', log.trust()),
    ok('comments, empty lines, tabs', `# whose\n\n \t# word\n${plain.replaceAll(' ', '\t')}`),
    ok(
      'a witness, a group, a quorum, a lag',
      `${plain.split('\n')[0]}\n${cosigner}\ngroup g any w1\nquorum g\nlag 60\n`,
    ),
    ok('an agent with a first index', `${plain}${agent} 5\n`),
    ok('an agent with a range of one', `${plain}${agent} 5 5\n`),
    ok('the last index that there is', `${plain}${agent} 0 9007199254740991\n`),
    refused('a keyword that is not known', `${plain}revoked ${log.id}\n`),
    refused('a second log id', `${plain}${id}${id}`),
    refused('a log id in capitals', `${plain}${id.toUpperCase().replace('LOG-ID', 'log-id')}`),
    refused('a log id that is cut', `${plain}${id.slice(0, -2)}\n`),
    refused('an index with a leading zero', `${plain}${agent} 05\n`),
    refused('an index of 2^53', `${plain}${agent} 0 9007199254740992\n`),
    refused('a range that ends before it begins', `${plain}${agent} 5 4\n`),
    refused(
      'a cosigner’s key for an agent',
      `${plain}agent ${witness.vkey(witness.name, ALGORITHM.cosignature).text}\n`,
    ),
    refused('a lag of nothing', `${plain}lag 0\n`),
    refused('a lag with a unit', `${plain}lag 1h\n`),
    refused('a second lag', `${plain}lag 1\nlag 2\n`),
    refused('no quorum', `${plain.split('\n')[0]}\n`),
    refused('a second quorum', `${plain}quorum none\n`),
    refused('a quorum that is not defined', `${plain.split('\n')[0]}\nquorum w1\n`),
    refused('a last line without its end', plain.slice(0, -1)),
    refused('lines that end as on another system', plain.replaceAll('\n', '\r\n')),
    refused('a comment behind a line', `${plain.slice(0, -1)} # nobody\n`),
    refused('nothing', ''),
    refused('a key whose id is another key’s', plain.replace(/\+[0-9a-f]{8}\+/, '+00000000+')),
  ]
}

function keptCases(): FormCase[] {
  const log = new TestLog({ retentionDays: 30 })
  const stream = log.stream()
  while (log.size < 255) stream.call()
  if (log.size < 256) stream.end()
  const parts = new KeptParts()
  for (const [index, entry] of log.entries.slice(0, 256).entries())
    if (index > 1 && index < 255) parts.hideEntry(entry)
    else parts.keep(entry)
  const whole = text(formatKept({ below: 256, notes: ['ab'.repeat(32)], parts: parts.finish() }))
  const lines = whole.split('\n').slice(0, -2)
  const [head, ...tree] = lines as [string, ...string[]]
  const closed = (all: readonly string[]): string => {
    const body = all.map(line => `${line}\n`).join('')
    return `${body}${JSON.stringify({ end: { lines: all.length, sha256: sha256Hex(new TextEncoder().encode(body)) } })}\n`
  }
  return [
    ok('as it is written', whole),
    ok('without notes', closed([head.replace(/"notes":\[".{64}"\]/, '"notes":[]'), ...tree])),
    refused('nothing', ''),
    refused('a part of a line', whole.slice(0, 1000)),
    refused('without its end', whole.slice(0, whole.lastIndexOf('{"end"'))),
    refused('with another end', whole.replace('"sha256":"', '"sha256":"0')),
    refused('an m that is no multiple of 256', closed([head.replace('256', '255'), ...tree])),
    refused('an m of 0', closed([head.replace('256', '0'), ...tree])),
    refused('a larger m than entries', closed([head.replace('256', '512'), ...tree])),
    refused('parts out of order', closed([head, tree[1]!, tree[0]!, ...tree.slice(2)])),
    refused('a part twice', closed([head, tree[0]!, ...tree])),
    refused('entry 0 behind a hash', closed([head, `{"hash":"${'ab'.repeat(32)}","index":0,"level":8}`])),
    refused('another version', closed([head.replace('kept/1', 'kept/2'), ...tree])),
    refused('a member more', closed([head.replace('{', '{"__proto__":1,'), ...tree])),
    refused('a note that is none', closed([head.replace(/"notes":\[".{64}"/, '"notes":["x"'), ...tree])),
    refused('a line of no kind', closed([...lines, '{"x":1}'])),
    refused('a line that is not canonical', closed([head, tree[0]!.replace(':', ': '), ...tree.slice(1)])),
  ]
}

function vaultCases(): FormCase[] {
  const value: Json = { amount: 5, to: 'acme' }
  const key = new Uint8Array(32).fill(7)
  const full = text(formatDisclosure(discloseInFull(value, key)))
  const part = text(formatDisclosure(discloseInPart(value, key, [['to']])))
  const many = Array.from(
    { length: 65 },
    (_, n) => `"a${String.fromCharCode(97 + (n % 26))}${'a'.repeat(1 + Math.floor(n / 26))}":${full}`,
  )
  return [
    ok('one disclosure in full', `{"args":${full}}`),
    ok('one in full, one in part', `{"args":${full},"output":${part}}`),
    ok('a path that is not known', `{"elsewhere":${full}}`),
    ok('a path of two names', `{"decision.reason":${full}}`),
    refused('nothing', ''),
    refused('no disclosure', '{}'),
    refused('a list', `[${full}]`),
    refused('not canonical', `{"args": ${full}}`),
    refused('paths that do not ascend', `{"output":${full},"args":${full}}`),
    refused('a path twice', `{"args":${full},"args":${full}}`),
    refused('a path with two dots together', `{"decision..reason":${full}}`),
    refused('a path with an underscore', `{"__proto__":${full}}`),
    refused('a disclosure with a member more', `{"args":${full.replace('{', '{"a":1,')}}`),
    refused('a key that is too short', `{"args":${full.replace(/"key":".{44}"/, '"key":"AAAA"')}}`),
    refused('65 disclosures', `{${many.sort().join(',')}}`),
  ]
}

/** Cases by the name of their file under spec/vectors/. */
export const pageVectors = (): Map<string, readonly (FormCase | LogCase)[]> =>
  new Map<string, readonly (FormCase | LogCase)[]>([
    ['trust/files.json', trustCases()],
    ['kept/files.json', keptCases()],
    ['vault/sets.json', vaultCases()],
    ...Object.keys(CHOSEN).map(page => [`log/${page}.json`, logCases(page)] as const),
  ])
