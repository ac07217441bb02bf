import type { AnchorListing } from '../../src/client/source.js'
import { ANCHOR_BYTES_MAX, parseAnchorFileName } from '../../src/core/anchor/index.js'
import { bytesOf } from './files.js'

// Each costs a signature; of more, those that are looked at are spread over the whole, and the newest is among them.
const ANCHORS_MAX = 16_384

/** The anchors among the files of a folder, by their names in it. */
export function anchorsAmong(files: ReadonlyMap<string, File>): AnchorListing {
  const names = [...files.keys()].filter(name => parseAnchorFileName(name)).sort()
  const step = Math.ceil(names.length / ANCHORS_MAX)
  const chosen = step <= 1 ? names : names.filter((_, i) => (names.length - 1 - i) % step === 0)
  return {
    names: chosen,
    passedOver: names.length - chosen.length,
    read: async name => {
      const file = files.get(name)
      return file && bytesOf(file, ANCHOR_BYTES_MAX)
    },
  }
}
