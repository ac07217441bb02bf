import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { HaltedError, isDeedlogError, quote, UnavailableError } from '../core/errors.js'
import { verifyEd25519 } from '../core/tlog/index.js'
import type { Signer } from './backend.js'
import type { Clock } from './world.js'

/**
 * Keys that are kept elsewhere: in a KMS, an HSM, another process. The log then holds no secret of theirs. A signer is
 * handed 50 bytes for a record (spec/record.md §3) and the text of the note for a checkpoint, and answers with the 64
 * bytes of an Ed25519 signature.
 */
export interface OutsideSigners {
  /** Signs checkpoints. */
  readonly log?: Signer
  /** Signs entry 0, and the streams of the operator. */
  readonly operator?: Signer
  /** Signs the beginning of an agent's streams. Answers undefined for an agent whose key this log is to keep. */
  readonly agent?: (id: string) => Signer | undefined | Promise<Signer | undefined>
}

/** Signs with a secret in this process. */
export const seedSigner = (seed: Uint8Array): Signer => ({
  publicKey: ed25519PublicKey(seed),
  sign: message => ed25519Sign(message, seed),
})

/** The signers of agents, each held to its word. */
export const outsideAgents =
  (signers: OutsideSigners | undefined, clock: Pick<Clock, 'timer'>) =>
  async (agent: string): Promise<Signer | undefined> => {
    const signer = await signers?.agent?.(agent)
    return signer && checkedSigner(signer, `agent ${quote(agent)}`, clock)
  }

/** How long a signer may take. A human who confirms on a device is slower than any network. */
export const SIGNER_MS = 60_000

/**
 * A signer from outside, held to its word: every signature is verified before anybody else sees it. One that fits
 * another message or another key would be evidence against us that we made ourselves.
 *
 * @param who  For messages: whose signer it is.
 * @returns a signer that rejects with {UnavailableError} `signer.failed` or `signer.timeout`, after which it may be asked
 *   again; with {HaltedError} `signer.signature` when what it answered is no signature of the message
 * @throws {TypeError} when it is no signer
 */
export function checkedSigner(signer: Signer, who: string, clock: Pick<Clock, 'timer'>, timeoutMs = SIGNER_MS): Signer {
  if (!(signer?.publicKey instanceof Uint8Array) || signer.publicKey.length !== 32 || typeof signer.sign !== 'function')
    throw new TypeError(`the signer of ${who} is {publicKey: 32 bytes, sign(message)}`)
  // Whatever becomes of the object that was handed over, this is the key that was announced.
  const publicKey = signer.publicKey.slice()
  return {
    publicKey,
    sign: async message => {
      const answer = await limited(() => signer.sign(message.slice()), who, clock, timeoutMs)
      const signature = answer instanceof Uint8Array ? answer.slice() : new Uint8Array(0)
      if (verifyEd25519(signature, message, publicKey)) return signature
      throw new HaltedError('signer.signature', `what the signer of ${who} answered is no signature of the message`)
    },
  }
}

function limited<T>(
  work: () => T | Promise<T>,
  who: string,
  clock: Pick<Clock, 'timer'>,
  timeoutMs: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.timer(timeoutMs, () =>
      reject(
        new UnavailableError('signer.timeout', `the signer of ${who} has not answered in ${timeoutMs} ms`, {
          expected: 'a signature; what waits for it is signed when it is asked again',
          retryable: true,
        }),
      ),
    )
    // Somebody waits for what is to be signed.
    timer.keepAlive()
    const failed = (cause: unknown) =>
      reject(
        isDeedlogError(cause)
          ? cause
          : new UnavailableError('signer.failed', `the signer of ${who} did not sign: ${messageOf(cause)}`, {
              cause,
              expected: 'a signature; what waits for it is signed when it is asked again',
              retryable: true,
            }),
      )
    // A signer that throws at once is one that failed.
    new Promise<T>(done => done(work())).then(resolve, failed).finally(() => timer.cancel())
  })
}

const messageOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).slice(0, MESSAGE_MAX)

const MESSAGE_MAX = 200
