import { describe, expect, test } from 'vitest'
import { ed25519PublicKey } from '#crypto'
import { type Hash, parseRecord, recordLeaf, ulid } from '../../src/core/record/index.js'
import { Acceptance } from '../../src/log/acceptance.js'
import type { DeadStream } from '../../src/log/backend.js'
import { DeadStreams } from '../../src/log/dead-streams.js'
import { TestStream } from '../contract/log-streams.js'

const LOG = 'ab'.repeat(32)
const LOGS = [{ id: LOG, origin: 'example.com/log' }]
const IDENTITY = new Uint8Array(32).fill(9)
const AGENT = 'did:test:1'

/** A log in memory, and what is dead in it for a process in which none of its streams began. */
class Records {
  readonly alive = new Set<Hash>()
  readonly #records: Uint8Array[] = []
  readonly #acceptance = new Acceptance(LOG, [])

  add(...records: Uint8Array[]): void {
    for (const record of records) {
      this.#acceptance.saved(parseRecord(record), this.#records.length)
      this.#records.push(record)
    }
  }

  begin(keyNumber: number): TestStream {
    const stream = new TestStream(LOGS, 1, { identity: IDENTITY, keyNumber })
    this.add(stream.start)
    return stream
  }

  search(openMax?: number): DeadStreams {
    const read = async function* (this: Records, from: number, to: number) {
      for (let index = from; index < to; index++) yield { index, record: this.#records[index]!, place: () => '' }
    }.bind(this)
    return new DeadStreams({
      acceptance: this.#acceptance,
      alive: this.alive,
      read,
      size: () => this.#records.length,
      ...(openMax === undefined ? {} : { openMax }),
    })
  }

  async dead(openMax?: number): Promise<DeadStream[]> {
    return all(this.search(openMax).of(AGENT, ed25519PublicKey(IDENTITY)))
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

let calls = 0
const idOf = (number: number) => ulid(1, new Uint8Array(10).fill(number % 256))

/** An intent as a test writes it, and its call. */
function intent(stream: TestStream, verdict = 'allow') {
  const call = idOf(calls++)
  const record = stream.record({
    type: 'intent',
    call,
    tool: { name: 'pay' },
    args: { root: 'cd'.repeat(32), scheme: 'f1', size: 256 },
    decision: { verdict },
  })
  return { call, record, intent: recordLeaf(record) }
}

const outcome = (stream: TestStream, of: { call: string; intent: string }, status = 'unknown', more = {}) =>
  stream.record({ type: 'outcome', call: of.call, intent: of.intent, status, executed: 'unknown', ...more })

const recovery = (stream: TestStream, of: TestStream) =>
  stream.record({ type: 'recovery', of: of.id, last: of.prev, lastSeq: of.seq })

const end = (stream: TestStream) => stream.record({ type: 'stream.end', calls: 0, pending: 0 })

describe('the dead streams of a recorder', () => {
  test('are those without an end that did not begin in this process', async () => {
    const records = new Records()
    const [ended, alive, dead] = [records.begin(1), records.begin(2), records.begin(3)]
    records.add(end(ended))
    records.alive.add(alive.id)
    expect(await records.dead()).toEqual([
      { stream: dead.id, last: dead.id, lastSeq: 0, recovered: false, unsettled: [] },
    ])
  })

  test('come with the calls that have no outcome, in parts when these are many', async () => {
    const records = new Records()
    const [one, two] = [records.begin(1), records.begin(2)]
    const open = []
    for (let i = 0; i < 10; i++) {
      const stream = i % 3 === 0 ? two : one
      const settled = intent(stream)
      const unsettled = intent(stream)
      records.add(settled.record, unsettled.record, outcome(stream, settled, 'failed'))
      open.push({ call: unsettled.call, intent: unsettled.intent })
    }
    const whole = await records.dead()
    expect(whole.map(({ recovered }) => recovered)).toEqual([false, false])
    expect(whole.flatMap(({ unsettled }) => unsettled)).toHaveLength(10)
    for (const openMax of [1, 2, 3, 9]) {
      const parts = await records.dead(openMax)
      const found = parts.flatMap(({ unsettled }) => unsettled)
      expect(new Set(found.map(({ intent: leaf }) => leaf)), `${openMax} at a time`).toEqual(
        new Set(open.map(({ intent: leaf }) => leaf)),
      )
      expect(found).toHaveLength(10)
      // Of each stream the first part asks for the recovery, and only it.
      for (const { id } of [one, two])
        expect(parts.filter(part => part.stream === id).map(part => part.recovered)).toEqual(
          parts.filter(part => part.stream === id).map((_, i) => i > 0),
        )
    }
  })

  test('include those whose recovery was not brought to its end, without a second recovery', async () => {
    const records = new Records()
    const dead = records.begin(1)
    const [told, untold] = [intent(dead), intent(dead)]
    records.add(told.record, untold.record)
    const recovering = records.begin(2)
    records.add(recovery(recovering, dead), outcome(recovering, told))
    const again = records.begin(3)
    records.add(recovery(again, recovering))
    expect(await records.dead()).toEqual([
      {
        stream: dead.id,
        last: dead.prev,
        lastSeq: 2,
        recovered: true,
        unsettled: [{ call: untold.call, intent: untold.intent }],
      },
      { stream: again.id, last: again.prev, lastSeq: again.seq, recovered: false, unsettled: [] },
    ])
    // One that was brought to its end is not looked at again.
    records.add(outcome(again, untold), end(again))
    expect(await records.dead()).toEqual([])
  })

  test('count no outcome that another recorder wrote', async () => {
    const records = new Records()
    const dead = records.begin(1)
    const call = intent(dead)
    const stranger = new TestStream(LOGS, 2)
    records.add(call.record, stranger.start, outcome(stranger, call, 'unknown', { late: true }))
    expect((await records.dead())[0]?.unsettled).toHaveLength(1)
  })

  test('are given to one asker at a time', async () => {
    const records = new Records()
    records.begin(1)
    const search = records.search()
    const key = ed25519PublicKey(IDENTITY)
    const first = search.of(AGENT, key)
    expect((await first.next()).done).toBe(false)
    expect(await all(search.of(AGENT, key))).toEqual([])
    await first.return(undefined)
    expect(await all(search.of(AGENT, key))).toHaveLength(1)
  })
})
