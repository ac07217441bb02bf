import { fromUtf8 } from '../bytes/utf8.js'
import { quote } from '../errors.js'

// An entry of 64 KiB can be in a bundle; what is longer than a record may be is not worth reading for a hint.
const DESCRIBED_BYTES_MAX = 16_384

/**
 * What an entry seems to be, for a sentence about it: "intent of tool "pay", call 01…, seq 4 of stream 3a45…". It reads
 * bytes that did not verify, so all of it is hearsay; what cannot be read is left out.
 */
export function describeEntry(bytes: Uint8Array): string {
  const json = readLeniently(bytes)
  if (!json) return 'not readable as a record'
  const parts = [typeof json['type'] === 'string' ? `reads as ${quote(json['type'])}` : 'reads as JSON']
  const tool = json['tool']
  if (typeof tool === 'object' && tool !== null && 'name' in tool) parts.push(`of tool ${quote(tool.name)}`)
  if (typeof json['call'] === 'string') parts.push(`call ${quote(json['call'])}`)
  if (Number.isSafeInteger(json['seq'])) parts.push(`seq ${json['seq']}`)
  if (typeof json['stream'] === 'string') parts.push(`stream ${quote(json['stream'])}`)
  return parts.join(', ')
}

function readLeniently(bytes: Uint8Array): { readonly [name: string]: unknown } | undefined {
  if (bytes.length > DESCRIBED_BYTES_MAX) return undefined
  try {
    const json: unknown = JSON.parse(fromUtf8(bytes))
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as { readonly [name: string]: unknown })
      : undefined
  } catch {
    return undefined
  }
}

/** A stranger's words inside a sentence of ours: escaped and cut as `quote` does, without the quotes around them. */
export const plainly = (text: string): string => quote(text).slice(1, -1).replaceAll('\\"', '"')
