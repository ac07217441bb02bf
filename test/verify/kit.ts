import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ed25519PublicKey, ed25519Sign, sha256, sha256Hex } from '#crypto'
import { toBase64 } from '../../src/core/bytes/base64.js'
import { concatBytes } from '../../src/core/bytes/equal.js'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import {
  approvalMessage,
  type Commitment,
  canonicalBytes,
  commit,
  encodeKey,
  encodeSig,
  formatTime,
  type Hash,
  type Json,
  recordLeaf,
  recordMessage,
  ulid,
} from '../../src/core/record/index.js'
import {
  ALGORITHM,
  cosignatureMessage,
  encodeBundle,
  encodeCosignature,
  Frontier,
  formatCheckpoint,
  formatNote,
  formatVerifierKey,
  fullTileRoot,
  hashTile,
  leafHash,
  parseNote,
  signNote,
  TILE_WIDTH,
  tilePath,
  type VerifierKey,
} from '../../src/core/tlog/index.js'
import { LogVerifier, parseTrust, type Report, type VerifierOptions } from '../../src/core/verify/index.js'

/*
 * Logs of any kind, honest and hostile, in memory: real keys, records by core/record, trees by core/tlog, and nothing
 * of the writer, which would refuse most of what is written here.
 */

/** Somebody with a key. The same name is always the same key. */
export class Party {
  readonly name: string
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array

  constructor(name: string) {
    this.name = name
    this.seed = sha256(toUtf8(`party ${name}`))
    this.publicKey = ed25519PublicKey(this.seed)
  }

  /** As records write it. */
  get key(): string {
    return encodeKey(this.publicKey)
  }

  vkey(name = this.name, algorithm: number = ALGORITHM.ed25519): VerifierKey {
    return formatVerifierKey(name, algorithm, this.publicKey)
  }

  sign(message: Uint8Array): Uint8Array {
    return ed25519Sign(message, this.seed)
  }
}

export type Body = { readonly [name: string]: Json }

/** The bytes of `body` with a signature by `signer`, whatever the body says. */
export const signed = (body: Body, signer: Party): Uint8Array =>
  canonicalBytes({ ...body, sig: encodeSig(signer.sign(recordMessage(body))) })

const TIME = Date.UTC(2026, 10, 24, 9)

export interface LogOptions {
  readonly origin?: string
  readonly operators?: readonly Party[]
  readonly signer?: Party
  readonly retentionDays?: number
}

/** A log: entry 0 is there from the start. */
export class TestLog {
  readonly origin: string
  readonly key: Party
  readonly operator: Party
  /** The entries. Tests may do to them what they like. */
  entries: Uint8Array[] = []
  readonly id: Hash
  #chance = 0

  constructor({ origin = 'example.com/deeds', operators, signer, retentionDays }: LogOptions = {}) {
    this.origin = origin
    this.key = new Party(`log ${origin}`)
    this.operator = operators?.[0] ?? new Party(`operator ${origin}`)
    const keys = (operators ?? [this.operator]).map(party => party.key)
    const body = { v: 1, type: 'log', origin, nonce: toBase64(this.random(32)), operators: keys, time: this.time() }
    const promised = retentionDays === undefined ? body : { ...body, retention: { days: retentionDays } }
    this.entries.push(signed(promised, signer ?? this.operator))
    this.id = recordLeaf(this.entries[0]!)
  }

  /** Bytes nobody would guess, the same in every run. */
  random(length: number): Uint8Array {
    return sha256(toUtf8(`${this.origin} ${this.#chance++}`)).slice(0, length)
  }

  time(): string {
    return formatTime(TIME + this.#chance * 1000)
  }

  push(entry: Uint8Array): number {
    this.entries.push(entry)
    return this.entries.length - 1
  }

  /** Begins a stream; its start is appended. */
  stream(agent = new Party('did:example:clerk'), more: Body = {}): TestStream {
    return new TestStream(this, agent, more)
  }

  get size(): number {
    return this.entries.length
  }

  root(size = this.size): Uint8Array {
    const tree = Frontier.empty()
    for (const entry of this.entries.slice(0, size)) tree.append(leafHash(entry))
    return tree.root()
  }

  /** A checkpoint of this log's key, with cosignatures. */
  checkpoint({
    size = this.size,
    origin = this.origin,
    witnesses = [] as readonly Party[],
    root = this.root(size),
    /** Of the cosignatures, since 1970. Default: one for each record after `TIME`. */
    seconds: at = undefined as number | undefined,
  } = {}): Uint8Array {
    const text = formatCheckpoint({ origin, size, root })
    const note = parseNote(signNote(text, this.key.vkey(origin), message => this.key.sign(message)))
    const seconds = at ?? TIME / 1000 + size
    const cosigned = witnesses.map(witness => {
      const { name, keyId } = witness.vkey(witness.name, ALGORITHM.cosignature)
      return { name, keyId, signature: encodeCosignature(seconds, witness.sign(cosignatureMessage(text, seconds))) }
    })
    return formatNote(text, [...note.signatures, ...cosigned])
  }

  /** What a record says of a checkpoint it has seen. */
  after(
    size = this.size,
    note = this.checkpoint({ size }),
  ): { origin: string; size: number; root: string; note: string } {
    return { origin: this.origin, size, root: Buffer.from(this.root(size)).toString('hex'), note: sha256Hex(note) }
  }

  /** The text of a trust file that pins this log, its operator and these agents. */
  trust(
    agents: readonly Party[] = [new Party('did:example:clerk')],
    more: readonly string[] = ['quorum none'],
  ): string {
    return [
      `log ${this.key.vkey(this.origin).text}`,
      `log-id ${this.id}`,
      `operator ${this.operator.vkey(this.origin).text}`,
      ...agents.map(agent => `agent ${agent.vkey().text}`),
      ...more,
      '',
    ].join('\n')
  }

  /** As C2SP tlog-tiles lays it out: public files by path. */
  files(checkpoint = this.checkpoint()): Map<string, Uint8Array> {
    return filesOf(this.entries, checkpoint)
  }
}

/** Entries as C2SP tlog-tiles lays them out, under a checkpoint that need not be theirs. */
export function filesOf(all: readonly Uint8Array[], checkpoint: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>([['checkpoint', checkpoint]])
  for (let first = 0; first < all.length; first += TILE_WIDTH) {
    const entries = all.slice(first, first + TILE_WIDTH)
    const id = { index: first / TILE_WIDTH, width: entries.length }
    files.set(tilePath({ level: 'entries', ...id }), encodeBundle(entries))
  }
  let hashes = all.map(leafHash)
  for (let level = 0; hashes.length > 0; level++) {
    const above: Uint8Array[] = []
    for (let first = 0; first < hashes.length; first += TILE_WIDTH) {
      const tile = hashes.slice(first, first + TILE_WIDTH)
      files.set(tilePath({ level, index: first / TILE_WIDTH, width: tile.length }), hashTile(tile))
      if (tile.length === TILE_WIDTH) above.push(fullTileRoot(tile))
    }
    hashes = above
  }
  return files
}

export interface CallOptions {
  readonly tool?: string
  readonly verdict?: string
  readonly session?: { readonly id: string; readonly n: number }
  readonly more?: Body
}

/** One run of one recorder. Records are appended as they are made, each signed, unless told otherwise. */
export class TestStream {
  readonly log: TestLog
  readonly agent: Party
  readonly key: Party
  readonly id: Hash
  readonly first: number
  seq = 0
  prev: Hash
  calls = 0

  constructor(log: TestLog, agent: Party, more: Body) {
    this.log = log
    this.agent = agent
    this.key = new Party(`stream ${log.origin} ${log.size} ${agent.name}`)
    const start = signed(
      {
        v: 1,
        type: 'stream.start',
        seq: 0,
        time: log.time(),
        logs: [{ id: log.id, origin: log.origin }],
        role: 'agent',
        agent: { id: agent.name },
        recorder: { name: 'deedlog', version: '0.1.0' },
        identity: agent.key,
        key: this.key.key,
        ...more,
      },
      agent,
    )
    this.first = log.push(start)
    this.id = recordLeaf(start)
    this.prev = this.id
  }

  /** The next record, not appended. */
  make(body: Body, by: Party | undefined = this.key): Uint8Array {
    const chained = { v: 1, stream: this.id, seq: this.seq + 1, prev: this.prev, time: this.log.time(), ...body }
    return by ? signed(chained, by) : canonicalBytes(chained)
  }

  /** Appends the next record; returns its leaf hash. */
  add(body: Body, by: Party | undefined | 'nobody' = this.key): Hash {
    const bytes = this.make(body, by === 'nobody' ? undefined : by)
    // `make` takes undefined for its default, so that nobody has to be spelled out.
    const entry = by === 'nobody' ? unsigned(bytes) : bytes
    this.log.push(entry)
    this.seq++
    this.prev = recordLeaf(entry)
    return this.prev
  }

  commitment(value: Json = { amount: 5 }): Commitment {
    return commit(value, this.log.random(32))
  }

  intent({ tool = 'pay', verdict = 'allow', session, more = {} }: CallOptions = {}): {
    call: string
    intent: Hash
    args: Commitment
  } {
    const call = ulid(TIME, this.log.random(10))
    const args = this.commitment()
    this.calls++
    const intent = this.add({
      type: 'intent',
      call,
      tool: { name: tool },
      args: args as unknown as Json,
      decision: { verdict },
      ...(session ? { session } : {}),
      ...more,
    })
    return { call, intent, args }
  }

  outcome(of: { call: string; intent: Hash }, status = 'succeeded', executed = 'yes', more: Body = {}): Hash {
    const { call, intent } = of
    return this.add({ type: 'outcome', call, intent, status, executed, ...more })
  }

  review(of: { call: string; intent: Hash; args: Commitment }, verdict = 'approved', more: Body = {}): Hash {
    const { call, intent } = of
    return this.add({ type: 'review', call, intent, verdict, approver: { id: 'anna', channel: 'cli' }, ...more })
  }

  approval(of: { intent: Hash; args: Commitment }, verdict: 'approved' | 'rejected', by: Party): Body {
    const message = approvalMessage({ args: of.args.root, intent: of.intent, verdict })
    return { approval: { key: by.key, sig: encodeSig(by.sign(message)) } }
  }

  /** A whole call. */
  call(
    options: CallOptions = {},
    status = 'succeeded',
    executed = 'yes',
  ): { call: string; intent: Hash; args: Commitment } {
    const call = this.intent(options)
    this.outcome(call, status, executed)
    return call
  }

  end(pending = 0, calls = this.calls): Hash {
    return this.add({ type: 'stream.end', calls, pending })
  }
}

function unsigned(bytes: Uint8Array): Uint8Array {
  const { sig: _, ...body } = JSON.parse(Buffer.from(bytes).toString('utf8')) as Body
  return canonicalBytes(body)
}

export const id = (n: number): string => ulid(TIME, sha256(toUtf8(`id ${n}`)).slice(0, 10))

export interface Holds extends Omit<VerifierOptions, 'trust'> {
  /** Text of a trust file. */
  readonly trust?: string
  readonly notes?: ReadonlyMap<string, Uint8Array>
}

/** Verifies entries in memory. */
export function judge(
  entries: readonly Uint8Array[],
  checkpoint: Uint8Array | undefined,
  { trust, notes, ...options }: Holds,
): Report {
  const verifier = new LogVerifier({ ...options, ...(trust === undefined ? {} : { trust: parseTrust(trust) }) })
  verifier.checkpoint(checkpoint)
  do for (const [index, entry] of entries.slice(0, verifier.size).entries()) verifier.add(index, entry)
  while (verifier.again())
  for (const hash of verifier.notesWanted()) {
    const note = notes?.get(hash)
    if (note) verifier.note(hash, note)
  }
  return verifier.finish()
}

/** A record that is edited: parsed, changed, written again in canonical form. */
export function edited(entry: Uint8Array, change: (json: { [name: string]: Json }) => void): Uint8Array {
  const json = JSON.parse(Buffer.from(entry).toString('utf8')) as { [name: string]: Json }
  change(json)
  return canonicalBytes(json)
}

/** Puts a log into a folder as the files store does, without its private part. */
export function writeFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): string {
  for (const [path, bytes] of files) {
    const to = join(folder, 'log', path)
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, bytes)
  }
  return folder
}

export function writeJsonl(path: string, entries: readonly Uint8Array[], checkpoint: Uint8Array): string {
  writeFileSync(path, concatBytes(...entries.flatMap(entry => [entry, Uint8Array.of(0x0a)])))
  writeFileSync(`${path}.checkpoint`, checkpoint)
  return path
}

/** The codes of the findings that change the exit code. */
export const codes = (report: Report): string[] => [
  ...new Set(report.findings.filter(finding => finding.severity !== 'notice').map(finding => finding.code)),
]
