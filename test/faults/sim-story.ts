import { sha256Hex } from '#crypto'
import { toHex } from '../../src/core/bytes/hex.js'
import { isDeedlogError } from '../../src/core/errors.js'
import { parseCheckpoint, parseNote } from '../../src/core/tlog/index.js'
import type { AppendEntry, Receipt } from '../../src/log/backend.js'
import { openLogIn } from '../../src/log/index.js'
import type { StoreKind } from '../../src/log/layout.js'
import type { Log } from '../../src/log/log.js'
import { checkLog } from '../contract/log-check.js'
import { disclosuresOf, TestStream } from '../contract/log-streams.js'
import { Dead, Machine, type SimProcess, type Weather } from './sim-machine.js'
import { Oracle, Violation } from './sim-oracle.js'
import { Random } from './sim-random.js'

/*
 * The life of one log in bad weather, from one seed: two processes that want to write it, several streams that append
 * and hand over again what was not acknowledged, disk errors of every kind, kills and power cuts. Then the sky clears,
 * everything must come to an end, and the whole log is verified once more.
 */

export interface Told {
  readonly seed: number
  readonly kind: StoreKind
  readonly records: number
  readonly events: number
  readonly checkpoints: number
  readonly powerCuts: number
  readonly kills: number
  readonly openings: number
}

const TARGETS: Readonly<Record<StoreKind, string>> = { files: '/logs/audit', jsonl: '/logs/audit.jsonl' }

/** @throws {Violation} when a promise was broken */
export async function tellStory(seed: number): Promise<Told> {
  const kind = seed % 2 === 0 ? 'files' : 'jsonl'
  return new Story(seed, kind).tell()
}

class Story {
  readonly #seed: number
  readonly #kind: StoreKind
  readonly #target: string
  readonly #random: Random
  readonly #machine: Machine
  readonly #oracle: Oracle
  readonly #serving = new Map<Log, SimProcess>()
  /** Appends that have no answer yet. */
  readonly #calls = new Map<SimProcess, number>()
  readonly #checkpointMs: number
  /** Small, so that segments of the journal shrink within a life. */
  readonly #segmentBytes: number
  #calm = false
  #over = false
  #broken: Violation | undefined
  #powerCuts = 0
  #kills = 0
  #openings = 0

  constructor(seed: number, kind: StoreKind) {
    this.#seed = seed
    this.#kind = kind
    this.#target = TARGETS[kind]
    this.#random = new Random(seed)
    this.#machine = new Machine(this.#random, weatherOf(this.#random, kind))
    this.#oracle = new Oracle(this.#machine, kind, this.#target)
    this.#checkpointMs = this.#random.pick([0, 0, 20, 1000])
    this.#segmentBytes = this.#random.pick([2048, 8192, 65_536])
    this.#machine.observe = event => this.#guard(() => this.#oracle.check(event))
  }

  async tell(): Promise<Told> {
    try {
      await this.#machine.run(this.#play())
    } catch (error) {
      throw (
        this.#broken ??
        (error instanceof Violation ? error : new Violation('comes to an end', String((error as Error).stack)))
      )
    }
    return {
      seed: this.#seed,
      kind: this.#kind,
      records: this.#oracle.acknowledgedCount,
      events: this.#oracle.counts.events,
      checkpoints: this.#oracle.counts.checkpoints,
      powerCuts: this.#powerCuts,
      kills: this.#kills,
      openings: this.#openings,
    }
  }

  async #play(): Promise<void> {
    const hosts = [this.#host(), this.#host()]
    const chaos = this.#chaos()
    const clients = Array.from({ length: this.#random.int(2, 4) }, (_, i) => this.#client(i + 1))
    const served = Promise.all(clients).then(() => {
      this.#over = true
    })
    await Promise.all([served, ...hosts, chaos])
    this.#check()
    // Whatever was left half done is finished by one more writer, in good weather.
    const process = this.#machine.process()
    const log = await this.#opening(process)
    await log.close()
    this.#check()
    await this.#verifyAll(log)
  }

  /** A process that wants to write this log, again and again. */
  async #host(): Promise<void> {
    const random = this.#random
    while (!this.#over) {
      const process = this.#machine.process()
      let log: Log
      try {
        log = await process.life(this.#opening(process))
      } catch (error) {
        this.#judge(error, 'open', process)
        this.#machine.end(process)
        await this.#machine.sleep(random.wait(40))
        continue
      }
      this.#serving.set(log, process)
      const end = this.#machine.now + (this.#calm ? 400 : random.wait(600))
      while (process.alive && this.#serving.has(log) && this.#machine.now < end && !this.#over)
        await this.#machine.sleep(10)
      this.#serving.delete(log)
      try {
        await process.life(log.close())
        await this.#machine.sleep(1)
        if (this.#calls.get(process))
          throw new Violation('comes to an end', 'a log is closed, and an append still waits')
      } catch (error) {
        this.#judge(error, 'close', process)
      }
      if (process.alive) this.#machine.end(process)
      await this.#machine.sleep(random.wait(20))
    }
  }

  async #opening(process: SimProcess): Promise<Log> {
    const log = await openLogIn(process.world, this.#target, {
      checkpointMs: this.#checkpointMs,
      segmentBytes: this.#segmentBytes,
    })
    this.#openings++
    this.#guard(() => this.#oracle.opened(log.verifierKey))
    return log
  }

  /** Kills and power cuts, until the sky clears. */
  async #chaos(): Promise<void> {
    const random = this.#random
    const rounds = random.int(0, 12)
    for (let round = 0; round < rounds && !this.#over; round++) {
      await this.#machine.sleep(random.wait(80))
      if (random.chance(0.5)) {
        this.#powerCuts++
        this.#serving.clear()
        this.#machine.powerCut()
      } else {
        const [log, process] = random.pick([...this.#serving, undefined]) ?? []
        if (!log || !process) continue
        this.#kills++
        this.#serving.delete(log)
        this.#machine.kill(process)
      }
    }
    await this.#machine.sleep(random.wait(200))
    this.#calm = true
    this.#machine.weather = { ...this.#machine.weather, faults: 0, readFaults: 0, noSpace: 0 }
  }

  /** One stream: appends a batch, and hands it over until it is acknowledged. */
  async #client(number: number): Promise<void> {
    const random = this.#random
    const batches = random.int(3, 10)
    let stream: TestStream | undefined
    let batch: readonly AppendEntry[] = []
    let note: Uint8Array | undefined
    const done: { readonly batch: readonly AppendEntry[]; readonly receipts: readonly Receipt[] }[] = []
    for (let tries = 0; done.length < batches; tries++) {
      this.#check()
      if (tries > TRIES_MAX) throw new Violation('comes to an end', `stream ${number} is not served`)
      const [log, process] = this.#serving.size > 0 ? random.pick([...this.#serving]) : []
      if (!log || !process) {
        await this.#machine.sleep(5 + random.wait(10))
        continue
      }
      try {
        if (!stream) {
          stream = new TestStream(await log.logs!(), this.#seed * 16 + number)
          batch = [{ record: stream.start, disclosures: disclosuresOf(stream.start) }]
        }
        if (random.chance(0.05)) await process.life(log.identity!(`did:test:${number}`))
        const again = done.length > 0 && random.chance(0.08) ? random.pick(done) : undefined
        const level = random.chance(0.15) ? 'published' : 'sequenced'
        const handed = again?.batch ?? batch
        const receipts = await process.life(this.#counted(process, log.append(handed, { level })))
        this.#guard(() => this.#oracle.acknowledged(handed, receipts))
        if (again) {
          if (JSON.stringify(again.receipts.map(place)) !== JSON.stringify(receipts.map(place)))
            throw new Violation('acknowledged stays in its place', `stream ${number} was told two places`)
          continue
        }
        done.push({ batch, receipts })
        if (random.chance(0.1)) await process.life(log.flush()).catch(error => this.#judge(error, 'flush', process))
        if (random.chance(0.2)) note = await log.head!()
        batch = this.#nextBatch(stream, note)
      } catch (error) {
        this.#judge(error, 'append', process)
        if (isDeedlogError(error) && (error.name === 'HaltedError' || error.code === 'log.closed'))
          this.#serving.delete(log)
      }
      await this.#machine.sleep(random.wait(random.pick([0.1, 3, 15])))
    }
  }

  #counted<T>(process: SimProcess, call: Promise<T>): Promise<T> {
    this.#calls.set(process, (this.#calls.get(process) ?? 0) + 1)
    return call.finally(() => this.#calls.set(process, this.#calls.get(process)! - 1))
  }

  #nextBatch(stream: TestStream, note: Uint8Array | undefined): readonly AppendEntry[] {
    const random = this.#random
    if (note && random.chance(0.5)) {
      const { origin, size, root } = parseCheckpoint(parseNote(note).text)
      const after = { origin, size, root: toHex(root), note: sha256Hex(note) }
      const record = stream.record({ type: 'loss', reason: 'test', after })
      return [{ record, disclosures: disclosuresOf(record), note }]
    }
    // Now and then as many as make a tile full.
    if (random.chance(0.03)) return stream.batch(random.int(100, 260), { disclosures: random.chance(0.5) })
    return stream.batch(random.int(1, 4), { pad: random.pick([0, 0, 600, 3000]), disclosures: random.chance(0.8) })
  }

  /** Whether an error is one that this call may have, given what happened. */
  #judge(error: unknown, call: 'open' | 'close' | 'append' | 'flush', process: SimProcess): void {
    if (error instanceof Dead) return
    if (error instanceof Violation) throw error
    if (!isDeedlogError(error))
      throw new Violation('takes what it should', `${call} failed with ${(error as Error)?.stack}`)
    const allowed = call === 'open' ? OPEN_CODES : CALL_CODES
    // Without a fault of the disk there is nothing to complain of.
    const isFree = error.code === 'log.locked' || error.code === 'log.closed'
    if (allowed.has(error.code) && (isFree || process.faults > 0)) return
    throw new Violation(call === 'open' ? 'opens after every fault' : 'takes what it should', `${call}: ${error.stack}`)
  }

  /** The other oracle, at the end: everything again from the first byte. */
  async #verifyAll(log: Log): Promise<void> {
    const process = this.#machine.process()
    const found = await checkLog(process, this.#kind, this.#target, { verifierKey: log.verifierKey })
    this.#machine.end(process)
    if (found.awaiting !== 0) throw new Violation('comes to an end', `${found.awaiting} records are not signed`)
  }

  /** Remembers the first broken promise: whoever threw it may have been asked by the writer, who would swallow it. */
  #guard(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.#broken ??=
        error instanceof Violation ? error : new Violation('comes to an end', String((error as Error).stack))
      throw error
    }
  }

  #check(): void {
    if (this.#broken) throw this.#broken
  }
}

const place = ({ index, leafHash }: Receipt): string => `${index} ${leafHash}`

function weatherOf(random: Random, kind: StoreKind): Weather {
  const faults = random.pick([0, 0.002, 0.01, 0.03])
  return {
    faults,
    readFaults: faults / 20,
    noSpace: random.pick([0, 0, 0.02, 0.1]),
    delayMs: random.pick([0.1, 1, 5]),
    // Zeros with a good line behind them are damage to the jsonl store, by RECORD section 7: it refuses, and loses nothing.
    anyOrder: kind === 'files',
  }
}

const TRIES_MAX = 5000
const DISK_CODES = ['log.disk', 'log.no-space', 'log.write-failed', 'log.halted']
const OPEN_CODES = new Set([...DISK_CODES, 'log.locked'])
const CALL_CODES = new Set([...DISK_CODES, 'log.closed'])
