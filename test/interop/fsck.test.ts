import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { files, openLog, Recorder, recorded } from '../../src/index.js'

// The checker that comes with Tessera: Go code of another team, which knows tiles and notes and nothing of us.
const FSCK = 'github.com/transparency-dev/tessera/cmd/fsck@v1.0.4'
const hasGo = spawnSync('go', ['version']).status === 0
if (!hasGo && process.env['CI'] === 'true') throw new Error('CI has no Go: the interop tests must not be skipped')
if (!hasGo) console.warn('SKIPPED: Go is missing, so no foreign verifier has read our logs')

describe.skipIf(!hasGo)("Tessera's fsck", () => {
  const folder = mkdtempSync(join(tmpdir(), 'deedlog-fsck-'))
  const log = join(folder, 'audit')
  let fsck: string

  beforeAll(async () => {
    execFileSync('go', ['install', FSCK], { env: { ...process.env, GOBIN: folder }, stdio: 'pipe' })
    fsck = join(folder, 'fsck')
    // More than two full tiles, so that there is a second level, and a partial one at the end of each.
    const recorder = new Recorder({ backend: files(log), agent: { id: 'did:example:interop' } })
    const double = recorded(recorder, 'double', async (n: number) => 2 * n)
    await Promise.all(Array.from({ length: 300 }, (_, n) => double(n)))
    await recorder.close()
  }, 240_000)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const check = async (target: string) => {
    const { verifierKey, origin } = await opened(log)
    const key = join(folder, 'log.vkey')
    writeFileSync(key, `${verifierKey}\n`)
    const url = `file://${join(target, 'log')}/`
    return spawnSync(fsck, [`--storage_url=${url}`, `--public_key=${key}`, `--origin=${origin}`, '--ui=false'], {
      encoding: 'utf8',
      // On a log that does not hold together this version reports and then waits for ever for its own workers.
      timeout: 10_000,
      killSignal: 'SIGKILL',
    })
  }

  it('finds every tile, bundle and signature of our log as it should be', async () => {
    const size = Number(readFileSync(join(log, 'log/checkpoint'), 'utf8').split('\n')[1])
    expect(size).toBeGreaterThan(600)
    const ran = await check(log)
    expect(ran.stderr + ran.stdout).toContain(`Successfully fsck'd log with size ${size}`)
    expect(ran.status).toBe(0)
  })

  it('finds a flipped byte in an entry bundle', async () => {
    const copy = join(folder, 'copy')
    cpSync(log, copy, { recursive: true })
    const bundle = join(copy, 'log/tile/entries/001')
    const bytes = readFileSync(bundle)
    bytes[5000]! ^= 1
    writeFileSync(bundle, bytes)
    const ran = await check(copy)
    expect(ran.status).not.toBe(0)
    expect(ran.stderr + ran.stdout).not.toContain('Successfully')
  })

  const opened = async (target: string) => {
    const found = await openLog(target)
    const { verifierKey, origin } = found
    await found.close()
    return { verifierKey, origin }
  }
})
