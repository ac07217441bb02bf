import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/* The first thing that anybody sees, on the built package: one command, without network. */

const root = fileURLToPath(new URL('../..', import.meta.url))

test('the quickstart ends as it should, and its report shows what a witness and an authority buy', {
  timeout: 120_000,
}, () => {
  const { GEMINI_API_KEY: _, GOOGLE_GENAI_API_KEY: __, ...env } = process.env
  const args = ['examples/quickstart/main.mjs']
  const ran = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8', timeout: 110_000 })
  expect([ran.status, ran.stderr]).toEqual([0, ''])
  const [, before = '', after = ''] = /--- 4\.([\s\S]*)--- 5\.([\s\S]*)$/.exec(ran.stdout) ?? []
  expect(before).toMatch(/Evidence {6}intact to \d+\n/)
  expect(before).toMatch(/existed {7}the first \d+ records by \d{4}-/)
  expect(before).toMatch(/windows {7}\d+ s wide, from 1 record that cites a cosigned note\n/)
  expect(before).toMatch(/time-stamp authority local:\s+dates this log\n/)
  expect(before).toContain('Exit 0:')
  expect(after).toContain('Evidence      altered')
  // The auditor's trust file is not the one that the operator has written.
  const trust = readFileSync(`${root}.quickstart/auditor.trust`, 'utf8')
  expect(trust).toMatch(/^witness local witness\.example\/quickstart\S+ http:\/\/127\.0\.0\.1:\d+$/m)
  expect(trust).toMatch(/^tsa local /m)
})
