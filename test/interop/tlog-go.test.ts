import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

/*
 * The committed vectors are what the program beside them writes: nobody has bent them to fit our code. Needs Go and
 * a few modules; where they are missing this says so aloud, and on CI it fails.
 */

const VECTORS = fileURLToPath(new URL('../vectors/tlog/', import.meta.url))
const MAKE = join(VECTORS, 'make')
const FILES = ['trees.json', 'notes.json', 'ed25519.json', 'proofs.json']

const go = (...args: string[]) =>
  spawnSync('go', args, {
    cwd: MAKE,
    encoding: 'utf8',
    timeout: 240_000,
    env: { ...process.env, GOWORK: 'off', GOFLAGS: '-mod=readonly' },
  })

const missing =
  go('version').status !== 0
    ? 'Go is not installed'
    : go('mod', 'download').status !== 0
      ? 'the Go modules cannot be fetched'
      : undefined

if (missing) console.warn(`\nSKIPPED: the tlog vectors were not made again, because ${missing}.\n`)

it.skipIf(missing && process.env['CI'] !== 'true')(
  'makes the committed tlog vectors again, byte for byte, with Go',
  () => {
    expect(missing).toBeUndefined()
    const into = mkdtempSync(join(tmpdir(), 'deedlog-vectors-'))
    try {
      const run = go('run', '.', into)
      expect(run.status, run.stderr).toBe(0)
      for (const file of FILES)
        expect(readFileSync(join(into, file), 'utf8') === readFileSync(join(VECTORS, file), 'utf8'), file).toBe(true)
    } finally {
      rmSync(into, { recursive: true })
    }
  },
  300_000,
)
