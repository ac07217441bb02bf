import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { UnavailableError } from '../../core/errors.js'
import { approvalMessage, encodeKey, encodeSig } from '../../core/record/index.js'
import { ALGORITHM, formatVerifierKey } from '../../core/tlog/index.js'
import type { Answer } from './messages.js'

/** A new key, as PKCS#8 in PEM. */
export const generateApproverKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

/** An approver's own Ed25519 key: what it signs does not rest on the recorder's word. */
export class ApproverKey {
  readonly #private: KeyObject
  readonly #public: Uint8Array

  /**
   * @param pem   An unencrypted private key, PKCS#8 in PEM.
   * @param from  Where it is from, for the message.
   * @throws {UnavailableError} `review.key`
   */
  constructor(pem: string, from: string) {
    try {
      this.#private = createPrivateKey(pem)
      if (this.#private.asymmetricKeyType !== 'ed25519') throw new TypeError('another type of key')
      this.#public = new Uint8Array(
        Buffer.from(createPublicKey(this.#private).export({ format: 'jwk' }).x!, 'base64url'),
      )
    } catch (cause) {
      throw new UnavailableError('review.key', `${from} is not a private key that can sign an approval`, {
        cause,
        expected: 'an unencrypted Ed25519 key, PKCS#8 in PEM, as deedlog keys approver makes it',
      })
    }
  }

  /** The line that pins the key in a trust file, for the approver `id`. */
  trustLine(id: string): string {
    return `approver ${formatVerifierKey(id, ALGORITHM.ed25519, this.#public).text}`
  }

  /** spec/record.md §4: {args, intent, verdict}. */
  signed(answer: Answer): Answer {
    const message = approvalMessage({ args: answer.root, intent: answer.intent, verdict: answer.verdict })
    const sig = encodeSig(new Uint8Array(sign(null, message, this.#private)))
    return { ...answer, approval: { key: encodeKey(this.#public), sig } }
  }
}
