// What must hold of the proxy when things go wrong, on a real server in a process of its own: node proofs.mjs <dist> <folder>
// Prints rows as JSON.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'

const [dist, folder] = process.argv.slice(2)
const { Recorder } = await import(pathToFileURL(join(dist, 'index.js')).href)
const { proxyStdio } = await import(pathToFileURL(join(dist, 'adapters/mcp/index.js')).href)
const server = fileURLToPath(new URL('tool-server.cjs', import.meta.url))
const main = join(dist, 'cli/main.js')
mkdirSync(folder, { recursive: true })

const call = (id, name = 'touch') => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } })
const list = id => ({ jsonrpc: '2.0', id, method: 'tools/list' })
let count = 0

/** Runs a proxy with these lines from its client; what its log, its server and its client then had. */
async function run(lines, { broken = false } = {}) {
  const [got, ran] = ['got', 'ran'].map(name => join(folder, `${name}-${++count}`))
  const events = []
  const backend = {
    async append(entries) {
      if (broken) throw new Error('the disk is full')
      // A turn of the event loop, so that who does not wait is seen not to.
      await new Promise(resolve => setTimeout(resolve, 20))
      for (const { record } of entries) events.push(JSON.parse(Buffer.from(record).toString()))
    },
    async flush() {},
    async close() {},
  }
  const recorder = new Recorder({ backend, agent: { id: 'did:example:mcp' }, onError() {} })
  const [input, output] = [new PassThrough(), new PassThrough()]
  const said = createInterface({ input: output }).on('line', line => events.push({ type: 'said', line }))
  const ended = proxyStdio({ recorder, command: [process.execPath, server, got, ran], input, output })
  for (const line of lines) {
    // Each of them is answered, by the server or by the proxy, unless the server dies of it.
    const answered = once(said, 'line')
    input.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`)
    await Promise.race([answered, ended])
  }
  input.end()
  await ended
  await recorder.close().catch(() => {})
  const read = path => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  return { events, got: read(got), ran: read(ran), of: type => events.filter(event => event.type === type) }
}

const rows = {
  async 'a call that cannot be recorded runs nothing'() {
    const { ran, of } = await run([call(1)], { broken: true })
    return ran === '' && of('said').length === 1 && of('said')[0].line.includes('error')
  },
  async 'and one that can be recorded runs'() {
    const { ran, of } = await run([call(1)])
    return ran === 'touch\n' && of('intent').length === 1 && of('outcome')[0]?.status === 'succeeded'
  },
  async 'an answer is recorded before the client sees it'() {
    const { events } = await run([call(1)])
    const place = type => events.findIndex(event => event.type === type)
    return place('outcome') >= 0 && place('outcome') < place('said')
  },
  async 'a batch that cannot be recorded runs nothing'() {
    const { ran } = await run([[call(1), call(2)]], { broken: true })
    return ran === ''
  },
  async 'a message that two readers read in two ways goes nowhere'() {
    const twice = '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"touch"}}\n'
    return (await run([twice])).got === ''
  },
  async 'a message inside another one goes nowhere'() {
    const inside = `{"jsonrpc":"2.0","method":"x","params":[\r${JSON.stringify(call(1))}\r]}\n`
    return (await run([inside])).got === ''
  },
  async 'a tool that is described in other words is seen to be'() {
    const { of } = await run([list('a'), call(1), list('b'), call(2)])
    const [before, after] = of('intent').map(({ tool }) => tool.digest)
    return before !== undefined && after !== undefined && before !== after
  },
  async 'a call whose server died has the outcome unknown'() {
    const { of } = await run([call(1, 'die')])
    return of('outcome')[0]?.status === 'unknown'
  },
  async 'the intent of a proxy that is killed stays, and the next run closes its call'() {
    const log = join(folder, 'killed')
    const deedlog = (...args) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', input: '' })
    deedlog('init', log)
    const command = [main, 'mcp', log, '--', process.execPath, server, `${log}.got`, `${log}.ran`]
    const proxy = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] })
    proxy.stdin.write(`${JSON.stringify(call(1, 'silent'))}\n`)
    while (!existsSync(`${log}.ran`)) await new Promise(resolve => setTimeout(resolve, 20))
    proxy.kill('SIGKILL')
    await once(proxy, 'close')
    const next = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] })
    next.stdin.write(`${JSON.stringify(call(1))}\n`)
    await once(next.stdout, 'data')
    next.stdin.end()
    await once(next, 'close')
    const { calls } = JSON.parse(deedlog('list', log, '--json').stdout)
    const verified = deedlog('verify', log, '--trust', `${log}.trust`)
    return calls.map(({ status }) => status).join() === 'unknown,succeeded' && verified.status === 3
  },
}

const done = []
for (const [name, holds] of Object.entries(rows)) {
  try {
    done.push({ name, passed: await holds() })
  } catch (error) {
    done.push({ name, passed: false, why: error.message })
  }
}
console.log(JSON.stringify(done))
