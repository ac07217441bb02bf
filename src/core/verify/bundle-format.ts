import { sha256Hex } from '#crypto'
import { toBase64 } from '../bytes/base64.js'
import { concatBytes } from '../bytes/equal.js'
import { toHex } from '../bytes/hex.js'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { canonicalize, formatDisclosure, type Json } from '../record/index.js'
import {
  BUNDLE_BYTES_MAX,
  BUNDLE_FORMAT,
  BUNDLE_LINES_MAX,
  type Bundle,
  isRecordForm,
  type TreePart,
} from './bundle.js'

/**
 * The bytes of a bundle; reading them gives `bundle` again, its sets in their order.
 * @throws {RangeError} for what would be longer, or have more lines, than a bundle may
 */
export function formatBundle(bundle: Bundle): Uint8Array {
  const { keys, made, query, checkpoint, notes, anchors, parts, files, disclosures } = bundle
  const sorted = [...disclosures].sort((a, b) => a.index - b.index || (a.path < b.path ? -1 : 1))
  const lines: string[] = [
    canonicalize({
      deedlog: BUNDLE_FORMAT,
      ...(keys.length === 0 ? {} : { keys: [...keys].sort() }),
      ...(made === undefined ? {} : { made }),
      query: query as unknown as Json,
    }),
    canonicalize({ checkpoint: fromUtf8(checkpoint) }),
    ...asSet(notes.map(note => canonicalize({ note: fromUtf8(note) }))),
    ...asSet(anchors.map(each => canonicalize({ anchor: { ...each, evidence: toBase64(each.evidence) } }))),
    ...parts.map(formatPart),
    ...asSet(files.map(file => canonicalize({ file: toBase64(file) }))),
    ...sorted.map(
      ({ index, path, disclosure }) =>
        `{"disclosure":${fromUtf8(formatDisclosure(disclosure))},"index":${index},"path":"${path}"}`,
    ),
  ]
  const body = toUtf8(lines.map(line => `${line}\n`).join(''))
  const end = toUtf8(`${canonicalize({ end: { lines: lines.length, sha256: sha256Hex(body) } })}\n`)
  if (lines.length + 1 > BUNDLE_LINES_MAX || body.length + end.length > BUNDLE_BYTES_MAX)
    throw new RangeError(`a bundle has at most ${BUNDLE_LINES_MAX} lines and ${BUNDLE_BYTES_MAX} bytes`)
  return concatBytes(body, end)
}

const asSet = (lines: readonly string[]): string[] => [...new Set(lines)].sort()

export function formatPart(part: TreePart): string {
  if ('hash' in part) return canonicalize({ hash: toHex(part.hash), index: part.index, level: part.level })
  if (isRecordForm(part.record)) return `{"index":${part.index},"record":${fromUtf8(part.record)}}`
  return canonicalize({ entry: toBase64(part.record), index: part.index })
}
