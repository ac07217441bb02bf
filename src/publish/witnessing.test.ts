import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import type { HaltedError } from '../core/errors.js'
import {
  ALGORITHM,
  Frontier,
  formatCheckpoint,
  formatVerifierKey,
  leafHash,
  parseNote,
  signNote,
  verifyCosignatures,
} from '../core/tlog/index.js'
import { consistencyProof } from '../core/tlog/testkit.js'
import { filesLayout } from '../log/layout.js'
import type { WitnessedPlace } from '../log/witnessing.js'
import { realWorld } from '../log/world.js'
import { type RunningWitness, serveWitness, Witness } from '../witness/index.js'
import { type WitnessRound, witnessing } from './witnessing.js'

const ORIGIN = 'example.com/deeds'
const seed = new Uint8Array(32).fill(1)
const key = formatVerifierKey(ORIGIN, ALGORITHM.ed25519, ed25519PublicKey(seed))
const leaf = (i: number, history: number) => leafHash(Uint8Array.of(i < 3 ? i : i + history))

function noteOf(size: number, history = 0): Uint8Array {
  const tree = Frontier.empty()
  for (let i = 0; i < size; i++) tree.append(leaf(i, history))
  const text = formatCheckpoint({ origin: ORIGIN, size, root: tree.root() })
  return signNote(text, key, message => ed25519Sign(message, seed))
}

/** A log as witnesses see it, of one of several histories. */
class FakeLog implements WitnessedPlace {
  readonly world = realWorld
  readonly keys = [key]
  readonly layout = filesLayout('/nowhere')
  readonly kept: Uint8Array[] = []
  readonly alarms: HaltedError[] = []
  readonly #history: number

  constructor(history = 0) {
    this.#history = history
  }

  prove = async (old: number, size: number) =>
    old === 0 || old === size
      ? []
      : consistencyProof((from, to) => (to - from === 1 ? leaf(from, this.#history) : undefined), old, size)
  cosigned = async (note: Uint8Array) => {
    this.kept.push(note)
  }
  alarm = (error: HaltedError) => {
    this.alarms.push(error)
  }
}

interface Running {
  readonly witness: Witness
  readonly server: RunningWitness
}
let folder: string
let running: Running[]

async function start(name: string): Promise<Running> {
  const path = join(folder, name)
  await Witness.create(realWorld, path, `witness.example/${name}`)
  await Witness.addLog(realWorld, path, key.text)
  const witness = await Witness.open(realWorld, path)
  const server = await serveWitness(witness, { host: '127.0.0.1', port: 0 })
  running.push({ witness, server })
  return running.at(-1)!
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-witnessing-'))
  running = []
})
afterEach(async () => {
  for (const { witness, server } of running) {
    await server.stop()
    await witness.close()
  }
  rmSync(folder, { recursive: true })
})

const line = (name: string, { witness, server }: Running, url = server.url) =>
  `witness ${name} ${witness.key.text} ${url}\n`

describe('the witnesses of a running log', () => {
  it('cosign what is out, and the note says so', async () => {
    const [w1, w2] = [await start('w1'), await start('w2')]
    const log = new FakeLog()
    const witnesses = witnessing({ policy: `${line('w1', w1)}${line('w2', w2)}group both all w1 w2\nquorum both\n` })
    const rounds = witnesses.start(log)
    rounds.released(noteOf(5), 5)
    await rounds.witnessed(5)
    expect(verifyCosignatures(parseNote(log.kept[0]!), [w1.witness.key, w2.witness.key])).toHaveLength(2)
    rounds.released(noteOf(9), 9)
    await rounds.witnessed(9)
    expect(witnesses.newest()).toMatchObject({ size: 9, quorum: true })
    await rounds.stop()
  })

  it('are enough when one of two answers and one is asked for', async () => {
    const w1 = await start('w1')
    const w2 = await start('w2')
    await w2.server.stop()
    const log = new FakeLog()
    const policy = `${line('w1', w1)}${line('w2', w2)}group one any w1 w2\nquorum one\n`
    const over: WitnessRound[] = []
    const rounds = witnessing({ policy, onRound: round => over.push(round) }).start(log)
    rounds.released(noteOf(5), 5)
    await rounds.witnessed(5)
    await rounds.stop()
    expect(over[0]!.witnesses[1]).toMatchObject({ name: 'w2', error: { code: 'witness.unavailable' } })
    expect(log.kept).toHaveLength(1)
  })

  it('are not there when the quorum is not, and that is said, not waited for without end', async () => {
    const w1 = await start('w1')
    const w2 = await start('w2')
    await w2.server.stop()
    const log = new FakeLog()
    const policy = `${line('w1', w1)}${line('w2', w2)}group both all w1 w2\nquorum both\n`
    const rounds = witnessing({ policy, waitMs: 300 }).start(log)
    rounds.released(noteOf(5), 5)
    await expect(rounds.witnessed(5)).rejects.toMatchObject({ code: 'log.unwitnessed', retryable: true })
    expect(log.kept).toEqual([])
    await rounds.stop()
  })

  it('stop a log that has signed another history, whatever the quorum says', async () => {
    const w1 = await start('w1')
    const w2 = await start('w2')
    const honest = witnessing({ policy: `${line('w1', w1)}quorum w1\n` }).start(new FakeLog())
    honest.released(noteOf(5), 5)
    await honest.witnessed(5)
    await honest.stop()
    const policy = `${line('w1', w1)}${line('w2', w2)}group one any w1 w2\nquorum one\n`
    for (const size of [5, 4, 9]) {
      const forged = new FakeLog(100)
      const rounds = witnessing({ policy, waitMs: 2000 }).start(forged)
      rounds.released(noteOf(size, 100), size)
      await expect(rounds.witnessed(size)).rejects.toMatchObject({ code: 'log.unwitnessed' })
      expect(forged.alarms[0]).toMatchObject({ code: 'log.witness-alarm' })
      expect(forged.kept).toEqual([])
      await rounds.stop()
    }
  })

  it('stop no log by their word alone: a status code is no proof', async () => {
    const w1 = await start('w1')
    for (const [status, body] of [
      [422, ''],
      [409, '900\n'],
      [409, ''],
    ] as const) {
      const liar = createServer((_, response) => response.writeHead(status).end(body))
      await new Promise<void>(resolve => liar.listen(0, '127.0.0.1', () => resolve()))
      const url = `http://127.0.0.1:${(liar.address() as AddressInfo).port}`
      const liarKey = formatVerifierKey('witness.example/liar', ALGORITHM.cosignature, ed25519PublicKey(seed))
      const policy = `${line('w1', w1)}witness liar ${liarKey.text} ${url}\ngroup one any w1 liar\nquorum one\n`
      const log = new FakeLog()
      const over: WitnessRound[] = []
      const rounds = witnessing({ policy, onRound: round => over.push(round) }).start(log)
      rounds.released(noteOf(5), 5)
      await rounds.witnessed(5)
      await rounds.stop()
      expect(log.alarms).toEqual([])
      expect(log.kept).toHaveLength(1)
      expect(over[0]!.witnesses[1]!.error!.code).toMatch(/^witness\.(fork|ahead)$/)
      liar.close()
    }
  })

  it('end at once when the log is closed', async () => {
    const w1 = await start('w1')
    await w1.server.stop()
    const rounds = witnessing({ policy: `${line('w1', w1)}quorum w1\n` }).start(new FakeLog())
    rounds.released(noteOf(5), 5)
    const refused = expect(rounds.witnessed(5)).rejects.toMatchObject({ code: 'log.unwitnessed' })
    await rounds.stop()
    await refused
    await expect(rounds.witnessed(6)).rejects.toMatchObject({ code: 'log.unwitnessed' })
  })

  it('are refused where they could never be a quorum', async () => {
    const w1 = await start('w1')
    const bare = `witness w1 ${w1.witness.key.text}\n`
    for (const policy of [
      `${bare}quorum w1\n`,
      `${line('w1', w1)}quorum none\n`,
      `${line('w1', w1, 'ftp://x')}quorum w1\n`,
    ])
      expect(() => witnessing({ policy })).toThrow(TypeError)
    expect(() => witnessing({ policy: `${line('w1', w1)}quorum w1\n`, timeoutMs: 0 })).toThrow(TypeError)
    expect(() => witnessing({ policy: line('w1', w1) })).toThrow(expect.objectContaining({ code: 'policy.quorum' }))
  })
})
