import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { broken, MUTATIONS } from '../../scripts/anchors/mutations.mjs'

/* `npm run anchors`, on the built package: that its rows are judged, and that a fault is found out. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const anchors = (...args: string[]) =>
  spawnSync(process.execPath, ['scripts/anchors.mjs', ...args], { cwd: root, encoding: 'utf8', timeout: 110_000 })
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1)

describe('npm run anchors', { timeout: 120_000 }, () => {
  it('says of a row who finds it out and who cannot, and keeps what was checked', () => {
    const ran = anchors('--only', 'time stamp of another log')
    expect([ran.status, ran.stderr, lastLine(ran.stdout)]).toEqual([0, '', '1 passed, 0 failed'])
    const [row] = JSON.parse(readFileSync(join(root, '.proof/anchors-only/rows.json'), 'utf8'))
    expect(row).toMatchObject({ by: { offline: 'anchor.bad' }, blind: { witness: expect.any(String) }, faults: [] })
    expect(row.checks.length).toBeGreaterThan(3)
  })

  it('fails when the verifier does not look at what was stamped', () => {
    const ran = anchors('--break', 'imprint-unchecked', '--only', 'time stamp of another log')
    expect([ran.status, ran.stderr, lastLine(ran.stdout)]).toEqual([1, '', '0 passed, 1 failed'])
  })

  it('knows only faults that fit the program', () => {
    const copy = mkdtempSync(join(tmpdir(), 'deedlog-broken-'))
    for (const name of Object.keys(MUTATIONS)) expect(() => broken(name, root, copy)).not.toThrow()
    rmSync(copy, { recursive: true })
  })

  it('names what it does not know', () => {
    expect(anchors('--only', 'nothing of the kind')).toMatchObject({ status: 2, stdout: '' })
    expect(anchors('--break', 'nothing')).toMatchObject({ status: 2, stdout: '' })
  })
})
