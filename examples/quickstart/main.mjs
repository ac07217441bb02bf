// A tour of Deedlog in under a minute: a real ADK agent with real tools, the log it leaves, a witness and a time-stamp
// authority who see it, its verification, one disclosed field, and an attack. Run it with `npm run quickstart`; everything it writes is in `.quickstart/`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { FunctionTool, InMemoryRunner, LlmAgent, LogLevel, MCPToolset, setLogLevel } from '@google/adk'
import { files, witnesses } from 'deedlog'
import { AgentGovernancePlugin } from 'deedlog/adk'
import { scriptedModel, TsaServer } from 'deedlog/testing'
import { z } from 'zod'

const root = fileURLToPath(new URL('../..', import.meta.url))
const work = join(root, '.quickstart')
const shared = join(work, 'files')
const audit = join(work, 'audit')
const AGENT = 'did:example:shipping-clerk'

say(1, 'A clean start in .quickstart/')
rmSync(work, { recursive: true, force: true })
mkdirSync(shared, { recursive: true })
writeFileSync(join(shared, 'order.txt'), 'Order 17: two lamps for Acme, to Rotterdam.\n')

// Others than the operator, elsewhere; here, so that the tour needs no network, they are on this machine.
const authority = await TsaServer.start()
const witness = await startWitness()
process.on('exit', () => witness.kill())
const made = await json('init', '.quickstart/audit', '--agent', AGENT, '--witness', witness.line)
await json('witness', 'add-log', '.quickstart/witness', made.keys.log)
// From here on the witness holds a checkpoint, and what is recorded can say that it came after.
await json('witness', 'ask', '.quickstart/audit')
console.log('   A witness and a time-stamp authority will see how the log grows, and nothing of what is in it.')

say(2, 'An ADK agent with five kinds of tools, governed by examples/quickstart/rules/')
setLogLevel(LogLevel.ERROR) // the tool that throws below would otherwise print its stack
const filesystem = new MCPToolset({
  type: 'StdioConnectionParams',
  serverParams: {
    command: process.execPath,
    args: [createRequire(import.meta.url).resolve('@modelcontextprotocol/server-filesystem/dist/index.js'), shared],
    stderr: 'ignore',
  },
})
const quoteShipping = new FunctionTool({
  name: 'quote_shipping',
  description: 'Quotes the price of shipping a parcel.',
  parameters: z.object({ parcel: z.object({ to: z.string(), kg: z.number() }) }),
  execute: async ({ parcel }) => ({ quote: { carrier: 'DHL', cents: 1190 * parcel.kg, to: parcel.to } }),
})
const bookCourier = new FunctionTool({
  name: 'book_courier',
  description: 'Books a courier.',
  parameters: z.object({ when: z.string() }),
  execute: async () => {
    throw new Error('the courier service is on strike')
  },
})
const transferMoney = new FunctionTool({
  name: 'transfer_money',
  description: 'Transfers money to a supplier. Needs a person to approve.',
  parameters: z.object({ to: z.string(), cents: z.number() }),
  execute: async () => ({ transferred: true }),
})
const deleteCustomer = new FunctionTool({
  name: 'delete_customer',
  description: 'Deletes a customer and all their orders.',
  parameters: z.object({ customer: z.string() }),
  execute: async () => ({ deleted: true }),
})

const orderFile = join(shared, 'order.txt')
const labelFile = join(shared, 'label.txt')
const live = process.env.GEMINI_API_KEY || process.env.GOOGLE_GENAI_API_KEY
const model = live
  ? 'gemini-2.5-flash'
  : scriptedModel([
      { calls: [{ name: 'read_text_file', args: { path: orderFile } }] },
      { calls: [{ name: 'quote_shipping', args: { parcel: { to: 'Rotterdam', kg: 2 } } }] },
      { calls: [{ name: 'book_courier', args: { when: 'tomorrow' } }] },
      { calls: [{ name: 'delete_customer', args: { customer: 'acme' } }] },
      { calls: [{ name: 'transfer_money', args: { to: 'DHL', cents: 2380 } }] },
      { calls: [{ name: 'write_file', args: { path: labelFile, content: 'To: Acme, Rotterdam\n' } }] },
      { text: 'The label is written; courier, deletion and transfer did not happen.' },
    ])
console.log(
  live ? '   The model is Gemini: a key is set.' : '   No Gemini key is set, so a scripted model plays its part.',
)

const governance = new AgentGovernancePlugin({
  policyDir: fileURLToPath(new URL('rules', import.meta.url)),
  agentDid: AGENT,
  auditBackend: files(audit, { witnesses: witnesses(`${audit}.trust`) }),
})
const agent = new LlmAgent({
  name: 'shipping_clerk',
  model,
  instruction: 'You are a shipping clerk. Use every tool you have been asked to use, once, in the order asked.',
  tools: [filesystem, quoteShipping, bookCourier, transferMoney, deleteCustomer],
})
const runner = new InMemoryRunner({ agent, appName: 'quickstart', plugins: [governance] })
const task =
  `Read ${orderFile}, quote shipping 2 kg to Rotterdam, book a courier for tomorrow, delete customer acme, ` +
  `transfer 2380 cents to DHL, then write the address to ${labelFile}.`

const quiet = console.warn
console.warn = () => {} // the plugin warns of each denial, as its Python twin does; the table below shows them
try {
  for await (const event of runner.runEphemeral({
    userId: 'visitor',
    newMessage: { role: 'user', parts: [{ text: task }] },
  }))
    for (const part of event.content?.parts ?? []) {
      if (part.functionCall) console.log(`   the model asks for ${part.functionCall.name}`)
      if (part.text) console.log(`   the model says: ${part.text.trim()}`)
    }
} finally {
  console.warn = quiet
  await governance.close()
  await filesystem.close()
}

say(3, 'What the log holds: every call, what was decided, what happened')
await deedlog(0, 'list', '.quickstart/audit')

say(4, 'An auditor verifies it, offline: the witness and the authority are gone by now')
await quietly(0, 'anchor', 'add', '.quickstart/audit', '--tsa', authority.url, '--name', 'local')
await quietly(0, 'anchor', '.quickstart/audit', '--now')
witness.kill()
await authority.close()
// The operator's keys, the witness, and whom the auditor believes about time.
const tsa = `tsa local ${Buffer.from(authority.root).toString('base64')}\n`
writeFileSync(join(work, 'auditor.trust'), readFileSync(`${audit}.trust`, 'utf8') + tsa)
console.log('   (A real auditor gets the trust file another way: a log that says whom to trust proves nothing.)')
await deedlog(0, 'verify', '.quickstart/audit', '--trust', '.quickstart/auditor.trust')

say(5, 'One field of one call is disclosed; the rest stays hidden')
const [call] = (await json('list', '.quickstart/audit', '--tool', 'quote_shipping')).calls
await deedlog(
  0,
  'disclose',
  '.quickstart/audit',
  call.call,
  '--member',
  'args',
  '--path',
  'parcel.to',
  '--out',
  '.quickstart/parcel-to.json',
)
await deedlog(
  0,
  'disclose',
  '.quickstart/audit',
  call.call,
  '--member',
  'args',
  '--check',
  '.quickstart/parcel-to.json',
)

say(6, 'Somebody flips one byte in a copy of the log')
cpSync(join(work, 'audit'), join(work, 'forged'), { recursive: true })
flipOneByte(join(work, 'forged', 'log', 'tile', 'entries'))
await deedlog(1, 'verify', '.quickstart/forged', '--trust', '.quickstart/auditor.trust')

console.log('\nDone. The log is .quickstart/audit, its trust file .quickstart/auditor.trust. Next: README.md, or')
console.log('  npx deedlog show .quickstart/audit', call.call)

/** Changes one letter of the name of the tool in the entry that denies the deletion, in the newest entry bundle. */
function flipOneByte(entries) {
  const newest = filesBelow(entries).sort((a, b) => statSync(b).size - statSync(a).size)[0]
  const bytes = readFileSync(newest)
  const at = bytes.indexOf('"delete_customer"},"type":"intent"')
  if (at === -1) throw new Error('the entry to forge was not found')
  bytes[at + 1] ^= 1 // delete_customer becomes eelete_customer
  writeFileSync(newest, bytes)
  console.log(`   byte ${at + 1} of ${newest.slice(root.length)}: "d" becomes "e"`)
}

function filesBelow(folder) {
  return readdirSync(folder)
    .map(name => join(folder, name))
    .flatMap(path => (statSync(path).isDirectory() ? filesBelow(path) : [path]))
}

/** A witness of its own, in a process of its own. `line` is what a policy says of it. */
async function startWitness() {
  const { vkey } = await json('witness', 'init', '.quickstart/witness', '--name', 'witness.example/quickstart')
  const args = ['witness', 'serve', join(work, 'witness'), '--listen', '127.0.0.1:0']
  const child = spawn(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return { line: `local ${vkey} ${line.split(' ').at(-1)}`, kill: () => child.kill() }
}

/** Runs the built command as a user would, and shows it. Insists on its exit status. */
async function deedlog(expected, ...args) {
  console.log(`\n$ npx deedlog ${args.join(' ')}`)
  process.stdout.write(await quietly(expected, ...args))
  if (expected !== 0) console.log(`(exit status ${expected}, as it should be)`)
}

async function json(...args) {
  return JSON.parse(await quietly(0, ...args, '--json'))
}

/** @returns standard output */
async function quietly(expected, ...args) {
  // Not synchronous: the authority is in this process, and may be asked.
  const child = spawn(process.execPath, [join(root, 'dist/cli/main.js'), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  const [status] = await once(child, 'close')
  if (status === expected) return stdout
  console.error(`${stdout}\nquickstart: deedlog ${args[0]} ended with ${status}, where ${expected} was expected`)
  process.exit(1)
}

function say(step, text) {
  console.log(`\n--- ${step}. ${text}`)
}
