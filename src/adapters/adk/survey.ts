import type { CoveredTool } from '../../recorder/types.js'
import { read } from '../read.js'
import { definitionOf } from './describe.js'
import { wrapTool } from './execution.js'
import { agentOf, isTool } from './shapes.js'
import { watchAgent } from './shown.js'

/**
 * Kinds of calls that never pass through a plugin of ADK, whatever we do: what the model's provider runs itself, code
 * executors, and agents on other machines.
 */
export const UNSEEN = ['adk.code-execution', 'adk.model-built-in', 'adk.remote-agent']

// Bounds the walk; agents refer to each other and a program may have made a ring of them.
const AGENTS_MAX = 1000
const TOOLS_MAX = 10_000

/**
 * Walks the agents below `root`, wraps every tool that is there already, and tells what it found. Toolsets make their
 * tools anew for each turn: those are wrapped when they are called.
 */
export function survey(root: unknown, digestOf: (definition: unknown) => string): CoveredTool[] {
  const found = new Map<string, CoveredTool>()
  const seen = new Set<unknown>()
  const agents: unknown[] = [root]
  while (agents.length > 0 && seen.size < AGENTS_MAX) {
    const agent = agents.pop()
    if (!agent || seen.has(agent)) continue
    seen.add(agent)
    watchAgent(agent)
    for (const below of listOf(read(agent, 'subAgents'))) agents.push(below)
    for (const tool of listOf(read(agent, 'tools'))) {
      if (!isTool(tool) || found.size >= TOOLS_MAX) continue
      const wrapped = wrapTool(tool)
      const definition = definitionOf(tool)
      const digest = definition === undefined ? undefined : digestOf(definition)
      // Of two tools with one name the worse says how that name is covered.
      const before = found.get(tool.name)
      found.set(tool.name, {
        name: tool.name,
        ...(digest && { digest }),
        wrapped: wrapped && (before?.wrapped ?? true),
      })
      const inner = agentOf(tool)
      if (inner) agents.push(inner)
    }
  }
  return [...found.values()]
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value.slice(0, TOOLS_MAX) : [])
