#!/usr/bin/env node
// Compiles src/ into dist/. The new folder is made beside the old one and swapped in, so that whoever runs the built
// command meanwhile finds either the old build or the new one, and no file of a source that is gone.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { writePage } from './build-page.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const [dist, fresh, old] = ['dist', `dist.new-${process.pid}`, `dist.old-${process.pid}`].map(name => root + name)

const tsc = `${root}node_modules/typescript/bin/tsc`
const built = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh], {
  cwd: root,
  stdio: 'inherit',
})
if (built.status !== 0) {
  rmSync(fresh, { recursive: true, force: true })
  process.exit(built.status ?? 1)
}
await writePage(`${fresh}/page/verifier.html`)
if (existsSync(`${fresh}/cli/main.js`)) chmodSync(`${fresh}/cli/main.js`, 0o755)
if (existsSync(dist)) renameSync(dist, old)
renameSync(fresh, dist)
rmSync(old, { recursive: true, force: true })
