import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { files } from '../log/index.js'
import { Recorder } from '../recorder/recorder.js'
import type { CallRequest } from '../recorder/types.js'
import type { Context } from './command.js'
import { run } from './run.js'
import { PLAIN } from './terminal/paint.js'

let folder: string
const log = (name: string) => join(folder, name)
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-coverage-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function deedlog(...argv: string[]): Promise<{ exitCode: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const terminal = {
    out: async (text: string) => {
      out += text
    },
    err: (text: string) => {
      err += text
    },
    columns: 100,
    errColumns: undefined,
    paint: PLAIN,
    errPaint: PLAIN,
  }
  const context: Context = { terminal, argv, exitCode: 0 }
  await run(context)
  return { exitCode: context.exitCode, out, err }
}

/** One run of an agent with the tools `pay`, wrapped, and `idle`, never called. */
async function record(target: string, agent: string, calls: readonly Partial<CallRequest>[], wrapped = true) {
  const backend = files(target)
  const recorder = new Recorder({ backend, agent: { id: agent }, unseen: ['adk.remote-agent'] })
  await recorder.coverage([
    { name: 'pay', wrapped },
    { name: 'idle', wrapped: true },
  ])
  for (const request of calls) {
    const ticket = await recorder.intent({ tool: { name: 'pay' }, args: {}, ...request }, { verdict: 'allow' })
    await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes' })
  }
  await recorder.close()
}

describe('deedlog coverage', () => {
  it('shows what was declared and called, and ends with 0 when nothing is known to have been missed', async () => {
    await record(log('whole'), 'did:example:shop', [{}, { tool: { name: 'read\u202efile' } }, {}])
    const { exitCode, out, err } = await deedlog('coverage', log('whole'))
    expect([exitCode, err]).toEqual([0, ''])
    expect(out).toMatch(/^ {2}wrapped +2 +did:example:shop +pay$/m)
    expect(out).toMatch(/^ {2}wrapped +0 {2}never called +did:example:shop +idle$/m)
    expect(out).toMatch(/^ {2}- +1 {2}called, not declared +did:example:shop +read\\u202efile$/m)
    expect(out).toContain('adk.remote-agent (1 stream)')
    expect(out).toContain('nothing is known to have been missed')
  })

  it('ends with 3 when calls pass by, could not be held back, or were lost', async () => {
    await record(log('missed'), 'did:example:shop', [{ unmediated: true, belated: true }], false)
    await record(log('missed'), 'did:example:shop', [{}])
    const json = await deedlog('coverage', log('missed'), '--json', '--self')
    expect(json.exitCode).toBe(3)
    expect(JSON.parse(json.out)).toMatchObject({
      format: 'deedlog/coverage/v1',
      exitCode: 3,
      evidence: { verdict: 'self-consistent', trust: 'self' },
      tools: [
        { tool: 'idle', wrapped: 2, notWrapped: 0, calls: 0 },
        { tool: 'pay', wrapped: 1, notWrapped: 1, calls: 2, unmediated: 1, belated: 1, undeclared: 0 },
      ],
      calls: { total: 2, unmediated: 1, belated: 1 },
      missed: [{ code: 'not-wrapped' }, { code: 'unmediated' }, { code: 'belated' }],
    })
    const text = await deedlog('coverage', log('missed'), '--trust', `${log('missed')}.trust`)
    expect(text.exitCode).toBe(3)
    expect(text.out).toMatch(/^ {2}in part +2/m)
    expect(text.out).toContain('Exit 3: something was missed')
  })

  it('names streams with calls of which nobody said what they cover', async () => {
    const recorder = new Recorder({ backend: files(log('silent')), agent: { id: 'did:example:silent' } })
    await recorder.outcome(await recorder.intent({ tool: { name: 'x' }, args: {} }, { verdict: 'allow' }), {
      status: 'succeeded',
      executed: 'yes',
    })
    await recorder.close()
    const { exitCode, out } = await deedlog('coverage', log('silent'))
    expect(exitCode).toBe(0)
    expect(out).toContain('from index 1, did:example:silent: 1 call')
  })

  it('goes by the evidence first when it is asked to', async () => {
    await record(log('other'), 'did:example:shop', [{}])
    const foreign = await deedlog('coverage', log('other'), '--trust', `${log('whole')}.trust`)
    expect(foreign.exitCode).not.toBe(0)
    expect(foreign.exitCode).not.toBe(3)
    const inside = join(log('other'), 'x.trust')
    copyFileSync(`${log('other')}.trust`, inside)
    const supplied = await deedlog('coverage', log('other'), '--trust', inside, '--json')
    expect([supplied.exitCode, JSON.parse(supplied.out).evidence.trust]).toEqual([2, 'none'])
    const missing = await deedlog('coverage', join(folder, 'nothing'), '--json')
    expect([missing.exitCode, JSON.parse(missing.err).error.code]).toEqual([2, 'target.missing'])
  })
})
