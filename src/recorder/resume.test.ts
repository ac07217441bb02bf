import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verify } from '../client/verify.js'
import { files } from '../log/index.js'
import { Recorder } from './recorder.js'

const agent = { id: 'did:example:hook' }
const request = { tool: { name: 'bash' }, args: { command: 'ls' } }
const unjudged = { verdict: 'not_evaluated' } as const

async function leftBehind() {
  const dir = join(mkdtempSync(join(tmpdir(), 'deedlog-resume-')), 'audit')
  const first = new Recorder({ backend: files(dir), agent })
  const { call, intent, tool } = await first.intent(request, unjudged)
  await first.close()
  return { dir, kept: { call, intent: intent!, tool } }
}

test('an outcome that comes to a later run is a late one, and settles the call', async () => {
  const { dir, kept } = await leftBehind()
  const before = await verify(dir, { self: true })
  expect(before.findings.map(({ code }) => code)).toContain('call.pending-at-end')
  const errors: Error[] = []
  const second = new Recorder({ backend: files(dir), agent, onError: error => errors.push(error) })
  const ticket = second.resume({ ...kept, args: { value: request.args } })
  await second.outcome(ticket, { status: 'pending', executed: 'yes' })
  await second.outcome(ticket, {
    status: 'succeeded',
    executed: 'yes',
    args: { value: { command: 'rm' } },
    output: { value: 'a.txt' },
  })
  await second.outcome(ticket, { status: 'failed', executed: 'yes' })
  await second.close()
  expect(errors.map(error => (error as { code?: string }).code)).toEqual(['recorder.second-outcome'])
  const report = await verify(dir, { self: true })
  expect(report.evidence.verdict).toBe('self-consistent')
  const codes = report.findings.map(({ code }) => code)
  expect(codes).toContain('call.other-arguments')
  expect(codes).not.toContain('call.pending-at-end')
})

test('what was not kept is not compared, and what is no call is not resumed', async () => {
  const { dir, kept } = await leftBehind()
  const second = new Recorder({ backend: files(dir), agent })
  await second.outcome(second.resume(kept), { status: 'succeeded', executed: 'yes', args: { value: { other: 1 } } })
  await second.close()
  const { findings } = await verify(dir, { self: true })
  expect(findings.map(({ code }) => code)).not.toContain('call.other-arguments')
  for (const wrong of [
    { ...kept, call: 'x' },
    { ...kept, intent: '' },
    { ...kept, intent: kept.call },
  ])
    expect(() => second.resume(wrong)).toThrow(TypeError)
})
