#!/usr/bin/env node
// Agents make 200 calls at once: of functions, over MCP, and of agents inside tools, which call in their turn. What the
// tools count themselves has to be what the log holds, call for call. See test/matrix/adk/README.md.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { driveCrowd } from '../test/matrix/adk/crowd.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '50' },
    first: { type: 'string', default: '1' },
    calls: { type: 'string', default: '200' },
  },
})
const [seeds, first, size] = [values.seeds, values.first, values.calls].map(Number)
if (![seeds, first, size].every(n => Number.isSafeInteger(n) && n >= 0))
  fail('--seeds, --first and --calls are numbers')
if (!existsSync(join(root, 'dist/index.js'))) fail('there is no dist/: run `npm run build` first')

const proof = join(root, '.proof', 'crowd-adk')
rmSync(proof, { recursive: true, force: true })
mkdirSync(proof, { recursive: true })
process.removeAllListeners('warning')
const began = Date.now()
const rows = []
const plan = [
  ...Array.from({ length: seeds }, (_, i) => ({ seed: first + i, transport: 'http' })),
  // ADK starts one process per call and per list of tools: once is enough to see that it makes no difference.
  { seed: first + seeds, transport: 'stdio' },
]
// Two crowds at a time, and the slow one beside them: each has a log of its own.
const queue = plan.filter(({ transport }) => transport === 'http')
const next = async () => {
  for (let each = queue.shift(); each; each = queue.shift()) await drive(each)
}
await Promise.all([next(), next(), ...plan.filter(({ transport }) => transport === 'stdio').map(drive)])
report()

async function drive({ seed, transport }) {
  const name = `seed-${seed}-${transport}`
  const row = { row: name, log: `.proof/crowd-adk/${name}/log` }
  rows.push(row)
  try {
    const { made, recorded, report, ms } = await driveCrowd({
      dist: join(root, 'dist'),
      dir: join(proof, name),
      seed,
      transport,
      size,
    })
    row.expected = { calls: size, exit: 0, evidence: 'self-consistent', made: tally(made) }
    row.actual = {
      calls: recorded.length,
      exit: report.exitCode,
      evidence: report.evidence.verdict,
      made: tally(recorded),
    }
    row.passed =
      made.length === size &&
      isDeepStrictEqual([...made].sort(), [...recorded].sort()) &&
      isDeepStrictEqual(row.expected, row.actual)
    console.log(
      `${name.padEnd(16)} ${row.passed ? 'ok    ' : 'FAILED'} made ${made.length}, recorded ${recorded.length}, exit ${report.exitCode}, ${ms} ms`,
    )
    if (!row.passed)
      console.log(JSON.stringify({ expected: row.expected, actual: row.actual, findings: report.findings.slice(0, 3) }))
  } catch (error) {
    row.passed = false
    row.actual = { threw: String(error?.stack ?? error) }
    console.log(`${name.padEnd(16)} FAILED ${row.actual.threw}`)
  }
}

function report() {
  writeFileSync(join(proof, 'seeds.json'), `${JSON.stringify(rows, null, 2)}\n`)
  const passed = rows.filter(row => row.passed).length
  console.log(`\nlogs and seeds.json in .proof/crowd-adk, ${((Date.now() - began) / 1000).toFixed(0)} s`)
  console.log(`${passed} passed, ${rows.length - passed} failed`)
  process.exit(passed === rows.length && readdirSync(proof).length > 1 ? 0 : 1)
}

/** How many of each tool: "mail/3" is the third call of `mail`. */
function tally(calls) {
  const counts = {}
  for (const call of [...calls].sort()) counts[call.split('/')[0]] = (counts[call.split('/')[0]] ?? 0) + 1
  return counts
}

function fail(message) {
  console.error(`crowd-adk: ${message}`)
  process.exit(2)
}
