import { isDeedlogError, UnavailableError, VerificationError } from '../core/errors.js'
import {
  type Checkpoint,
  type Cosignature,
  formatAddCheckpoint,
  formatNote,
  monitoringPath,
  NOTE_BYTES_MAX,
  type NoteSignature,
  parseConflict,
  parseCosignatureLines,
  parseNote,
  type VerifierKey,
  verifyCheckpoint,
  verifyCosignatures,
} from '../core/tlog/index.js'
import { fetchBounded } from './http.js'

/** A witness as a log asks it: C2SP tlog-witness. */
export interface WitnessAddress {
  /** The name in the policy. */
  readonly name: string
  /** Of type 0x04 or 0x06; what other keys sign is ignored. */
  readonly key: VerifierKey
  /** Submission prefix, `http:` or `https:`, without a slash at the end. */
  readonly url: string
}

/** What a log hands its witnesses. */
export interface ToCosign {
  readonly checkpoint: Checkpoint
  /** The note with the log's own signatures and no other: collected cosignatures are nothing to a witness. */
  readonly note: Uint8Array
  /** The consistency proof from the tree of `old` entries to that of the checkpoint. */
  prove(old: number): Promise<readonly Uint8Array[]>
}

/** A good cosignature, as the note will carry it. */
export interface Cosigned extends Cosignature {
  readonly line: NoteSignature
}

export interface Asking {
  /** Size the witness is thought to have cosigned last; 0 when nothing is known. */
  readonly old: number
  /** Milliseconds since 1970, to see a time in the future. */
  readonly nowMs: number
  readonly signal: AbortSignal
}

/**
 * Asks one witness to cosign a checkpoint, and checks what it answers.
 *
 * @throws {VerificationError} `witness.fork` when it has cosigned another history of this log: this log, or an older
 *   copy of it, has signed two; `witness.ahead` when it has cosigned a larger tree than this log has: the log was put
 *   back; `cosignature`, `witness.unsigned`, `witness.time` when its answer is no good cosignature
 * @throws {UnavailableError} `witness.unknown-log` (404), `witness.other-key` (403: it knows other keys of this log),
 *   `witness.refused` (400), all not retryable; `witness.busy` (429), `witness.unavailable` (all else), retryable
 * @throws {MalformedError} `witness.answer`, `note.line`
 */
export async function askWitness(witness: WitnessAddress, submission: ToCosign, asking: Asking): Promise<Cosigned> {
  const { checkpoint } = submission
  let old = Math.min(asking.old, checkpoint.size)
  // Somebody else may submit our checkpoints too, a monitor or a second process, so the size may move once more.
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const { status, body } = await post(witness, submission, old, asking)
    if (status === 200) return cosignatureIn(body, witness, submission.note, asking)
    if (status !== 409) throw refused(witness, status)
    const size = parseConflict(body)
    // Older witnesses answer 409 without a size when they hold another root of this size; and one that names the size
    // we went on from has no quarrel with sizes.
    if (size === undefined || size === old) throw forked(witness, checkpoint)
    if (size > checkpoint.size)
      throw new VerificationError(
        'witness.ahead',
        `witness ${witness.name} has cosigned a checkpoint of ${size} records, and this log has ${checkpoint.size}`,
        { expected: 'the newest copy of this log: an older one was put back, or another writer has its key' },
      )
    old = size
  }
  throw new UnavailableError('witness.busy', `witness ${witness.name} is asked about this log by others all the time`, {
    retryable: true,
  })
}

async function post(
  witness: WitnessAddress,
  { note, prove }: ToCosign,
  old: number,
  { signal }: Asking,
): Promise<{ readonly status: number; readonly body: Uint8Array }> {
  const request = formatAddCheckpoint({ old, proof: await prove(old), note })
  return fetchBounded(`${witness.url}/add-checkpoint`, {
    method: 'POST',
    body: request,
    signal,
    bytesMax: ANSWER_BYTES_MAX,
    failed: cause => unavailable(witness, 'no answer', cause),
  })
}

function cosignatureIn(body: Uint8Array, witness: WitnessAddress, note: Uint8Array, { nowMs }: Asking): Cosigned {
  const { key, name } = witness
  const { text } = parseNote(note)
  const lines = parseCosignatureLines(body).filter(line => line.name === key.name && line.keyId === key.keyId)
  for (const line of lines) {
    const [cosignature] = verifyCosignatures({ text, signatures: [line] }, [key])
    if (!cosignature) continue
    // "The timestamp MUST NOT be zero"; and a time that has not come yet bounds nothing.
    if (cosignature.seconds === 0 || cosignature.seconds * 1000 > nowMs + CLOCK_TOLERANCE_MS)
      throw new VerificationError('witness.time', `the cosignature of witness ${name} is of a time that is not now`)
    return { ...cosignature, line }
  }
  throw new VerificationError('witness.unsigned', `witness ${name} answered without a signature of its key`, {
    expected: `a line of ${key.text}`,
  })
}

function refused(witness: WitnessAddress, status: number): Error {
  const said = (code: string, what: string, expected: string): Error =>
    new UnavailableError(code, `witness ${witness.name} ${what}`, { expected })
  switch (status) {
    case 422:
      return forked(witness)
    case 404:
      return said(
        'witness.unknown-log',
        'does not know this log',
        'a witness that was given the verifier key of the log',
      )
    case 403:
      return said('witness.other-key', 'knows this log by another key', 'the verifier key of this log at the witness')
    case 400:
      return said('witness.refused', 'does not take the request', 'a witness as C2SP tlog-witness describes it')
    case 429:
      return new UnavailableError('witness.busy', `witness ${witness.name} is asked too often`, { retryable: true })
    default:
      return unavailable(witness, `status ${status}`)
  }
}

const unavailable = (witness: WitnessAddress, why: string, cause?: unknown): UnavailableError =>
  new UnavailableError('witness.unavailable', `witness ${witness.name} cannot be asked: ${why}`, {
    cause,
    retryable: true,
  })

const forked = (witness: WitnessAddress, checkpoint?: Checkpoint): VerificationError =>
  new VerificationError(
    'witness.fork',
    `witness ${witness.name} has cosigned another history of this log${
      checkpoint ? ` than the one with ${checkpoint.size} records` : ''
    }`,
    { expected: 'one history: an older copy was put back and continued, or another writer has the key of this log' },
  )

/**
 * The note with its cosignatures: the log's signatures first, each witness once.
 * @param note  With the log's signatures only.
 */
export function withCosignatures(note: Uint8Array, cosigned: readonly Cosigned[]): Uint8Array {
  const { text, signatures } = parseNote(note)
  return formatNote(text, [...signatures, ...cosigned.map(({ line }) => line)])
}

/** The newest checkpoint that a witness says to have cosigned. */
export interface Monitored {
  readonly checkpoint: Checkpoint
  /** When it did, in seconds since 1970. */
  readonly seconds: number
  /** The note, as evidence. */
  readonly note: Uint8Array
}

/**
 * Asks a witness which checkpoint of a log it cosigned last, without the log: how an auditor sees that a log went back.
 *
 * @param logKeys  Of the origin.
 * @returns undefined when it has cosigned none
 * @throws {VerificationError} `witness.unsigned` when the answer lacks its good cosignature; `note.*`, `checkpoint.origin`
 * @throws {UnavailableError} `witness.unavailable`
 * @see C2SP tlog-witness, "Monitor Retrieval Mechanism"
 */
export async function askMonitoring(
  witness: WitnessAddress,
  logKeys: readonly VerifierKey[],
  signal: AbortSignal,
): Promise<Monitored | undefined> {
  const origin = logKeys[0]!.name
  const { status, body } = await fetchBounded(`${witness.url}/${monitoringPath(origin)}`, {
    method: 'GET',
    signal,
    bytesMax: NOTE_BYTES_MAX,
    failed: cause => unavailable(witness, 'no answer', cause),
  })
  if (status === 404) return undefined
  if (status !== 200) throw unavailable(witness, `status ${status}`)
  const note = parseNote(body)
  const [cosignature] = verifyCosignatures(note, [witness.key])
  if (!cosignature)
    throw new VerificationError('witness.unsigned', `witness ${witness.name} serves a checkpoint that it did not sign`)
  return { checkpoint: verifyCheckpoint(note, logKeys), seconds: cosignature.seconds, note: body }
}

/** Whether an error of {@link askWitness} says that this log has signed two histories, or was put back. */
export const isAlarm = (error: unknown): error is Error =>
  isDeedlogError(error) && (error.code === 'witness.fork' || error.code === 'witness.ahead')

const ATTEMPTS_MAX = 3
// Sixteen lines of ML-DSA-44 are 52 kB.
const ANSWER_BYTES_MAX = 65_536
const CLOCK_TOLERANCE_MS = 5 * 60_000
