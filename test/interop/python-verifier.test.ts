import { spawnSync } from 'node:child_process'
import { cpSync, type Dirent, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verify } from '../../src/client/verify.js'
import type { Approver, PolicyEvaluator } from '../../src/govern/evaluator.js'
import { files, jsonl } from '../../src/log/index.js'
import { Recorder } from '../../src/recorder/index.js'
import { writeFolder } from '../verify/kit.js'
import { oddLog } from './odd-logs.js'

/*
 * The verifier in spec/reference was written from the pages of spec/ by somebody who had not read this code. Both are
 * given the same logs, honest and damaged. Without Python 3.11 this is skipped, loudly; in CI it fails.
 */
const SCRIPT = fileURLToPath(new URL('../../spec/reference/deedlog_verify.py', import.meta.url))
const DAMAGED_COPIES = 40
// `ODD_LOGS=1000 npx vitest run test/interop/python-verifier.test.ts` compares more of them.
const ODD_LOGS = Number(process.env['ODD_LOGS'] ?? 40)
const TIMEOUT_MS = 120_000 + ODD_LOGS * 2000

const missing =
  spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0
    ? undefined
    : 'Python 3.11 or newer is not installed'
if (missing) console.warn(`\n*** SKIPPED: no log was given to the independent verifier: ${missing}\n`)

/** The members that both reports have, in one shape. */
interface Counted {
  readonly exitCode: number
  readonly size: number
  readonly root: string
  readonly completeness: {
    readonly verdict: string
    readonly streams: readonly { readonly id: string; readonly agent: string }[]
    readonly sessions: unknown
    readonly strays: number
    readonly notUnderstood: number
    readonly malformed: number
    readonly outcomes: unknown
    readonly losses: unknown
  }
  readonly conduct: { readonly rules?: unknown }
  readonly findings: readonly { readonly code: string }[]
}

/** Numbers from 0 up to a bound, the same ones at each run. */
const numbers = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const inPython = (target: string, trust: string | undefined): Counted | { readonly exitCode: number } => {
  const whose = trust === undefined ? ['--self'] : ['--trust', trust]
  const run = spawnSync('python3', [SCRIPT, target, ...whose], { encoding: 'utf8', timeout: 20_000 })
  if (run.stderr.includes('Traceback')) throw new Error(run.stderr)
  const report = run.stdout === '' ? { exitCode: run.status ?? -1 } : (JSON.parse(run.stdout) as Counted)
  expect(run.status).toBe(report.exitCode)
  return report
}

const inTypeScript = async (target: string, trust: string | undefined) => {
  try {
    return (await verify(target, trust === undefined ? { self: true } : { trust })) as Counted
  } catch (error) {
    if (typeof (error as { code?: unknown }).code !== 'string') throw error
    return { exitCode: 2 }
  }
}

const counts = ({ size, root, completeness, conduct, findings }: Counted) => {
  const { verdict, streams, sessions, strays, notUnderstood, malformed, outcomes, losses } = completeness
  // What is shown of a stream whose start is not understood is left to verifiers.
  const byId = streams.filter(({ agent }) => agent !== '').sort((a, b) => (a.id < b.id ? -1 : 1))
  const codes = [...new Set(findings.map(({ code }) => code))].sort()
  const whole = { verdict, streams: byId, sessions, strays, notUnderstood, malformed, outcomes, losses }
  // Which rules were in force is listed by one of the two, and counts nothing.
  const { rules: _, ...counted } = conduct
  return { size, root, completeness: whole, conduct: counted, codes }
}

/** Exit codes always; everything that is counted unless there is evidence against: what was altered counts nothing. */
const sameVerdict = async (target: string, trust: string | undefined): Promise<number> => {
  const [theirs, ours] = [inPython(target, trust), await inTypeScript(target, trust)]
  expect(theirs.exitCode, 'exit code').toBe(ours.exitCode)
  if ('completeness' in ours && ours.exitCode !== 1 && ours.size > 0)
    expect(counts(theirs as Counted)).toEqual(counts(ours))
  return ours.exitCode
}

/** Denies tools named so, wants a review of others, allows the rest. */
const evaluator: PolicyEvaluator = {
  rules: { engine: { name: 'test', version: '1' }, files: [{ name: 'rules.yaml', digest: 'ab'.repeat(32) }] },
  evaluate: ({ tool }) => ({
    verdict: tool.startsWith('deny') ? 'deny' : tool.startsWith('review') ? 'review' : 'allow',
  }),
}

const approver: Approver = {
  ask: ({ tool }) => Promise.resolve({ approved: !tool.endsWith('no'), by: 'boss', channel: 'test' }),
}

const TOOLS = ['add', 'deny-it', 'review-yes', 'review-no', 'fails', 'late', 'lost'] as const

async function call(recorder: Recorder, tool: (typeof TOOLS)[number], n: number) {
  const request = { tool: { name: tool, kind: 'function' }, args: { n, text: 'x'.repeat(n) }, session: `s${n % 2}` }
  const decision = await recorder.decide(request)
  const ticket = await recorder.intent(request, decision)
  if (decision.verdict === 'review' && (await recorder.approve(ticket, request.args)) !== 'approved') return
  if (decision.verdict === 'deny' || tool === 'lost') return
  if (tool === 'fails')
    return recorder.outcome(ticket, { status: 'failed', executed: 'yes', error: { value: new Error('no') } })
  if (tool === 'late') await recorder.outcome(ticket, { status: 'timed_out', executed: 'unknown' })
  await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes', output: { value: n }, late: tool === 'late' })
}

/** A log with several streams, one of them with more records than one bundle holds. */
async function makeLog(target: string, kinds: readonly (typeof TOOLS)[number][], rounds: number) {
  const backend = target.endsWith('.jsonl') ? jsonl(target) : files(target)
  const recorder = new Recorder({ backend, agent: { id: 'did:example:clerk' }, evaluator, approver })
  const tools = TOOLS.map(name => ({ name, wrapped: name === 'add' }))
  await recorder.coverage(tools, ['elsewhere'])
  for (let n = 0; n < rounds; n++) await Promise.all(kinds.map(kind => call(recorder, kind, n)))
  await recorder.sessionEnd('s0')
  if (kinds.includes('lost')) await recorder.loss('test', 'one was lost', 1)
  await recorder.flush()
  await recorder.close()
}

/** The files that a published log has. */
const published = (target: string): string[] =>
  target.endsWith('.jsonl')
    ? [target, `${target}.checkpoint`]
    : (readdirSync(join(target, 'log'), { recursive: true, withFileTypes: true }) as Dirent[])
        .filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath, entry.name))
        .sort()

function damage(path: string, next: (below: number) => number): string {
  const bytes = readFileSync(path)
  const at = next(bytes.length)
  const kind = (['flip', 'flip', 'cut', 'append', 'remove', 'swap'] as const)[next(6)]
  if (kind === 'flip') bytes[at]! ^= 1 << next(8)
  if (kind === 'swap') bytes.subarray(0, 64).reverse()
  if (kind === 'remove') rmSync(path)
  else if (kind === 'cut') writeFileSync(path, bytes.subarray(0, at))
  else writeFileSync(path, kind === 'append' ? Buffer.concat([bytes, Buffer.from('\n')]) : bytes)
  return `${kind} ${path} at ${at}`
}

describe.skipIf(missing && process.env['CI'] !== 'true')('the independent verifier', () => {
  let folder = ''
  const logs = ['plain', 'plain.jsonl', 'mixed', 'mixed.jsonl', 'long'].map(name => () => join(folder, name))

  beforeAll(async () => {
    if (missing) throw new Error(missing)
    folder = mkdtempSync(join(tmpdir(), 'deedlog-python-'))
    for (const name of ['plain', 'plain.jsonl']) await makeLog(join(folder, name), ['add', 'deny-it', 'review-yes'], 2)
    for (const name of ['mixed', 'mixed.jsonl']) {
      await makeLog(join(folder, name), TOOLS, 3)
      await makeLog(join(folder, name), ['add', 'review-no'], 1)
    }
    await makeLog(join(folder, 'long'), ['add', 'fails', 'review-no'], 50)
  }, TIMEOUT_MS)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('says of honest logs what this one says, with a trust file and without', async () => {
    const codes = new Set<number>()
    for (const log of logs) {
      codes.add(await sameVerdict(log(), `${log()}.trust`))
      await sameVerdict(log(), undefined)
    }
    expect([...codes].sort()).toEqual([0, 3])
    expect(await sameVerdict(logs[0]!(), `${logs[2]!()}.trust`)).not.toBe(0)
  })

  test(
    'ends with the same exit code on damaged copies',
    async () => {
      const next = numbers(20261124)
      const codes = new Map<number, number>()
      for (let i = 0; i < DAMAGED_COPIES; i++) {
        const from = logs[i % logs.length]!()
        const copy = join(folder, `copy${from.slice(from.lastIndexOf('/') + 1)}`)
        for (const suffix of from.endsWith('.jsonl') ? ['', '.checkpoint', '.trust'] : ['', '.trust'])
          cpSync(from + suffix, copy + suffix, { recursive: true })
        const paths = [...published(copy), `${copy}.trust`]
        const what = damage(paths[next(paths.length)]!, next)
        const code = await sameVerdict(copy, `${copy}.trust`).catch((error: Error) => {
          throw new Error(`${what}: ${error.message}`)
        })
        codes.set(code, (codes.get(code) ?? 0) + 1)
        for (const suffix of ['', '.checkpoint', '.trust']) rmSync(copy + suffix, { recursive: true, force: true })
      }
      expect(codes.get(1) ?? 0).toBeGreaterThan(DAMAGED_COPIES / 4)
    },
    TIMEOUT_MS,
  )

  test(
    'says of logs that no writer would write what this one says',
    async () => {
      for (let seed = 0; seed < ODD_LOGS; seed++) {
        const { log, trust } = oddLog(numbers(seed * 7919))
        const target = writeFolder(join(folder, `odd${seed}`), log.files())
        writeFileSync(`${target}.trust`, trust)
        await sameVerdict(target, `${target}.trust`).catch((error: Error) => {
          throw new Error(`seed ${seed}: ${error.message}`, { cause: error })
        })
      }
    },
    TIMEOUT_MS,
  )
})
