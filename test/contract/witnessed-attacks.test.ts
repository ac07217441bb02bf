import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verify } from '../../src/client/verify.js'
import { parseCheckpoint, parseNote, verifyCosignatures } from '../../src/core/tlog/index.js'
import { importLog } from '../../src/log/import-log.js'
import { openLog, openLogIn } from '../../src/log/index.js'
import { processRegistry } from '../../src/log/registry.js'
import { SharedLog } from '../../src/log/shared-log.js'
import { realWorld, type World } from '../../src/log/world.js'
import { witnessing } from '../../src/publish/witnessing.js'
import { Recorder } from '../../src/recorder/index.js'
import { type RunningWitness, serveWitness, Witness } from '../../src/witness/index.js'
import { copyTree } from '../copy-tree.js'

/** What stands between a log and its witness: it may hold answers back, and knows how many were asked for at once. */
class Between {
  readonly #server: Server
  #held: (() => void)[] = []
  holds = false
  underWay = 0
  atOnce = 0
  asked = 0
  #whenAsked: (() => void) | undefined

  constructor(to: string) {
    this.#server = createServer((request, response) => {
      this.asked++
      this.underWay++
      this.atOnce = Math.max(this.atOnce, this.underWay)
      const parts: Buffer[] = []
      request.on('data', part => parts.push(part))
      request.on('end', async () => {
        const { method = 'GET' } = request
        const sent = method === 'POST' ? { method, body: Buffer.concat(parts) } : { method }
        const answer = await fetch(`${to}${request.url}`, sent)
        const body = Buffer.from(await answer.arrayBuffer())
        const send = () => {
          this.underWay--
          response.writeHead(answer.status).end(body)
        }
        if (this.holds) this.#held.push(send)
        else send()
        this.#whenAsked?.()
      })
    })
  }

  listen = () =>
    new Promise<string>(resolve => {
      this.#server.listen(0, '127.0.0.1', () =>
        resolve(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`),
      )
    })

  /** Resolves once the witness has cosigned something whose answer is held back. */
  held = async () => {
    if (this.#held.length > 0) return
    await new Promise<void>(resolve => {
      this.#whenAsked = () => this.#held.length > 0 && resolve()
    })
  }

  letGo(): void {
    this.holds = false
    for (const send of this.#held) send()
    this.#held = []
  }

  close = () =>
    new Promise<void>(resolve => {
      this.letGo()
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
}

let folder: string
let witness: Witness
let server: RunningWitness
let between: Between
let policy: string
const dir = () => join(folder, 'audit')
const options = (more: object = {}) => ({ witnesses: witnessing({ policy, waitMs: 5000, ...more }) })
const noteOut = () => parseNote(readFileSync(join(dir(), 'log/checkpoint')))
const sizeOut = () => parseCheckpoint(noteOut().text).size
const seenBy = async () => (await Witness.read(realWorld, join(folder, 'w1'))).logs[0]?.size

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-witnessed-'))
  await Witness.create(realWorld, join(folder, 'w1'), 'witness.example/w1')
  witness = await Witness.open(realWorld, join(folder, 'w1'))
  server = await serveWitness(witness, { host: '127.0.0.1', port: 0 })
  between = new Between(server.url)
  policy = `witness w1 ${witness.key.text} ${await between.listen()}\nquorum w1\n`
  const log = await openLog(dir(), { origin: 'example.com/deeds' })
  await Witness.addLog(realWorld, join(folder, 'w1'), log.verifierKey)
  await log.close()
})
afterEach(async () => {
  await between.close()
  await server.stop()
  await witness.close()
  rmSync(folder, { recursive: true })
})

type Backend = ConstructorParameters<typeof Recorder>[0]['backend']

/** Calls through a use of the log of their own: a recorder closes what it was given. */
async function calls(count: number, backend: Backend | Promise<Backend> = openLog(dir(), options())): Promise<void> {
  const recorder = new Recorder({ backend: await backend, agent: { id: 'did:example:shop' } })
  for (let i = 0; i < count; i++) {
    const request = { tool: { name: 'pay' }, args: { i } }
    const ticket = await recorder.intent(request, await recorder.decide(request))
    await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes', output: { value: i } })
  }
  await recorder.close()
}

/** A world whose disk does something else in some places. */
const worldWith = (disk: Partial<World['disk']>): World => ({
  ...realWorld,
  logs: processRegistry(),
  disk: { ...realWorld.disk, ...disk },
})

const broken = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))

describe('a log that is cosigned', () => {
  it('takes an answer that comes while it is being closed, and is closed when it has it', async () => {
    const log = await openLog(dir(), options())
    await log.flush('witnessed')
    between.holds = true
    await calls(2)
    await between.held()
    const closing = log.close()
    between.letGo()
    await closing
    expect([sizeOut(), await seenBy()]).toEqual([7, 7])
    expect(verifyCosignatures(noteOut(), [witness.key])).toHaveLength(1)
  })

  it('lets go of its lock without an answer, and the answer that comes later changes nothing', async () => {
    const log = await openLog(dir(), options({ timeoutMs: 100 }))
    between.holds = true
    await calls(1)
    await log.close()
    const before = readFileSync(join(dir(), 'log/checkpoint'))
    between.letGo()
    expect(readFileSync(join(dir(), 'log/checkpoint'))).toEqual(before)
    // The witness knows it all the same; whoever opens the log next asks again for the same, and has it.
    const again = await openLog(dir(), options())
    await again.flush('witnessed')
    await again.close()
    expect(verifyCosignatures(noteOut(), [witness.key])).toHaveLength(1)
  })

  it('asks each witness one thing at a time, whoever waits', async () => {
    const log = await openLog(dir(), { ...options(), checkpointMs: 0 })
    await Promise.all([
      ...Array.from({ length: 5 }, () => calls(3)),
      ...Array.from({ length: 20 }, () => log.flush('witnessed')),
    ])
    await log.flush('witnessed')
    expect(between.atOnce).toBe(1)
    expect(await seenBy()).toBe(log.size)
    await log.close()
    expect((await verify(dir(), { self: true })).exitCode).toBe(0)
  })

  it('goes on when a cosigned checkpoint cannot be let out, and lets the next one out', async () => {
    let isFull = false
    const world = worldWith({
      rename: (from, to) => (isFull && to.endsWith('/log/checkpoint') ? broken() : realWorld.disk.rename(from, to)),
    })
    const log = await openLogIn(world, dir(), options({ waitMs: 300 }))
    await log.flush('witnessed')
    between.holds = true
    await calls(1, openLogIn(world, dir(), options()))
    await log.flush('published')
    await between.held()
    isFull = true
    between.letGo()
    await expect(log.flush('witnessed')).rejects.toMatchObject({ code: 'log.unwitnessed' })
    isFull = false
    await calls(1, openLogIn(world, dir(), options()))
    await log.close()
    expect([sizeOut(), verifyCosignatures(noteOut(), [witness.key]).length]).toEqual([9, 1])
    expect((await verify(dir(), { self: true })).exitCode).toBe(0)
  })

  it('writes nothing once it could not be opened: the round that had begun is over', async () => {
    const log = await openLog(dir(), options())
    await log.flush('witnessed')
    await log.close()
    rmSync(join(dir(), 'log/notes'), { recursive: true })
    let isOver = false
    const late: string[] = []
    const world = worldWith({
      makeDirectory: (path, mode) =>
        !isOver && path.endsWith('/notes') ? broken() : realWorld.disk.makeDirectory(path, mode),
      open: (path, how, mode) => {
        if (isOver && how !== 'read') late.push(path)
        return !isOver && path.includes('/notes/') && how !== 'read' ? broken() : realWorld.disk.open(path, how, mode)
      },
      rename: (from, to) => {
        if (isOver) late.push(to)
        return realWorld.disk.rename(from, to)
      },
    })
    between.holds = true
    await expect(openLogIn(world, dir(), options())).rejects.toMatchObject({ code: 'log.no-space' })
    isOver = true
    const asked = between.asked
    between.letGo()
    // Another writer has the lock by now, and its word is the only one.
    const next = await openLog(dir(), options())
    await next.flush('witnessed')
    await next.close()
    expect(late).toEqual([])
    expect(between.asked).toBeGreaterThanOrEqual(asked)
  })

  it('answers a process that has joined it and asks for witnesses', async () => {
    const holder = await openLog(dir(), options())
    const elsewhere: World = { ...realWorld, logs: processRegistry() }
    const joined = new SharedLog(elsewhere, dir(), {}, 'files', openLogIn)
    await calls(1, joined)
    const other = new SharedLog(elsewhere, dir(), {}, 'files', openLogIn)
    await other.logs()
    await other.flush('witnessed')
    expect(await seenBy()).toBe(5)
    between.holds = true
    await holder.close().catch(() => {})
    await other.close()
  })

  it('tells a process that has joined it when there is no quorum', async () => {
    const holder = await openLog(dir(), options({ waitMs: 100, timeoutMs: 50 }))
    const joined = new SharedLog({ ...realWorld, logs: processRegistry() }, dir(), {}, 'files', openLogIn)
    await joined.logs()
    between.holds = true
    await expect(joined.flush('witnessed')).rejects.toMatchObject({ code: 'log.unwitnessed' })
    await joined.close()
    between.letGo()
    await holder.close()
  })

  it('keeps its cosignatures when it is moved into tiles', async () => {
    const path = join(folder, 'lines.jsonl')
    const log = await openLog(path, { origin: 'example.com/lines', ...options() })
    await Witness.addLog(realWorld, join(folder, 'w1'), log.verifierKey)
    await log.flush('witnessed')
    await log.close()
    await importLog(realWorld, path, join(folder, 'tiles'))
    const note = parseNote(readFileSync(join(folder, 'tiles/log/checkpoint')))
    expect(verifyCosignatures(note, [witness.key])).toHaveLength(1)
  })

  it('tells whoever closes it that a witness has seen another history', async () => {
    copyTree(dir(), join(folder, 'older'))
    const log = await openLog(dir(), options())
    await calls(2)
    await log.close()
    rmSync(dir(), { recursive: true })
    copyTree(join(folder, 'older'), dir())
    between.holds = true
    const older = await openLog(dir(), options())
    const closing = expect(older.close()).rejects.toMatchObject({ code: 'log.halted' })
    await between.held()
    between.letGo()
    await closing
    // The lock is free, and the next one is told the same.
    const again = await openLog(dir(), options())
    await expect(again.flush('witnessed')).rejects.toThrow()
    await again.close().catch(() => {})
  })
})
