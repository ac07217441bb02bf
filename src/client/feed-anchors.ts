import { isDeedlogError } from '../core/errors.js'
import type { LogVerifier } from '../core/verify/index.js'
import type { AnchorListing } from './source.js'

/**
 * Hands a verifier the anchors that lie beside a log. After the checkpoint, before the first entry.
 *
 * @param listing  Made before the checkpoint was read: of a log that is being written, it then holds no anchor of a
 *   larger tree than the one that is verified.
 */
export async function feedAnchors(listing: AnchorListing, verifier: LogVerifier): Promise<void> {
  const unreadable: { name: string; why: string }[] = []
  for (const name of listing.names) {
    try {
      const bytes = await listing.read(name)
      if (bytes) verifier.anchor(name, bytes)
    } catch (error) {
      // A link, a pipe, a file that may not be read: none of it says anything about the log.
      if (!isDeedlogError(error)) throw error
      unreadable.push({ name, why: error.message })
    }
  }
  verifier.anchorsUnread(unreadable, listing.passedOver)
}
