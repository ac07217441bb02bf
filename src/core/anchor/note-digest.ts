import { sha256 } from '#crypto'
import { toUtf8 } from '../bytes/utf8.js'
import { type Checkpoint, formatCheckpoint } from '../tlog/index.js'

/**
 * What an anchor dates: SHA-256, 32 bytes, of the checkpoint's note text, which is origin, size and root, three lines
 * with their newlines and no signatures. spec/record.md §7, "Anchors".
 */
export const anchoredDigest = ({ origin, size, root }: Pick<Checkpoint, 'origin' | 'size' | 'root'>): Uint8Array =>
  sha256(toUtf8(formatCheckpoint({ origin, size, root })))
