import { ed25519PublicKey, ed25519Sign } from '#crypto'
import {
  canonicalBytes,
  encodeKey,
  formatTime,
  type LogRef,
  recordLeaf,
  recordMessage,
  signedRecord,
} from '../../src/core/record/index.js'
import type { AppendEntry, AuditBackend } from '../../src/log/backend.js'

const TIME = formatTime(Date.UTC(2026, 10, 22, 9, 25))

/** A seed that differs from test to test only by its number. */
export const seedOf = (number: number): Uint8Array => {
  const seed = new Uint8Array(32).fill(1)
  new DataView(seed.buffer).setUint32(0, number)
  return seed
}

/** Writes the records of one stream as a recorder would, without one: made-up losses, the last of each batch signed. */
export class TestStream {
  readonly start: Uint8Array
  readonly logs: readonly LogRef[]
  readonly number: number
  readonly id: string
  readonly #key: Uint8Array
  seq = 0
  prev: string

  constructor(
    logs: readonly LogRef[],
    number = 1,
    options: { role?: 'agent' | 'operator'; identity?: Uint8Array; after?: object; keyNumber?: number } = {},
  ) {
    const identity = options.identity ?? seedOf(10_000 + number)
    this.#key = seedOf(20_000 + (options.keyNumber ?? number))
    this.logs = logs
    this.number = number
    const body = {
      v: 1,
      type: 'stream.start',
      seq: 0,
      logs,
      role: options.role ?? 'agent',
      agent: { id: `did:test:${number}` },
      recorder: { name: 'test', version: '1' },
      identity: encodeKey(ed25519PublicKey(identity)),
      key: encodeKey(ed25519PublicKey(this.#key)),
      ...(options.after ? { after: options.after } : {}),
      time: TIME,
    }
    this.start = signedRecord(body, ed25519Sign(recordMessage(body), identity))
    this.id = recordLeaf(this.start)
    this.prev = this.id
  }

  /** The next record of this stream, signed or not. */
  record(members: object = { type: 'loss', reason: 'test' }, signed = true): Uint8Array {
    const body = { v: 1, stream: this.id, seq: ++this.seq, prev: this.prev, ...members, time: TIME }
    const record = signed
      ? signedRecord(body, ed25519Sign(recordMessage(body), this.#key))
      : canonicalBytes(body as never)
    this.prev = recordLeaf(record)
    return record
  }

  /** The next batch: `count` records, the last of them signed, each with `pad` characters more and disclosures. */
  batch(count = 1, { pad = 0, disclosures = true }: { pad?: number; disclosures?: boolean } = {}): AppendEntry[] {
    return Array.from({ length: count }, (_, i) => {
      const record = this.record(
        { type: 'loss', reason: 'test', ...(pad ? { 'com.example.pad': 'x'.repeat(pad) } : {}) },
        i === count - 1,
      )
      return disclosures ? { record, disclosures: disclosuresOf(record) } : { record }
    })
  }

  static async begin(log: AuditBackend, number = 1): Promise<TestStream> {
    const stream = new TestStream(await log.logs!(), number)
    await log.append([{ record: stream.start, disclosures: disclosuresOf(stream.start) }])
    return stream
  }
}

/** Disclosures that a test can tell from those of any other record. */
export const disclosuresOf = (record: Uint8Array): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ of: recordLeaf(record) }))
