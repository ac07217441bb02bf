import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verify } from '../client/verify.js'
import { files, jsonl } from '../log/index.js'
import { Recorder } from './recorder.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
// Inside the project, so that what the bundle leaves outside is found.
const bundles = join(root, 'node_modules', '.cache', 'deedlog-tests')
const bundle = join(bundles, `exit-${process.pid}.mjs`)

const program = `
import { files, jsonl, Recorder } from './src/index.js'
const [kind, target, way, diesAfter] = process.argv.slice(2)
const backend = kind === 'files' ? files(target) : jsonl(target)
const append = backend.append.bind(backend)
let appends = 0
backend.append = async (...batch) => {
  const receipts = await append(...batch)
  if (++appends === Number(diesAfter)) process.kill(process.pid, 'SIGKILL')
  return receipts
}
const recorder = new Recorder({ backend, agent: { id: 'did:example:agent' } })
for (let i = 0; i < 3; i++) {
  const request = { tool: { name: 'pay' }, args: { i }, session: 's' }
  const ticket = await recorder.intent(request, await recorder.decide(request))
  if (i < 2) await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes', output: { value: i } })
}
if (way === 'crowd') await Promise.all(Array.from({ length: 600 }, () => recorder.intent({ tool: { name: 'pay' }, args: {} }, { verdict: 'allow' })))
if (way === 'recover') await recorder.flush()
if (way === 'exit') process.exit(7)
if (way === 'kill') process.kill(process.pid, 'SIGKILL')
throw new Error('on purpose')
`

beforeAll(() => {
  mkdirSync(bundles, { recursive: true })
  buildSync({
    stdin: { contents: program, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    alias: { '#crypto': join(root, 'src/native/crypto.ts') },
    outfile: bundle,
  })
})

afterAll(() => rmSync(bundle, { force: true }))

describe.each(['files', 'jsonl'])('a process that ends without close leaves a %s log that is whole', kind => {
  test.each([
    ['exit', 7],
    ['kill', null],
    ['throw', 1],
  ])('by %s', async (way, status) => {
    const target = join(mkdtempSync(join(tmpdir(), 'deedlog-exit-')), kind === 'files' ? 'audit' : 'audit.jsonl')
    const run = spawnSync(process.execPath, [bundle, kind, target, way], { encoding: 'utf8' })
    expect([run.status, run.stderr.includes('on purpose')]).toEqual([status, way === 'throw'])
    // The next run opens it, writes on and says that nobody knows how the third call ended; and all of it verifies.
    const recorder = new Recorder({
      backend: kind === 'files' ? files(target) : jsonl(target),
      agent: { id: 'did:example:agent' },
    })
    const ticket = await recorder.intent({ tool: { name: 'pay' }, args: {} }, { verdict: 'allow' })
    await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes' })
    await recorder.close()
    const report = await verify(target, { self: true })
    expect(report.evidence.verdict).toBe('self-consistent')
    expect(report.conduct.calls).toBe(4)
    expect(report.completeness).toMatchObject({ strays: 0, malformed: 0, notUnderstood: 0 })
    expect(report.completeness.outcomes).toMatchObject({ final: 3, provisional: 1, missing: 0 })
    expect(report.completeness.streams.map(({ state }) => state).sort()).toEqual(['ended', 'ended', 'recovered'])
    expect(report.exitCode).toBe(3)
    expect(report.findings.map(({ code }) => code)).toContain('call.unknown')
  })
})

test.each(['files', 'jsonl'])(
  'a %s log is recovered by and by when the recovering runs die too',
  { timeout: 60_000 },
  async kind => {
    const target = join(mkdtempSync(join(tmpdir(), 'deedlog-exit-')), kind === 'files' ? 'audit' : 'audit.jsonl')
    const run = (...way: string[]) => spawnSync(process.execPath, [bundle, kind, target, ...way], { encoding: 'utf8' })
    expect(run('crowd', '8').signal).toBe('SIGKILL')
    // Each gets a little further than the one before: into the recovery, between its batches, behind it.
    for (const appends of [2, 3, 5, 7, 9]) expect(run('recover', String(appends)).signal).toBe('SIGKILL')
    const recorder = new Recorder({
      backend: kind === 'files' ? files(target) : jsonl(target),
      agent: { id: 'did:example:agent' },
    })
    await recorder.outcome(await recorder.intent({ tool: { name: 'pay' }, args: {} }, { verdict: 'allow' }), {
      status: 'succeeded',
      executed: 'yes',
    })
    await recorder.close()
    const { completeness, conduct, findings, exitCode } = await verify(target, { self: true })
    expect(exitCode).toBe(3)
    expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(['identity.unpinned', 'call.unknown']))
    expect(completeness.outcomes.missing).toBe(0)
    expect(completeness.outcomes.provisional).toBeGreaterThan(600)
    expect(completeness.outcomes.final + completeness.outcomes.provisional).toBe(conduct.calls)
    expect(completeness.streams.map(({ state }) => state)).not.toContain('running')
  },
)
