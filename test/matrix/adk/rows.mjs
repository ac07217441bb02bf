// One row per way a tool call can go in ADK: how to make it happen, and what the log has to say of it afterwards.
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import {
  AgentTool,
  App,
  BaseToolset,
  LiveRequestQueue,
  LlmAgent,
  LongRunningFunctionTool,
  ParallelAgent,
  SequentialAgent,
  ToolNode,
  Workflow,
} from '@google/adk'
import { z } from 'zod'
import { calls, collect, Other } from './kit.mjs'
import { serveMcp, stdioToolset } from './mcp.mjs'

const rows = []

/**
 * @param {string} name
 * @param {{
 *   run: (kit: object) => Promise<unknown>, calls: object[], ran?: string[], exit?: number, findings?: string[],
 *   other?: object, down?: string[], unannounced?: true, phases?: string[], result?: (result: any) => unknown, expected?: unknown,
 * }} row `ran`: the tools whose bodies are entered, by name, sorted. `down`: the tools that run
 *   although nothing can be recorded. `unannounced`: they may run before there is an intent. `result`: what else is looked at, and `expected` what it is.
 */
const row = (name, what) => rows.push({ name, ran: [], exit: 0, findings: [], other: {}, ...what })

/** What the log is to say of one call. Executed arguments are those decided on, unless it says otherwise. */
function call(tool, verdict, outcomes, more = {}) {
  const list = outcomes === '' ? [] : outcomes.split(', ')
  const args = more.args ?? {}
  const last = list.at(-1) ?? '/no'
  return {
    tool,
    verdict,
    outcomes: list,
    args,
    ...(!last.includes('/no') && { executedArgs: args }),
    ...(last.startsWith('succeeded') && { output: { ok: tool } }),
    ...more,
  }
}

const DENIED = { rule: 'no-forbidden' }
const throws = value => () => {
  throw value
}
const user = (id, name, response) => [{ functionResponse: { id, name, response } }]

// ---- what a tool does ----

row('success', {
  run: kit => kit.once({ tools: [kit.tool('pay')], turns: [calls('pay', { amount: 1 }), 'done'] }),
  calls: [call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 } })],
  ran: ['pay'],
})

row('returns nothing', {
  run: kit => kit.once({ tools: [kit.raw('pay', () => undefined)], turns: [calls('pay'), 'done'] }),
  calls: [call('pay', 'allow', 'succeeded/yes', { output: { $undefined: true } })],
  ran: ['pay'],
})

row('returns what no JSON can say', {
  run: kit => {
    const ring = { big: 10n ** 20n, day: new Date(0), bytes: new Uint8Array([1, 2]), nan: Number.NaN }
    ring.self = ring
    return kit.once({ tools: [kit.raw('pay', () => ring)], turns: [calls('pay'), 'done'] }).catch(() => {})
  },
  calls: [
    call('pay', 'allow', 'succeeded/yes', {
      output: {
        big: { $bigint: '100000000000000000000' },
        bytes: { $bytes: 'AQI=' },
        day: { $date: 0 },
        nan: { $number: 'NaN' },
        self: { $up: 1 },
      },
    }),
  ],
  ran: ['pay'],
})

for (const [what, value, error] of [
  ['an Error', new RangeError('boom'), { name: 'RangeError', message: 'boom' }],
  ['an Error without message', new Error(''), { name: 'Error', message: '' }],
  ['a string', 'boom', { message: 'boom' }],
  ['nothing', undefined, { message: { $undefined: true } }],
  ['an Error of another realm', runInNewContext("new TypeError('boom')"), { name: 'TypeError', message: 'boom' }],
])
  for (const kind of ['tool', 'raw'])
    row(`${kind === 'tool' ? 'a function' : 'a tool'} throws ${what}`, {
      run: kit => kit.once({ tools: [kit[kind]('pay', throws(value))], turns: [calls('pay'), 'done'] }),
      calls: [call('pay', 'allow', 'failed/yes', { error })],
      ran: ['pay'],
    })

row('reports an error', {
  run: kit => kit.once({ tools: [kit.tool('pay', () => ({ error: 'no funds' }))], turns: [calls('pay'), 'done'] }),
  calls: [call('pay', 'allow', 'reported_error/yes', { output: { error: 'no funds' } })],
  ran: ['pay'],
})

row('arguments that ADK refuses', {
  // What ADK says of them is its own sentence.
  ignore: ['error'],
  run: kit => kit.once({ tools: [kit.tool('pay')], turns: [calls('pay', { amount: 'much' }), 'done'] }),
  calls: [call('pay', 'allow', 'not_executed/no', { args: { amount: 'much' } })],
})

row('changes its own arguments', {
  run: kit => {
    const tool = kit.raw('pay', args => {
      args.amount = 999
      return { ok: 'pay' }
    })
    return kit.once({ tools: [tool], turns: [calls('pay', { amount: 1 }), 'done'] })
  },
  calls: [call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 } })],
  ran: ['pay'],
})

// ---- MCP ----

const text = value => ({ content: [{ type: 'text', text: JSON.stringify(value) }] })

row('MCP over streamable HTTP', {
  run: async kit => {
    const server = await serveMcp({
      pay: args => {
        kit.hit('pay')
        return args
      },
    })
    await kit.once({
      tools: [server.toolset()],
      turns: [calls('pay', { amount: 1 }), calls('pay', { amount: 2 }), 'done'],
    })
    await server.close()
  },
  calls: [1, 2].map(amount => call('pay', 'allow', 'succeeded/yes', { args: { amount }, output: text({ amount }) })),
  ran: ['pay', 'pay'],
})

row('MCP reports isError', {
  run: async kit => {
    const server = await serveMcp({
      pay: () => {
        kit.hit('pay')
        throw new Error('no funds')
      },
    })
    await kit.once({ tools: [server.toolset()], turns: [calls('pay'), 'done'] })
    await server.close()
  },
  calls: [
    call('pay', 'allow', 'reported_error/yes', {
      output: { content: [{ type: 'text', text: 'no funds' }], isError: true },
    }),
  ],
  ran: ['pay'],
})

row('MCP server dies during the call', {
  run: async kit => {
    let server
    server = await serveMcp({
      pay: () => {
        kit.hit('pay')
        void server.close()
        return new Promise(() => {})
      },
    })
    await kit.once({ tools: [server.toolset()], turns: [calls('pay')] }).catch(() => {})
  },
  calls: [call('pay', 'allow', 'failed/yes')],
  ran: ['pay'],
  // What the operating system says of a lost connection differs.
  ignore: ['error'],
})

row('MCP over stdio', {
  run: async kit => {
    const folder = join(kit.dir, 'ran')
    // The server's own process writes the file that says that the tool ran.
    await kit.once({
      tools: [stdioToolset(folder, ['write_file'])],
      turns: [
        { calls: [{ name: 'write_file', args: { path: join(folder, '0000-write_file'), content: 'x' } }] },
        'done',
      ],
    })
  },
  calls: [call('write_file', 'allow', 'succeeded/yes')],
  ran: ['write_file'],
  // Its body is another process, and this one dies after it.
  handsOver: true,
  // Holds the folder's name.
  ignore: ['args', 'executedArgs', 'output'],
})

row('MCP tool that is denied', {
  run: async kit => {
    const server = await serveMcp({ forbidden: () => kit.hit('forbidden') })
    await kit.once({ tools: [server.toolset()], turns: [calls('forbidden'), 'done'] })
    await server.close()
  },
  calls: [call('forbidden', 'deny', '', DENIED)],
})

// ---- decisions ----

row('denied', {
  run: kit => kit.once({ tools: [kit.tool('forbidden')], turns: [calls('forbidden', { amount: 1 }), 'done'] }),
  calls: [call('forbidden', 'deny', '', { ...DENIED, args: { amount: 1 } })],
  result: ({ responses }) => responses.map(({ response }) => response),
  expected: [{ error: 'policy_denied', reason: 'This tool is not for agents.', matched_rule: 'no-forbidden' }],
})

row('rules that cannot be evaluated', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [calls('pay'), 'done'],
      plugins: [kit.govern({ evaluator: { evaluate: throws(new Error('broken')) } })],
    }),
  calls: [call('pay', 'deny', '')],
  result: ({ responses }) => responses.map(({ response }) => response.error),
  expected: ['policy_error'],
  errors: ['broken'],
})

row('review that nobody answers', {
  run: kit => kit.once({ tools: [kit.tool('ask')], turns: [calls('ask'), 'done'] }),
  calls: [call('ask', 'review', 'not_executed/no', { rule: 'ask-first' })],
})

for (const approved of [true, false])
  row(approved ? 'review approved' : 'review rejected', {
    run: kit => {
      const approver = { ask: async () => ({ approved, by: 'boss', channel: 'matrix' }) }
      return kit.once({ tools: [kit.tool('ask')], turns: [calls('ask'), 'done'], plugins: [kit.govern({ approver })] })
    },
    calls: [
      approved
        ? call('ask', 'review', 'succeeded/yes', { rule: 'ask-first', review: 'approved' })
        : call('ask', 'review', '', { rule: 'ask-first', review: 'rejected' }),
    ],
    ran: approved ? ['ask'] : [],
  })

row('without rules: only recorded', {
  run: kit => kit.once({ tools: [kit.tool('forbidden')], turns: [calls('forbidden'), 'done'], plugins: [kit.trail()] }),
  calls: [call('forbidden', 'not_evaluated', 'succeeded/yes')],
  ran: ['forbidden'],
})

// ---- other plugins, and the agent's own callbacks ----

const beside = (kit, callbacks) => [kit.govern(), new Other('other', callbacks)]

row('a later plugin answers in its place', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [calls('pay'), 'done'],
      plugins: beside(kit, { beforeToolCallback: async () => ({ cached: true }) }),
    }),
  calls: [call('pay', 'allow', 'short_circuited/no', { visible: { cached: true } })],
})

row('the agent answers from its cache', {
  run: kit =>
    kit.once({
      agent: kit.agent([calls('pay'), 'done'], [kit.tool('pay')], {
        beforeToolCallback: async () => ({ cached: true }),
      }),
    }),
  calls: [call('pay', 'allow', 'short_circuited/no', { visible: { cached: true } })],
})

row('an earlier plugin answers in its place', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [calls('pay'), 'done'],
      plugins: [new Other('cache', { beforeToolCallback: async () => ({ cached: true }) }), kit.govern()],
    }),
  calls: [
    call('pay', 'not_evaluated', 'unknown/unknown', { flags: ['unmediated', 'belated'], visible: { cached: true } }),
  ],
  exit: 3,
  findings: ['call.belated', 'call.unknown', 'call.unmediated'],
  other: { unseen: ['adk.answered-by-earlier-plugin'] },
})

row('an earlier plugin answers null', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay'), kit.tool('forbidden')],
      turns: [calls('forbidden'), calls('pay'), 'done'],
      plugins: [new Other('null', { beforeToolCallback: async () => null }), kit.govern()],
    }),
  calls: [call('forbidden', 'deny', '', DENIED), call('pay', 'allow', 'succeeded/yes')],
  ran: ['pay'],
  other: { unseen: ['adk.answered-by-earlier-plugin'] },
})

row('not the first plugin, and so refused', {
  run: kit =>
    kit
      .once({
        tools: [kit.tool('pay')],
        turns: [calls('pay'), 'done'],
        plugins: [new Other('first', {}), kit.govern({ strict: true })],
      })
      .catch(error => error.message),
  calls: [],
  empty: true,
  result: message => /is not the first of its runner/.test(message),
  expected: true,
})

row('a plugin of the App comes first', {
  run: async kit => {
    const agent = kit.agent([calls('pay'), 'done'], [kit.tool('pay')])
    const app = new App({ name: 'shop', rootAgent: agent, plugins: [new Other('first', {})] })
    const { go } = await kit.session({ app, plugins: [kit.govern()] })
    return go()
  },
  calls: [call('pay', 'allow', 'succeeded/yes')],
  ran: ['pay'],
  other: { unseen: ['adk.answered-by-earlier-plugin'] },
})

row('a later plugin changes the arguments', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [calls('pay', { amount: 1 }), 'done'],
      plugins: beside(kit, {
        beforeToolCallback: async ({ toolArgs }) => {
          toolArgs.amount = 999
        },
      }),
    }),
  calls: [call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 }, executedArgs: { amount: 999 } })],
  ran: ['pay'],
  exit: 3,
  findings: ['call.other-arguments'],
})

row('a later plugin throws before the tool', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [calls('pay'), 'done'],
      plugins: beside(kit, { beforeToolCallback: throws(new Error('other')) }),
    }),
  calls: [call('pay', 'allow', 'not_executed/no')],
})

row('a later plugin throws after the tool', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [calls('pay', { amount: 1 }, { amount: 2 }), 'done'],
      plugins: beside(kit, { afterToolCallback: throws(new Error('other')) }),
    }),
  // ADK gives up the turn: the second call was asked for and never came about.
  calls: [
    call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 } }),
    call('pay', 'not_evaluated', 'not_executed/no', { args: { amount: 2 } }),
  ],
  ran: ['pay'],
})

row('a later plugin answers for the tool afterwards', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [calls('pay', {}, {}), 'done'],
      plugins: beside(kit, { afterToolCallback: async () => ({ masked: true }) }),
    }),
  calls: [1, 2].map(() => call('pay', 'allow', 'succeeded/yes', { visible: { masked: true } })),
  ran: ['pay', 'pay'],
})

row('a later plugin changes the result in place', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [calls('pay'), 'done'],
      plugins: beside(kit, {
        afterToolCallback: async ({ result }) => {
          result.ok = 'masked'
        },
      }),
    }),
  calls: [call('pay', 'allow', 'succeeded/yes', { visible: { ok: 'masked' } })],
  ran: ['pay'],
})

row('a later plugin looks on', {
  run: kit => kit.once({ tools: [kit.tool('pay')], turns: [calls('pay'), 'done'], plugins: beside(kit, {}) }),
  calls: [call('pay', 'allow', 'succeeded/yes')],
  ran: ['pay'],
})

row('a later plugin recovers from the error', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay', throws(new Error('boom')))],
      turns: [calls('pay'), 'done'],
      plugins: beside(kit, { onToolErrorCallback: async () => ({ fallback: true }) }),
    }),
  calls: [
    call('pay', 'allow', 'failed/yes', { error: { name: 'Error', message: 'boom' }, visible: { fallback: true } }),
  ],
  ran: ['pay'],
})

row('the agent answers for the tool afterwards', {
  run: kit =>
    kit.once({
      agent: kit.agent([calls('pay', { amount: 1 }), 'done'], [kit.tool('pay')], {
        afterToolCallback: [async () => undefined, async () => ({ masked: true })],
      }),
    }),
  calls: [call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 }, visible: { masked: true } })],
  ran: ['pay'],
  result: ({ responses }) => responses.map(({ response }) => response),
  expected: [{ masked: true }],
})

row('a later plugin runs the tool again', {
  run: kit => {
    let again = false
    return kit.once({
      tools: [kit.tool('pay')],
      turns: [calls('pay', { amount: 1 }), 'done'],
      plugins: beside(kit, {
        afterToolCallback: async ({ tool, toolContext }) => {
          if (!again) {
            again = true
            await tool.runAsync({ args: { amount: 2 }, toolContext })
          }
        },
      }),
    })
  },
  calls: [1, 2].map(amount => call('pay', 'allow', 'succeeded/yes', { args: { amount } })),
  ran: ['pay', 'pay'],
})

row('a tool runs another tool with its own context', {
  run: kit => {
    const mail = kit.tool('mail')
    const forbidden = kit.tool('forbidden')
    const pay = kit.tool('pay', async (_, toolContext) => {
      await mail.runAsync({ args: { amount: 2 }, toolContext })
      await forbidden.runAsync({ args: {}, toolContext })
      return { ok: 'pay' }
    })
    return kit.once({ tools: [pay, mail, forbidden], turns: [calls('pay', { amount: 1 }), 'done'] })
  },
  calls: [
    call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 } }),
    call('mail', 'allow', 'succeeded/yes', { args: { amount: 2 }, parent: 'pay' }),
    call('forbidden', 'deny', '', { ...DENIED, parent: 'pay' }),
  ],
  ran: ['mail', 'pay'],
})

row('a tool runs itself again', {
  run: kit => {
    const pay = kit.raw('pay', async (args, toolContext) => {
      if (args.amount > 1) await pay.runAsync({ args: { amount: args.amount - 1 }, toolContext })
      return { ok: 'pay' }
    })
    return kit.once({ tools: [pay], turns: [calls('pay', { amount: 2 }), 'done'] })
  },
  calls: [
    call('pay', 'allow', 'succeeded/yes', { args: { amount: 2 } }),
    call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 }, parent: 'pay' }),
  ],
  ran: ['pay', 'pay'],
})

row('a frozen tool', {
  run: kit => kit.once({ tools: [Object.freeze(kit.raw('pay'))], turns: [calls('pay'), 'done'] }),
  calls: [call('pay', 'allow', 'unknown/unknown', { visible: { ok: 'pay' } })],
  ran: ['pay'],
  exit: 3,
  findings: ['call.unknown'],
  other: { unwrapped: ['pay'] },
})

row('a frozen tool, past an earlier plugin that answers null', {
  run: kit =>
    kit.once({
      tools: [Object.freeze(kit.raw('pay'))],
      turns: [calls('pay'), 'done'],
      plugins: [new Other('null', { beforeToolCallback: async () => null }), kit.govern()],
    }),
  calls: [
    call('pay', 'not_evaluated', 'unknown/unknown', { flags: ['unmediated', 'belated'], visible: { ok: 'pay' } }),
  ],
  ran: ['pay'],
  exit: 3,
  findings: ['call.belated', 'call.unknown', 'call.unmediated'],
  other: { unseen: ['adk.answered-by-earlier-plugin'], unwrapped: ['pay'] },
  // Nothing of ours is asked before it runs, which is what coverage says.
  down: ['pay'],
  unannounced: true,
})

// ---- calls that no callback tells of ----

row('a tool that is not there', {
  run: kit => kit.once({ tools: [kit.tool('pay')], turns: [calls('refund', { amount: 1 }), 'done'] }),
  calls: [call('?refund', 'not_evaluated', 'not_executed/no', { args: { amount: 1 } })],
})

row('a tool that is not there, among others', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [{ calls: ['pay', 'refund', 'pay'].map((name, n) => ({ name, args: { amount: n } })) }, 'done'],
    }),
  calls: [
    call('?refund', 'not_evaluated', 'not_executed/no', { args: { amount: 1 } }),
    call('pay', 'allow', 'succeeded/yes', { args: { amount: 0 } }),
    call('pay', 'not_evaluated', 'not_executed/no', { args: { amount: 2 } }),
  ],
  ran: ['pay'],
})

row('a tool named as what every object has', {
  run: kit => kit.once({ tools: [kit.tool('pay')], turns: [calls('constructor'), calls('pay'), 'done'] }),
  calls: [call('?Object', 'allow', 'not_executed/no'), call('pay', 'allow', 'succeeded/yes')],
  ran: ['pay'],
})

row('a final answer that swallows the other calls', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [
        {
          calls: [
            { name: 'pay', args: {} },
            { name: 'set_model_response', args: { answer: 42 } },
          ],
        },
        'done',
      ],
    }),
  calls: [
    call('pay', 'not_evaluated', 'not_executed/no'),
    call('?set_model_response', 'not_evaluated', 'short_circuited/no', { args: { answer: 42 } }),
  ],
})

for (const answered of [true, false])
  row(answered ? 'the client runs the tool' : 'the client runs the tool and never says more', {
    run: async kit => {
      const { go } = await kit.session({
        agent: kit.agent([calls('pay', { amount: 1 }), 'done'], [kit.tool('pay')]),
        plugins: [kit.govern()],
      })
      const first = await go(undefined, { runConfig: { pauseOnToolCalls: true } })
      if (answered) await go(user(first.calls[0].id, 'pay', { ok: 'pay' }))
    },
    calls: [
      call('pay', 'not_evaluated', answered ? 'pending/unknown, succeeded/yes late' : 'pending/unknown', {
        args: { amount: 1 },
        flags: ['unmediated'],
      }),
    ],
    exit: 3,
    findings: answered ? ['call.unmediated'] : ['call.pending-at-end', 'call.unmediated'],
  })

// ---- waiting: confirmations and long-running tools ----

const confirmation = found => found.calls.find(({ name }) => name === 'adk_request_confirmation')

async function confirmed(kit, answer, tool) {
  const { go } = await kit.session({
    agent: kit.agent([calls('pay', { amount: 1 }), 'done', 'done'], [tool]),
    plugins: [kit.govern()],
  })
  const asked = confirmation(await go())
  if (answer !== undefined && asked) await go(user(asked.id, asked.name, { confirmed: answer }))
}

const gated = kit => kit.tool('pay', undefined, { requireConfirmation: true })
const FIRST_PASS = call('pay', 'allow', 'pending/no, not_executed/no late', { args: { amount: 1 } })

row('a confirmation is asked for and never given', {
  run: kit => confirmed(kit, undefined, gated(kit)),
  calls: [call('pay', 'allow', 'pending/no', { args: { amount: 1 } })],
  exit: 3,
  findings: ['call.pending-at-end'],
  // What ADK hands back while it waits is its own sentence.
  ignore: ['visible'],
})

for (const answer of [true, false])
  row(answer ? 'confirmed' : 'declined', {
    run: kit => confirmed(kit, answer, gated(kit)),
    calls: [
      FIRST_PASS,
      answer
        ? call('pay', 'review', 'succeeded/yes', { review: 'approved', flags: ['attempt=2'], args: { amount: 1 } })
        : call('pay', 'review', '', { review: 'rejected', flags: ['attempt=2'], args: { amount: 1 } }),
    ],
    ran: answer ? ['pay'] : [],
    ignore: ['visible'],
  })

row('executed despite a decline', {
  run: kit => {
    const careless = kit.raw('pay')
    const run = careless.runAsync
    careless.checkRequireConfirmation = async () => true
    careless.runAsync = async function runAsync(request) {
      const { toolContext } = request
      if (!toolContext.toolConfirmation) {
        toolContext.requestConfirmation({ hint: 'sure?' })
        return { error: 'requires confirmation' }
      }
      return run.call(this, request)
    }
    return confirmed(kit, false, careless)
  },
  calls: [
    call('pay', 'allow', 'pending/unknown, not_executed/no late', { args: { amount: 1 } }),
    call('pay', 'review', 'succeeded/yes', { review: 'rejected', flags: ['attempt=2'], args: { amount: 1 } }),
  ],
  ran: ['pay'],
  exit: 3,
  findings: ['call.declined-yet-executed'],
  ignore: ['visible'],
})

row('another tool runs in the turn that asks for a confirmation', {
  run: kit =>
    kit.once({
      tools: [gated(kit), kit.tool('mail')],
      turns: [
        {
          calls: [
            { name: 'pay', args: {} },
            { name: 'mail', args: {} },
          ],
        },
        'done',
      ],
    }),
  calls: [call('pay', 'allow', 'pending/no'), call('mail', 'allow', 'succeeded/yes')],
  ran: ['mail'],
  exit: 3,
  findings: ['call.pending-at-end'],
  ignore: ['visible'],
})

const long = (kit, run) =>
  new LongRunningFunctionTool({
    name: 'ship',
    description: 'Ships.',
    parameters: z.object({}),
    execute: async () => {
      kit.hit('ship')
      return run()
    },
  })

row('long-running, with a later result', {
  run: async kit => {
    const { go } = await kit.session({
      agent: kit.agent([calls('ship'), 'wait', 'done'], [long(kit, () => ({ status: 'started' }))]),
      plugins: [kit.govern()],
    })
    const first = await go()
    await go(user(first.calls[0].id, 'ship', { status: 'shipped' }))
  },
  calls: [call('ship', 'allow', 'pending/yes, succeeded/yes late', { output: { status: 'shipped' } })],
  ran: ['ship'],
})

row('long-running, with a later error', {
  run: async kit => {
    const { go } = await kit.session({
      agent: kit.agent([calls('ship'), 'wait', 'done'], [long(kit, () => ({ status: 'started' }))]),
      plugins: [kit.govern()],
    })
    const first = await go()
    await go(user(first.calls[0].id, 'ship', { error: 'lost at sea' }))
  },
  calls: [call('ship', 'allow', 'pending/yes, reported_error/yes late', { output: { error: 'lost at sea' } })],
  ran: ['ship'],
})

row('long-running, returning nothing', {
  run: kit => kit.once({ tools: [long(kit, () => undefined)], turns: [calls('ship'), 'done'] }),
  calls: [call('ship', 'allow', 'pending/yes', { output: { $undefined: true } })],
  ran: ['ship'],
  exit: 3,
  findings: ['call.pending-at-end'],
})

// ---- abort and abandonment ----

row('aborted during the first of two calls', {
  run: async kit => {
    const abort = new AbortController()
    const tool = kit.tool('pay', () => {
      abort.abort()
      return { ok: 'pay' }
    })
    await kit.once({ tools: [tool], turns: [calls('pay', {}, {}), 'done'], more: { abortSignal: abort.signal } })
  },
  // ADK goes on to the second, whatever the signal says.
  calls: [1, 2].map(() => call('pay', 'allow', 'succeeded/yes')),
  ran: ['pay', 'pay'],
})

row('a tool that heeds the abort', {
  run: async kit => {
    const abort = new AbortController()
    const tool = kit.raw('pay', () => {
      abort.abort()
      throw abort.signal.reason
    })
    await kit.once({ tools: [tool], turns: [calls('pay'), 'done'], more: { abortSignal: abort.signal } })
  },
  calls: [call('pay', 'allow', 'cancelled/unknown')],
  ran: ['pay'],
  exit: 0,
  // What an AbortError says of itself differs between versions of Node.
  ignore: ['error'],
})

row('the consumer leaves at the call', {
  run: async kit => {
    const { start } = await kit.session({
      agent: kit.agent([calls('pay', { amount: 1 }, { amount: 2 }), 'done'], [kit.tool('pay')]),
      plugins: [kit.govern()],
    })
    for await (const event of start([{ text: 'go' }])) if (event.content?.parts?.[0]?.functionCall) break
  },
  calls: [1, 2].map(amount => call('pay', 'not_evaluated', 'not_executed/no', { args: { amount } })),
})

row('the consumer leaves while the tool runs', {
  run: async kit => {
    let entered
    const inside = new Promise(resolve => {
      entered = resolve
    })
    let finish
    const tool = kit.tool('pay', async () => {
      entered()
      await new Promise(resolve => {
        finish = resolve
      })
      return { ok: 'pay' }
    })
    const { start } = await kit.session({ agent: kit.agent([calls('pay'), 'done'], [tool]), plugins: [kit.govern()] })
    const run = start([{ text: 'go' }])
    await run.next()
    const next = run.next()
    if (kit.phase === 'down') return run.return()
    await inside
    const left = run.return()
    finish()
    await Promise.allSettled([next, left])
  },
  calls: [call('pay', 'allow', 'succeeded/yes')],
  ran: ['pay'],
})

row('a tool that never ends', {
  run: async kit => {
    let entered
    const inside = new Promise(resolve => {
      entered = resolve
    })
    const tool = kit.tool('pay', () => {
      entered()
      return new Promise(() => {})
    })
    const run = kit.once({ tools: [tool], turns: [calls('pay'), 'done'] })
    await Promise.race([inside, run])
  },
  calls: [call('pay', 'allow', '', { executedArgs: undefined })],
  ran: ['pay'],
  exit: 3,
  findings: ['call.pending-at-end'],
})

// ---- ids that repeat, and calls at once ----

row('one id for two calls of a turn', {
  run: kit =>
    kit.once({
      tools: [kit.tool('pay')],
      turns: [{ calls: [1, 2].map(amount => ({ name: 'pay', args: { amount }, id: 'same' })) }, 'done'],
    }),
  calls: [1, 2].map(amount => call('pay', 'allow', 'succeeded/yes', { args: { amount } })),
  ran: ['pay', 'pay'],
})

row('agents in parallel, with one id', {
  run: kit => {
    const one = n =>
      new LlmAgent({
        name: `agent${n}`,
        model: kit.scriptedModel([{ calls: [{ name: 'pay', args: { amount: n }, id: 'same' }] }, 'done']),
        tools: [kit.tool('pay')],
      })
    return kit.once({ agent: new ParallelAgent({ name: 'both', subAgents: [one(1), one(2)] }) })
  },
  calls: [1, 2].map(amount => call('pay', 'allow', 'succeeded/yes', { args: { amount } })),
  ran: ['pay', 'pay'],
  unordered: true,
})

row('agents in sequence', {
  run: kit => {
    const one = n =>
      new LlmAgent({
        name: `agent${n}`,
        model: kit.scriptedModel([calls('pay', { amount: n }), 'done']),
        tools: [kit.tool('pay')],
      })
    return kit.once({ agent: new SequentialAgent({ name: 'both', subAgents: [one(1), one(2)] }) })
  },
  calls: [1, 2].map(amount => call('pay', 'allow', 'succeeded/yes', { args: { amount } })),
  ran: ['pay', 'pay'],
})

row('a stream that sends the call in part and as a whole', {
  run: kit => {
    const part = { functionCall: { name: 'pay', args: { amount: 1 }, id: 'same' } }
    const model = kit.scriptedModel([])
    let turn = 0
    model.generateContentAsync = async function* () {
      if (turn++ > 0) return yield { content: { role: 'model', parts: [{ text: 'done' }] } }
      yield { content: { role: 'model', parts: [structuredClone(part)] }, partial: true }
      yield { content: { role: 'model', parts: [structuredClone(part)] } }
    }
    return kit.once({
      agent: new LlmAgent({ name: 'shop', model, tools: [kit.tool('pay')] }),
      more: { runConfig: { streamingMode: 'sse' } },
    })
  },
  // ADK runs it twice, so it is there twice.
  calls: [1, 2].map(() => call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 } })),
  ran: ['pay', 'pay'],
})

row('a transfer to another agent', {
  run: kit => {
    const other = new LlmAgent({
      name: 'till',
      description: 'Takes money.',
      model: kit.scriptedModel([calls('pay'), 'done']),
      tools: [kit.tool('pay')],
    })
    return kit.once({
      agent: kit.agent([{ calls: [{ name: 'transfer_to_agent', args: { agentName: 'till' } }] }, 'done'], [], {
        subAgents: [other],
      }),
    })
  },
  calls: [
    call('transfer_to_agent', 'allow', 'succeeded/yes', { args: { agentName: 'till' }, output: 'Transfer queued' }),
    call('pay', 'allow', 'succeeded/yes'),
  ],
  ran: ['pay'],
})

// ---- agents inside tools ----

function inner(kit, tools) {
  const agent = new LlmAgent({
    name: 'inner',
    description: 'Inside.',
    model: kit.scriptedModel([calls('forbidden'), calls('pay', { amount: 1 }), 'inner done']),
    tools,
  })
  return new AgentTool({ agent })
}
const ASK = { request: 'go' }
const OUTER = call('inner', 'allow', 'succeeded/yes', { args: ASK, output: 'inner done' })

row('an agent inside a tool', {
  run: kit =>
    kit.once({ tools: [inner(kit, [kit.tool('forbidden'), kit.tool('pay')])], turns: [calls('inner', ASK), 'done'] }),
  calls: [
    OUTER,
    call('forbidden', 'deny', '', { ...DENIED, parent: 'inner' }),
    call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 }, parent: 'inner' }),
  ],
  ran: ['pay'],
})

row('an agent inside a tool that makes its tools anew each turn', {
  run: kit => {
    class Fresh extends BaseToolset {
      constructor() {
        super([])
      }
      async getTools() {
        return [kit.raw('forbidden'), kit.raw('pay')]
      }
      async close() {}
    }
    return kit.once({ tools: [inner(kit, [new Fresh()])], turns: [calls('inner', ASK), 'done'] })
  },
  calls: [
    OUTER,
    call('forbidden', 'deny', '', { ...DENIED, parent: 'inner' }),
    call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 }, parent: 'inner' }),
  ],
  ran: ['pay'],
})

row('an agent inside a tool, only recorded', {
  run: kit =>
    kit.once({
      tools: [inner(kit, [kit.tool('forbidden'), kit.tool('pay')])],
      turns: [calls('inner', ASK), 'done'],
      plugins: [kit.govern({ agentTools: 'record' })],
    }),
  calls: [
    OUTER,
    call('forbidden', 'not_evaluated', 'succeeded/yes', { parent: 'inner' }),
    call('pay', 'not_evaluated', 'succeeded/yes', { args: { amount: 1 }, parent: 'inner' }),
  ],
  ran: ['forbidden', 'pay'],
})

row('an agent inside a tool, refused', {
  run: kit =>
    kit.once({
      tools: [inner(kit, [kit.tool('forbidden'), kit.tool('pay')])],
      turns: [calls('inner', ASK), 'done'],
      plugins: [kit.govern({ agentTools: 'refuse' })],
    }),
  calls: [call('inner', 'deny', '', { args: ASK })],
})

row('a tool that is not there, asked for by an agent inside a tool', {
  run: kit => kit.once({ tools: [inner(kit, [kit.tool('pay')])], turns: [calls('inner', ASK), 'done'] }),
  calls: [
    OUTER,
    call('?forbidden', 'not_evaluated', 'not_executed/no', { parent: 'inner' }),
    call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 }, parent: 'inner' }),
  ],
  ran: ['pay'],
})

// ---- other ways to run ----

row('a tool as a node of a workflow, without an agent', {
  run: async kit => {
    const workflow = new Workflow({
      name: 'flow',
      edges: [['START', new ToolNode(kit.tool('pay'))]],
    })
    const { go } = await kit.session({ agent: workflow, plugins: [kit.govern()] })
    return go([{ text: '{"amount":1}' }])
  },
  calls: [call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 } })],
  ran: ['pay'],
})

row('a live connection', {
  run: async kit => {
    const model = kit.scriptedModel([])
    model.connect = async () => ({
      async *receive() {
        yield { content: { role: 'model', parts: [{ functionCall: { name: 'pay', args: { amount: 1 } } }] } }
        yield { content: { role: 'model', parts: [{ text: 'done' }] }, turnComplete: true }
      },
      async sendHistory() {},
      async sendContent() {},
      async sendRealtime() {},
      async close() {},
    })
    const { runner, session } = await kit.session({
      agent: new LlmAgent({ name: 'shop', model, tools: [kit.tool('pay')] }),
      plugins: [kit.govern()],
    })
    const queue = new LiveRequestQueue()
    const found = await collect(
      (async function* () {
        for await (const event of runner.runLive({ userId: 'ann', sessionId: session.id, liveRequestQueue: queue })) {
          yield event
          if (event.turnComplete) queue.close()
          if (event.turnComplete) return
        }
      })(),
    )
    return found
  },
  calls: [call('pay', 'allow', 'succeeded/yes', { args: { amount: 1 } })],
  ran: ['pay'],
})

row('after the plugin was closed', {
  run: async kit => {
    const plugin = kit.govern()
    await kit.once({ tools: [kit.tool('pay')], turns: [calls('pay'), 'done'], plugins: [plugin] })
    await plugin.close().catch(() => {})
    return kit.once({ tools: [kit.tool('mail')], turns: [calls('mail'), 'done'], plugins: [plugin] })
  },
  calls: [call('pay', 'allow', 'succeeded/yes')],
  ran: ['pay'],
  result: ({ responses }) => responses.map(({ response }) => response.error),
  expected: ['audit_unavailable'],
  errors: 'any',
})

// ---- a log that fails meanwhile ----

row('the outcome cannot be written', {
  run: async kit => {
    const backend = kit.flaky()
    const tool = kit.tool('pay', () => {
      backend.off = true
      return { ok: 'pay' }
    })
    const plugin = kit.govern({ auditBackend: backend })
    const found = await kit.once({ tools: [tool], turns: [calls('pay', {}, {}), 'done'], plugins: [plugin] })
    backend.off = false
    return found
  },
  // The result is not taken away, the next call is refused, and the outcome is written once that works again.
  calls: [call('pay', 'allow', 'succeeded/yes')],
  ran: ['pay'],
  result: ({ responses }) => responses.map(({ response }) => response.ok ?? response.error),
  expected: ['pay', 'audit_unavailable'],
  errors: 'any',
})

row('degraded: runs though nothing can be written', {
  run: async kit => {
    const backend = kit.flaky()
    const plugin = kit.govern({ auditBackend: backend, tier: tool => (tool === 'mail' ? 'degraded' : 'strict') })
    const tools = [kit.tool('pay'), kit.tool('mail')]
    const { go } = await kit.session({
      agent: kit.agent([calls('pay'), calls('mail'), calls('pay'), 'done'], tools, {
        // Off for the second and third call.
        beforeModelCallback: async ({ request }) => {
          backend.off = request.contents.length > 2
        },
      }),
      plugins: [plugin],
    })
    await go()
    backend.off = false
  },
  calls: [call('pay', 'allow', 'succeeded/yes'), call('mail', 'allow', 'succeeded/yes', { flags: ['tier=degraded'] })],
  ran: ['mail', 'pay'],
  exit: 3,
  findings: ['call.degraded'],
  errors: 'any',
  down: ['mail'],
})

row('lossy: runs though nothing can be written, and the loss is counted', {
  run: async kit => {
    const backend = kit.flaky()
    const plugin = kit.govern({ auditBackend: backend, tier: 'lossy' })
    const { go } = await kit.session({
      agent: kit.agent([calls('pay'), calls('pay'), calls('pay'), 'done'], [kit.tool('pay')], {
        // Off for the second and third call.
        beforeModelCallback: async ({ request }) => {
          backend.off = request.contents.length > 2
        },
      }),
      plugins: [plugin],
    })
    await go()
    backend.off = false
  },
  // The second was on its way when the log failed, and arrived later; of the third both records are lost.
  calls: [1, 2].map(() => call('pay', 'allow', 'succeeded/yes', { flags: ['tier=lossy'] })),
  other: { losses: ['not-written 2'] },
  ran: ['pay', 'pay', 'pay'],
  unannounced: true,
  exit: 3,
  findings: ['call.lossy', 'loss.recorded'],
  errors: 'any',
  down: ['pay', 'pay', 'pay'],
})

row('the glass is broken while nothing can be written', {
  run: async kit => {
    const backend = kit.flaky()
    const plugin = kit.govern({ auditBackend: backend })
    const tools = [kit.tool('pay'), kit.tool('mail')]
    const { go } = await kit.session({
      agent: kit.agent([calls('pay'), calls('pay'), calls('mail'), 'done'], tools, {
        beforeModelCallback: async ({ request }) => {
          const turn = request.contents.length
          // Off from the second call on; before the third somebody decides that it must go on.
          backend.off = turn > 2
          if (turn === 5) await plugin.changeTier('degraded', { by: 'ops-1', reason: 'the disk is full' })
        },
      }),
      plugins: [plugin],
    })
    await go()
    backend.off = false
  },
  calls: [
    call('pay', 'allow', 'succeeded/yes'),
    // Refused: its bytes were on their way when the log failed.
    call('pay', 'allow', 'not_executed/no'),
    call('mail', 'allow', 'succeeded/yes', { flags: ['belated', 'tier=degraded'] }),
  ],
  ran: ['mail', 'pay'],
  exit: 3,
  findings: ['call.belated', 'call.degraded'],
  other: {
    detail: [{ tier: { tier: 'degraded', by: 'ops-1', reason: 'the disk is full' } }],
    streams: 2,
  },
  errors: 'any',
  down: ['mail'],
  unordered: true,
})

row('a tool that never ends, and the process with it', {
  run: kit => {
    const tool = kit.tool('pay', () => new Promise(() => {}))
    return kit.once({ tools: [tool], turns: [calls('pay'), 'done'] })
  },
  calls: [],
  ran: ['pay'],
  phases: ['kill'],
  // Node's code for a program that waits for something that nothing will bring about.
  dies: 13,
})

export { rows }
