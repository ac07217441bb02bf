import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { toBase64 } from '../core/bytes/base64.js'
import { encodeKey, formatTime, ulid } from '../core/record/formats.js'
import { recordLeaf } from '../core/record/schema.js'
import { recordMessage, signedRecord } from '../core/record/signing.js'
import type { Json, LogRef } from '../core/record/types.js'
import type { AppendEntry, AuditBackend, DeadStream, Receipt, Signer } from '../log/backend.js'
import type { Runtime } from './runtime.js'

/** A backend as the recorder uses it: one that certainly has logs and identities. */
export interface Sink {
  append(entries: readonly AppendEntry[]): Promise<readonly Receipt[] | undefined>
  logs(): Promise<readonly LogRef[]>
  head(): Promise<Uint8Array | undefined>
  identity(agent: string): Promise<Signer>
  /** Undefined where the log does not know which recorders are gone. */
  deadStreams(agent: string, identity: Uint8Array): AsyncIterable<DeadStream> | undefined
  readonly keepsDisclosures: boolean
}

/**
 * @throws {TypeError} for something that is no backend, naming what it lacks: a recorder that finds out at its first
 *   call finds out too late
 */
export function sinkOf(backend: AuditBackend, runtime: Runtime): Sink {
  for (const method of ['append', 'flush', 'close'] as const)
    if (typeof (backend as Partial<AuditBackend> | null | undefined)?.[method] !== 'function')
      throw new TypeError(`an audit backend has append, flush and close: this one has no function \`${method}\``)
  const identity = async (agent: string) => (await backend.identity?.(agent)) ?? freshSigner(runtime)
  if (!backend.logs) return new OwnLog(backend, identity, runtime)
  return {
    append: entries => backend.append(entries),
    logs: () => backend.logs!(),
    head: async () => backend.head?.(),
    identity,
    deadStreams: (agent, publicKey) => backend.deadStreams?.(agent, publicKey),
    keepsDisclosures: backend.keepsDisclosures === true,
  }
}

/** An identity for one run: its secret is never stored, so nobody can pin it. */
export function freshSigner(runtime: Runtime): Signer {
  const seed = runtime.random(32)
  return { publicKey: ed25519PublicKey(seed), sign: message => ed25519Sign(message, seed) }
}

/**
 * The log of a backend that only takes records, such as an object of the user's own: a queue, a table, a webhook.
 * It has no entry 0, and a stream must name its log, so each run of a recorder brings a log of its own: first a `log`
 * record, signed by an operator key made for this run, then its streams. What one run hands over is, in order, one
 * complete log. Nobody signs checkpoints of it: whoever wants them gives the recorder `files()` or `jsonl()`.
 */
class OwnLog implements Sink {
  readonly keepsDisclosures: boolean
  readonly identity: (agent: string) => Promise<Signer>
  readonly #backend: AuditBackend
  readonly #runtime: Runtime
  #entryZero: { readonly record: Uint8Array; readonly ref: LogRef } | undefined
  #handedOver = false

  constructor(backend: AuditBackend, identity: (agent: string) => Promise<Signer>, runtime: Runtime) {
    this.#backend = backend
    this.#runtime = runtime
    this.identity = identity
    this.keepsDisclosures = backend.keepsDisclosures === true
  }

  async append(entries: readonly AppendEntry[]): Promise<undefined> {
    if (!this.#handedOver) {
      await this.#backend.append([{ record: this.#first().record }])
      this.#handedOver = true
    }
    // What a user's own object answers is not read: there is no log behind it whose word could be checked.
    await this.#backend.append(entries)
  }

  async logs(): Promise<readonly LogRef[]> {
    return [this.#first().ref]
  }

  async head(): Promise<undefined> {}

  // Each run is a log of its own.
  deadStreams(): undefined {}

  // Made once and kept: handing the same bytes over again after a failure is safe, other bytes would be another log.
  #first() {
    this.#entryZero ??= makeLogRecord(this.#runtime)
    return this.#entryZero
  }
}

function makeLogRecord(runtime: Runtime): { record: Uint8Array; ref: LogRef } {
  const seed = runtime.random(32)
  const now = runtime.now()
  const origin = `localhost/deedlog/${ulid(now, runtime.random(10)).toLowerCase()}`
  const body: { readonly [name: string]: Json } = {
    v: 1,
    type: 'log',
    origin,
    nonce: toBase64(runtime.random(32)),
    operators: [encodeKey(ed25519PublicKey(seed))],
    time: formatTime(now),
  }
  const record = signedRecord(body, ed25519Sign(recordMessage(body), seed))
  seed.fill(0)
  return { record, ref: { id: recordLeaf(record), origin } }
}
