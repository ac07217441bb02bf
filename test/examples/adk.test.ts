import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { listCalls } from '../../src/client/calls.js'
import { openSource } from '../../src/client/open.js'
import { verify } from '../../src/client/verify.js'
import { assertCoverage } from '../../src/testing/index.js'

/* The example as its README tells it, on the built package. */

const main = fileURLToPath(new URL('../../examples/adk/main.mjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'deedlog-example-'))
const audit = join(folder, 'audit')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(...way: string[]) {
  const { GEMINI_API_KEY: _, GOOGLE_GENAI_API_KEY: __, ...env } = process.env
  return spawnSync(process.execPath, [main, ...way, folder], { env, encoding: 'utf8', timeout: 60_000 })
}

const TOOLS = ['estimator', 'look_up_policy', 'open_bank_records', 'pay_claim', 'price_part', 'score_fraud']
const OF_MCP = ['read_text_file', 'write_file']

test('five agents leave nine calls in a log that verifies', { timeout: 90_000 }, async () => {
  const { status, stderr } = run()
  expect([status, stderr]).toEqual([0, ''])
  const source = await openSource(audit)
  const calls = await listCalls(source)
  await source.close()
  expect(calls.map(({ tool, status: became }) => `${tool} ${became}`).sort()).toEqual([
    'estimator succeeded',
    'look_up_policy succeeded',
    'open_bank_records denied',
    'pay_claim succeeded',
    'price_part succeeded',
    'price_part succeeded',
    'read_text_file succeeded',
    'score_fraud succeeded',
    'write_file succeeded',
  ])
  expect((await verify(audit, { trust: `${audit}.trust` })).exitCode).toBe(0)
  await assertCoverage(audit, { tools: [...TOOLS, ...OF_MCP], called: [...TOOLS, ...OF_MCP] })
})

test('a run that dies while it pays is recovered by the next', { timeout: 120_000 }, async () => {
  expect(run('--crash').signal).toBe('SIGKILL')
  expect(run('--again').status).toBe(0)
  const report = await verify(audit, { trust: `${audit}.trust` })
  expect(report.exitCode).toBe(3)
  expect(report.findings.map(({ code }) => code)).toEqual(['call.unknown'])
  expect(report.completeness.streams.map(({ state }) => state).sort()).toEqual(['ended', 'ended', 'recovered'])
})
