import { expect } from 'vitest'
import { equalBytes } from '../core/bytes/equal.js'
import { verifyDisclosure } from '../core/record/disclosure.js'
import { parseDisclosureSet } from '../core/record/disclosure-set.js'
import { commitmentsOf, parseRecord, type UnderstoodRecord } from '../core/record/schema.js'
import { verifyRecordSignature } from '../core/record/signing.js'
import type { Json, Record as LogEntry, RecordType, StreamStart } from '../core/record/types.js'
import type { AppendEntry, AuditBackend, Receipt } from '../log/backend.js'
import { type Runtime, systemRuntime } from './runtime.js'

/** Time that stands still until told otherwise; chance is real. */
export class HeldRuntime implements Runtime {
  ms = Date.UTC(2026, 10, 24, 9)
  #passed = 0
  readonly random = systemRuntime.random
  #timers: { at: number; then: () => void }[] = []

  now = () => this.ms

  monotonic = () => this.#passed

  later = (ms: number, then: () => void) => {
    const timer = { at: this.#passed + ms, then }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer)
    }
  }

  /** Lets `ms` milliseconds pass, timers included. */
  async pass(ms: number): Promise<void> {
    const end = this.#passed + ms
    for (;;) {
      await settled()
      const next = this.#timers.filter(timer => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers = this.#timers.filter(timer => timer !== next)
      this.#elapse(next.at)
      next.then()
    }
    this.#elapse(end)
  }

  #elapse(to: number): void {
    this.ms += Math.max(0, to - this.#passed)
    this.#passed = Math.max(to, this.#passed)
  }
}

/** Resolves when what promises and microtasks can do has been done. */
export const settled = () => new Promise<void>(resolve => setImmediate(resolve))

/** What an append does: takes the batch, or fails as this says. */
export type Weather = (batch: readonly AppendEntry[], number: number) => Promise<void> | void

/**
 * A user's own object as backend: appends to a list, keeps a record it already has where it is, and can be told to
 * fail before or after it took a batch.
 */
export class ListBackend implements AuditBackend {
  readonly entries: AppendEntry[] = []
  readonly batches: (readonly AppendEntry[])[] = []
  readonly keepsDisclosures = true
  before: Weather = () => {}
  after: Weather = () => {}
  calls = 0
  closed = 0
  flushed = 0

  async append(batch: readonly AppendEntry[]): Promise<readonly Receipt[]> {
    const number = this.calls++
    await this.before(batch, number)
    const fresh = batch.filter(entry => !this.entries.some(held => equalBytes(held.record, entry.record)))
    this.entries.push(...fresh)
    if (fresh.length > 0) this.batches.push(batch)
    await this.after(batch, number)
    return []
  }

  async flush() {
    this.flushed++
  }

  async close() {
    this.closed++
  }

  get log(): LogView {
    return new LogView(this.entries)
  }
}

export interface Row {
  readonly type: RecordType
  readonly json: { readonly [name: string]: Json }
  readonly record: LogEntry
  readonly leaf: string
  readonly values: { readonly [path: string]: Json }
}

/** A log read back: every record parsed, every disclosure checked against its commitment. */
export class LogView {
  readonly rows: readonly Row[]

  constructor(entries: readonly AppendEntry[]) {
    this.rows = entries.map(entry => {
      const parsed = parseRecord(entry.record)
      if (!parsed.understood) throw new Error(`not understood: ${parsed.why}`)
      return { ...row(parsed), values: values(parsed, entry.disclosures) }
    })
    checkStreams(this.rows)
  }

  of<T extends RecordType>(type: T): (Row & { readonly record: Extract<LogEntry, { type: T }> })[] {
    return this.rows.filter(found => found.type === type) as never
  }

  types(): string {
    return this.rows.map(found => found.type).join(' ')
  }

  /** The records of each call, in order: `intent:allow outcome:succeeded/yes`. */
  calls(): string[] {
    return this.of('intent').map(intent => {
      const said = [`${intent.record.tool.name} intent:${intent.record.decision.verdict}`]
      for (const { record } of this.rows) {
        if (record.type === 'review' && record.intent === intent.leaf) said.push(`review:${record.verdict}`)
        if (record.type === 'outcome' && record.intent === intent.leaf)
          said.push(`outcome:${record.status}/${record.executed}${record.late ? ' late' : ''}`)
      }
      return said.join(' ')
    })
  }
}

const row = ({ record, json, leaf }: UnderstoodRecord) => ({ type: record.type, json, record, leaf })

function values({ record }: UnderstoodRecord, disclosures: Uint8Array | undefined): { [path: string]: Json } {
  const found: { [path: string]: Json } = {}
  if (!disclosures) return found
  const commitments = commitmentsOf(record)
  for (const [path, disclosure] of parseDisclosureSet(disclosures)) {
    const disclosed = verifyDisclosure(disclosure, commitments.get(path)!)
    if ('value' in disclosed) found[path] = disclosed.value
  }
  return found
}

/** spec/record.md §2, §3, §4: chain, places, signatures of batches, counters. */
function checkStreams(rows: readonly Row[]): void {
  const starts = new Map<string, StreamStart>()
  const last = new Map<string, Row>()
  const sessions = new Map<string, number>()
  for (const found of rows) {
    const { record } = found
    if (record.type === 'log') {
      expect(verifyRecordSignature(found, record.operators[0]!)).toBe(true)
    } else if (record.type === 'stream.start') {
      expect(verifyRecordSignature(found, record.identity)).toBe(true)
      starts.set(found.leaf, record)
      last.set(found.leaf, found)
    } else {
      const before = last.get(record.stream)!
      expect(record.prev).toBe(before.leaf)
      expect(record.seq).toBe((before.record as { seq: number }).seq + 1)
      expect(before.type).not.toBe('stream.end')
      if (record.sig) expect(verifyRecordSignature(found, starts.get(record.stream)!.key)).toBe(true)
      last.set(record.stream, found)
      if (record.type === 'intent' && record.session) {
        const n = sessions.get(record.session.id) ?? 0
        expect(record.session.n).toBe(n)
        sessions.set(record.session.id, n + 1)
      }
      if (record.type === 'session.end') expect(sessions.get(record.session)).toBe(record.calls)
    }
  }
  // What ends the log so far was the end of a batch, so it is signed.
  for (const { record } of last.values()) expect(record.sig).toBeDefined()
}

/** A promise that somebody else settles. */
export function deferred<T = void>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
