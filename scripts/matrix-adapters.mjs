#!/usr/bin/env node
// Every way a tool call can go in each agent framework that deedlog records, on the real framework with its own fake model,
// at a pinned version: with a log that works, one that cannot be written, and a process that is killed in the middle. See
// test/matrix/adapters/README.md.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { mutations } from '../test/matrix/adapters/mutations.mjs'
import { applyMutation } from '../test/matrix/adk/mutations.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const lab = join(root, 'test/matrix/adapters')
const hosts = readdirSync(lab).filter(name => existsSync(join(lab, name, 'host.mjs')))
const { values } = parseArgs({
  options: { break: { type: 'string' }, only: { type: 'string' }, row: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help) {
  console.log(`usage: matrix-adapters [--only <host>] [--row <text in a row's name>] [--break <mutation>|all]

hosts: ${hosts.join(', ')}

mutations:
${mutations.map(({ name, why }) => `  ${name.padEnd(26)} ${why}`).join('\n')}`)
  process.exit(0)
}
if (!existsSync(join(root, 'dist/index.js'))) fail('there is no dist/: run `npm run build` first')
const chosen = hosts.filter(name => values.only === undefined || name === values.only)
if (chosen.length === 0) fail(`unknown host ${JSON.stringify(values.only)}; known: ${hosts.join(', ')}`)
for (const name of chosen) install(name)
if (values.break === 'all') process.exit(breakAll())

const mutation = mutations.find(({ name }) => name === values.break)
if (values.break !== undefined && !mutation)
  fail(`unknown mutation ${JSON.stringify(values.break)}; known: ${mutations.map(({ name }) => name).join(', ')}`)

const proof = join(root, '.proof', mutation ? `matrix-adapters-broken/${mutation.name}` : 'matrix-adapters')
rmSync(proof, { recursive: true, force: true })
mkdirSync(proof, { recursive: true })
let dist = join(root, 'dist')
try {
  if (mutation) dist = applyMutation(mutation, root, join(proof, 'build'))
} catch (error) {
  fail(error.message)
}
const { judge } = await import('../test/matrix/adapters/judge.mjs')

const began = Date.now()
const results = []
for (const name of chosen) {
  if (skips(name)) continue
  const host = await import(`../test/matrix/adapters/${name}/host.mjs`)
  const rows = host.rows.filter(row => values.row === undefined || row.name.includes(values.row))
  const queue = [...rows]
  const next = async () => {
    for (let row = queue.shift(); row; row = queue.shift()) results.push(await result(name, host, row))
  }
  await Promise.all([next(), next()])
  if (values.row === undefined && !mutation) results.push(example(name))
}
report()

/** The program in examples/, beside the packages of its host, which the work tree does not have. */
function example(name) {
  const folder = join(lab, name, 'node_modules/.example')
  mkdirSync(folder, { recursive: true })
  cpSync(join(root, 'examples', name, 'main.mjs'), join(folder, 'main.mjs'))
  const log = join(proof, name, 'example')
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'main.mjs'), log], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  const expected = { status: 0, exit: 0 }
  const actual = { status, exit: verifyCli(log), stderr: stderr.slice(-600) }
  const differs = Object.keys(expected).filter(member => expected[member] !== actual[member])
  return { host: name, row: 'the example', passed: differs.length === 0, differs, expected, actual }
}

/** A host may need a newer Node than this one. That is said, and on a machine that checks all it is a failure. */
function skips(name) {
  const { engines } = JSON.parse(readFileSync(join(lab, name, 'package.json'), 'utf8'))
  const [wanted] = /\d+\.\d+/.exec(engines?.node ?? '') ?? ['0.0']
  const [major, minor] = wanted.split('.').map(Number)
  const [ours, its] = process.versions.node.split('.').map(Number)
  if (ours > major || (ours === major && its >= minor)) return false
  console.log(`SKIPPED ${name}: it needs Node ${wanted} or newer, this is ${process.versions.node}`)
  return true
}

async function result(name, host, row) {
  const dir = join(proof, name, row.name.replaceAll(/[^a-z]+/g, '-'))
  mkdirSync(dir, { recursive: true })
  const { said, end, stderr } = await worker(name, dir, row.name)
  const ran = readdirSync(join(dir, 'ran'))
    .map(file => file.slice(4))
    .sort()
  try {
    if (row.phase === 'kill') await callAfterwards(join(dir, 'log'))
    return { host: name, row: row.name, ...(await judge(row, { host, said, end, ran, stderr, dir, cli: verifyCli })) }
  } catch (error) {
    const actual = { threw: String(error?.stack ?? error), stderr }
    return { host: name, row: row.name, passed: false, differs: ['threw'], expected: {}, actual }
  }
}

function worker(name, dir, row) {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [join(lab, 'worker.mjs'), name, dist, dir, row], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A row that hangs is a row that failed.
      timeout: 60_000,
      killSignal: 'SIGABRT',
      env: {
        ...process.env,
        LANGSMITH_TRACING: 'false',
        OPENAI_AGENTS_DISABLE_TRACING: '1',
        MASTRA_TELEMETRY_DISABLED: '1',
      },
    })
    let [out, stderr] = ['', '']
    child.stdout.on('data', data => {
      out += data
    })
    child.stderr.on('data', data => {
      stderr += data
    })
    child.on('close', (code, signal) => {
      const line = out.split('\n').findLast(each => each.startsWith('{'))
      resolve({ said: line && JSON.parse(line), end: signal ?? code, stderr: stderr.slice(-600) })
    })
  })
}

/** Another process opens the log again and records one more call, as the next run of a program does. */
async function callAfterwards(target) {
  const { files, Recorder } = await import('../dist/index.js')
  const recorder = new Recorder({ backend: files(target), agent: { id: 'did:example:matrix' }, onError() {} })
  const request = { tool: { name: 'after-the-crash' }, args: {} }
  const ticket = await recorder.intent(request, { verdict: 'allow' })
  await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes' })
  await recorder.close()
}

/** What the command says of a log, always that of the work tree. */
function verifyCli(log) {
  const { status } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), 'verify', log, '--self'], {
    stdio: 'ignore',
  })
  return status
}

/** The packages of a host, as its own lock file names them: hosts do not get along in one folder. */
function install(name) {
  const lock = readFileSync(join(lab, name, 'package-lock.json'))
  const digest = createHash('sha256').update(lock).digest('hex')
  const stamp = join(lab, name, 'node_modules/.deedlog-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  console.error(`matrix-adapters: installing the packages of ${name} (npm ci, no install scripts), once ...`)
  const flags = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status } = spawnSync('npm', flags, { cwd: join(lab, name), stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) fail(`npm ci of ${name} ended with ${status}: is the npm registry reachable?`)
  // `npm ci` empties the folder. What the example imports as deedlog is this work tree.
  symlinkSync(root, join(lab, name, 'node_modules/deedlog'))
  writeFileSync(stamp, digest)
}

function report() {
  writeFileSync(join(proof, 'rows.json'), `${JSON.stringify(results, null, 2)}\n`)
  const width = Math.max(...results.map(({ row }) => row.length))
  for (const { host, row, passed, actual } of results) {
    const calls = (actual?.calls ?? []).map(({ tool, verdict, outcomes }) => [tool, verdict, ...outcomes].join(' '))
    const exit = actual?.exit === undefined ? '' : `  exit ${actual.exit}`
    console.log(`${host.padEnd(14)}  ${row.padEnd(width)}  ${passed ? 'ok    ' : 'FAILED'}  ${calls.join('; ')}${exit}`)
  }
  const failed = results.filter(({ passed }) => !passed)
  for (const { host, row, differs, expected, actual } of failed) {
    console.log(`\nFAILED ${host}: ${row}`)
    for (const member of differs)
      console.log(
        `  ${member}\n    expected ${JSON.stringify(expected[member])}\n    actual   ${JSON.stringify(actual[member])}`,
      )
    if (actual?.said?.threw || actual?.stderr) console.log(`  ${actual.said?.threw ?? actual.stderr}`)
  }
  console.log(`\nlogs and rows.json in ${proof.slice(root.length)}, ${((Date.now() - began) / 1000).toFixed(0)} s`)
  console.log(`${results.length - failed.length} passed, ${failed.length} failed`)
  process.exitCode = failed.length > 0 || results.length === 0 ? 1 : 0
}

/** Every host has to find out every mutation. */
function breakAll() {
  let missed = 0
  for (const { name, hosts: its } of mutations)
    for (const host of chosen.filter(each => !its || its.includes(each))) {
      const args = [fileURLToPath(import.meta.url), '--break', name, '--only', host]
      const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
      console.log(`${name.padEnd(26)} ${host.padEnd(14)} exit ${status}  ${stdout.trim().split('\n').at(-1)}`)
      if (status !== 1) missed++
    }
  console.log(missed === 0 ? 'all mutations found out' : `${missed} mutations missed`)
  return missed > 0 ? 1 : 0
}

function fail(message) {
  console.error(`matrix-adapters: ${message}`)
  process.exit(2)
}
