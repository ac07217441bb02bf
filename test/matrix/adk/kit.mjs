// What a row of the matrix is made with: tools that leave a file when they run, agents that play a script, and the
// plugins under test on the backend of the phase.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { BaseTool, FunctionTool, InMemoryRunner, LlmAgent, LogLevel, setLogLevel } from '@google/adk'
import { z } from 'zod'

// ADK reports every error of a tool with its stack.
setLogLevel(LogLevel.ERROR + 1)

const RULES = fileURLToPath(new URL('rules', import.meta.url))
const PARAMETERS = z.object({ amount: z.number().optional(), note: z.string().default('none') })

/** A tool that is no function tool: whatever it returns or throws reaches ADK as it is. */
class RawTool extends BaseTool {
  #run
  constructor(name, run) {
    super({ name, description: `Does ${name}.` })
    this.#run = run
  }
  _getDeclaration() {
    return { name: this.name, description: this.description }
  }
  async runAsync({ args, toolContext }) {
    return this.#run(args, toolContext)
  }
}

/** Another plugin: does nothing but what it is given. */
export class Other {
  constructor(name, callbacks) {
    this.name = name
    for (const callback of CALLBACKS) this[callback] = callbacks[callback] ?? (async () => undefined)
  }
}

const CALLBACKS = [
  'onUserMessageCallback',
  'beforeRunCallback',
  'afterRunCallback',
  'onEventCallback',
  'beforeAgentCallback',
  'afterAgentCallback',
  'beforeNodeCallback',
  'afterNodeCallback',
  'beforeModelCallback',
  'afterModelCallback',
  'onModelErrorCallback',
  'beforeToolCallback',
  'afterToolCallback',
  'onToolErrorCallback',
  'beforeToolSelection',
  'beforeContextCompaction',
  'afterContextCompaction',
]

/**
 * @param {{ dist: string, dir: string, phase: 'up' | 'down' | 'kill', dies?: number }} where
 *   `dist` is the build under test, `dir` the row's own folder. `dies`: the process ends by itself, with this code
 */
export async function makeKit({ dist, dir, phase, dies }) {
  const load = file => import(pathToFileURL(join(dist, file)).href)
  const { files } = await load('index.js')
  const { AgentGovernancePlugin, AuditTrailPlugin } = await load('adapters/adk/index.js')
  const { scriptedModel } = await load('testing/index.js')
  const ran = join(dir, 'ran')
  mkdirSync(ran, { recursive: true })
  // Nothing can be made below a file: this log cannot be opened.
  if (phase === 'down') writeFileSync(join(dir, 'no-folder'), '')
  const target = phase === 'down' ? join(dir, 'no-folder', 'log') : join(dir, 'log')
  const closers = []
  let runs = 0

  const kit = {
    phase,
    dir,
    target,
    scriptedModel,
    errors: [],
    /** The body of a tool has been entered: leaves a file, and in the middle of it dies where the phase says so. */
    hit(name) {
      writeFileSync(join(ran, `${String(runs++).padStart(4, '0')}-${name}`), '')
      if (phase === 'kill' && dies === undefined) process.kill(process.pid, 'SIGKILL')
    },
    /** A function tool. */
    tool: (name, run = () => ({ ok: name }), more = {}) =>
      new FunctionTool({
        name,
        description: `Does ${name}.`,
        parameters: PARAMETERS,
        ...more,
        execute: async (args, context) => {
          kit.hit(name)
          return run(args, context)
        },
      }),
    raw: (name, run = () => ({ ok: name })) =>
      new RawTool(name, (args, context) => {
        kit.hit(name)
        return run(args, context)
      }),
    agent: (turns, tools = [], more = {}) =>
      new LlmAgent({ name: 'shop', description: 'A shop.', model: scriptedModel(turns), tools, ...more }),
    /** The plugin under test: decides by the rules beside this file and records. */
    govern(options = {}) {
      const plugin = new AgentGovernancePlugin({
        ...(options.evaluator ? {} : { policyDir: RULES }),
        auditBackend: files(target),
        logger: { warn() {} },
        onError: error => kit.errors.push(error),
        ...options,
      })
      closers.push(plugin)
      return plugin
    },
    trail(options = {}) {
      const plugin = new AuditTrailPlugin({
        auditBackend: files(target),
        onError: error => kit.errors.push(error),
        ...options,
      })
      closers.push(plugin)
      return plugin
    },
    /** The row's log, which fails while it is switched off. */
    flaky() {
      const backend = files(target)
      const flaky = {
        off: false,
        keepsDisclosures: true,
        append: async entries => {
          if (flaky.off) throw Object.assign(new Error('switched off'), { code: 'matrix.off' })
          return backend.append(entries)
        },
        logs: () => backend.logs(),
        head: () => backend.head(),
        identity: agent => backend.identity(agent),
        flush: level => backend.flush(level),
        close: () => backend.close(),
      }
      return flaky
    },
    /** A runner with its session, and `go`, which sends a message and collects what happens. */
    async session({ agent, plugins, app }) {
      const runner = new InMemoryRunner({ agent, appName: 'shop', plugins, ...(app && { app }) })
      const session = await runner.sessionService.createSession({ appName: 'shop', userId: 'ann' })
      const start = (parts, more = {}) =>
        runner.runAsync({ userId: 'ann', sessionId: session.id, newMessage: { role: 'user', parts }, ...more })
      const go = async (parts = [{ text: 'go' }], more = {}) => collect(start(parts, more))
      return { runner, session, start, go }
    },
    /** One run from its message to its end. */
    async once({ turns, tools, agent, plugins = [kit.govern()], more }) {
      const { go } = await kit.session({ agent: agent ?? kit.agent(turns, tools), plugins })
      return go(undefined, more)
    },
    async close() {
      for (const plugin of closers) await plugin.close().catch(error => kit.errors.push(error))
    },
  }
  return kit
}

/** What a run says: the responses a model was shown, texts, and the events themselves. */
export async function collect(run) {
  const found = { responses: [], texts: [], events: [], calls: [] }
  for await (const event of run) {
    found.events.push(event)
    for (const part of event.content?.parts ?? []) {
      if (part.text) found.texts.push(part.text)
      if (part.functionCall) found.calls.push(part.functionCall)
      if (part.functionResponse) found.responses.push(part.functionResponse)
    }
  }
  return found
}

/** A turn of a model in which it makes calls of one tool, one per set of arguments. */
export const calls = (name, ...args) => ({
  calls: (args.length > 0 ? args : [{}]).map(given => ({ name, args: { ...given } })),
})
