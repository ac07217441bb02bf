import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/* The simulation as people run it: README.md. */

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

test('every mutation of the writer is found out, and the seed is named', { timeout: 300_000 }, async () => {
  const names = (await simulate('--mutations')).out.trim().split('\n')
  expect(names.length).toBeGreaterThan(15)
  for (const name of names) {
    const { code, out } = await simulate('--seeds', '1000', '--break', name)
    expect(code, `${name}: ${out}`).toBe(1)
    expect(out).toMatch(/^seed \d+: /m)
    expect(out).toContain(`--break ${name}`)
  }
})

test('refuses a mutation that it does not know', async () => {
  expect(await simulate('--break', 'nothing')).toMatchObject({ code: 2, out: expect.stringContaining('"nothing"') })
})
