import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { HostInfo, RecorderOptions } from '../../recorder/types.js'

/**
 * What a recorder for the AI SDK is told about its host, to be spread into its options. `unseen` names the calls that
 * never come to a tool's `execute`: `recordStep` finds them afterwards, nothing holds them back.
 *
 * @example new Recorder({ ...aiSdk, backend: files('./audit'), agent: { id: 'did:example:shop' } })
 */
export const aiSdk = Object.freeze({
  host: aiInfo,
  observer: 'host',
  unseen: Object.freeze(['ai-sdk.client-side', 'ai-sdk.invalid-call', 'ai-sdk.provider-executed']),
} as const satisfies Pick<RecorderOptions, 'host' | 'observer' | 'unseen'>)

/** Which AI SDK the program has. It is not imported: there may be several, and the tools say nothing of theirs. */
function aiInfo(): HostInfo {
  const version = versionFrom(join(process.cwd(), 'x.js')) ?? versionFrom(import.meta.url) ?? 'unknown'
  return { framework: 'ai', version }
}

function versionFrom(from: string): string | undefined {
  try {
    const { version } = createRequire(from)('ai/package.json') as { version?: unknown }
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined // not installed there, or under another name
  }
}
