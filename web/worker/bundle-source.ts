import type { LogSource } from '../../src/client/source.js'
import { BUNDLE_BYTES_MAX, type Bundle, parseBundle } from '../../src/core/verify/index.js'
import { bytesOf } from './files.js'

/**
 * A bundle, as a source of the entries that it shows.
 *
 * @throws {MalformedError} `bundle-file.*` when it is none, `file.length`
 * @throws {UnavailableError} `file.unreadable`
 */
export async function bundleSource(name: string, file: File): Promise<LogSource & { readonly bundle: Bundle }> {
  const bundle = parseBundle(await bytesOf(file, BUNDLE_BYTES_MAX))
  return {
    kind: 'bundle',
    name,
    bundle,
    suppliedTrust: [],
    checkpoint: async () => bundle.checkpoint,
    entries: async function* ({ from = 0, to = Number.POSITIVE_INFINITY } = {}) {
      for (const part of bundle.parts)
        if ('record' in part && part.index >= from && part.index < to) yield { index: part.index, record: part.record }
    },
    close: async () => {},
  }
}
