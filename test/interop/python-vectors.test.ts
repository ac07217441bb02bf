import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

/*
 * Bundles and samples again, by the verifier that was written from the pages of spec/ alone. Without Python 3.11 this
 * is skipped, loudly; in CI it fails.
 */
const SCRIPT = fileURLToPath(new URL('../../spec/reference/deedlog_vectors.py', import.meta.url))

const python = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0
if (!python)
  console.warn('\n*** SKIPPED: vectors of whole files were not read by the independent verifier: no Python 3.11\n')

it.skipIf(!python && process.env['CI'] !== 'true')(
  'the independent verifier reads the vectors of whole files alike',
  () => {
    const run = spawnSync('python3', [SCRIPT], { encoding: 'utf8', timeout: 120_000 })
    expect(run.stdout, run.stderr).toMatch(/^[1-9]\d+ passed, 0 failed$/m)
    expect(run.status).toBe(0)
  },
)
