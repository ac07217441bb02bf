// What a client of an SDK is told, a line per answer: node clients.mjs <scenario> <JSON: words before the server's command>
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'

const [scenario, before] = process.argv.slice(2)
const here = path => fileURLToPath(new URL(path, import.meta.url))
const module = path => here(`node_modules/@modelcontextprotocol/${path}`)

const scenarios = { everything, filesystem, 'two-eras': twoEras }
await scenarios[scenario](JSON.parse(before))

function say(what, value) {
  process.stdout.write(`${JSON.stringify({ what, value })}\n`)
}

async function told(what, promise) {
  say(what, await promise.catch(error => ({ error: String(error) })))
}

/** Connects to a server that is started behind `before`. */
async function connect(before, command, client) {
  const [file, ...args] = [...before, process.execPath, ...command]
  await client.connect(new StdioClientTransport({ command: file, args, stderr: 'ignore' }))
  return client
}

async function everything(before) {
  const capabilities = { sampling: {}, elicitation: {}, roots: { listChanged: true } }
  const client = new Client({ name: 'test', version: '1' }, { capabilities })
  const asked = []
  client.setRequestHandler(CreateMessageRequestSchema, async () => {
    asked.push('sampling')
    return { model: 'm', role: 'assistant', content: { type: 'text', text: 'sampled' } }
  })
  client.setRequestHandler(ElicitRequestSchema, async () => {
    asked.push('elicitation')
    return { action: 'decline' }
  })
  client.setRequestHandler(ListRootsRequestSchema, async () => ({ roots: [{ uri: 'file:///srv' }] }))
  await connect(before, [module('server-everything/dist/index.js'), 'stdio'], client)
  const call = (name, args = {}, options) => client.callTool({ name, arguments: args }, undefined, options)
  // Tools that depend on what the client can do come a moment later.
  await new Promise(resolve => setTimeout(resolve, 500))
  say('tools', await client.listTools())
  await told('echo', call('echo', { message: 'ü\u{1f600}\u2028' }))
  await told('a number', call('get-sum', { a: 9_007_199_254_740_991, b: 0.1 }))
  await told('wrong arguments', call('get-sum', { a: 'x' }))
  await told('no such tool', call('nobody', {}))
  await told('structured', call('get-structured-content', { location: 'New York' }))
  await told('image', call('get-tiny-image'))
  await told('links', call('get-resource-links', { count: 3 }))
  await told('parallel', Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(a => call('get-sum', { a, b: 1 }))))
  const steps = []
  const onprogress = step => steps.push(step)
  await told('progress', call('trigger-long-running-operation', { duration: 1, steps: 3 }, { onprogress }))
  // The last one comes with the answer, and whether the SDK still tells of it is chance.
  say('steps', steps.slice(0, 2))
  const slow = ['trigger-long-running-operation', { duration: 3, steps: 1 }]
  await told('timeout', call(...slow, { timeout: 200 }))
  await told('abort', call(...slow, { signal: AbortSignal.timeout(200) }))
  await told('sampling', call('trigger-sampling-request', { prompt: 'p', maxTokens: 5 }))
  await told('elicitation', call('trigger-elicitation-request'))
  await told('roots', call('get-roots-list'))
  say('asked', asked)
  await told('resources', client.listResources())
  await told('prompts', client.listPrompts())
  await client.close()
}

async function filesystem(before) {
  const folder = mkdtempSync(join(tmpdir(), 'deedlog-fs-'))
  writeFileSync(join(folder, 'a.txt'), 'one\ntwo\n')
  const client = new Client({ name: 'test', version: '1' })
  await connect(before, [module('server-filesystem/dist/index.js'), folder], client)
  // The folder has another name in each run.
  const call = async (name, args) =>
    told(
      name,
      client
        .callTool({ name, arguments: args })
        .then(result => JSON.parse(JSON.stringify(result).replaceAll(folder, '<folder>'))),
    )
  await told('tools', client.listTools())
  await call('read_text_file', { path: join(folder, 'a.txt') })
  await call('write_file', { path: join(folder, 'b.txt'), content: 'three' })
  await call('edit_file', { path: join(folder, 'b.txt'), edits: [{ oldText: 'three', newText: 'four' }] })
  await call('list_directory', { path: folder })
  await call('read_text_file', { path: join(folder, 'none.txt') })
  await client.close()
  rmSync(folder, { recursive: true, force: true })
}

/** The newer SDK, which speaks both eras of the protocol. */
async function twoEras(before) {
  const { Client } = await import('@modelcontextprotocol/client')
  const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio')
  for (const mode of ['auto', 'legacy']) {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
    const [command, ...args] = [...before, process.execPath, here('stdio-server.mjs')]
    await client.connect(new StdioClientTransport({ command, args, stderr: 'ignore' }))
    say('version', client.getNegotiatedProtocolVersion?.())
    await told('tools', client.listTools())
    await told('echo', client.callTool({ name: 'echo', arguments: { message: mode } }))
    await told('error', client.callTool({ name: 'test_error_handling', arguments: {} }))
    await told('no such tool', client.callTool({ name: 'nobody', arguments: {} }))
    await client.close()
  }
}
