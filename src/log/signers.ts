import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { MalformedError, quote } from '../core/errors.js'
import { isWord } from '../core/record/index.js'
import { ALGORITHM, formatVerifierKey, type VerifierKey } from '../core/tlog/index.js'
import type { Signer } from './backend.js'
import type { KeyStore } from './ports.js'

/** The keys of agents: made when first asked for, and announced before anything is signed with them. */
export class Signers {
  readonly #keys: KeyStore
  readonly #outside: (agent: string) => Promise<Signer | undefined>
  readonly #random: (length: number) => Uint8Array
  readonly #announce: (key: VerifierKey) => Promise<void>
  readonly #signers = new Map<string, Promise<Signer>>()
  #making: Promise<void> = Promise.resolve()

  /**
   * @param options.outside   The signer of an agent whose key is kept elsewhere.
   * @param options.announce  Told when an agent got its first key, before the key is kept.
   */
  constructor(options: {
    readonly keys: KeyStore
    readonly outside: (agent: string) => Promise<Signer | undefined>
    readonly random: (length: number) => Uint8Array
    readonly announce: (key: VerifierKey) => Promise<void>
  }) {
    this.#keys = options.keys
    this.#outside = options.outside
    this.#random = options.random
    this.#announce = options.announce
  }

  /**
   * See `AuditBackend.identity`.
   * @param checkOpen  Throws when the log takes nothing any more; asked again when it is this one's turn.
   */
  of(agent: string, checkOpen: () => void): Promise<Signer> {
    let signer = this.#signers.get(agent)
    if (!signer) {
      // One at a time: each writes the trust file anew, and would take away the line of another.
      signer = this.#making.then(() => {
        checkOpen()
        return this.#make(agent)
      })
      this.#making = signer.then(
        () => {},
        () => {},
      )
      this.#signers.set(agent, signer)
      // Forgotten when it failed: the disk may have room again.
      signer.catch(() => this.#signers.delete(agent))
    }
    return signer
  }

  /** Keys were replaced by another hand: they are read again when they are next asked for. */
  forget(): void {
    this.#signers.clear()
  }

  async #make(agent: string): Promise<Signer> {
    if (!isWord(agent))
      throw new MalformedError('agent.id', `${quote(agent)} is no id of an agent`, {
        expected: '1 to 255 visible ASCII characters without +',
      })
    const outside = await this.#outside(agent)
    if (outside) return outside
    let seed = await this.#keys.get({ agent })
    if (!seed) {
      seed = this.#random(32)
      // A crash after this leaves a line for a key that nobody has, which is harmless; the other order would leave an
      // agent whose records no trust file knows.
      await this.#announce(formatVerifierKey(agent, ALGORITHM.ed25519, ed25519PublicKey(seed)))
      await this.#keys.put({ agent }, seed)
    }
    const secret = seed
    return { publicKey: ed25519PublicKey(secret), sign: message => ed25519Sign(message, secret) }
  }
}
