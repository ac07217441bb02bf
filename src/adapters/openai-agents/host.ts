import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { HostInfo, RecorderOptions } from '../../recorder/types.js'

/**
 * What a recorder for OpenAI Agents is told about its host, to be spread into its options. `unseen` names the calls that
 * never come to a function of the program.
 *
 * @example new Recorder({ ...openaiAgents, backend: files('./audit'), agent: { id: 'did:example:shop' } })
 */
export const openaiAgents = Object.freeze({
  host: info,
  observer: 'host',
  unseen: Object.freeze(['openai-agents.hosted-tool', 'openai-agents.realtime', 'openai-agents.unknown-tool']),
} as const satisfies Pick<RecorderOptions, 'host' | 'observer' | 'unseen'>)

/** Which version the program has. It is not imported: there may be several. */
function info(): HostInfo {
  const version = versionFrom(join(process.cwd(), 'x.js')) ?? versionFrom(import.meta.url) ?? 'unknown'
  return { framework: '@openai/agents', version }
}

function versionFrom(from: string): string | undefined {
  try {
    const { version } = createRequire(from)('@openai/agents/package.json') as { version?: unknown }
    return typeof version === 'string' ? version : undefined
  } catch {
    return undefined // not installed there, or its package.json is not for others
  }
}
