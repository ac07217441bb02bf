import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { toHex } from '../../src/core/bytes/hex.js'
import {
  parseCheckpoint,
  parseCosignatureLines,
  parseNote,
  type VerifierKey,
  verifyCosignatures,
} from '../../src/core/tlog/index.js'
import { realWorld } from '../../src/log/world.js'
import { askMonitoring } from '../../src/publish/index.js'
import { Witness } from '../../src/witness/index.js'
import { KEY, TestLog } from '../../src/witness/testkit.js'
import { Random } from './sim-random.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: build it first (npm run build)`)

/*
 * `deedlog witness serve` is killed under load. Two feeders that know the log's key want two histories cosigned, each as
 * far as the witness lets it: whatever the moment of death, nobody may hold cosignatures of both, and nothing may have
 * been cosigned that the next run does not know. When to kill is counted in answers, so a seed says what is tried.
 */

const SEED = 20_261_125
const ROUNDS = 8
const folder = mkdtempSync(join(tmpdir(), 'deedlog-witness-kill-'))
const path = join(folder, 'w1')
const histories = { honest: new TestLog('honest'), forged: new TestLog('forged') }
let key: VerifierKey

/** Every root that was cosigned, by size. */
const cosigned = new Map<number, Set<string>>()

beforeAll(async () => {
  key = await Witness.create(realWorld, path, 'witness.example/w1')
  await Witness.addLog(realWorld, path, KEY.text)
})
/** Those that a failed expectation would leave running. */
const started: ChildProcess[] = []
afterAll(() => {
  for (const child of started) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

interface Serving {
  readonly child: ChildProcess
  readonly url: string
  readonly ended: Promise<void>
}

async function serve(): Promise<Serving> {
  const child = spawn(process.execPath, [MAIN, 'witness', 'serve', path, '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  started.push(child)
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', part => {
      const found = /listens at (\S+)/.exec(String(part))?.[1]
      if (found) resolve(found)
    })
    child.once('exit', code => reject(new Error(`the witness ended with ${code} before it listened`)))
  })
  return { child, url, ended }
}

/** What the witness says that it cosigned last, to anybody. */
async function remembered(url: string) {
  const answer = await askMonitoring({ name: 'w1', key, url }, [KEY], AbortSignal.timeout(10_000))
  return answer ? { size: answer.checkpoint.size, root: toHex(answer.checkpoint.root) } : { size: 0, root: '' }
}

/** Submits until the connection breaks. `answered` is told of each answer. */
async function feed(url: string, log: TestLog, random: Random, answered: () => void): Promise<void> {
  let old = (await remembered(url)).size
  for (;;) {
    const size = old + random.int(0, 3)
    const note = log.note(size)
    let answer: { status: number; body: Uint8Array }
    try {
      const response = await fetch(`${url}/add-checkpoint`, { method: 'POST', body: log.request(old, size) })
      answer = { status: response.status, body: new Uint8Array(await response.arrayBuffer()) }
    } catch {
      return // killed
    }
    if (answer.status === 200) {
      const signed = { text: parseNote(note).text, signatures: parseCosignatureLines(answer.body) }
      if (verifyCosignatures(signed, [key]).length === 1) {
        const root = toHex(parseCheckpoint(signed.text).root)
        cosigned.set(size, (cosigned.get(size) ?? new Set()).add(root))
        old = size
      }
    } else if (answer.status === 409) old = Number(new TextDecoder().decode(answer.body))
    // A size that has been taken by the other history: there is no way on for this one but to try.
    else if (answer.status === 422 && random.int(0, 3) === 0)
      old = (await remembered(url).catch(() => ({ size: old }))).size
    answered()
  }
}

it('never cosigns two roots of one size, and forgets nothing that it cosigned, whenever it is killed', async () => {
  const random = new Random(SEED)
  for (let round = 0; round < ROUNDS; round++) {
    const { child, url, ended } = await serve()
    const known = await remembered(url)
    const newest = Math.max(0, ...cosigned.keys())
    // More than anybody was told may be known: a crash between the disk and the answer.
    expect(known.size, `round ${round}`).toBeGreaterThanOrEqual(newest)
    for (const root of cosigned.get(known.size) ?? []) expect(known.root).toBe(root)
    let left = random.int(1, 40)
    const answered = () => {
      if (--left === 0) child.kill('SIGKILL')
    }
    await Promise.all(
      [histories.honest, histories.forged, histories.honest, histories.forged].map((log, i) =>
        feed(url, log, new Random(SEED + round * 8 + i), answered),
      ),
    )
    await ended
  }
  const twice = [...cosigned].filter(([, roots]) => roots.size > 1)
  expect(twice).toEqual([])
  // Every cosigned root is of one history: that of the largest.
  const sizes = [...cosigned.keys()].sort((a, b) => a - b)
  expect(sizes.length).toBeGreaterThan(ROUNDS)
  const largest = sizes.at(-1)!
  const [history] = Object.values(histories).filter(log => cosigned.get(largest)!.has(toHex(log.root(largest))))
  for (const size of sizes) expect([size, [...cosigned.get(size)!]]).toEqual([size, [toHex(history!.root(size))]])
}, 120_000)
