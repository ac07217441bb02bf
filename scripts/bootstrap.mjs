#!/usr/bin/env node
// The first thing that runs after `git clone`: installs what package-lock.json names if it is not there yet, builds,
// and hands over to the task. Needs nothing but Node and npm, and runs no install script of any package.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const TASKS = {
  test: [['scripts/build.mjs'], ['node_modules/vitest/vitest.mjs', 'run']],
  quickstart: [['scripts/build.mjs'], ['examples/quickstart/main.mjs']],
  'matrix:adk': [['scripts/build.mjs'], ['scripts/matrix-adk.mjs']],
  'crowd:adk': [['scripts/build.mjs'], ['scripts/crowd-adk.mjs']],
  'conformance:mcp': [['scripts/build.mjs'], ['scripts/conformance-mcp.mjs']],
  install: [],
}

const [task = '', ...rest] = process.argv.slice(2)
if (!Object.hasOwn(TASKS, task)) fail(`unknown task ${JSON.stringify(task)}; known: ${Object.keys(TASKS).join(', ')}`)
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19))
  fail(`Node ${process.versions.node} is too old; deedlog needs 20.19 or newer`)

await install()
const steps = TASKS[task]
for (const [i, step] of steps.entries()) {
  const status = await run(process.execPath, i === steps.length - 1 ? [...step, ...rest] : step)
  if (status !== 0) process.exit(status)
}

/** `npm ci`, unless node_modules is what this lock file once gave. */
async function install() {
  const lock = createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .digest('hex')
  const stamp = `${root}node_modules/.deedlog-lock`
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.error('deedlog: installing the packages of package-lock.json (npm ci, no install scripts), once ...')
  const began = Date.now()
  const tick = setInterval(() => console.error(`deedlog: still installing, ${seconds(began)}`), 5000)
  // `shell` on Windows only: npm is a .cmd file there. No argument comes from outside.
  const status = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    shell: process.platform === 'win32',
  })
  clearInterval(tick)
  if (status !== 0) fail(`npm ci ended with ${status}: is the npm registry reachable?`)
  writeFileSync(stamp, lock)
  console.error(`deedlog: installed in ${seconds(began)}`)
}

function run(command, args, options = {}) {
  return new Promise(resolve => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
    child.on('error', error => {
      console.error(`deedlog: ${command} could not be started: ${error.message}`)
      resolve(127)
    })
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)))
  })
}

function seconds(began) {
  return `${Math.round((Date.now() - began) / 1000)} s`
}

function fail(message) {
  console.error(`deedlog: ${message}`)
  process.exit(2)
}
