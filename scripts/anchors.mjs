#!/usr/bin/env node
// Outside evidence as an operator, an attacker and an auditor meet it: witnesses, a time-stamp authority and recorders,
// each a process of its own on this machine, a log that is recorded all the while, and what is found out by whom.
//
//   npm run anchors                      the table, .proof/anchors/rows.json, and `N passed, 0 failed`
//   npm run anchors -- --only <text>     rows that have this in their name
//   npm run anchors -- --break <name>    with a fault put into a copy of the program: must end in failures
//   npm run anchors -- --mutations       the faults that can be put in
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { attacks } from './anchors/attacks.mjs'
import { Cast, until } from './anchors/cast.mjs'
import { chains } from './anchors/chains.mjs'
import { Live, makeLog } from './anchors/live.mjs'
import { broken, MUTATIONS } from './anchors/mutations.mjs'
import { offline } from './anchors/offline.mjs'
import { outages } from './anchors/outages.mjs'
import { setStage } from './anchors/stage.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const options = { only: { type: 'string' }, break: { type: 'string' }, mutations: { type: 'boolean' } }
const { values } = parseArgs({ options })
// Of a machine that does much else; about a minute otherwise.
const SECONDS_MAX = 420

if (values.mutations) {
  for (const name of Object.keys(MUTATIONS)) console.log(name)
  process.exit(0)
}
if (values.break !== undefined && !Object.hasOwn(MUTATIONS, values.break))
  fail(`the fault ${JSON.stringify(values.break)} is unknown; known: ${Object.keys(MUTATIONS).join(', ')}`)
if (!existsSync(join(root, 'dist/publish/witnessing.js'))) fail('dist/ is missing; next: npm run build')

const chosen = rows => rows.filter(({ name }) => values.only === undefined || name.includes(values.only))
const [ofLive, ofAttacks, atTheEnd] = [outages, [...attacks, ...chains], offline].map(chosen)
if (ofLive.length + ofAttacks.length + atTheEnd.length === 0)
  fail(`no row has ${JSON.stringify(values.only)} in its name`)

const began = Date.now()
// Some rows do not take the place of all.
const whole = values.only === undefined ? 'anchors' : 'anchors-only'
const proof = join(root, '.proof', values.break === undefined ? whole : `anchors-broken/${values.break}`)
rmSync(proof, { recursive: true, force: true })
mkdirSync(join(proof, 'logs'), { recursive: true })
const dist = values.break === undefined ? join(root, 'dist') : breakIt(values.break)
// Whatever hangs, hangs for so long and no longer.
setTimeout(() => fail(`not done after ${SECONDS_MAX} s`), SECONDS_MAX * 1000).unref()

const results = []
const stage = await setStage(new Cast(dist, join(proof, 'logs')))
const live = ofLive.length + atTheEnd.length > 0 ? await startLive(stage) : undefined
// An attack has its own log, and needs its witnesses while it is made; three at a time, since they mostly wait for a disk.
const queue = [...ofAttacks]
const work = async () => {
  for (let row = queue.shift(); row; row = queue.shift()) await play(row, stage)
}
await Promise.all([work(), work(), work()])
for (const row of ofLive) await play(row, live)
if (live) await live.end()
for (const row of atTheEnd) await play(row, live)
report()
// What was started ends with this process.
process.exit(results.some(({ faults }) => faults.length > 0) ? 1 : 0)

function breakIt(name) {
  try {
    return broken(name, root, join(proof, 'build'))
  } catch (error) {
    return fail(error.message)
  }
}

async function startLive(stage) {
  const live = new Live(stage, await makeLog(stage, 'live'))
  live.begin()
  if (!(await until(() => live.witnessed() > 1, 20))) fail(`nothing was cosigned: ${live.recorder.stderr()}`)
  return live
}

async function play(row, on) {
  const from = Date.now()
  const outcome = await row
    .run(on)
    .catch(error => ({ checks: [[String(error?.stack ?? error), 'threw', 'a result']], by: {} }))
  const faults = outcome.checks
    .filter(([, actual, expected]) => JSON.stringify(actual) !== JSON.stringify(expected))
    .map(
      ([what, actual, expected]) =>
        `${what}: ${JSON.stringify(actual) ?? 'nothing'}, expected ${JSON.stringify(expected) ?? 'nothing'}`,
    )
  results.push({ row: row.name, ...outcome, faults, seconds: (Date.now() - from) / 1000 })
}

function report() {
  const order = [...ofLive, ...ofAttacks, ...atTheEnd].map(({ name }) => name)
  results.sort((a, b) => order.indexOf(a.row) - order.indexOf(b.row))
  const who = { log: 'LOG', witness: 'WITN', anchor: 'ANCH', offline: 'OFFL', asking: 'ASK' }
  const words = {
    log: 'log',
    witness: 'witness',
    anchor: 'anchor',
    offline: 'auditor, offline',
    asking: 'auditor, asking witnesses',
  }
  const width = Math.max(...results.map(({ row }) => row.length))
  console.log(
    `${''.padEnd(width)}  ${Object.values(who)
      .map(each => each.padEnd(5))
      .join(' ')}`,
  )
  for (const { row, by, blind = {}, faults } of results) {
    const marks = Object.keys(who).map(each =>
      (by[each] ? (faults.length > 0 ? '?' : 'yes') : blind[each] ? 'no' : '-').padEnd(5),
    )
    console.log(`${row.padEnd(width)}  ${marks.join(' ')}${faults.length > 0 ? ' FAILED' : ''}`)
    for (const each of Object.keys(who)) {
      if (by[each]) console.log(`    ${words[each]}: ${by[each]}`)
      if (blind[each]) console.log(`    ${by[each] ? 'but' : `${words[each]}, no`}: ${blind[each]}`)
    }
    for (const fault of faults) console.log(`    FAILED: ${fault}`)
  }
  console.log('\nyes: found it out. no: cannot see it, and why. -: has nothing to do with it.')
  const kept = results.map(({ checks, ...rest }) => ({
    ...rest,
    checks: checks.map(([what, actual, expected]) => ({ what, actual, expected })),
  }))
  writeFileSync(join(proof, 'rows.json'), `${JSON.stringify(kept, undefined, 2)}\n`)
  if (live)
    console.log(
      `${live.calls().length} calls were recorded meanwhile, by ${live.recorders.length} runs of the recorder.`,
    )
  if (values.break) console.log(`with the fault ${values.break}`)
  const failed = results.filter(({ faults }) => faults.length > 0).length
  const place = relative(process.cwd(), proof) || '.'
  console.log(`${place}/rows.json, the logs in ${place}/logs; ${Math.round((Date.now() - began) / 1000)} s`)
  console.log(`${results.length - failed} passed, ${failed} failed`)
}

function fail(message) {
  console.error(`anchors: ${message}`)
  process.exit(2)
}
