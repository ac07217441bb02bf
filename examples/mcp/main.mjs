// A client of the MCP SDK and a server of files, with the proxy between them, as the configuration of an MCP host puts it
// there. `node examples/mcp/main.mjs [folder]` needs neither key nor network.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { assertCoverage } from 'deedlog/mcp'

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'deedlog-mcp-'))
const [audit, docs] = [join(folder, 'audit'), join(folder, 'docs')]
mkdirSync(docs, { recursive: true })
writeFileSync(join(docs, 'hello.txt'), 'Hello.\n')

const deedlog = fileURLToPath(import.meta.resolve('deedlog').replace(/index\.js$/, 'cli/main.js'))
const run = (...args) => spawnSync(process.execPath, [deedlog, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
const packageOf = name => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))

run('init', audit)

// What stands in the configuration file of a host. There the commands are `deedlog` and `npx`.
const config = {
  mcpServers: {
    files: {
      command: 'deedlog',
      args: ['mcp', audit, '--name', 'files', '--', 'npx', '-y', '@modelcontextprotocol/server-filesystem', docs],
    },
  },
}
assertCoverage(config)

const server = [process.execPath, join(packageOf('@modelcontextprotocol/server-filesystem'), 'dist/index.js'), docs]
const client = new Client({ name: 'example', version: '1.0.0' })
await client.connect(
  new StdioClientTransport({
    command: process.execPath,
    args: [deedlog, 'mcp', audit, '--name', 'files', '--', ...server],
    stderr: 'ignore',
  }),
)
await client.listTools()
const read = await client.callTool({ name: 'read_text_file', arguments: { path: join(docs, 'hello.txt') } })
const none = await client.callTool({ name: 'read_text_file', arguments: { path: '/etc/shadow' } })
await client.close()
process.stdout.write(`${read.content[0].text.trim()} ${none.isError ? 'And one refused.' : ''}\n`)

run('list', audit)
process.exitCode = run('verify', audit, '--trust', `${audit}.trust`).status
