import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ed25519PublicKey } from '#crypto'
import {
  ALGORITHM,
  formatAddCheckpoint,
  formatVerifierKey,
  monitoringPath,
  parseNote,
  parseSignatureLine,
  verifyCosignatures,
} from '../core/tlog/index.js'
import { realWorld } from '../log/world.js'
import { type RunningWitness, serveWitness } from './server.js'
import { KEY, ORIGIN, SEED, TestLog } from './testkit.js'
import { Witness } from './witness.js'

const log = new TestLog()
const fork = new TestLog('forged')
let now = Date.parse('2026-11-25T10:00:00Z')
const world = { ...realWorld, clock: { ...realWorld.clock, now: () => now } }
let folder: string
let path: string
let witness: Witness

beforeEach(async () => {
  now = Date.parse('2026-11-25T10:00:00Z')
  folder = mkdtempSync(join(tmpdir(), 'deedlog-witness-'))
  path = join(folder, 'w1')
  await Witness.create(world, path, 'witness.example/w1')
  await Witness.addLog(world, path, KEY.text)
  witness = await Witness.open(world, path)
})

afterEach(async () => {
  await witness.close()
  rmSync(folder, { recursive: true })
})

const add = (body: Uint8Array) => witness.addCheckpoint(body)
const status = async (body: Uint8Array) => (await add(body)).status

describe('a witness', () => {
  it('cosigns what goes on from what it cosigned last, and says when', async () => {
    const first = await add(log.request(0, 5))
    expect(first.status).toBe(200)
    now += 61_000
    const second = await add(log.request(5, 9))
    const note = parseNote(log.note(9))
    const line = parseSignatureLine(second.body.trimEnd())
    expect(verifyCosignatures({ ...note, signatures: [line] }, [witness.key])).toEqual([
      { key: witness.key, seconds: now / 1000 },
    ])
  })

  it('takes the same checkpoint again, and says the new time', async () => {
    await add(log.request(0, 5))
    now += 5000
    const again = await add(log.request(5, 5))
    expect(again.status).toBe(200)
    expect((await Witness.read(world, path)).logs[0]).toMatchObject({ size: 5, seconds: now / 1000 })
  })

  it('answers 409 with the size it knows when asked to go on from another', async () => {
    await add(log.request(0, 5))
    for (const old of [0, 4, 6]) expect(await add(log.request(old, 9))).toMatchObject({ status: 409, body: '5\n' })
    expect((await add(log.request(0, 9))).contentType).toBe('text/x.tlog.size')
  })

  it('never cosigns two roots of one size, and keeps the proof that somebody made them', async () => {
    await add(log.request(0, 5))
    expect(await status(fork.request(5, 5))).toBe(422)
    const [kept] = readdirSync(join(path, 'forks'))
    expect(readFileSync(join(path, 'forks', kept!))).toEqual(Buffer.from(fork.note(5)))
    expect((await add(log.request(5, 5))).status).toBe(200)
  })

  it('keeps the proof of a fork also from a request that names an old size', async () => {
    await add(log.request(0, 5))
    expect(await status(fork.request(0, 5))).toBe(409)
    expect(readdirSync(join(path, 'forks'))).toHaveLength(1)
  })

  it('refuses a history that does not go on from the one it cosigned', async () => {
    await add(log.request(0, 5))
    expect(await status(fork.request(5, 9))).toBe(422)
    expect(await status(formatAddCheckpoint({ old: 5, proof: log.proof(5, 9).slice(1), note: log.note(9) }))).toBe(422)
    expect((await Witness.read(world, path)).logs[0]?.size).toBe(5)
  })

  it('never goes back to a smaller tree', async () => {
    await add(log.request(0, 9))
    expect(await status(log.request(0, 5))).toBe(409)
    expect(await status(formatAddCheckpoint({ old: 9, proof: [], note: log.note(5) }))).toBe(400)
    expect((await Witness.read(world, path)).logs[0]?.size).toBe(9)
  })

  it('knows only the logs it was told, and only under their keys', async () => {
    const stranger = formatVerifierKey('example.org/other', ALGORITHM.ed25519, ed25519PublicKey(SEED))
    expect(await status(new TestLog('honest', stranger).request(0, 5))).toBe(404)
    const thief = new Uint8Array(32).fill(9)
    const forged = formatVerifierKey(ORIGIN, ALGORITHM.ed25519, ed25519PublicKey(thief))
    expect(await status(new TestLog('honest', forged, thief).request(0, 5))).toBe(403)
  })

  it('refuses a note on which the signature of a known key is bad, whatever else is on it', async () => {
    const note = log.note(5)
    note[note.length - 8]! ^= 1
    expect(await status(formatAddCheckpoint({ old: 0, proof: [], note }))).toSatisfy(
      code => code === 403 || code === 400,
    )
  })

  it('refuses an empty tree with another root, and a proof where there is nothing to prove', async () => {
    expect(await status(formatAddCheckpoint({ old: 0, proof: [], note: log.note(0, log.root(1)) }))).toBe(422)
    expect(await status(formatAddCheckpoint({ old: 0, proof: log.proof(2, 5), note: log.note(5) }))).toBe(422)
    expect(await status(log.request(0, 0))).toBe(200)
  })

  it('refuses everything that is not a request, byte for byte', async () => {
    const good = new TextDecoder().decode(log.request(0, 5))
    const bodies = [
      '',
      'old 0',
      good.replace('old 0', 'old 00'),
      good.replace('old 0', 'old -1'),
      good.replace('old 0', 'old 1e3'),
      good.replace('old 0', 'old  0'),
      good.replace('old 0', 'OLD 0'),
      good.replace('old 0', 'old 9007199254740992'),
      good.replace('old 0\n', 'old 0\n\n'),
      good.replace('old 0\n', 'old 0\nAAAA\n'),
      good.replace('old 0\n', 'old 0\r\n'),
      `old 0\n${'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'.repeat(64)}\n${good.slice(7)}`,
      good.slice(0, -1),
      good.replace('\n5\n', '\n05\n'),
    ]
    for (const body of bodies) expect([body, await status(new TextEncoder().encode(body))]).toEqual([body, 400])
    expect(await status(new Uint8Array(40_000))).toBe(400)
    expect((await Witness.read(world, path)).logs[0]?.size).toBeUndefined()
  })

  it('remembers after it was closed and opened', async () => {
    await add(log.request(0, 5))
    await witness.close()
    witness = await Witness.open(world, path)
    expect(await status(fork.request(5, 5))).toBe(422)
    expect(await status(log.request(5, 9))).toBe(200)
  })

  it('does not open, or answer, over a state that was altered: a damaged memory must not pass for none', async () => {
    await add(log.request(0, 5))
    const file = join(path, 'public', monitoringPath(ORIGIN))
    const good = readFileSync(file)
    for (const bad of [Buffer.from(log.note(5)), Buffer.from(log.note(9)), good.subarray(0, good.length - 9)]) {
      writeFileSync(file, bad)
      await expect(add(log.request(0, 5))).rejects.toMatchObject({ code: 'witness.damaged' })
      await witness.close()
      await expect(Witness.open(world, path)).rejects.toMatchObject({ code: 'witness.damaged' })
      writeFileSync(file, good)
      witness = await Witness.open(world, path)
    }
  })

  it('is run by one process at a time', async () => {
    await expect(Witness.open(world, path)).rejects.toMatchObject({ code: 'witness.in-use' })
  })

  it('signs nothing while its clock is behind what it has signed', async () => {
    await add(log.request(0, 5))
    now -= 10_000
    await expect(add(log.request(5, 9))).rejects.toMatchObject({ code: 'witness.clock' })
    now += 10_000
    expect(await status(log.request(5, 9))).toBe(200)
  })

  it('answers one request after the other: of two that go on from the same size, one is told the new size', async () => {
    await add(log.request(0, 5))
    const answers = await Promise.all([add(log.request(5, 9)), add(log.request(5, 7))])
    expect(answers.map(each => each.status)).toEqual([200, 409])
    expect((await Witness.read(world, path)).logs[0]?.size).toBe(9)
  })

  it('lets nothing out that is not durable: when the state cannot be written, nobody gets a cosignature', async () => {
    await witness.close()
    const full = {
      ...world,
      disk: {
        ...world.disk,
        open: (file: string, how: 'read' | 'write' | 'create', mode?: number) =>
          file.includes('/public/')
            ? Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
            : world.disk.open(file, how, mode),
      },
    }
    witness = await Witness.open(full, path)
    await expect(add(log.request(0, 5))).rejects.toMatchObject({ code: 'log.no-space' })
    expect(await witness.newest(monitoringPath(ORIGIN).split('/')[0]!)).toBeUndefined()
  })

  it('keeps its key for itself', () => {
    expect(statSync(join(path, 'private/witness.pem')).mode & 0o777).toBe(0o600)
    expect(statSync(join(path, 'private')).mode & 0o777).toBe(0o700)
  })

  it('is made once', async () => {
    await expect(Witness.create(world, path, 'witness.example/w1')).rejects.toMatchObject({ code: 'witness.exists' })
    await expect(Witness.create(world, join(folder, 'w2'), 'has space')).rejects.toMatchObject({ code: 'witness.name' })
  })
})

describe('a witness over HTTP', () => {
  let server: RunningWitness
  beforeEach(async () => {
    server = await serveWitness(witness, { host: '127.0.0.1', port: 0 })
  })
  afterEach(() => server.stop())

  const post = (body: Uint8Array, to = '/add-checkpoint') => fetch(`${server.url}${to}`, { method: 'POST', body })

  it('cosigns, and serves the newest checkpoint with the signatures of log and witness', async () => {
    expect((await post(log.request(0, 5))).status).toBe(200)
    const got = await fetch(`${server.url}/${monitoringPath(ORIGIN)}`)
    const note = parseNote(new Uint8Array(await got.arrayBuffer()))
    expect(note.signatures.map(({ name }) => name)).toEqual([ORIGIN, 'witness.example/w1'])
    expect(verifyCosignatures(note, [witness.key])).toHaveLength(1)
  })

  it('answers 409 with a size of the type that the specification names', async () => {
    await post(log.request(0, 5))
    const conflict = await post(log.request(0, 9))
    expect([conflict.status, conflict.headers.get('content-type'), await conflict.text()]).toEqual([
      409,
      'text/x.tlog.size',
      '5\n',
    ])
  })

  it('has two paths, and nothing beside them', async () => {
    const paths = ['/', '/add-checkpoint/', '/../private/witness.pem', `/${'A'.repeat(64)}/checkpoint`, '/%2e%2e/x']
    for (const each of paths) expect([each, (await fetch(`${server.url}${each}`)).status]).toEqual([each, 404])
    expect((await fetch(`${server.url}/add-checkpoint`)).status).toBe(405)
    expect((await fetch(`${server.url}/${'0'.repeat(64)}/checkpoint`)).status).toBe(404)
    expect((await fetch(`${server.url}/${monitoringPath(ORIGIN)}`, { method: 'DELETE' })).status).toBe(405)
  })

  it('stops reading what is too long, said or unsaid', async () => {
    expect((await post(new Uint8Array(40_000))).status).toBe(413)
    const unsaid = await new Promise<number | undefined>(resolve => {
      const request = httpRequest(`${server.url}/add-checkpoint`, { method: 'POST' }, response => {
        response.resume()
        resolve(response.statusCode)
      })
      request.on('error', () => resolve(413))
      for (let i = 0; i < 20; i++) request.write(new Uint8Array(4096))
      request.end()
    })
    expect(unsaid).toBe(413)
  })

  it('outlives bytes that are no HTTP', async () => {
    await new Promise<void>(resolve => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () =>
        socket.end('\u0016\u0003\u0001 not HTTP\r\n\r\n'),
      )
      socket.on('error', () => {})
      socket.on('close', () => resolve())
    })
    expect((await post(log.request(0, 5))).status).toBe(200)
  })

  it('learns a log while it runs', async () => {
    const key = formatVerifierKey('example.org/late', ALGORITHM.ed25519, ed25519PublicKey(SEED))
    const late = new TestLog('honest', key)
    expect((await post(late.request(0, 5))).status).toBe(404)
    await Witness.addLog(world, path, key.text)
    expect((await post(late.request(0, 5))).status).toBe(200)
  })
})
