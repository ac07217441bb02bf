#!/usr/bin/env node
// Runs the log on a simulated computer, one seed after the other, and holds it against its promises after every event:
// test/faults/README.md. Seeds say everything: one that fails here fails everywhere, and is run again with --seed.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { breaking, MUTATIONS } from '../test/faults/mutations.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const USAGE = `usage: npm run simulate -- [--seeds N] [--from N] [--seed N] [--jobs N] [--break MUTATION] [--mutations]
  --seeds N      how many seeds (200; 1,000 with --break, which ends with the first that finds it)
  --from N       the first of them (0)
  --seed N       this one only
  --jobs N       processes at once (one per processor)
  --break NAME   break the writer first, in one of the ways that --mutations lists: must end with 1
  --break all    in every way, one after the other: ends with 0 when each was found out
ends with 0 when every promise held, with 1 when one was broken, with 2 when it could not run`

const { values } = options()
if (values.mutations) {
  process.stdout.write(`${Object.keys(MUTATIONS).join('\n')}\n`)
  process.exit(0)
}
if (values.break === 'all') process.exit(breakAll())
const from = values.seed === undefined ? number('from', 0) : number('seed', 0)
const seeds = values.seed === undefined ? number('seeds', values.break === undefined ? 200 : 1000) : 1
const jobs = Math.max(1, Math.min(number('jobs', availableParallelism()), seeds))

const folder = mkdtempSync(join(tmpdir(), 'deedlog-simulate-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const program = join(folder, 'simulation.mjs')
await compile()

const began = Date.now()
const sum = { seeds: 0, records: 0, events: 0, checkpoints: 0, powerCuts: 0, kills: 0, openings: 0 }
const broken = []
const children = []
await Promise.all(Array.from({ length: jobs }, (_, job) => work(job)))
report()

function breakAll() {
  const missed = Object.keys(MUTATIONS).filter(name => {
    const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--break', name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const seed = /^seed (\d+): (.{0,60})/m.exec(stdout)
    process.stdout.write(`${name.padEnd(36)} ${seed ? `seed ${seed[1]}: ${seed[2]}` : `NOT FOUND OUT (${status})`}\n`)
    return status !== 1 || !seed
  })
  process.stdout.write(`${Object.keys(MUTATIONS).length - missed.length} passed, ${missed.length} failed\n`)
  return missed.length > 0 ? 1 : 0
}

async function compile() {
  try {
    await build({
      entryPoints: [`${root}test/faults/sim-main.ts`],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      sourcemap: 'inline',
      logLevel: 'error',
      alias: { '#crypto': `${root}src/native/crypto.ts` },
      // A dependency that is CommonJS may ask for a module of Node.
      banner: {
        js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url)",
      },
      plugins: values.break === undefined ? [] : [breaking(values.break, root)],
    })
  } catch (error) {
    fail(error.message)
  }
}

/** One process with every `jobs`th seed. */
async function work(job) {
  const args = ['--enable-source-maps', program, from + job, jobs, from + seeds].map(String)
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const ended = new Promise(resolve => child.on('close', (code, signal) => resolve({ code, signal })))
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line)
    if (told.broken !== undefined) {
      broken.push(told)
      // One is enough: the others are stopped.
      for (const other of children) other.kill()
      continue
    }
    sum.seeds++
    for (const name of Object.keys(sum)) if (name !== 'seeds') sum[name] += told[name]
    if (sum.seeds % 100 === 0) process.stderr.write(`simulate: ${sum.seeds} of ${seeds} seeds, ${seconds()}\n`)
  }
  const { code, signal } = await ended
  if (code !== 0 && broken.length === 0) fail(`a simulation ended with ${signal ?? code} and said nothing`)
}

function report() {
  for (const { seed, broken: how } of broken) {
    process.stdout.write(`seed ${seed}: ${how}\n`)
    const again = values.break === undefined ? '' : ` --break ${values.break}`
    process.stdout.write(`again: npm run simulate -- --seed ${seed}${again}\n`)
  }
  const { records, events, checkpoints, powerCuts, kills, openings } = sum
  process.stdout.write(
    `${sum.seeds} seeds held in ${seconds()}: ${records} records acknowledged, ${checkpoints} checkpoints, ` +
      `${events} events checked, ${openings} openings, ${kills} kills, ${powerCuts} power cuts\n`,
  )
  if (broken.length === 0 && values.break !== undefined)
    process.stdout.write(`${values.break} was not found out by ${seeds} seeds\n`)
  process.exitCode = broken.length > 0 ? 1 : 0
}

function options() {
  try {
    const string = { type: 'string' }
    const parsed = parseArgs({
      options: {
        seeds: string,
        from: string,
        seed: string,
        jobs: string,
        break: string,
        mutations: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (parsed.values.help) {
      process.stdout.write(`${USAGE}\n`)
      process.exit(0)
    }
    const name = parsed.values.break
    if (name !== undefined && name !== 'all' && !Object.hasOwn(MUTATIONS, name))
      fail(`there is no mutation ${JSON.stringify(name)}; known: ${Object.keys(MUTATIONS).join(', ')}`)
    return parsed
  } catch (error) {
    return fail(`${error.message}\n${USAGE}`)
  }
}

function number(name, otherwise) {
  const text = values[name]
  if (text === undefined) return otherwise
  if (!/^\d{1,9}$/.test(text)) fail(`--${name} ${JSON.stringify(text)} is not a whole number\n${USAGE}`)
  return Number(text)
}

function seconds() {
  return `${((Date.now() - began) / 1000).toFixed(1)} s`
}

function fail(message) {
  process.stderr.write(`simulate: ${message}\n`)
  process.exit(2)
}
