// Runs rows in one phase: `worker.mjs <dist> <proof> up|down|kill [row numbers]`; one line of JSON per row.
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { folderOf } from './folder.mjs'
import { makeKit } from './kit.mjs'
import { rows } from './rows.mjs'

const [dist, proof, phase, ...numbers] = process.argv.slice(2)
const chosen = numbers.length > 0 ? numbers.map(Number) : rows.keys()

// Warnings are part of what the plugins say; here they would only be noise.
process.removeAllListeners('warning')
process.on('unhandledRejection', error => print({ stray: String(error) }))

for (const n of chosen) {
  const row = rows[n]
  const dir = join(proof, folderOf(row.name), ...(phase === 'up' ? [] : [phase]))
  mkdirSync(dir, { recursive: true })
  const said = { row: row.name, dir }
  try {
    const kit = await makeKit({ dist, dir, phase, dies: row.dies })
    try {
      const result = await row.run(kit)
      if (row.result && phase === 'up') said.result = row.result(result)
    } finally {
      if (phase === 'kill') process.kill(process.pid, 'SIGKILL')
      await kit.close()
      said.errors = kit.errors.map(error => error.code ?? error.message)
    }
  } catch (error) {
    said.threw = String(error?.stack ?? error)
  }
  said.ran = readdirSync(join(dir, 'ran'))
    .sort()
    .map(name => name.slice(5))
  print(said)
}
// A row may leave a tool behind that never ends, or a connection.
process.exit(0)

function print(said) {
  process.stdout.write(`${JSON.stringify(said)}\n`)
}
