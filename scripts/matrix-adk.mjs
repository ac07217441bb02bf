#!/usr/bin/env node
// Every way a tool call can go in ADK, on the real ADK and the real Agent Governance Toolkit: with a log that works, with
// one that cannot be written, and with a process that is killed in the middle. See test/matrix/adk/README.md.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { applyMutation, mutations } from '../test/matrix/adk/mutations.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const PHASES = ['up', 'down', 'kill']
const TITLES = { up: 'log', down: 'no log', kill: 'killed' }
const { values } = parseArgs({
  options: {
    break: { type: 'string' },
    only: { type: 'string' },
    phases: { type: 'string' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  console.log(`usage: matrix-adk [--only <text in a row's name>] [--phases up,down,kill] [--break <mutation>|all]

mutations:
${mutations.map(({ name, why }) => `  ${name.padEnd(26)} ${why}`).join('\n')}`)
  process.exit(0)
}
if (!existsSync(join(root, 'dist/index.js'))) fail('there is no dist/: run `npm run build` first')
if (values.break === 'all') process.exit(await breakAll())

const mutation = values.break === undefined ? undefined : mutations.find(({ name }) => name === values.break)
if (values.break !== undefined && !mutation)
  fail(`unknown mutation ${JSON.stringify(values.break)}; known: ${mutations.map(({ name }) => name).join(', ')}`)

const proof = join(root, '.proof', mutation ? `matrix-adk-broken/${mutation.name}` : 'matrix-adk')
rmSync(proof, { recursive: true, force: true })
mkdirSync(proof, { recursive: true })
const dist = mutation ? broken(mutation) : join(root, 'dist')

const { rows } = await import('../test/matrix/adk/rows.mjs')
const { folderOf } = await import('../test/matrix/adk/folder.mjs')
const { judgeDown, judgeKill, judgeUp } = await import('../test/matrix/adk/judge.mjs')

const phases = (values.phases ?? (mutation ? 'up,down' : 'up,down,kill')).split(',')
const chosen = [...rows.keys()].filter(n => values.only === undefined || rows[n].name.includes(values.only))
const began = Date.now()
const results = []

await Promise.all(
  // One process for all rows with a log that works, one for all without; killed processes are one per row.
  [wholePhase('up', judgeUp), wholePhase('down', judgeDown), killPhase()],
)
report()

/** A mutation that cannot be applied shows nothing: that is an error of the matrix, and no failure of a row. */
function broken(mutation) {
  try {
    return applyMutation(mutation, root, join(proof, 'build'))
  } catch (error) {
    return fail(error.message)
  }
}

async function wholePhase(phase, judge) {
  if (!phases.includes(phase)) return
  const concerned = chosen.filter(n => applies(rows[n], phase))
  const { said, stderr } = await worker(phase, concerned)
  for (const n of concerned) {
    const row = rows[n]
    const its = said.find(line => line.row === row.name)
    if (!its)
      add(row, phase, {
        passed: false,
        differs: ['the row did not end'],
        expected: {},
        actual: { stderr: stderr.slice(-400) },
      })
    else add(row, phase, await judged(() => judge(row, its, logOf(row, phase))))
  }
}

async function killPhase() {
  if (!phases.includes('kill')) return
  const queue = chosen.filter(n => applies(rows[n], 'kill'))
  const next = async () => {
    for (let n = queue.shift(); n !== undefined; n = queue.shift()) {
      const row = rows[n]
      const { code, signal } = await worker('kill', [n])
      const ran = readdirSync(join(proof, folderOf(row.name), 'kill', 'ran'))
        .sort()
        .map(name => name.slice(5))
      add(
        row,
        'kill',
        await judged(async () => {
          await callAfterwards(logOf(row, 'kill'))
          return judgeKill(row, { end: signal ?? code, ran }, logOf(row, 'kill'))
        }),
      )
    }
  }
  await Promise.all([next(), next()])
}

/** Another process opens the log again and records one more call, as the next run of a program does. */
async function callAfterwards(target) {
  const { files, Recorder } = await import('../dist/index.js')
  const recorder = new Recorder({ backend: files(target), agent: { id: 'did:mesh:adk-agent' }, onError() {} })
  const request = { tool: { name: 'after-the-crash' }, args: {} }
  const ticket = await recorder.intent(request, await recorder.decide(request))
  await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes' })
  await recorder.close()
}

/** Some rows make sense in one phase only. */
function applies({ phases: own }, phase) {
  return own === undefined || own.includes(phase)
}

async function judged(judge) {
  try {
    return await judge()
  } catch (error) {
    return { passed: false, differs: ['threw'], expected: {}, actual: { threw: String(error?.stack ?? error) } }
  }
}

function add(row, phase, result) {
  results.push({ n: rows.indexOf(row), row: row.name, phase, ...result })
}

function logOf(row, phase) {
  return join(proof, folderOf(row.name), ...(phase === 'up' ? [] : [phase]), 'log')
}

function worker(phase, numbers) {
  return new Promise(resolve => {
    const script = join(root, 'test/matrix/adk/worker.mjs')
    const child = spawn(process.execPath, [script, dist, proof, phase, ...numbers.map(String)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A row that hangs is a row that failed.
      timeout: phase === 'kill' ? 30_000 : 150_000,
      killSignal: 'SIGABRT',
    })
    let [out, stderr] = ['', '']
    child.stdout.on('data', data => {
      out += data
    })
    child.stderr.on('data', data => {
      stderr += data
    })
    child.on('close', (code, signal) => {
      const said = out
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line))
      resolve({ said, stderr, code, signal })
    })
  })
}

function report() {
  results.sort((a, b) => a.n - b.n || PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase))
  const file = results.map(({ row, phase, expected, actual, passed, skipped, differs }) => ({
    row: `${row} (${phase})`,
    expected,
    actual,
    log: logOf({ name: row }, phase).slice(root.length),
    ...(skipped ? { skipped: true } : { passed, differs }),
  }))
  writeFileSync(join(proof, 'rows.json'), `${JSON.stringify(file, null, 2)}\n`)
  const width = Math.max(...rows.map(({ name }) => name.length))
  const shown = new Map()
  for (const result of results) shown.set(result.row, { ...shown.get(result.row), [result.phase]: result })
  console.log(`${'row'.padEnd(width)}  ${phases.map(phase => TITLES[phase].padEnd(8)).join('  ')}  calls`)
  for (const [name, its] of shown)
    console.log(
      `${name.padEnd(width)}  ${phases.map(phase => word(its[phase]).padEnd(8)).join('  ')}  ${summary(its.up)}`,
    )
  const failed = results.filter(({ passed, skipped }) => (skipped ? process.env.CI === 'true' : !passed))
  const skipped = results.filter(result => result.skipped)
  for (const { row, phase, differs, expected, actual } of failed) {
    console.log(`\nFAILED ${row} (${phase})`)
    for (const name of differs ?? []) {
      console.log(
        `  ${name}\n    expected ${JSON.stringify(expected[name])}\n    actual   ${JSON.stringify(actual[name] ?? actual)}`,
      )
    }
  }
  const passed = results.filter(result => result.passed).length
  if (skipped.length > 0)
    console.log(`\n${skipped.length} skipped${process.env.CI === 'true' ? ', which counts as failed' : ''}`)
  console.log(`\nlogs and rows.json in ${proof.slice(root.length)}, ${((Date.now() - began) / 1000).toFixed(0)} s`)
  console.log(`${passed} passed, ${failed.length} failed`)
  process.exitCode = failed.length > 0 || passed === 0 ? 1 : 0
}

function word(result) {
  if (!result) return '-'
  return result.skipped ? 'skipped' : result.passed ? 'ok' : 'FAILED'
}

function summary(up) {
  const calls = up?.actual?.calls ?? []
  const outcomes = calls.map(({ verdict, outcomes }) => [verdict, ...outcomes].join(' '))
  return `${outcomes.join('; ')}${up?.actual?.exit ? `  exit ${up.actual.exit}` : ''}`
}

/** Every mutation has to be found out. */
async function breakAll() {
  let missed = 0
  for (const { name } of mutations) {
    const code = await new Promise(resolve => {
      const child = spawn(process.execPath, [fileURLToPath(import.meta.url), '--break', name], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let out = ''
      child.stdout.on('data', data => {
        out += data
      })
      child.on('close', code => {
        console.log(`${name.padEnd(26)} exit ${code}  ${out.trim().split('\n').at(-1)}`)
        resolve(code)
      })
    })
    if (code !== 1) missed++
  }
  console.log(`${mutations.length - missed} mutations found out, ${missed} missed`)
  return missed > 0 ? 1 : 0
}

function fail(message) {
  console.error(`matrix-adk: ${message}`)
  process.exit(2)
}
