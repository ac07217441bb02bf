import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

/*
 * The vectors again, by a program that shares nothing with ours but spec/record.md. A vector that only its maker
 * agrees with holds nothing.
 */
const SCRIPT = fileURLToPath(new URL('../../spec/reference/deedlog_check.py', import.meta.url))

const python = ['python3', 'python'].find(
  name => spawnSync(name, ['-c', 'import sys; assert sys.version_info >= (3, 8)']).status === 0,
)

if (python === undefined)
  console.warn('SKIPPED: no Python 3 here, so the vectors were not checked by the independent program')

// On a developer's machine Python may be missing; where it counts it may not.
it.skipIf(python === undefined && process.env['CI'] !== 'true')('an independent program reproduces the vectors', () => {
  const run = spawnSync(python ?? 'python3', ['-B', SCRIPT], { encoding: 'utf8', timeout: 120_000 })
  expect(run.stdout, run.stderr).toMatch(/^[1-9]\d{2,} passed, 0 failed$/m)
  expect(run.status).toBe(0)
})
