import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import {
  ALGORITHM,
  cosign,
  EMPTY_ROOT,
  Frontier,
  formatCheckpoint,
  formatVerifierKey,
  leafHash,
  parseNote,
  signNote,
  verifyCosignatures,
} from '../core/tlog/index.js'
import {
  askMonitoring,
  askWitness,
  isAlarm,
  type ToCosign,
  type WitnessAddress,
  withCosignatures,
} from './witness-client.js'

const ORIGIN = 'example.com/deeds'
const seeds = {
  log: new Uint8Array(32).fill(1),
  witness: new Uint8Array(32).fill(2),
  other: new Uint8Array(32).fill(3),
}
const logKey = formatVerifierKey(ORIGIN, ALGORITHM.ed25519, ed25519PublicKey(seeds.log))
const witnessKey = formatVerifierKey('witness.example/w1', ALGORITHM.cosignature, ed25519PublicKey(seeds.witness))
const otherKey = formatVerifierKey('witness.example/w2', ALGORITHM.cosignature, ed25519PublicKey(seeds.other))
const NOW = Date.parse('2026-11-25T10:00:00Z')
const SECONDS = NOW / 1000

const tree = Frontier.empty()
for (let i = 0; i < 9; i++) tree.append(leafHash(Uint8Array.of(i)))
const checkpoint = { origin: ORIGIN, size: 9, root: tree.root() }
const text = formatCheckpoint(checkpoint)
const note = signNote(text, logKey, message => ed25519Sign(message, seeds.log))
const asked: number[] = []
const submission: ToCosign = {
  checkpoint,
  note,
  prove: async old => {
    asked.push(old)
    return []
  },
}
const line = (seconds = SECONDS, key = witnessKey, seed = seeds.witness) =>
  `${cosign(text, seconds, key, message => ed25519Sign(message, seed))}\n`

interface Scripted {
  readonly status: number
  readonly body?: string | Uint8Array
}
let server: Server | undefined
const requests: string[] = []

/** A witness that answers what it is told to, one answer for each request, the last one again and again. */
async function witnessAnswering(...answers: Scripted[]): Promise<WitnessAddress> {
  asked.length = 0
  requests.length = 0
  server = createServer((request, response) => {
    let body = ''
    request.on('data', part => {
      body += part
    })
    request.on('end', () => {
      requests.push(`${request.method} ${request.url}\n${body}`)
      const { status, body: answer } = answers[Math.min(requests.length, answers.length) - 1]!
      response.writeHead(status, status >= 300 && status < 400 ? { location: '/elsewhere' } : {})
      response.end(answer)
    })
  })
  await new Promise<void>(resolve => server!.listen(0, '127.0.0.1', () => resolve()))
  return { name: 'w1', key: witnessKey, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

afterEach(async () => {
  server?.closeAllConnections()
  await new Promise<void>(resolve => (server ? server.close(() => resolve()) : resolve()))
  server = undefined
})

const ask = (witness: WitnessAddress, old = 5, signal = AbortSignal.timeout(5000)) =>
  askWitness(witness, submission, { old, nowMs: NOW, signal })

describe('asking a witness', () => {
  it('gives its cosignature, checked', async () => {
    const cosigned = await ask(await witnessAnswering({ status: 200, body: line() }))
    const whole = parseNote(withCosignatures(note, [cosigned]))
    expect(verifyCosignatures(whole, [witnessKey])).toEqual([{ key: witnessKey, seconds: SECONDS }])
    expect(whole.signatures).toHaveLength(2)
    expect(requests[0]).toContain('POST /add-checkpoint\nold 5\n')
  })

  it('goes on from the size the witness names', async () => {
    await ask(await witnessAnswering({ status: 409, body: '3\n' }, { status: 200, body: line() }), 0)
    expect(asked).toEqual([0, 3])
  })

  it('takes its line out of others, and ignores keys it does not know', async () => {
    const body = line(SECONDS, otherKey, seeds.other) + line()
    expect((await ask(await witnessAnswering({ status: 200, body }))).key).toBe(witnessKey)
  })

  it('sounds the alarm when the witness knows another history, however it says so', async () => {
    for (const answer of [
      { status: 422 },
      { status: 409 },
      { status: 409, body: '5\n' },
      { status: 409, body: 'x\n' },
    ]) {
      const error = await ask(await witnessAnswering(answer)).catch((thrown: unknown) => thrown)
      expect([answer, error]).toMatchObject([answer, { code: 'witness.fork' }])
      expect(isAlarm(error)).toBe(true)
      server?.close()
    }
  })

  it('sounds the alarm when the witness has seen more of this log than there is', async () => {
    await expect(ask(await witnessAnswering({ status: 409, body: '10\n' }))).rejects.toMatchObject({
      code: 'witness.ahead',
    })
  })

  it('gives up after three sizes', async () => {
    const answers = ['1', '2', '3', '4'].map(size => ({ status: 409, body: `${size}\n` }))
    await expect(ask(await witnessAnswering(...answers))).rejects.toMatchObject({
      code: 'witness.busy',
      retryable: true,
    })
    expect(requests).toHaveLength(3)
  })

  it('tells what was refused from what failed', async () => {
    const rows: readonly (readonly [number, string, boolean])[] = [
      [404, 'witness.unknown-log', false],
      [403, 'witness.other-key', false],
      [400, 'witness.refused', false],
      [429, 'witness.busy', true],
      [500, 'witness.unavailable', true],
      [503, 'witness.unavailable', true],
      [204, 'witness.unavailable', true],
      [302, 'witness.unavailable', true],
    ]
    for (const [status, code, retryable] of rows) {
      await expect(ask(await witnessAnswering({ status }))).rejects.toMatchObject({ code, retryable })
      server?.close()
    }
  })

  it('believes no cosignature that is none', async () => {
    const foreign = formatCheckpoint({ ...checkpoint, origin: 'example.org/other' })
    const rows: readonly (readonly [string, string])[] = [
      [line(SECONDS, otherKey, seeds.other), 'witness.unsigned'],
      [`${cosign(foreign, SECONDS, witnessKey, m => ed25519Sign(m, seeds.witness))}\n`, 'cosignature'],
      [line(SECONDS + 3600), 'witness.time'],
      [line(0), 'witness.time'],
      [line().trimEnd(), 'witness.answer'],
      ['', 'witness.answer'],
      ['<html>\n', 'note.line'],
      [line().repeat(17), 'witness.answer'],
    ]
    for (const [body, code] of rows) {
      await expect(ask(await witnessAnswering({ status: 200, body }))).rejects.toMatchObject({ code })
      server?.close()
    }
  })

  it('reads no more of an answer than one can have', async () => {
    await expect(ask(await witnessAnswering({ status: 200, body: 'x'.repeat(100_000) }))).rejects.toMatchObject({
      code: 'witness.unavailable',
    })
  })

  it('waits no longer than it is told', async () => {
    const silent = createServer(() => {})
    server = silent
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', () => resolve()))
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    await expect(ask({ name: 'w1', key: witnessKey, url }, 0, AbortSignal.timeout(50))).rejects.toMatchObject({
      code: 'witness.unavailable',
    })
  })
})

describe('asking what a witness cosigned last', () => {
  const monitor = (witness: WitnessAddress) => askMonitoring(witness, [logKey], AbortSignal.timeout(5000))

  it('gives the checkpoint and when', async () => {
    const cosigned = await ask(await witnessAnswering({ status: 200, body: line() }))
    server?.close()
    const found = await monitor(await witnessAnswering({ status: 200, body: withCosignatures(note, [cosigned]) }))
    expect(found).toMatchObject({ checkpoint: { size: 9 }, seconds: SECONDS })
    expect(requests[0]).toMatch(/^GET \/[0-9a-f]{64}\/checkpoint\n$/)
  })

  it('gives nothing when it has cosigned nothing, and believes no unsigned answer', async () => {
    expect(await monitor(await witnessAnswering({ status: 404 }))).toBeUndefined()
    server?.close()
    await expect(monitor(await witnessAnswering({ status: 200, body: note }))).rejects.toMatchObject({
      code: 'witness.unsigned',
    })
    server?.close()
    const empty = signNote(formatCheckpoint({ origin: 'x.example', size: 0, root: EMPTY_ROOT }), logKey, m =>
      ed25519Sign(m, seeds.log),
    )
    await expect(monitor(await witnessAnswering({ status: 200, body: empty }))).rejects.toMatchObject({
      code: 'witness.unsigned',
    })
  })
})
