/*
 * Headers between two connections. RFC 9110 §7.6.1: those of the connection are not passed on.
 */

const OF_THE_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
])

type Pair = readonly [name: string, value: string]

/** @param raw  names and values by turns, as they came */
function passing(raw: readonly string[], without: ReadonlySet<string>): Pair[] {
  const pairs: Pair[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!, raw[i + 1]!])
  const named = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map(name => name.trim())
  return pairs.filter(([name]) => {
    const lower = name.toLowerCase()
    return !OF_THE_CONNECTION.has(lower) && !without.has(lower) && !named.includes(lower)
  })
}

/**
 * Of a request, for the server. `Host` has been checked and is the server's own from here on; what is answered must be
 * readable, so no encoding is asked for.
 */
export const forwardedHeaders = (raw: readonly string[], host: string, length: number): string[] => [
  ...passing(raw, new Set(['host', 'accept-encoding', 'expect'])).flat(),
  'host',
  host,
  'accept-encoding',
  'identity',
  ...(length > 0 ? ['content-length', String(length)] : []),
]

/** Of an answer, for the client. */
export const returnedHeaders = (raw: readonly string[]): string[] => passing(raw, new Set()).flat()
