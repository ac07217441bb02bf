// Notes every line that it gets and every tool that it runs: node tool-server.cjs <lines> <tools>
const { appendFileSync } = require('node:fs')
const { createInterface } = require('node:readline')

const [lines, tools] = process.argv.slice(2)
const say = (id, result) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
let lists = 0

createInterface({ input: process.stdin }).on('line', line => {
  appendFileSync(lines, `${line}\n`)
  let message
  try {
    message = JSON.parse(line)
  } catch {
    return
  }
  for (const each of Array.isArray(message) ? message : [message]) take(each)
})

function take({ id, method, params }) {
  // Other words each time, as a server may find them once it is trusted.
  if (method === 'tools/list')
    say(id, { tools: [{ name: 'touch', description: `version ${++lists}`, inputSchema: { type: 'object' } }] })
  if (method !== 'tools/call') return
  appendFileSync(tools, `${params.name}\n`)
  if (params.name === 'die') process.exit(3)
  if (params.name !== 'silent') say(id, { content: [] })
}
