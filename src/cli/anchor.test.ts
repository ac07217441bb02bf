import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toBase64 } from '../core/bytes/base64.js'
import { TsaServer } from '../testing/tsa/server.js'
import { run } from './run.js'
import { PLAIN } from './terminal/paint.js'

const folder = mkdtempSync(join(tmpdir(), 'deedlog-cli-anchor-'))
let tsa: TsaServer

/** The command line in this process: the authority is in it, too, and must be able to answer meanwhile. */
async function deedlog(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' }
  const terminal = {
    out: async (text: string) => {
      said.stdout += text
    },
    err: (text: string) => {
      said.stderr += text
    },
    columns: undefined,
    errColumns: undefined,
    paint: PLAIN,
    errPaint: PLAIN,
  }
  const context = { terminal, argv, exitCode: 0 }
  await run(context)
  return { code: context.exitCode, ...said }
}

beforeAll(async () => {
  tsa = await TsaServer.start()
})
afterAll(async () => {
  await tsa.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('deedlog anchor', () => {
  it('adds an authority, has the newest checkpoint dated, and the report says by when its records existed', async () => {
    const log = join(folder, 'audit')
    await deedlog('init', log)
    expect(await deedlog('anchor', log)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('deedlog anchor add'),
    })
    expect(await deedlog('anchor', 'add', log, '--tsa', tsa.url, '--name', 'local')).toMatchObject({ code: 0 })
    const done = await deedlog('anchor', log, '--now')
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('rfc3161, size 1: anchored') })
    expect(readdirSync(join(log, 'log/anchors'))).toEqual(['0000000000000001.rfc3161.local.json'])
    expect(statSync(join(log, 'private/anchors.json')).mode & 0o77).toBe(0)
    const asked = tsa.requests
    expect(await deedlog('anchor', log, '--now')).toMatchObject({ code: 0 })
    expect(tsa.requests).toBe(asked)

    const trust = join(folder, 'auditor.trust')
    writeFileSync(trust, `${readFileSync(`${log}.trust`, 'utf8')}tsa local ${toBase64(tsa.root)}\n`)
    const report = await deedlog('verify', log, '--trust', trust, '--no-memory')
    expect(report.stdout).toContain('time-stamp authority local')
    expect(report.stdout).not.toContain('undated since')
    expect(report.code).toBe(0)
    const shown = await deedlog('trust', 'show', trust)
    expect(shown.stdout).toContain('local: Test Root')
  })

  it('says what failed, keeps it, and tries it again', async () => {
    const log = join(folder, 'second')
    await deedlog('init', log)
    await deedlog('anchor', 'add', log, '--tsa', tsa.url, '--name', 'local', '--mode', 'enforce')
    tsa.fault = 'wrong-nonce'
    const failed = await deedlog('anchor', log, '--json')
    expect(failed.code).toBe(2)
    expect(JSON.parse(failed.stdout)).toMatchObject({
      results: [{ state: 'pending', code: 'tsa.nonce', size: 1 }],
      waiting: [{ attempts: 1 }],
    })
    const list = await deedlog('list', log)
    expect(list.stderr).toContain('Not dated: size 1 by rfc3161 local')
    expect(JSON.parse((await deedlog('list', log, '--json')).stdout).notAnchored).toMatchObject([{ code: 'tsa.nonce' }])
    const status = await deedlog('anchor', 'status', log)
    expect(status.stdout).toContain('[tsa.nonce]')
    tsa.fault = undefined
    expect(JSON.parse((await deedlog('anchor', log, '--json')).stdout)).toMatchObject({ results: [] })
    expect(await deedlog('anchor', log, '--now')).toMatchObject({ code: 0 })
    const after = JSON.parse((await deedlog('anchor', 'status', log, '--json')).stdout)
    expect(after.standings).toMatchObject([
      { name: 'local', anchored: { size: 1 }, newest: { state: 'anchored', attempts: 2 } },
    ])
  })

  it('writes nothing into a folder that is no log, or at a place where nothing is', async () => {
    const other = join(folder, 'other')
    mkdirSync(other)
    for (const target of [other, join(folder, 'nothing')])
      for (const args of [
        ['add', target, '--tsa', tsa.url, '--name', 'x'],
        ['status', target],
        [target, '--now'],
      ])
        expect(await deedlog('anchor', ...args)).toMatchObject({
          code: 2,
          stderr: expect.stringContaining('[log.missing]'),
        })
    expect(readdirSync(other)).toEqual([])
  })

  it('refuses addresses, names and certificates that are none, and changes nothing', async () => {
    const log = join(folder, 'third')
    await deedlog('init', log)
    const bad = [
      ['--tsa', 'ftp://host/', '--name', 'x'],
      ['--tsa', tsa.url, '--name', '../x'],
      ['--tsa', tsa.url],
      ['--tsa', tsa.url, '--name', 'x', '--root', join(folder, 'auditor.trust')],
    ]
    for (const options of bad) expect(await deedlog('anchor', 'add', log, ...options)).toMatchObject({ code: 2 })
    expect(readdirSync(join(log, 'private'))).not.toContain('anchors.json')
    await deedlog('anchor', 'add', log, '--tsa', tsa.url, '--name', 'x')
    expect(await deedlog('anchor', 'add', log, '--tsa', tsa.url, '--name', 'x')).toMatchObject({ code: 2 })
    expect(await deedlog('anchor', 'remove', log, 'y')).toMatchObject({ code: 2 })
    expect(await deedlog('anchor', 'remove', log, 'x')).toMatchObject({ code: 0 })
  })
})
