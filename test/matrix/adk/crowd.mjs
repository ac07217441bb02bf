// One crowd: agents of several sessions that make a number of calls at once, and what is known of each call from both
// sides. Every call has a number of its own in its arguments, so that "as many" cannot hide "others".
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AgentTool, FunctionTool, InMemoryRunner, LlmAgent, LogLevel, setLogLevel } from '@google/adk'
import { z } from 'zod'
import { openSource } from '../../../dist/client/open.js'
import { verify } from '../../../dist/client/verify.js'
import { equalBytes } from '../../../dist/core/bytes/equal.js'
import { commitmentsOf, parseDisclosureSet, parseRecord, verifyDisclosure } from '../../../dist/core/record/index.js'
import { serveMcp, stdioToolset } from './mcp.mjs'

const SESSIONS = 8
const CALLS_PER_TURN_MAX = 6
const INNER_CALLS_MAX = 4

setLogLevel(LogLevel.ERROR + 1)

/** @returns what the tools counted (`made`) and what the log holds (`recorded`), as "tool/number" */
export async function driveCrowd({ dist, dir, seed, transport, size }) {
  mkdirSync(join(dir, 'files'), { recursive: true })
  const load = file => import(pathToFileURL(join(dist, file)).href)
  const { files } = await load('index.js')
  const { AuditTrailPlugin } = await load('adapters/adk/index.js')
  const { scriptedModel } = await load('testing/index.js')
  const made = []
  const kept = []
  const errors = []
  const plugin = new AuditTrailPlugin({
    auditBackend: tee(files(join(dir, 'log')), kept),
    onError: error => errors.push(error),
  })
  const server =
    transport === 'http' ? await serveMcp({ mail: ({ n }) => made.push(`mail/${n}`), move: moves(made) }) : undefined
  const began = performance.now()
  const plan = planCrowd(seed, size, transport)
  try {
    await Promise.all(
      plan.map(async turns => {
        const agent = agentOf('shop', turns, {
          made,
          scriptedModel,
          mcp: () => server?.toolset() ?? stdioToolset(join(dir, 'files'), ['write_file']),
          dir,
        })
        const runner = new InMemoryRunner({ agent, appName: 'shop', plugins: [plugin] })
        const session = await runner.sessionService.createSession({ appName: 'shop', userId: 'ann' })
        const message = { role: 'user', parts: [{ text: 'go' }] }
        for await (const _ of runner.runAsync({ userId: 'ann', sessionId: session.id, newMessage: message }));
      }),
    )
  } finally {
    await server?.close()
    await plugin.close()
  }
  if (errors.length > 0) throw errors[0]
  // The file system server's own count: one file per call.
  for (const name of readdirSync(join(dir, 'files'))) made.push(`write_file/${name}`)
  const ms = Math.round(performance.now() - began)
  return {
    made,
    recorded: await recordedIn(join(dir, 'log'), kept),
    report: await verify(join(dir, 'log'), { self: true }),
    ms,
  }
}

const moves =
  made =>
  ({ n }) => {
    made.push(`move/${n}`)
    throw new Error('cannot be moved')
  }

/** Turns for each session, `size` calls in all; `{ tool, n }`, an agent's call with the calls of its own in `inner`. */
function planCrowd(seed, size, transport) {
  const chance = mulberry32(seed)
  const upTo = max => 1 + Math.floor(chance() * max)
  const overMcp = transport === 'http' ? ['mail', 'move'] : ['write_file']
  // A process per call takes its time.
  const share = transport === 'http' ? 0.25 : 0.1
  let left = size
  let n = 0
  const simple = () => {
    left--
    const tools = chance() < share ? overMcp : ['pay', 'fail']
    return { tool: tools[Math.floor(chance() * tools.length)], n: n++ }
  }
  const sessions = Array.from({ length: SESSIONS }, () => [])
  for (let s = 0; left > 0; s = (s + 1) % SESSIONS) {
    const turn = []
    for (let i = upTo(CALLS_PER_TURN_MAX); i > 0 && left > 0; i--) {
      if (chance() < 0.8 || left < 2) turn.push(simple())
      else {
        left--
        const call = { tool: 'agent', n: n++, inner: [] }
        for (let j = upTo(INNER_CALLS_MAX); j > 0 && left > 0; j--) call.inner.push(simple())
        turn.push(call)
      }
    }
    sessions[s].push(turn)
  }
  return sessions
}

function agentOf(name, turns, world) {
  const { made, scriptedModel, mcp, dir } = world
  const every = turns.flat()
  const agents = every.filter(({ inner }) => inner).map(call => innerAgent(call, world))
  const script = turns.map(turn => ({
    calls: turn.map(({ tool, n, inner }) => ({
      name: inner ? `agent${n}` : tool,
      args: inner
        ? { request: String(n) }
        : tool === 'write_file'
          ? { path: join(dir, 'files', String(n)), content: 'x' }
          : { n },
    })),
  }))
  const overMcp = every.some(({ tool }) => ['mail', 'move', 'write_file'].includes(tool))
  return new LlmAgent({
    name,
    description: 'One of many.',
    model: scriptedModel([...script, 'done']),
    tools: [functionTool('pay', made), functionTool('fail', made), ...agents, ...(overMcp ? [mcp()] : [])],
  })
}

function innerAgent({ n, inner }, world) {
  const agent = agentOf(`agent${n}`, [inner], world)
  const { generateContentAsync } = agent.model
  let asked = false
  // The agent counts its own call when its model is asked for the first time.
  agent.model.generateContentAsync = function (...given) {
    if (!asked) world.made.push(`agent/${n}`)
    asked = true
    return generateContentAsync.apply(this, given)
  }
  return new AgentTool({ agent })
}

const functionTool = (name, made) =>
  new FunctionTool({
    name,
    description: `Does ${name}.`,
    parameters: z.object({ n: z.number() }),
    execute: async ({ n }) => {
      made.push(`${name}/${n}`)
      // Lets the others in between.
      await new Promise(resolve => setImmediate(resolve))
      if (name === 'fail') throw new Error('on purpose')
      return { n }
    },
  })

/** A backend that keeps what it is handed, so that what was committed can be opened without a vault of its own. */
function tee(backend, kept) {
  return {
    keepsDisclosures: true,
    append: async entries => {
      kept.push(...entries)
      return backend.append(entries)
    },
    logs: () => backend.logs(),
    head: () => backend.head(),
    identity: agent => backend.identity(agent),
    flush: level => backend.flush(level),
    close: () => backend.close(),
  }
}

/** Calls in the log that have an intent and a final outcome that says that the tool ran. */
async function recordedIn(target, kept) {
  const source = await openSource(target)
  const intents = new Map()
  const executed = []
  let next = 0
  try {
    for await (const { record: bytes } of source.entries()) {
      const { record, leaf, understood } = parseRecord(bytes)
      if (!understood) throw new Error('a record is not understood')
      if (record.type === 'intent') {
        // Both are in the order in which they were handed over.
        while (!equalBytes(kept[next].record, bytes)) next++
        const args = parseDisclosureSet(kept[next].disclosures).get('args')
        intents.set(leaf, nameOf(record.tool.name, verifyDisclosure(args, commitmentsOf(record).get('args')).value))
      }
      if (record.type === 'outcome' && record.executed === 'yes') executed.push(intents.get(record.intent))
    }
  } finally {
    await source.close()
  }
  if (executed.length !== intents.size) throw new Error(`${intents.size} intents and ${executed.length} outcomes`)
  return executed
}

function nameOf(tool, args) {
  if (args.request !== undefined) return `agent/${args.request}`
  return `${tool}/${args.n ?? args.path.split('/').at(-1)}`
}

/** A small generator of numbers from 0 to 1 that gives the same ones for the same seed. */
function mulberry32(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
