import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { HostInfo, RecorderOptions } from '../../recorder/types.js'

/**
 * What a recorder for LangChain.js is told about its host, to be spread into its options. `unseen` names the calls that
 * never come to a function of the program.
 *
 * @example new Recorder({ ...langchain, backend: files('./audit'), agent: { id: 'did:example:shop' } })
 */
export const langchain = Object.freeze({
  host: info,
  observer: 'host',
  unseen: Object.freeze(['langchain.provider-executed']),
} as const satisfies Pick<RecorderOptions, 'host' | 'observer' | 'unseen'>)

/** Which version the program has. It is not imported: there may be several. */
function info(): HostInfo {
  const version = versionFrom(join(process.cwd(), 'x.js')) ?? versionFrom(import.meta.url) ?? 'unknown'
  return { framework: 'langchain', version }
}

function versionFrom(from: string): string | undefined {
  try {
    const { version } = createRequire(from)('langchain/package.json') as { version?: unknown }
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined // not installed there, or its package.json is not for others
  }
}
