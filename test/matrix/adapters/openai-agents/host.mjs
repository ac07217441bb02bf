// OpenAI Agents: the real runner, with the SDK's own scripted model.
import { Agent, handoff, run as runAgent, tool as sdkTool, setTracingDisabled, webSearchTool } from '@openai/agents'
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents/testing'
import { z } from 'zod'
import { rows as common } from '../rows.mjs'

setTracingDisabled(true)
export const info = 'openaiAgents'

const call = (name, args = {}, id = `call_${name}`) => ({ id, name, args })

export const rows = [
  ...common,
  {
    name: 'thrown without our `tool`',
    turns: [[call('boom')]],
    plain: true,
    // What the model was shown is a fixed sentence: whether the body was entered, nobody can tell.
    calls: [{ tool: 'boom', verdict: 'allow', outcomes: ['failed/unknown'] }],
    ran: ['boom'],
  },
  {
    name: 'timeout, late side effect',
    turns: [[call('stubborn')]],
    timeoutMs: 1500,
    calls: [{ tool: 'stubborn', verdict: 'allow', outcomes: ['timed_out/unknown', 'succeeded/yes late'] }],
    ran: ['stubborn', 'stubborn-late'],
  },
  {
    name: 'a call of a tool of an MCP server',
    turns: [[call('add', { a: 1, b: 2 })]],
    mcp: true,
    calls: [{ tool: 'add', verdict: 'allow', outcomes: ['succeeded/yes'], args: { a: 1, b: 2 } }],
    ran: ['add'],
  },
  {
    name: 'a denied call of a tool of an MCP server',
    turns: [[call('forbidden')]],
    mcp: true,
    calls: [{ tool: 'forbidden', verdict: 'deny', outcomes: [] }],
    ran: [],
    shown: 'policy_denied',
  },
  {
    name: 'hand-off',
    turns: [[call('transfer_to_second')], [call('add', { a: 1 })]],
    handsOver: true,
    calls: [
      { tool: 'transfer_to_second', verdict: 'allow', outcomes: ['succeeded/yes'], output: 'second' },
      { tool: 'add', verdict: 'allow', outcomes: ['succeeded/yes'] },
    ],
    ran: ['add'],
  },
  {
    name: 'hand-off that cannot be recorded',
    phase: 'down',
    turns: [[call('transfer_to_second')], [call('add', { a: 1 })]],
    handsOver: true,
    ran: [],
    threw: 'audit_unavailable',
  },
]

const SCHEMAS = { add: z.object({ a: z.number(), b: z.number().default(7) }), flaky: z.object({ a: z.number() }) }

/** Runs the agent through the turns of a row; resolves with what the model was sent last. */
export async function run(kit, { recordAgent, witnessed }, row) {
  const tool = row.plain ? sdkTool : witnessed(sdkTool)
  const abort = new AbortController()
  const gate = {}
  gate.until = new Promise(resolve => {
    gate.release = resolve
  })
  gate.onStart = () => row.abort && setImmediate(() => stop(abort, gate.release))
  const finished = []
  const tools = Object.entries(kit.tools).map(([name, body]) =>
    tool({
      name,
      description: name,
      parameters: SCHEMAS[name] ?? z.object({}),
      strict: true,
      ...(row.timeoutMs && { timeoutMs: row.timeoutMs }),
      execute: args => {
        const done = Promise.resolve().then(() => body(args, gate))
        finished.push(done.catch(() => {}))
        return done
      },
    }),
  )
  const model = new ScriptedModel([...script(row.turns), ...(row.again ? script(row.again) : [])])
  const agent = new Agent({
    name: 'first',
    model,
    ...(row.mcp ? { mcpServers: [server(kit)] } : row.handsOver ? {} : { tools }),
    ...(row.handsOver && { handoffs: [handoff(new Agent({ name: 'second', model, tools }))] }),
  })
  recordAgent(agent, kit.recorder, { session: 'matrix' })
  let threw
  try {
    await runAgent(agent, 'go', { signal: abort.signal })
    if (row.again) await runAgent(agent, 'go')
  } catch (error) {
    threw = error
  }
  // Fake models leave no turn of the event loop in which an abort could be heard of.
  await new Promise(setImmediate)
  gate.release()
  await Promise.all(finished)
  if (threw && !row.abort) throw threw
  return JSON.stringify(model.calls.at(-1)?.request.input ?? null)
}

const script = turns => [
  ...turns.map(turn => turn.map(({ id, name, args }) => functionCall(name, args, { callId: id }))),
  [assistantMessage('done')],
]

/** The runner waits for a tool that does not heed the abort, so it is let go once all have heard of it. */
function stop(abort, release) {
  abort.abort()
  setImmediate(() => setImmediate(release))
}

/** A server as the SDK asks one, in this process. */
function server({ tools }) {
  const listed = ['add', 'forbidden']
  return {
    name: 'matrix',
    cacheToolsList: false,
    connect: async () => {},
    close: async () => {},
    invalidateToolsCache: async () => {},
    listTools: async () =>
      listed.map(name => ({
        name,
        description: name,
        inputSchema: { type: 'object', properties: {}, required: [], additionalProperties: true },
      })),
    callTool: async (name, args) => [{ type: 'text', text: JSON.stringify(await tools[name](args ?? {})) }],
  }
}

/** A tool that the program never gave to the recorder, one that the provider runs; and none such. */
export async function coverage({ recorder }, { assertCoverage, recordAgent }) {
  const tool = sdkTool({ name: 'add', description: 'add', parameters: z.object({}), execute: () => 'x' })
  const answers = []
  const attempt = check => {
    try {
      check()
      answers.push('covered')
    } catch (error) {
      answers.push(error.message)
    }
  }
  const agent = new Agent({ name: 'first', tools: [tool] })
  attempt(() => assertCoverage(agent))
  recordAgent(agent, recorder)
  attempt(() => assertCoverage(agent))
  attempt(() => assertCoverage(agent.clone({ name: 'copy' })))
  agent.tools.push(webSearchTool())
  attempt(() => assertCoverage(agent))
  attempt(() => assertCoverage(agent, ['web_search']))
  return answers
}

export const covered = [
  'these would go unrecorded: every tool of the agent "first"',
  'covered',
  'these would go unrecorded: every tool of the agent "copy"',
  'these would go unrecorded: "web_search" of "first"',
  'covered',
]
