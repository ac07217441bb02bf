import { bundleSource } from '../../src/client/bundle-file.js'
import type { LogSource } from '../../src/client/source.js'
import { BUNDLE_BYTES_MAX, parseBundle } from '../../src/core/verify/index.js'
import { bytesOf } from './files.js'

/**
 * The log that a bundle shows a part of.
 *
 * @throws {MalformedError} `bundle-file.*` when it is none, `file.length`
 * @throws {UnavailableError} `file.unreadable`
 */
export const readBundle = async (name: string, file: File): Promise<LogSource> =>
  bundleSource(parseBundle(await bytesOf(file, BUNDLE_BYTES_MAX)), name)
