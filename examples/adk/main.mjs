// A claims desk of five agents on Google ADK, governed and recorded: SequentialAgent, ParallelAgent, an agent as a tool,
// and an MCP server. README.md beside this file says what to look at afterwards.
//
//   node examples/adk/main.mjs            a clean start in .examples/adk/
//   node examples/adk/main.mjs --crash    the same, and the process dies while it pays
//   node examples/adk/main.mjs --again    one more run on the log that is there
//
// A folder behind it is used in the place of .examples/adk/; without --again it is emptied.
//
// It needs no key: each agent's model plays a script. With GEMINI_API_KEY set, Gemini plays all of them.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  AgentTool,
  FunctionTool,
  InMemoryRunner,
  LlmAgent,
  LogLevel,
  MCPToolset,
  ParallelAgent,
  SequentialAgent,
  setLogLevel,
} from '@google/adk'
import { files } from 'deedlog'
import { AgentGovernancePlugin } from 'deedlog/adk'
import { scriptedModel } from 'deedlog/testing'
import { z } from 'zod'

const [way, folder = fileURLToPath(new URL('../../.examples/adk', import.meta.url))] = arguments_()
const work = resolve(folder)
const desk = join(work, 'desk')
const audit = join(work, 'audit')
if (way !== '--again') rmSync(work, { recursive: true, force: true })
mkdirSync(desk, { recursive: true })
const claimFile = join(desk, 'claim-4711.txt')
const letterFile = join(desk, 'letter-4711.txt')
writeFileSync(claimFile, 'Claim 4711, policy P-88: hail broke the windscreen and dented the bonnet.\n')
setLogLevel(LogLevel.ERROR)

const live = process.env.GEMINI_API_KEY || process.env.GOOGLE_GENAI_API_KEY
const model = turns => (live ? 'gemini-2.5-flash' : scriptedModel(turns))

// ---- tools ----

const mcp = new MCPToolset({
  type: 'StdioConnectionParams',
  serverParams: {
    command: process.execPath,
    args: [createRequire(import.meta.url).resolve('@modelcontextprotocol/server-filesystem/dist/index.js'), desk],
    stderr: 'ignore',
  },
})
const tool = (name, description, parameters, execute) =>
  new FunctionTool({ name, description, parameters: z.object(parameters), execute })

const lookUpPolicy = tool('look_up_policy', 'Looks a policy up.', { policy: z.string() }, async ({ policy }) => ({
  policy,
  covers: ['hail', 'glass'],
}))
const scoreFraud = tool('score_fraud', 'Scores a claim: 0 honest, 1 not.', { claim: z.string() }, async () => ({
  score: 0.04,
}))
const openBankRecords = tool(
  'open_bank_records',
  'Opens the bank records of a customer.',
  { policy: z.string() },
  () => {
    throw new Error('this never runs: the rules deny it')
  },
)
const pricePart = tool('price_part', 'The price of a car part, in cents.', { part: z.string() }, async ({ part }) => ({
  part,
  cents: part === 'windscreen' ? 41900 : 23400,
}))
const payClaim = tool(
  'pay_claim',
  'Pays a claim.',
  { claim: z.string(), cents: z.number().int() },
  async ({ claim, cents }) => {
    if (way === '--crash') process.kill(process.pid, 'SIGKILL') // nobody will ever know whether it was paid
    return { paid: claim, cents }
  },
)

// ---- agents ----

const intake = new LlmAgent({
  name: 'intake',
  instruction: `Read ${claimFile} and repeat it.`,
  tools: [mcp],
  model: model([{ calls: [{ name: 'read_text_file', args: { path: claimFile } }] }, 'Hail, policy P-88.']),
})
const cover = new LlmAgent({
  name: 'cover',
  instruction: 'Look the policy up and say whether it covers the damage.',
  tools: [lookUpPolicy],
  model: model([{ calls: [{ name: 'look_up_policy', args: { policy: 'P-88' } }] }, 'Hail is covered.']),
})
const fraud = new LlmAgent({
  name: 'fraud',
  instruction: 'Score claim 4711, and look into the bank records of its customer.',
  tools: [scoreFraud, openBankRecords],
  model: model([
    {
      calls: [
        { name: 'score_fraud', args: { claim: '4711' } },
        { name: 'open_bank_records', args: { policy: 'P-88' } },
      ],
    },
    'The score is low; the bank records stay closed.',
  ]),
})
const estimator = new LlmAgent({
  name: 'estimator',
  description: 'Estimates what a repair costs, in cents.',
  instruction: 'Price every part you are told, one call each, and give the sum in cents.',
  tools: [pricePart],
  model: model([
    {
      calls: [
        { name: 'price_part', args: { part: 'windscreen' } },
        { name: 'price_part', args: { part: 'bonnet' } },
      ],
    },
    '65300 cents.',
  ]),
})
const adjuster = new LlmAgent({
  name: 'adjuster',
  instruction: `Ask the estimator what windscreen and bonnet cost, pay claim 4711 with that sum, then write a letter to the customer to ${letterFile}.`,
  tools: [new AgentTool({ agent: estimator }), payClaim, mcp],
  model: model([
    { calls: [{ name: 'estimator', args: { request: 'windscreen and bonnet' } }] },
    { calls: [{ name: 'pay_claim', args: { claim: '4711', cents: 65300 } }] },
    { calls: [{ name: 'write_file', args: { path: letterFile, content: 'We have paid your claim 4711.\n' } }] },
    'The claim is paid.',
  ]),
})
const claimsDesk = new SequentialAgent({
  name: 'claims_desk',
  subAgents: [intake, new ParallelAgent({ name: 'checks', subAgents: [cover, fraud] }), adjuster],
})

// ---- governance, and one run ----

const governance = new AgentGovernancePlugin({
  policyDir: fileURLToPath(new URL('rules', import.meta.url)),
  agentDid: 'did:example:claims-desk',
  auditBackend: files(audit),
  // In a real desk this asks a person. It sees the arguments, and its answer is bound to exactly these.
  approver: {
    ask: async ({ tool: name, args }) => {
      console.log(`  the approver is asked about ${name} ${JSON.stringify(args)}, and approves`)
      return { approved: true, by: 'claims-officer-7', channel: 'callback' }
    },
  },
  logger: { warn: line => console.log(`  ${line}`) },
})
const runner = new InMemoryRunner({ agent: claimsDesk, appName: 'claims', plugins: [governance] })
try {
  for await (const event of runner.runEphemeral({
    userId: 'desk',
    newMessage: { role: 'user', parts: [{ text: 'Settle claim 4711.' }] },
  }))
    for (const part of event.content?.parts ?? []) {
      if (part.functionCall) console.log(`  ${event.author} calls ${part.functionCall.name}`)
      if (part.text) console.log(`  ${event.author} says: ${part.text.trim()}`)
    }
} finally {
  await governance.close()
  await mcp.close()
}
const shown = relative(process.cwd(), audit) || audit
console.log(`
The log is ${shown}. Now:
  node dist/cli/main.js list ${shown}
  node dist/cli/main.js coverage ${shown}
  node dist/cli/main.js verify ${shown} --trust ${shown}.trust`)

function arguments_() {
  const [first = '', ...rest] = process.argv.slice(2)
  if (!first.startsWith('-')) return ['', ...(first ? [first] : [])]
  if (first !== '--crash' && first !== '--again') throw new Error(`${first} is neither --crash nor --again`)
  return [first, ...rest]
}
