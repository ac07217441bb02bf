import { quote } from '../../core/errors.js'
import { read } from '../read.js'
import { isRecordedAgent, isRecordedTool } from './record-agent.js'
import { isAgent, type RecordableAgent } from './shapes.js'

// An agent may hand over to any of thousands, and to itself.
const AGENTS_MAX = 10_000

/**
 * For a program's own tests: throws when a tool of these agents, or of any they hand over to, would go unrecorded.
 *
 * @param except names of tools that may, such as those that the provider runs
 * @throws {TypeError} with the names of all others
 */
export function assertCoverage(
  agents: RecordableAgent | readonly RecordableAgent[],
  except: readonly string[] = [],
): void {
  const queue: RecordableAgent[] = isAgent(agents) ? [agents] : [...agents]
  const seen = new Set<RecordableAgent>(queue)
  const missing: string[] = []
  for (let agent = queue.pop(); agent; agent = queue.pop()) {
    if (!isRecordedAgent(agent)) missing.push(`every tool of the agent ${quote(agent.name)}`)
    for (const tool of agent.tools) {
      const name = String(read(tool, 'name') ?? read(tool, 'type'))
      if (!isRecordedTool(tool) && !except.includes(name)) missing.push(`${quote(name)} of ${quote(agent.name)}`)
    }
    for (const handoff of agent.handoffs) {
      const next = isAgent(handoff) ? handoff : read(handoff, 'agent')
      if (!isAgent(next) || seen.has(next)) continue
      if (seen.size >= AGENTS_MAX) throw new TypeError(`more than ${AGENTS_MAX} agents are not looked at`)
      seen.add(next)
      queue.push(next)
    }
  }
  if (missing.length > 0) throw new TypeError(`these would go unrecorded: ${missing.join(', ')}`)
}
