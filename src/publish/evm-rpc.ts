import { fromHex } from '../core/bytes/hex.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, quote, UnavailableError } from '../core/errors.js'
import { fetchBounded } from './http.js'

/** What a node of a chain answered, as JSON: anything at all. */
export type RpcValue = unknown

/** A node said no. What it said may be anything, a key among it, and is never passed on. */
export class RpcRefusal extends UnavailableError {
  /** What is to be done about it, as far as its words tell. */
  readonly reason: 'known' | 'nonce' | 'price' | 'funds' | 'other'

  constructor(host: string, method: string, code: unknown, text: string) {
    const reason = REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? 'other'
    const why = reason === 'funds' ? 'the account cannot pay' : `error ${Number.isSafeInteger(code) ? code : 'unknown'}`
    super('evm.rpc', `the node at ${quote(host)} refused ${method}: ${why}`, { retryable: true })
    this.reason = reason
  }
}

// There is no standard; these are the words of the common nodes.
const REASONS: readonly (readonly [RegExp, RpcRefusal['reason']])[] = [
  [/already known|known transaction|already imported|already in mempool/i, 'known'],
  [/nonce (is )?too low|nonce has already been used|old nonce/i, 'nonce'],
  [/underpriced|fee too low|less than block base fee/i, 'price'],
  [/insufficient funds/i, 'funds'],
]

// The receipts of a full block are some megabytes.
const ANSWER_BYTES_MAX = 32 * 1024 * 1024
const TEXT_MAX = 4096

/** A node of a chain, asked with JSON-RPC over HTTP. Its address may hold a key, and is shown as its host only. */
export class EvmRpc {
  readonly #url: URL
  readonly #signal: AbortSignal
  #id = 0

  constructor(url: URL, signal: AbortSignal) {
    this.#url = url
    this.#signal = signal
  }

  /**
   * @throws {UnavailableError} `evm.rpc` when there is no answer, or none of JSON-RPC
   * @throws {RpcRefusal} when the answer is an error
   */
  async call(method: string, ...params: readonly unknown[]): Promise<RpcValue> {
    const { host } = this.#url
    const failed = (why: string, cause?: unknown): UnavailableError =>
      new UnavailableError('evm.rpc', `the node at ${quote(host)}, asked for ${method}, ${why}`, {
        cause,
        retryable: true,
        expected: 'an answer of JSON-RPC 2.0',
      })
    const id = ++this.#id
    const { status, body } = await fetchBounded(this.#url.href, {
      method: 'POST',
      body: toUtf8(JSON.stringify({ jsonrpc: '2.0', id, method, params })),
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      signal: this.#signal,
      bytesMax: ANSWER_BYTES_MAX,
      failed: cause => failed('could not be reached, or did not finish its answer', cause),
    })
    let answer: { readonly id?: unknown; readonly error?: unknown; readonly result?: unknown }
    try {
      answer = (JSON.parse(fromUtf8(body)) ?? {}) as typeof answer
    } catch (cause) {
      if (!(cause instanceof SyntaxError) && !isDeedlogError(cause)) throw cause
      throw failed(`answered with HTTP status ${status} and no JSON`)
    }
    if (answer.error !== undefined && answer.error !== null) {
      const { code, message } = answer.error as { readonly code?: unknown; readonly message?: unknown }
      throw new RpcRefusal(host, method, code, typeof message === 'string' ? message.slice(0, TEXT_MAX) : '')
    }
    if (status !== 200) throw failed(`answered with HTTP status ${status}`)
    if (answer.id !== id || answer.result === undefined) throw failed('answered something else')
    return answer.result
  }

  /** A number. @throws {UnavailableError} `evm.rpc` */
  async quantity(method: string, ...params: readonly unknown[]): Promise<bigint> {
    return readQuantity(await this.call(method, ...params), method)
  }

  /** An object, or undefined for what the node does not have. @throws {UnavailableError} `evm.rpc` */
  async find(method: string, ...params: readonly unknown[]): Promise<RpcObject | undefined> {
    const value = await this.call(method, ...params)
    return value === null ? undefined : readObject(value, method)
  }
}

export type RpcObject = { readonly [name: string]: unknown }

/** A whole number, at most 2^256-1. @throws {UnavailableError} `evm.rpc` */
export function readQuantity(value: unknown, what: string): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) throw odd(what, 'a number')
  return BigInt(value)
}

/** A number that can be counted with. @throws {UnavailableError} `evm.rpc` */
export function readSafe(value: unknown, what: string): number {
  const number = Number(readQuantity(value, what))
  if (!Number.isSafeInteger(number)) throw odd(what, 'a number below 2^53')
  return number
}

/** Bytes, of a certain length where it is given. @throws {UnavailableError} `evm.rpc` */
export function readHexBytes(value: unknown, what: string, length?: number): Uint8Array {
  if (typeof value !== 'string' || !/^0x([0-9a-fA-F]{2})*$/.test(value)) throw odd(what, 'bytes')
  const bytes = fromHex(value.slice(2).toLowerCase())
  if (length !== undefined && bytes.length !== length) throw odd(what, `${length} bytes`)
  return bytes
}

/** @throws {UnavailableError} `evm.rpc` */
export function readObject(value: unknown, what: string): RpcObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw odd(what, 'an object')
  return value as RpcObject
}

/** @throws {UnavailableError} `evm.rpc` */
export function readArray(value: unknown, what: string, most: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > most) throw odd(what, `a list of at most ${most}`)
  return value
}

const odd = (what: string, expected: string): UnavailableError =>
  new UnavailableError('evm.rpc', `the node answered ${what} with something else`, { retryable: true, expected })
