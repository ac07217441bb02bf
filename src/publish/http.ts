/** One HTTP exchange with somebody outside, who may answer anything, at any length, or never. */
export interface BoundedRequest {
  readonly method: 'GET' | 'POST'
  readonly body?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  /** Cuts the exchange, at whatever point it is. */
  readonly signal: AbortSignal
  /** Longer answers are cut, and fail. */
  readonly bytesMax: number
  /** The error for what kept the exchange from ending; told the cause, or undefined for an answer that is too long. */
  failed(cause: unknown): Error
}

export interface BoundedAnswer {
  readonly status: number
  readonly body: Uint8Array
  /** Lowercase, without parameters; empty when there is none. */
  readonly contentType: string
}

/** Redirects are not followed: whoever is asked is who was configured. */
export async function fetchBounded(url: string, request: BoundedRequest): Promise<BoundedAnswer> {
  const { method, body, headers, signal, bytesMax, failed } = request
  try {
    const response = await fetch(url, {
      method,
      signal,
      redirect: 'error',
      ...(headers ? { headers } : {}),
      ...(body ? { body } : {}),
    })
    const contentType = (response.headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
    return { status: response.status, body: await readBounded(response, bytesMax), contentType }
  } catch (cause) {
    throw failed(cause)
  }
}

async function readBounded(response: Response, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the body, and with it the connection.
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > bytesMax) throw new RangeError(`the answer has more than ${bytesMax} bytes`)
    parts.push(part)
  }
  return new Uint8Array(Buffer.concat(parts))
}
