#!/usr/bin/env node
// Measures what README.md of this folder describes, prints a table and writes results/latest.json. `--quick` takes
// under three minutes; `--only append,call` runs some parts and keeps the other numbers out. The logs stay in
// results/logs, so that anybody can count, verify and look for what was not synced.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { FLOORS, judge, numberAt, PEER_FLOORS } from './lib/floors.mjs'
import { machineOf, versionOf } from './lib/machine.mjs'
import { median, roundAll, rounded } from './lib/numbers.mjs'
import { PEERS } from './lib/peers.mjs'
import { RECORD_BYTES } from './lib/streams.mjs'
import { runTask } from './lib/task.mjs'

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
})
const SIZES = options.quick
  ? { rounds: 3, append: 200_000, large: 1_000_000, small: 10_000, more: 40_000, calls: 10_000, lone: 600, peer: 3_000 }
  : {
      rounds: 7,
      append: 500_000,
      large: 5_000_000,
      small: 50_000,
      more: 100_000,
      calls: 40_000,
      lone: 2_000,
      peer: 10_000,
    }
// 256 records in flight: four recorders whose batches have 64.
const SHAPE = { lanes: 4, size: 64 }
const IN_FLIGHT = 64
const WORKERS = 2
const PARTS = ['append', 'lone', 'call', 'peers', 'bytes', 'large']
const parts = options.only ? options.only.split(',') : PARTS
for (const part of parts) if (!PARTS.includes(part)) fail(`unknown part ${JSON.stringify(part)}; known: ${PARTS}`)

const results = fileURLToPath(new URL('./results', import.meta.url))
const logs = join(results, 'logs')
rmSync(logs, { recursive: true, force: true })
mkdirSync(logs, { recursive: true })

const began = performance.now()
const machine = machineOf(logs)
const rounds = { append: [], limit: [], lone: [], call: [], bytes: [], open: [], verify: [], hash: [], peers: {} }

if (parts.includes('append')) await measureAppend()
if (parts.includes('lone')) await measureLone()
if (parts.includes('call')) await measureCalls()
if (parts.includes('peers')) await measurePeers()
if (parts.includes('bytes')) await measureBytes()
if (parts.includes('large')) await measureLarge()

const numbers = roundAll({ ...summarize(), sizes: SIZES, seconds: (performance.now() - began) / 1000 })
writeFileSync(
  join(results, 'latest.json'),
  `${JSON.stringify({ ...numbers, machine, rounds: roundAll(rounds) }, null, 2)}\n`,
)
printTable(numbers)

// ---- the parts ----

async function measureAppend() {
  const file = join(results, 'append.records')
  for (let round = 0; round < SIZES.rounds; round++) {
    say(`append, round ${round + 1} of ${SIZES.rounds}`)
    const dir = join(logs, `append-${round}`)
    await runTask('make-records', { dir, file, count: SIZES.append, ...SHAPE })
    rounds.limit.push(
      await runTask('limit', {
        path: join(logs, 'limit'),
        length: RECORD_BYTES,
        batch: SHAPE.lanes * SHAPE.size,
        count: SIZES.append,
      }),
    )
    rounds.append.push(await runTask('append', { dir, file }))
  }
  rmSync(file)
}

async function measureLone() {
  for (let round = 0; round < SIZES.rounds; round++) {
    say(`lone appends, round ${round + 1} of ${SIZES.rounds}`)
    rounds.lone.push(await runTask('lone', { dir: join(logs, `lone-${round}`), count: SIZES.lone }))
  }
}

async function measureCalls() {
  for (let round = 0; round < SIZES.rounds; round++) {
    say(`whole calls, round ${round + 1} of ${SIZES.rounds}`)
    const { calls: count, lone } = SIZES
    rounds.call.push(await runTask('call', { dir: join(logs, `call-${round}`), count, lone, inFlight: IN_FLIGHT }))
  }
}

async function measurePeers() {
  const { peer: count, lone } = SIZES
  for (let round = 0; round < SIZES.rounds; round++) {
    say(`peers, round ${round + 1} of ${SIZES.rounds}`)
    // Ours beside them in the same minute, since the machine is not equally fast in every one.
    const ours = await runTask('call', { dir: join(logs, `beside-peers-${round}`), count, lone, inFlight: IN_FLIGHT })
    for (const name of Object.keys(PEERS)) {
      const dir = join(results, 'peers', `${name}-${round}`)
      rmSync(dir, { recursive: true, force: true })
      rounds.peers[name] ??= []
      rounds.peers[name].push({ ours, theirs: await runTask('peer', { name, dir, count, lone, inFlight: IN_FLIGHT }) })
    }
  }
}

async function measureBytes() {
  say('bytes of a call')
  rounds.bytes.push(await runTask('bytes', { dir: join(logs, 'bytes'), count: SIZES.calls, inFlight: IN_FLIGHT }))
}

/** A large log against a small one: opening, memory, appending, proving; and verifying the large one. */
async function measureLarge() {
  const sides = {}
  for (const side of ['small', 'large']) {
    say(`making a ${side} log of ${SIZES[side].toLocaleString('en')} records`)
    const dir = join(logs, side)
    const file = join(results, `${side}.records`)
    await runTask('make-records', { dir, file, count: SIZES[side], ...SHAPE })
    sides[side] = { dir, file, built: await runTask('append', { dir, file }) }
  }
  rounds.built = { small: sides.small.built, large: sides.large.built }
  for (let round = 0; round < SIZES.rounds; round++) {
    say(`verifying, round ${round + 1} of ${SIZES.rounds}`)
    rounds.hash.push(await runTask('hash-limit', { length: RECORD_BYTES, count: 1_000_000, workers: WORKERS }))
    rounds.verify.push({
      large: await runTask('verify', { dir: sides.large.dir, workers: WORKERS }),
      small: await runTask('verify', { dir: sides.small.dir, workers: WORKERS }),
    })
  }
  for (let round = 0; round < SIZES.rounds; round++) {
    say(`opening, proving, appending, round ${round + 1} of ${SIZES.rounds}`)
    const both = {}
    for (const [side, { dir, file }] of Object.entries(sides)) {
      await runTask('make-records', { dir, file, count: SIZES.more, ...SHAPE })
      both[side] = await runTask('open', { dir, file, proofs: 300 })
    }
    rounds.open.push(both)
  }
  for (const { file } of Object.values(sides)) rmSync(file)
}

// ---- what came of it ----

function summarize() {
  const of = (list, pick) => (list.length > 0 ? median(list.map(pick)) : undefined)
  const ratio = name => of(rounds.open, ({ large, small }) => large[name] / small[name])
  const limit = of(rounds.limit, each => each.perSecond)
  const perSecond = of(rounds.append, each => each.perSecond)
  const verifyPerSecond = of(rounds.verify, each => each.large.perSecond)
  return {
    append: {
      perSecond,
      ofLimit: perSecond && perSecond / limit,
      ackPerSecond: of(rounds.append, each => each.ackPerSecond),
      cpuUs: of(rounds.append, each => each.cpuUs),
      mainCpuUs: of(rounds.append, each => each.mainCpuUs),
      loopDelayP99Ms: of(rounds.append, each => each.loopDelayP99Ms),
      limitPerSecond: limit,
      growth: ratio('appendPerSecond'),
    },
    lone: {
      overSync: of(rounds.lone, each => each.overSync),
      p50Ms: of(rounds.lone, each => each.p50Ms),
      syncP50Ms: of(rounds.lone, each => each.bareP50Ms),
    },
    call: {
      perSecond: of(rounds.call, each => each.perSecond),
      cpuUs: of(rounds.call, each => each.cpuUs),
      mainCpuUs: of(rounds.call, each => each.mainCpuUs),
      loopDelayP99Ms: of(rounds.call, each => each.loopDelayP99Ms),
      p50OverSync: of(rounds.call, each => each.p50OverSync),
      p50Ms: of(rounds.call, each => each.p50Ms),
    },
    verify: {
      perSecond: verifyPerSecond,
      ofHashLimit: verifyPerSecond && verifyPerSecond / of(rounds.hash, each => each.perSecond),
      hashLimitPerSecond: of(rounds.hash, each => each.perSecond),
      peakMb: of(rounds.verify, each => each.large.peakMb),
      rssRatio: of(rounds.verify, each => each.large.peakMb / each.small.peakMb),
    },
    open: { ratio: ratio('openMs'), largeMs: of(rounds.open, each => each.large.openMs) },
    rss: { ratio: ratio('peakMb'), largeMb: of(rounds.open, each => each.large.peakMb) },
    prove: { p50Ms: of(rounds.open, each => each.large.proveP50Ms) },
    bytesPerCall: of(rounds.bytes, each => each.bytesPerCall),
    peers: Object.fromEntries(
      Object.entries(rounds.peers).map(([name, list]) => [
        name,
        {
          ratio64: of(list, ({ ours, theirs }) => ours.perSecond / theirs.perSecond),
          ratio1: of(list, ({ ours, theirs }) => ours.lonePerSecond / theirs.lonePerSecond),
          perSecond: of(list, each => each.theirs.perSecond),
          version: versionOf(name === 'agt-audit-logger' ? '@microsoft/agent-governance-sdk' : name),
          does: PEERS[name].does,
        },
      ]),
    ),
  }
}

function printTable(numbers) {
  const rows = Object.entries(FLOORS).flatMap(([key, bounds]) => rowOf(key, numberAt(numbers, key), bounds))
  for (const [name, peer] of Object.entries(numbers.peers))
    for (const [key, bounds] of Object.entries(PEER_FLOORS)) {
      // What never touches a disk is no measure for something that is durable: the number is shown, not judged.
      const [row] = rowOf(`peers.${name}.${key}`, peer[key], bounds)
      rows.push(peer.does.writesToDisk ? row : [...row.slice(0, 4), 'in memory, not judged'])
    }
  const head = ['', 'measured', 'floor', 'goal', '']
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map(row => row[i].length)))
  console.log('')
  for (const row of [head, ...rows])
    console.log(
      row.map((cell, i) => (i === 0 || i === 4 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    )
  const { cpu, cores, node, fileSystem, date } = machine
  console.log(`\n${cpu}, ${cores} cores, Node ${node}, ${fileSystem}, ${date}; ${Math.round(numbers.seconds)} s`)
  console.log('bench/results/latest.json holds every round; bench/results/logs the logs.')
}

function rowOf(key, value, bounds) {
  if (value === undefined) return []
  const floor = bounds.least === undefined ? `<= ${shown(bounds.most)}` : `>= ${shown(bounds.least)}`
  const word = { goal: 'goal', floor: 'ok', missed: 'MISSED' }[judge(value, bounds)]
  return [[key, shown(value), floor, shown(bounds.goal), word]]
}

function shown(number) {
  return number >= 1000 ? Math.round(number).toLocaleString('en') : String(rounded(number))
}

function say(what) {
  console.error(`bench: ${what} (${Math.round((performance.now() - began) / 1000)} s)`)
}

function fail(why) {
  console.error(`bench: ${why}`)
  process.exit(2)
}
