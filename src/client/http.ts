import { setTimeout as wait } from 'node:timers/promises'
import { MalformedError, quote, UnavailableError } from '../core/errors.js'

/*
 * Reading files of somebody else's server, which may send anything, without end, or nothing at all.
 */

export interface HttpOptions {
  /** For one answer, its body included. Default 30,000. */
  readonly timeoutMs?: number
  /** Between attempts; doubles each time. Default 250. */
  readonly pauseMs?: number
}

const TIMEOUT_MS = 30_000
const PAUSE_MS = 250
const ATTEMPTS = 4
const REDIRECTS_MAX = 5

/**
 * The bytes at an address; undefined when nothing is there (404, 410). Tries again what may pass: no answer, one that
 * breaks off, 429, 5xx. Follows redirects within the same origin only: no server sends us elsewhere.
 *
 * @param most  Bytes of the body, after any content encoding: the caller is ready to hold them.
 * @throws {UnavailableError} `http.unreachable`, `http.timeout`, `http.status`
 * @throws {MalformedError} `http.redirect`; `file.length` for a body longer than `most`
 */
export async function getBytes(address: URL, most: number, options: HttpOptions = {}): Promise<Uint8Array | undefined> {
  let pauseMs = options.pauseMs ?? PAUSE_MS
  for (let attempt = 1; ; attempt++) {
    try {
      return await getOnce(address, most, options.timeoutMs ?? TIMEOUT_MS)
    } catch (error) {
      const mayPass = error instanceof UnavailableError && error.retryable
      if (!mayPass || attempt === ATTEMPTS) throw error
    }
    await wait(pauseMs)
    pauseMs *= 2
  }
}

async function getOnce(address: URL, most: number, timeoutMs: number): Promise<Uint8Array | undefined> {
  // One clock for the answer, its redirects and its body: a server that sends a byte now and then has no more time.
  const signal = AbortSignal.timeout(timeoutMs)
  let at = address
  for (let redirects = 0; ; redirects++) {
    const response = await request(at, signal)
    if (!REDIRECTS.has(response.status)) return answerOf(response, at, most, signal)
    await response.body?.cancel()
    const to = response.headers.get('location')
    if (redirects === REDIRECTS_MAX || to === null || !URL.canParse(to, at.href))
      throw redirected(address, 'without end, or to nowhere')
    const next = new URL(to, at)
    if (next.origin !== address.origin) throw redirected(address, `to ${quote(next.origin)}`)
    at = next
  }
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

async function request(address: URL, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(address, { signal, redirect: 'manual', headers: { 'user-agent': 'deedlog' } })
  } catch (cause) {
    throw failed(address, cause)
  }
}

async function answerOf(
  response: Response,
  address: URL,
  most: number,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const { status } = response
  if (status === 200) return bodyOf(response, address, most, signal)
  await response.body?.cancel()
  if (status === 404 || status === 410) return undefined
  throw new UnavailableError('http.status', `${nameOf(address)} answers with status ${status}`, {
    expected: 'status 200, or 404 for what is not there',
    retryable: status === 429 || status >= 500,
  })
}

async function bodyOf(response: Response, address: URL, most: number, signal: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  try {
    // What is counted is what a compressed body unfolds to. Leaving the loop cancels the rest.
    for await (const part of response.body ?? []) {
      length += part.length
      if (length > most) break
      parts.push(part)
    }
  } catch (cause) {
    throw failed(address, signal.aborted ? signal.reason : cause)
  }
  if (length > most)
    throw new MalformedError('file.length', `${nameOf(address)} is longer than ${most} bytes`, {
      expected: `at most ${most}`,
    })
  return new Uint8Array(Buffer.concat(parts))
}

function failed(address: URL, cause: unknown): UnavailableError {
  if ((cause as Error).name === 'TimeoutError')
    return new UnavailableError('http.timeout', `${nameOf(address)} did not answer in time`, {
      expected: 'a whole answer within the time allowed',
      retryable: true,
      cause,
    })
  const { code } = ((cause as Error).cause ?? cause) as { readonly code?: unknown }
  const why = typeof code === 'string' ? `: ${code}` : ''
  return new UnavailableError('http.unreachable', `${nameOf(address)} cannot be read${why}`, {
    expected: 'a server that answers, and a whole answer',
    retryable: true,
    cause,
  })
}

const redirected = (address: URL, where: string): MalformedError =>
  new MalformedError('http.redirect', `${nameOf(address)} redirects ${where}`, {
    expected: 'redirects within the same origin, at most 5; or the address that is meant',
  })

/** An address for a message: no credentials, which it may not have, and no query. */
const nameOf = ({ origin, pathname }: URL): string => quote(origin + pathname)
