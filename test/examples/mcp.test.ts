import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

/* The example on the built package. */

const main = fileURLToPath(new URL('../../examples/mcp/main.mjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'deedlog-example-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a server of files behind the proxy leaves two calls in a log that verifies', { timeout: 90_000 }, () => {
  const { status, stdout } = spawnSync(process.execPath, [main, folder], { encoding: 'utf8', timeout: 60_000 })
  expect(stdout).toContain('Hello. And one refused.')
  expect(stdout).toMatch(/succeeded.*read_text_file[\s\S]*reported_error.*read_text_file/)
  expect(status).toBe(0)
})
