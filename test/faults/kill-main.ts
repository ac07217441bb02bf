import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { recordLeaf } from '../../src/core/record/index.js'
import { openLog } from '../../src/log/index.js'
import { readVaultOf } from '../../src/log/journal-reader.js'
import type { StoreKind } from '../../src/log/layout.js'
import { nodeDisk } from '../../src/log/node-disk.js'
import { checkLog } from '../contract/log-check.js'
import { disclosuresOf } from '../contract/log-streams.js'
import { Random } from './sim-random.js'

/*
 * One lane of real kills: `kill-main <child> <folder> <files|jsonl> <rounds> <seed> <writers>`. In each round as many
 * children as there are writers append to one log and are killed at random; afterwards every acknowledged record and
 * its disclosures must be there, in their places. With `strace <injection>` as the last arguments one writer runs under
 * strace instead, and a system call of its fails. Says a line of JSON for each round.
 */

const [child, folder, kind, rounds, seed, writers, ...strace] = process.argv.slice(2) as [
  string,
  string,
  StoreKind,
  string,
  string,
  string,
  ...string[],
]
const GOES_ON_MS = 20_000
const NOBODY_GOES_ON = 'one writer was killed, and the other acknowledged nothing after'
const random = new Random(Number(seed))

/** Index of each acknowledged record, by its leaf hash. */
let acknowledged = new Map<string, number>()
let target = ''

for (let round = 0; round < Number(rounds); round++) {
  if (round % roundsOfALog() === 0) begin(round)
  const ended = strace.length > 0 ? await inject(round) : await killed(round)
  await check(strace.length > 0 || round % 5 === 4 || round === Number(rounds) - 1)
  process.stdout.write(`${JSON.stringify({ round, acknowledged: acknowledged.size, ended })}\n`)
}
rmSync(folder, { recursive: true, force: true })

function roundsOfALog(): number {
  return strace.length > 0 ? 1 : 10
}

function begin(round: number): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  acknowledged = new Map()
  target = kind === 'files' ? `${folder}/audit${round}` : `${folder}/audit${round}.jsonl`
}

/** Children append until they are killed, one after the other. */
async function killed(round: number): Promise<string> {
  const children = Array.from({ length: Number(writers) }, (_, i) =>
    start(process.execPath, [child, target, `${round * 8 + i + 1}`]),
  )
  // At times before anything is open.
  if (random.chance(0.8)) await Promise.race(children.map(({ open }) => open))
  const order = random.chance(0.5) ? children : children.reverse()
  for (const [i, one] of order.entries()) {
    await sleep(random.int(0, 150))
    one.kill()
    await one.end
    // Whoever is left goes on, through another holder or as the next one.
    const left = order[i + 1]
    if (left) await Promise.race([left.more(), sleep(GOES_ON_MS).then(() => Promise.reject(new Error(NOBODY_GOES_ON)))])
  }
  return 'killed'
}

/** One writer whose system call fails, and how it took it. */
async function inject(round: number): Promise<string> {
  // There is a log already: making one is another story.
  await (await openLog(target)).close()
  const injection = strace[round % strace.length]!
  const call = injection.slice(0, injection.indexOf(':'))
  const flags = ['-f', '-o', `${folder}/trace`, '-e', `trace=${call}`, '-e', `inject=${injection}`]
  const one = start('strace', [...flags, process.execPath, child, target, `${round + 1}`, 'once'])
  await one.end
  return `${injection} ${one.said()}`
}

interface Child {
  readonly open: Promise<void>
  readonly end: Promise<void>
  /** Resolves when it has acknowledged one more record. */
  more(): Promise<void>
  kill(): void
  said(): string
}

function start(command: string, args: readonly string[]): Child {
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' }
  const running = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], ...(strace.length > 0 ? { env } : {}) })
  let text = ''
  let end = 'nothing'
  let opened = () => {}
  const open = new Promise<void>(resolve => {
    opened = resolve
  })
  running.stdout.on('data', (data: Buffer) => {
    text += data.toString()
    const lines = text.split('\n')
    // A line that was cut off was never acknowledged to anybody.
    text = lines.pop()!
    for (const line of lines) {
      const match = /^([0-9a-f]{64}) (\d+)$/.exec(line)
      if (match) {
        note(match[1]!, Number(match[2]))
        told()
      } else if (line === 'open') opened()
      else if (line.startsWith('end ')) end = line.slice(4)
      else throw new Error(`a writer said ${JSON.stringify(line)}`)
    }
  })
  let told = () => {}
  let isKilled = false
  const ended = new Promise<void>((resolve, reject) =>
    running.once('close', (code, signal) =>
      isKilled || (strace.length > 0 && signal === null)
        ? resolve()
        : reject(new Error(`a writer ended by itself (${code ?? signal})`)),
    ),
  )
  ended.catch(() => {})
  ended.finally(opened).catch(() => {})
  return {
    open,
    end: ended,
    more: () =>
      new Promise(resolve => {
        told = resolve
      }),
    kill() {
      isKilled = true
      running.kill('SIGKILL')
    },
    said: () => end,
  }
}

function note(leaf: string, index: number): void {
  const known = acknowledged.get(leaf)
  if (known !== undefined && known !== index)
    throw new Error(`record ${leaf} was told two places, ${known} and ${index}`)
  acknowledged.set(leaf, index)
}

/** Opens the log as the next writer does, and looks for everything that was acknowledged. */
async function check(wholly: boolean): Promise<void> {
  const log = await openLog(target, { checkpointMs: 0 })
  const held: { readonly leaf: string; readonly record: Uint8Array }[] = []
  for await (const { index, record } of log.entries()) held[index] = { leaf: recordLeaf(record), record }
  await log.close()
  const disclosures = await allDisclosures()
  for (const [leaf, index] of acknowledged) {
    const found = held[index]
    if (found?.leaf !== leaf) throw new Error(`acknowledged record ${index} is not in its place in ${target}`)
    const proof = disclosures.get(index)
    if (!proof || Buffer.compare(proof, disclosuresOf(found.record)) !== 0)
      throw new Error(`the disclosures of acknowledged record ${index} are not in ${target}`)
  }
  const leaves = new Set(held.map(({ leaf }) => leaf))
  if (leaves.size !== held.length) throw new Error(`${target} holds a record twice`)
  if (!wholly) return
  const checked = await checkLog(nodeDisk, kind, target, { verifierKey: log.verifierKey })
  if (checked.awaiting > 0) throw new Error(`${checked.awaiting} records of ${target} are not signed`)
}

async function allDisclosures(): Promise<ReadonlyMap<number, Uint8Array>> {
  const found = new Map<number, Uint8Array>()
  for await (const { index, disclosures } of (await readVaultOf(target))!) found.set(index, disclosures.slice())
  return found
}
