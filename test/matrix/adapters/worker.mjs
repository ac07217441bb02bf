// One row of one host: `worker.mjs <host> <dist> <folder> <row>`; says on one line what the host did.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { makeKit } from './kit.mjs'

const [name, dist, dir, row] = process.argv.slice(2)
// Warnings are part of what adapters say; here they would only be noise.
process.removeAllListeners('warning')
const said = { stray: [] }
process.on('unhandledRejection', error => said.stray.push(String(error)))

const host = await import(`./${name}/host.mjs`)
const its = host.rows.find(each => each.name === row)
mkdirSync(join(dir, 'ran'), { recursive: true })
const adapter = await import(pathToFileURL(join(dist, `adapters/${name}/index.js`)))
const kit = await makeKit({ dist, dir, phase: its.phase, info: adapter[host.info] })
try {
  if (its.coverage) said.coverage = await host.coverage(kit, adapter)
  else said.result = await (its.run ?? host.run)(kit, adapter, its)
} catch (error) {
  said.threw = String(error?.stack ?? error).slice(0, 2000)
}
await kit.recorder.close().catch(error => kit.errors.push(error.code ?? error.message))
said.errors = kit.errors
process.stdout.write(`${JSON.stringify(said)}\n`)
// A row may leave a tool behind that never ends, or a connection.
process.exit(0)
