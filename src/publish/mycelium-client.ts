import { type ActionPreimage, actionRef, isTransaction } from '../core/anchor/index.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, quote, UnavailableError, VerificationError } from '../core/errors.js'
import { fetchBounded } from './http.js'

/** A trail as its service shows it, as far as it is used here. */
export interface ServedTrail {
  readonly id: string
  /** By the service's clock, seconds since 1970. */
  readonly seconds?: number
  /** `0x` and 64 lowercase hex digits. */
  readonly tx?: string
  /** Whether the service is done with it, one way or the other. */
  readonly isSettled: boolean
}

/** What a service made of an action that it was given. */
export interface Committed {
  readonly id: string
  /** Whether it says that it will have it in a chain. */
  readonly isAnchoring: boolean
}

const ANSWER_BYTES_MAX = 1024 * 1024
const ID = /^[A-Za-z0-9_-]{1,128}$/

/**
 * A service of Mycelium Trails, as it really behaves: it takes one action any number of times, it forgets nothing, and an error may
 * come after it has written. Whoever is in doubt asks it what it has. Nothing that it says in an error is passed on.
 */
export class TrailService {
  readonly #base: URL
  readonly #signal: AbortSignal

  /** @param base  Its address; what it holds besides a host is never shown. */
  constructor(base: URL, signal: AbortSignal) {
    this.#base = base
    this.#signal = signal
  }

  /**
   * Gives it an action.
   * @returns undefined when it has that action already, or says so
   * @throws {UnavailableError} `mycelium.http`; not to be tried again when it will not take the action
   * @throws {VerificationError} `mycelium.trail` when it answers for another action
   */
  async commit(
    preimage: ActionPreimage,
    options: { readonly paymentHash: string; readonly apiKey?: string },
  ): Promise<Committed | undefined> {
    const { agent_id, action_type, scope, timestamp } = preimage
    const ref = actionRef(preimage)
    const { status, json } = await this.#ask('POST', 'nexus/trail', {
      action_ref: ref,
      service: 'deedlog',
      preimage: { agent_id, action_type, scope, timestamp },
      payment_hash: options.paymentHash,
      ...(options.apiKey === undefined ? {} : { api_key: options.apiKey }),
    })
    if (status === 409) return undefined
    if (status !== 201) throw this.#refused(status)
    const { trail_id, action_ref, anchor } = json ?? {}
    this.#check({ action_ref, agent_id: json?.['agent_id'] }, preimage)
    return { id: this.#id(trail_id), isAnchoring: anchor === 'pending' }
  }

  /** The first trail of an action; undefined when it has none. @throws as {@link commit} */
  async find(preimage: ActionPreimage): Promise<ServedTrail | undefined> {
    const query = new URLSearchParams({ agent_id: preimage.agent_id, action_ref: actionRef(preimage) })
    const { status, json } = await this.#ask('GET', `trails/verify?${query}`)
    if (status === 404 && json?.['verified'] === false) return undefined
    if (status !== 200) throw this.#refused(status)
    if (json?.['verified'] !== true) throw this.#failed('answered that it has something, and not what')
    return this.#read(json['trail'], preimage)
  }

  /** A trail by its name. @throws as {@link commit} */
  async trail(id: string, preimage: ActionPreimage): Promise<ServedTrail> {
    const { status, json } = await this.#ask('GET', `trails/${id}`)
    if (status !== 200) throw this.#refused(status)
    const trail = this.#read(json, preimage)
    if (trail.id !== id) throw this.#other(`another trail, ${quote(trail.id)}`)
    return trail
  }

  #read(value: unknown, preimage: ActionPreimage): ServedTrail {
    if (typeof value !== 'object' || value === null) throw this.#failed('answered with no trail')
    const { trail_id, timestamp, tx_hash, anchor_status, action_ref, agent_id } = value as Answer
    this.#check({ action_ref, agent_id }, preimage)
    const seconds = typeof timestamp === 'number' ? Math.floor(timestamp) : undefined
    const tx = typeof tx_hash === 'string' ? withPrefix(tx_hash.toLowerCase()) : undefined
    return {
      id: this.#id(trail_id),
      ...(seconds !== undefined && Number.isSafeInteger(seconds) && seconds >= 0 ? { seconds } : {}),
      // Sent is not there: until the service says anchored, its transaction may be replaced.
      ...(isTransaction(tx) && anchor_status === 'anchored' ? { tx } : {}),
      isSettled: anchor_status === 'anchored' || anchor_status === 'failed',
    }
  }

  /** @throws {VerificationError} `mycelium.trail` unless it is of this action */
  #check({ action_ref, agent_id }: Pick<Answer, 'action_ref' | 'agent_id'>, preimage: ActionPreimage): void {
    if (action_ref !== actionRef(preimage)) throw this.#other(`action_ref ${quote(action_ref)}`)
    if (agent_id !== preimage.agent_id) throw this.#other(`agent ${quote(agent_id)}`)
  }

  #id(value: unknown): string {
    // It becomes part of an address.
    if (typeof value !== 'string' || !ID.test(value)) throw this.#failed('gave a trail no name')
    return value
  }

  async #ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<{ status: number; json?: Answer }> {
    const url = new URL(path, this.#base)
    const answer = await fetchBounded(url.href, {
      method,
      signal: this.#signal,
      bytesMax: ANSWER_BYTES_MAX,
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: toUtf8(JSON.stringify(body)) }),
      failed: cause => this.#failed('could not be asked, or did not finish its answer', { cause }),
    })
    try {
      const json: unknown = JSON.parse(fromUtf8(answer.body))
      return typeof json === 'object' && json !== null ? { status: answer.status, json: json as Answer } : answer
    } catch (error) {
      if (!(error instanceof SyntaxError) && !isDeedlogError(error)) throw error
      return { status: answer.status }
    }
  }

  /** Its own words may quote what it was sent, the key for its bills among it. */
  #refused(status: number): UnavailableError {
    const isFinal = status === 400 || status === 401 || status === 403 || status === 422
    return this.#failed(`answered with HTTP status ${status}${status === 200 ? ' and nothing of use' : ''}`, {
      retryable: !isFinal,
    })
  }

  #failed(why: string, options: { readonly cause?: unknown; readonly retryable?: boolean } = {}): UnavailableError {
    const { retryable = true, cause } = options
    return new UnavailableError('mycelium.http', `the trails at ${quote(this.#base.host)} ${why}`, {
      retryable,
      cause,
      expected: 'the answer of a service of Mycelium Trails',
    })
  }

  #other(what: string): VerificationError {
    return new VerificationError('mycelium.trail', `the trails at ${quote(this.#base.host)} answered for ${what}`, {
      expected: 'the action that was asked for',
    })
  }
}

type Answer = { readonly [name: string]: unknown }

const withPrefix = (text: string): string => (text.startsWith('0x') ? text : `0x${text}`)
