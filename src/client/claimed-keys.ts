import { fromUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError } from '../core/errors.js'
import { parseTrust } from '../core/verify/index.js'
import { readForeignFile } from './read-file.js'

/** Bytes of the longest trust file that is read; `parseTrust` has the same bound in characters. */
export const TRUST_BYTES_MAX = 2 ** 20

/**
 * The log keys in the trust file that a log keeps beside itself. Whoever wrote the log wrote that file too: all the
 * keys can show is that the checkpoint was not damaged since.
 */
export async function claimedKeys(trustFile: string): Promise<readonly string[]> {
  try {
    const bytes = await readForeignFile(trustFile, TRUST_BYTES_MAX)
    return bytes ? parseTrust(fromUtf8(bytes)).policy.logs.map(log => log.key.text) : []
  } catch (error) {
    // An unreadable claim is as good as none: nothing rests on it.
    if (isDeedlogError(error)) return []
    throw error
  }
}
