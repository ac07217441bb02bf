#!/usr/bin/env node
// Kills real writers of real logs at random, and looks for everything that they had acknowledged: test/faults/README.md.
// Where strace is, system calls of a writer fail as well.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const USAGE = `usage: npm run kill -- [--rounds N] [--seed N] [--writers N] [--minutes N] [--no-strace]
  --rounds N    how many kills, half of them of the files store, half of jsonl (300)
  --seed N      of when to kill (the time of day; printed)
  --writers N   processes that append to one log in a round, 1 to 4 (1 and 2 by turns)
  --minutes N   end sooner when this long has passed, whatever is left (4)
ends with 0 when everything acknowledged was found, with 1 when not, with 2 when it could not run`

const values = options()
const rounds = number('rounds', 300, 1_000_000)
const seed = number('seed', Date.now() % 1_000_000, 999_999_999)
const writers = number('writers', 0, 4)
const deadline = Date.now() + number('minutes', 4, 10_000) * 60_000

// Inside node_modules, so that the bundles find the native lock.
const programs = join(root, 'node_modules', '.cache', `deedlog-kill-${process.pid}`)
mkdirSync(programs, { recursive: true })
const work = mkdtempSync(join(tmpdir(), 'deedlog-kill-'))
const lanes = new Set()
process.on('exit', () => {
  for (const lane of lanes) lane.kill('SIGKILL')
  for (const folder of [programs, work]) rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(2))
await compile()

const began = Date.now()
process.stdout.write(`kill: ${rounds} rounds from seed ${seed}\n`)
let done = 0
const endings = []
let acknowledged = 0
const half = Math.ceil(rounds / 2)
const results = await Promise.all([
  lane('files', half, seed, [], [1, 2]),
  lane('jsonl', rounds - half, seed + 1, [], [1, 2]),
])
let failed = results.some(result => !result)
if (done < rounds && !failed) process.stdout.write(`kill: stopped after ${done} of ${rounds} rounds, time is up\n`)
process.stdout.write(
  `kill: ${done} rounds, ${acknowledged} acknowledged records ${failed ? 'looked for' : 'all found'}, ${seconds()}\n`,
)
if (!values['no-strace']) failed = !(await injections()) || failed
process.exit(failed ? 1 : 0)

/** Rounds of one store, in a process of its own; some with one writer, some with two. @returns whether all was found */
async function lane(kind, count, from, strace, turns) {
  const ways = writers === 0 ? turns : [writers]
  for (const [i, way] of ways.entries()) {
    const part = Math.floor(count / ways.length) + (i < count % ways.length ? 1 : 0)
    if (part > 0 && !(await runLane(kind, part, from + i * 7, strace, way))) return false
  }
  return true
}

async function runLane(kind, count, from, strace, way) {
  const folder = join(work, `${kind}-${way}-${strace.length}`)
  const args = [join(programs, 'main.mjs'), join(programs, 'child.mjs'), folder, kind, count, from, way, ...strace]
  const child = spawn(process.execPath, ['--enable-source-maps', ...args].map(String), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  lanes.add(child)
  const ended = new Promise(resolve => child.on('close', code => resolve(code)))
  let last = 0
  let stopped = false
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line)
    done += strace.length > 0 ? 0 : 1
    acknowledged += told.acknowledged > last ? told.acknowledged - last : told.round % 10 === 0 ? told.acknowledged : 0
    last = told.acknowledged
    if (strace.length > 0) endings.push(told.ended)
    if (strace.length === 0 && done % 50 === 0) process.stderr.write(`kill: ${done} rounds, ${seconds()}\n`)
    if (Date.now() > deadline && !stopped) {
      stopped = true
      child.kill('SIGTERM')
    }
  }
  const code = await ended
  lanes.delete(child)
  if (code !== 0 && !stopped)
    process.stdout.write(`kill: ${kind} with ${way} writers from seed ${from} failed (${code})\n`)
  return code === 0 || stopped
}

/** One system call of a writer fails: it may say so, and must not lose what it acknowledged. */
async function injections() {
  if (process.platform !== 'linux' || spawnSync('strace', ['-V']).status !== 0) {
    process.stdout.write('kill: SKIPPED the failing system calls: there is no strace here\n')
    return true
  }
  if (spawnSync('strace', ['-f', '-o', '/dev/null', '-e', 'trace=none', 'true']).status !== 0) {
    process.stdout.write('kill: SKIPPED the failing system calls: strace may not trace here\n')
    return true
  }
  const calls = ['fdatasync', 'pwrite64', 'rename', 'fsync']
  const list = calls.flatMap(call =>
    ['EIO', 'ENOSPC'].flatMap(error => [1, 3].map(when => `${call}:error=${error}:when=${when}`)),
  )
  const held =
    (await runLane('files', list.length, seed, list, 1)) && (await runLane('jsonl', list.length, seed, list, 1))
  const told = endings.filter(ending => !ending.endsWith(' well')).length
  process.stdout.write(
    `kill: ${endings.length} writers with a failing system call, ${told} of them said so, ${seconds()}\n`,
  )
  if (held && told === 0) process.stdout.write('kill: no writer noticed: nothing was injected\n')
  return held && told > 0
}

async function compile() {
  try {
    await build({
      entryPoints: { main: `${root}test/faults/kill-main.ts`, child: `${root}test/faults/kill-child.ts` },
      outdir: programs,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      sourcemap: 'inline',
      logLevel: 'error',
      alias: { '#crypto': `${root}src/native/crypto.ts` },
    })
  } catch (error) {
    fail(error.message)
  }
}

function options() {
  try {
    const string = { type: 'string' }
    const parsed = parseArgs({
      options: {
        rounds: string,
        seed: string,
        writers: string,
        minutes: string,
        'no-strace': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (parsed.values.help) {
      process.stdout.write(`${USAGE}\n`)
      process.exit(0)
    }
    return parsed.values
  } catch (error) {
    return fail(`${error.message}\n${USAGE}`)
  }
}

function number(name, otherwise, most) {
  const text = values[name]
  if (text === undefined) return otherwise
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1 || Number(text) > most)
    fail(`--${name} ${JSON.stringify(text)} is not a whole number from 1 to ${most}\n${USAGE}`)
  return Number(text)
}

function seconds() {
  return `${((Date.now() - began) / 1000).toFixed(1)} s`
}

function fail(message) {
  process.stderr.write(`kill: ${message}\n`)
  process.exit(2)
}
