import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInThisContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { fromHex } from '../../src/core/bytes/hex.js'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { isDeedlogError } from '../../src/core/errors.js'
import { VALUE_DEPTH_MAX } from '../../src/core/record/canonical.js'
import * as record from '../../src/core/record/index.js'
import { verifyEd25519 } from '../../src/core/tlog/ed25519.js'
import { attribute, type Node } from '../../src/core/verify/attribution.js'
import { LogVerifier } from '../../src/core/verify/verifier.js'
import { type VectorFile, vectors } from './record-vectors.js'

const ROOT = fileURLToPath(new URL('../../spec/vectors/record/', import.meta.url))

/*
 * The committed files are what other implementations read, so they are what is tested; that they are also what the
 * generator makes is a test of its own. To write them anew: DEEDLOG_WRITE_VECTORS=1 npx vitest run test/vectors/record
 */
const asText = (file: VectorFile): string => `${JSON.stringify(file, null, 1)}\n`

if (process.env['DEEDLOG_WRITE_VECTORS'] === '1')
  for (const [path, file] of vectors()) {
    const name = join(ROOT, `${path}.json`)
    mkdirSync(dirname(name), { recursive: true })
    writeFileSync(name, asText(file))
  }

const committed = (readdirSync(ROOT, { recursive: true }) as string[])
  .filter(name => name.endsWith('.json'))
  .map(name => name.slice(0, -'.json'.length))
  .sort()

it('finds the files that the generator makes, and no others', () => {
  expect(committed).toEqual([...vectors().keys()].sort())
  for (const [path, file] of vectors()) expect(readFileSync(join(ROOT, `${path}.json`), 'utf8')).toBe(asText(file))
})

describe.each(committed)('%s', path => {
  const file = JSON.parse(readFileSync(join(ROOT, `${path}.json`), 'utf8')) as VectorFile
  it.each(file.cases.map(row => [row.name, row] as const))('%s', (_, row) => CHECKS[file.kind](row as never))
})

const CHECKS: { readonly [kind in VectorFile['kind']]: (row: never) => void } = {
  json(row: { as: 'record' | 'value'; text?: string; hex?: string; expect: string }) {
    const bytes = row.hex === undefined ? toUtf8(row.text!) : fromHex(row.hex)
    const parse = () =>
      row.as === 'record'
        ? record.parseRecordJson(bytes)
        : record.parseJson(bytes, { what: 'value', bytesMax: 1e6, depthMax: VALUE_DEPTH_MAX, recordValues: false })
    expect(verdictOf(parse, 'ok')).toBe(row.expect)
    if (row.expect === 'ok') expect(record.canonicalize(parse())).toBe(row.text)
  },

  format(row: { format: string; value: string; expect: boolean }) {
    const is = {
      time: record.isTime,
      id: record.isId,
      word: record.isWord,
      text: record.isText,
      hash: record.isHash,
      sig: record.isSig,
      key: record.isKey,
    }
    expect(is[row.format as keyof typeof is](row.value)).toBe(row.expect)
  },

  capture(row: { js: string; e: string }) {
    expect(record.canonicalize(record.capture(runInThisContext(`(${row.js})`)))).toBe(row.e)
  },

  commitment(row: { key: string; e: string; paths: record.Path[]; root: string; size: number }) {
    const e = JSON.parse(row.e) as record.Json
    expect(record.canonicalize(e)).toBe(row.e)
    expect(record.splitFields(e).paths).toEqual(row.paths)
    expect(record.commit(e, fromHex(row.key))).toEqual({ root: row.root, scheme: 'f1', size: row.size })
  },

  disclosure(row: {
    disclosure: string
    commitment: record.Commitment
    expect: string
    value?: string
    shown?: record.Path[]
    withheld?: record.Path[]
  }) {
    let proved: record.Disclosed | undefined
    const verdict = verdictOf(() => {
      proved = record.verifyDisclosure(record.parseDisclosure(toUtf8(row.disclosure)), row.commitment)
    }, 'ok')
    expect(verdict).toBe(row.expect)
    if (proved === undefined) return
    if ('value' in proved) return expect(record.canonicalize(proved.value)).toBe(row.value)
    expect(proved.fields.map(field => field.path)).toEqual(row.shown)
    expect(proved.withheld).toEqual(row.withheld)
  },

  record(row: { text: string; leaf?: string; expect: string }) {
    let parsed: record.ParsedRecord | undefined
    const verdict = verdictOf(() => {
      parsed = record.parseRecord(toUtf8(row.text))
    }, 'parsed')
    expect(parsed ? (parsed.understood ? 'understood' : 'not understood') : verdict).toBe(row.expect)
    if (parsed) expect(parsed.leaf).toBe(row.leaf)
  },

  signature(row: { key: string; message: string; signature: string; expect: string }) {
    expect(verifyEd25519(fromHex(row.signature), fromHex(row.message), fromHex(row.key)) ? 'good' : 'bad').toBe(
      row.expect,
    )
  },

  stream(row: { entries: string[]; stream: string; expect: { [what: string]: unknown } }) {
    const parsed = row.entries.map(text => record.parseRecord(toUtf8(text)))
    const start = parsed.find(one => one.leaf === row.stream)
    const nodes: Node[] = []
    parsed.forEach((one, index) => {
      const link = record.linkOf(one)
      if (link?.stream !== row.stream) return
      const key = start?.json[link.prev === undefined ? 'identity' : 'key'] as string
      const { leaf, json } = one
      nodes.push({
        index,
        leaf,
        seq: link.seq,
        ...(link.prev === undefined ? {} : { prev: link.prev }),
        ...(json['sig'] === undefined ? {} : { verify: () => record.verifyRecordSignature(one, key) }),
      })
    })
    const { strays, copies, forks, breaks, misordered } = attribute(nodes)
    expect({
      attributed: nodes.map(node => node.index).filter(index => !strays.has(index) && !copies.has(index)),
      strays: [...strays].sort((a, b) => a - b),
      copies: [...copies],
      forks,
      broken: breaks.map(({ from, to }) => [from, to]),
      outOfOrder: misordered.length > 0,
    }).toEqual(row.expect)
  },

  call(row: { entries: string[]; calls: { intent: number; status: string; exceptions: string[] }[] }) {
    let calls = new Map<number, { intent: number; status: string; exceptions: readonly string[] }>()
    const verifier = new LogVerifier({
      self: true,
      onPass: () => (calls = new Map()),
      onCall: ({ index, status, exceptions }) =>
        calls.set(index, { intent: index, status, exceptions: [...exceptions].sort() }),
    })
    verifier.checkpoint(undefined)
    do for (const [index, text] of row.entries.entries()) verifier.add(index, toUtf8(text))
    while (verifier.again())
    verifier.finish()
    expect([...calls.values()].sort((a, b) => a.intent - b.intent)).toEqual(row.calls)
  },
}

/** `ok`, or the word for the kind of refusal. */
function verdictOf(run: () => unknown, ok: string): string {
  try {
    run()
    return ok
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    return error.name === 'MalformedError' ? 'malformed' : 'mismatch'
  }
}
