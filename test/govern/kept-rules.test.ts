import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '#crypto'
import { agtEvaluator } from '../../src/govern/agt.js'
import { files, jsonl } from '../../src/log/index.js'
import { Recorder } from '../../src/recorder/index.js'
import { folder } from './kit.js'

const RULES = { 'a.yaml': 'name: a\nagents: ["*"]\ndefault_action: allow\n', 'b.yaml': 'name: b\nagents: ["*"]\n' }

async function record(backend: ReturnType<typeof files>, options: { keepDisclosures?: boolean } = {}) {
  const evaluator = agtEvaluator({ policyDir: folder(RULES), strict: true })
  const errors: Error[] = []
  const recorder = new Recorder({
    backend,
    agent: { id: 'did:example:a' },
    evaluator,
    onError: error => errors.push(error),
    ...options,
  })
  const request = { tool: { name: 'read' }, args: {} }
  const ticket = await recorder.intent(request, await recorder.decide(request))
  await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes' })
  await recorder.close()
  return { errors, evaluator }
}

describe('the rules in force', () => {
  test.each([
    ['files', (dir: string) => [files(`${dir}/audit`), `${dir}/audit/private/rules`] as const],
    ['jsonl', (dir: string) => [jsonl(`${dir}/audit.jsonl`), `${dir}/audit.jsonl.private/rules`] as const],
  ])('are kept beside the %s log, by digest, for the owner alone, and named in the log', async (_, make) => {
    const [backend, kept] = make(mkdtempSync(join(tmpdir(), 'deedlog-kept-')))
    const { errors } = await record(backend)
    expect(errors).toEqual([])
    const digests = Object.values(RULES).map(text => sha256Hex(new TextEncoder().encode(text)))
    expect(readdirSync(kept).sort()).toEqual([...digests].sort())
    for (const name of readdirSync(kept)) {
      expect(sha256Hex(new Uint8Array(readFileSync(join(kept, name))))).toBe(name)
      expect(statSync(join(kept, name)).mode & 0o777).toBe(0o600)
    }
    expect(statSync(kept).mode & 0o777).toBe(0o700)
  })

  test('are named with engine, version and digests in a rules record, and intents name that record', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'deedlog-kept-'))
    await record(jsonl(`${dir}/audit.jsonl`))
    const lines = readFileSync(`${dir}/audit.jsonl`, 'utf8').trimEnd().split('\n')
    const records = lines.map(line => JSON.parse(line) as { type: string; [name: string]: unknown })
    const index = records.findIndex(({ type }) => type === 'rules')
    expect(records[index]).toMatchObject({
      engine: { name: '@microsoft/agent-governance-sdk', version: expect.stringMatching(/^4\./) },
      files: Object.entries(RULES).map(([name, text]) => ({ name, digest: sha256Hex(new TextEncoder().encode(text)) })),
    })
    const leaf = sha256Hex(new Uint8Array([0, ...new TextEncoder().encode(lines[index]!)]))
    expect(records.find(({ type }) => type === 'intent')).toMatchObject({ decision: { rules: leaf } })
  })

  test('that should be in force and are not are declared in coverage, committed and disclosed', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'deedlog-kept-'))
    const policyDir = folder({ ...RULES, 'c.yaml': 'name: c\nrules:\n  - {name: r, condition: "not action"}\n' })
    const evaluator = agtEvaluator({ policyDir, warn: () => {} })
    const recorder = new Recorder({ backend: files(`${dir}/audit`), agent: { id: 'did:example:a' }, evaluator })
    const request = { tool: { name: 'read' }, args: {} }
    await recorder.outcome(await recorder.intent(request, await recorder.decide(request)), {
      status: 'succeeded',
      executed: 'yes',
    })
    await recorder.close()
    const journal = readdirSync(`${dir}/audit/private/journal`).map(name =>
      readFileSync(join(`${dir}/audit/private/journal`, name), 'utf8'),
    )
    expect(journal.join()).toMatch(/"type":"coverage"/)
    expect(journal.join()).toMatch(/c\.yaml: line 3: condition of rule/)
  })

  test('are kept once, whoever comes again, and by two at the same time', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'deedlog-kept-'))
    const backend = files(`${dir}/audit`)
    const results = await Promise.all([record(backend), record(backend), record(files(`${dir}/audit`))])
    expect(results.flatMap(({ errors }) => errors)).toEqual([])
    await record(files(`${dir}/audit`))
    expect(readdirSync(`${dir}/audit/private/rules`)).toHaveLength(2)
  })

  test('are not kept where nothing is to be disclosed', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'deedlog-kept-'))
    await record(files(`${dir}/audit`), { keepDisclosures: false })
    expect(readdirSync(`${dir}/audit/private`)).not.toContain('rules')
  })

  test('that cannot be kept are reported, and the call is recorded all the same', async () => {
    const appended: unknown[] = []
    const backend = {
      keepsDisclosures: true,
      append: async (entries: readonly unknown[]) => {
        appended.push(...entries)
        return []
      },
      keepRules: async () => {
        throw new Error('no room')
      },
      flush: async () => {},
      close: async () => {},
    }
    const { errors } = await record(backend)
    expect(errors.map(({ message }) => message)).toEqual(['no room', 'no room'])
    expect(appended.length).toBeGreaterThan(3)
  })
})
