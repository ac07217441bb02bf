// LangChain.js: the real `createAgent` and the older graph's `ToolNode`, with the library's own fake model.
import { AIMessage } from '@langchain/core/messages'
import { RunnableLambda } from '@langchain/core/runnables'
import { fakeModel } from '@langchain/core/testing'
import { StructuredTool } from '@langchain/core/tools'
import { ToolNode } from '@langchain/langgraph/prebuilt'
import { createAgent, createMiddleware, tool as makeTool, toolRetryMiddleware } from 'langchain'
import { z } from 'zod'
import { rows as common } from '../rows.mjs'

export const info = 'langchain'

const call = (name, args = {}, id = `call_${name}`) => ({ id, name, args })
const does = (tool, outcomes, more = {}) => ({ tool, verdict: 'allow', outcomes, ...more })
const OK = ['succeeded/yes']

/** What is said of a retry by the library's own middleware, of which ours comes before or after. */
const retried = {
  turns: [[call('flaky', { a: 1 })]],
  retries: 2,
  calls: [does('flaky', ['failed/yes'], { flags: undefined }), does('flaky', OK, { flags: ['attempt=2'] })],
  findings: [],
  ran: ['flaky', 'flaky'],
}

export const rows = [
  ...common.map(row => {
    // A thrown error ends a run where there is a middleware, as ours is.
    if (['throw', 'retry, two attempts'].includes(row.name)) return { ...row, retries: 0 }
    // What `tool()` makes gives up waiting for its function by itself, so nobody hears how that ends.
    if (row.abort) return { ...row, calls: [does('stubborn', ['cancelled/unknown'])] }
    return row
  }),
  { ...common.find(row => row.abort), name: 'abort of a tool class, late side effect', classes: true },
  { name: 'retry by a middleware, ours last', ...retried },
  { name: 'retry by a middleware, ours first', ...retried, first: true },
  {
    name: 'unknown tool',
    turns: [[call('nowhere')]],
    calls: [{ tool: '?nowhere', verdict: 'not_evaluated', outcomes: ['not_executed/no'] }],
    ran: [],
  },
  {
    name: 'a runnable as a tool',
    turns: [[call('runnable', { a: 1 })]],
    calls: [does('runnable', OK, { args: { a: 1 } })],
    ran: ['add'],
  },
  {
    name: 'a runnable as a tool, recorder down',
    phase: 'down',
    turns: [[call('runnable', { a: 1 })]],
    ran: [],
    threw: 'audit_unavailable',
  },
  {
    name: 'answered by another middleware inside',
    turns: [[call('add', { a: 1 })]],
    inside: true,
    calls: [{ tool: 'add', verdict: 'not_evaluated', outcomes: ['unknown/unknown'], flags: ['unmediated', 'belated'] }],
    findings: ['call.belated', 'call.unknown', 'call.unmediated'],
    ran: [],
  },
  {
    name: 'older graph, `ToolNode`',
    turns: [[call('add', { a: 1 }), call('forbidden')]],
    older: true,
    calls: [does('add', OK, { executedArgs: { a: 1, b: 7 } }), { tool: 'forbidden', verdict: 'deny', outcomes: [] }],
    ran: ['add'],
    shown: 'policy_denied',
  },
  {
    name: 'older graph, recorder down',
    phase: 'down',
    turns: [[call('add', { a: 1 })]],
    older: true,
    ran: [],
    shown: 'audit_unavailable',
  },
]

const SCHEMAS = { add: z.object({ a: z.number(), b: z.number().default(7) }), flaky: z.object({ a: z.number() }) }

/** Runs the agent through the turns of a row; resolves with the messages of its last run. */
export async function run(kit, { recordCalls, recordTools }, row) {
  const abort = new AbortController()
  const gate = {}
  gate.until = new Promise(resolve => {
    gate.release = resolve
  })
  gate.onStart = () => setImmediate(() => abort.abort())
  const finished = []
  const tools = Object.entries(kit.tools).map(([name, body]) => {
    const run = args => {
      const done = Promise.resolve().then(() => body(args, gate))
      finished.push(done.catch(() => {}))
      return done
    }
    const described = { name, description: name, schema: SCHEMAS[name] ?? z.object({}) }
    return row.classes ? new OwnTool(described, run) : makeTool(run, described)
  })
  const runnable = RunnableLambda.from(kit.tools.add)
  tools.push(runnable.asTool({ name: 'runnable', description: 'add', schema: SCHEMAS.add }))
  if (row.older) return older(recordTools(tools, kit.recorder, { session: 'matrix' }), row)
  const ours = createMiddleware(recordCalls(kit.recorder, { session: 'matrix' }))
  const others = [
    ...(row.retries === undefined
      ? []
      : [toolRetryMiddleware({ maxRetries: row.retries, initialDelayMs: 1, jitter: false })]),
    ...(row.inside
      ? [createMiddleware({ name: 'inside', wrapToolCall: (_, next) => next({ ..._, tool: answers }) })]
      : []),
  ]
  const middleware = row.first || row.inside ? [ours, ...others] : [...others, ours]
  let model = fakeModel()
  for (const turns of [row.turns, ...(row.again ? [row.again] : [])]) {
    for (const turn of turns) model = model.respondWithTools(turn)
    model = model.respond(new AIMessage('done'))
  }
  const agent = createAgent({ model, tools, middleware })
  const ask = () => agent.invoke({ messages: [{ role: 'user', content: 'go' }] }, { signal: abort.signal })
  let result
  let threw
  try {
    result = await ask()
    if (row.again) result = await ask()
  } catch (error) {
    threw = error
  }
  await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
  gate.release()
  await Promise.all(finished)
  // Nobody waits any more for a tool that was aborted: its outcome is on its way now.
  await new Promise(setImmediate)
  if (threw && !row.abort) throw threw
  return JSON.stringify(result ?? null)
}

class OwnTool extends StructuredTool {
  constructor({ name, description, schema }, run) {
    super()
    Object.assign(this, { name, description, schema, _call: run })
  }
}

/** A tool that somebody puts in the place of ours. */
const answers = makeTool(() => 'from elsewhere', { name: 'add', description: 'add', schema: z.object({}) })

/** A graph's node of before there was middleware. */
async function older(tools, { turns }) {
  const node = new ToolNode(tools)
  const messages = [new AIMessage({ content: '', tool_calls: turns[0].map(each => ({ ...each, type: 'tool_call' })) })]
  return JSON.stringify(await node.invoke({ messages }))
}

export async function coverage({ recorder }, { assertCoverage, recordCalls, recordTools }) {
  const add = makeTool(() => 'x', { name: 'add', description: 'add', schema: z.object({}) })
  const provided = { type: 'web_search' }
  const ours = createMiddleware(recordCalls(recorder))
  const inner = createMiddleware({ name: 'inner', wrapToolCall: (request, next) => next(request) })
  const answers = []
  for (const [parts, except] of [
    [{ tools: [add] }],
    [{ tools: [add], middleware: [inner, ours] }],
    [{ tools: [add], middleware: [ours, inner] }],
    [{ tools: [add, provided], middleware: [ours] }],
    [{ tools: [add, provided], middleware: [ours] }, ['web_search']],
    [{ tools: recordTools([add], recorder) }],
  ])
    try {
      assertCoverage(parts, except)
      answers.push('covered')
    } catch (error) {
      answers.push(error.message)
    }
  return answers
}

export const covered = [
  'these would go unrecorded: "add"',
  'covered',
  'these come after the recording middleware: "inner"',
  'these would go unrecorded: "web_search"',
  'covered',
  'covered',
]
