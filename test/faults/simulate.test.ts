import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { MUTATIONS } from './mutations.mjs'

/* The simulation as people run it: README.md. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const script = fileURLToPath(new URL('../../scripts/simulate.mjs', import.meta.url))

function simulate(...args: string[]): Promise<{ readonly code: number | null; readonly out: string }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  for (const pipe of [child.stdout, child.stderr])
    pipe.on('data', (data: Buffer) => {
      out += data.toString()
    })
  return new Promise(resolve => child.on('close', code => resolve({ code, out })))
}

test('a hundred lives of a log in bad weather keep every promise', { timeout: 200_000 }, async () => {
  const { code, out } = await simulate('--seeds', '100')
  expect(code, out).toBe(0)
  // They were bad indeed.
  const [, kills, cuts] = /(\d+) kills, (\d+) power cuts/.exec(out) ?? []
  expect(Number(kills)).toBeGreaterThan(10)
  expect(Number(cuts)).toBeGreaterThan(100)
})

test('a seed gives the same run each time', { timeout: 60_000 }, async () => {
  const [one, other] = [await simulate('--seed', '27'), await simulate('--seed', '27')]
  const counts = (out: string) => out.slice(out.indexOf(': '))
  expect(counts(one.out)).toBe(counts(other.out))
})

test('every mutation still fits the code that it breaks', () => {
  expect(Object.keys(MUTATIONS).length).toBeGreaterThan(20)
  for (const [name, patches] of Object.entries(MUTATIONS))
    for (const { file, from } of patches)
      expect([name, readFileSync(join(root, file), 'utf8').split(from).length - 1]).toEqual([name, 1])
})

// All of them: npm run simulate -- --break all, which takes minutes.
test.each(['acknowledge-before-sync', 'write-without-lock', 'move-what-is-held'])(
  'the mutation %s is found out, and the seed is named',
  { timeout: 100_000 },
  async name => {
    const { code, out } = await simulate('--seeds', '1000', '--break', name)
    expect(code, `${name}: ${out}`).toBe(1)
    expect(out).toMatch(/^seed \d+: /m)
    expect(out).toContain(`--break ${name}`)
  },
)

test('refuses a mutation that it does not know', async () => {
  expect(await simulate('--break', 'nothing')).toMatchObject({ code: 2, out: expect.stringContaining('"nothing"') })
})
