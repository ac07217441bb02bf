// Who plays: witnesses, a time-stamp authority, recorders, and the command line, each a process of its own that is
// started, killed and started again. What was started is ended, whatever happens.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const running = new Set()
// A process that ends for any reason takes the others with it.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

/** Starts a process. Its lines of output are read by whoever waits for one. */
function start(args, options = {}) {
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
  running.add(child)
  child.stdin.on('error', () => {}) // it has ended; its exit says so
  let stderr = ''
  child.stderr.on('data', data => {
    stderr = (stderr + data).slice(-4000)
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child)
    return { code: signal ?? code, stderr }
  })
  return { child, ended, lines: createInterface({ input: child.stdout }), stderr: () => stderr }
}

/** The first line of output; an error with what it said otherwise when it ends without. */
async function firstLine({ lines, ended, stderr }) {
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => text),
    ended.then(() => undefined),
    sleep(20_000, undefined, { ref: false }),
  ])
  if (line === undefined) throw new Error(`a process did not start: ${stderr()}`)
  return line
}

/** Kills without a word, as a power cut does. */
export async function kill({ child, ended }) {
  child.kill('SIGKILL')
  await ended
}

async function freePort() {
  const server = createServer()
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise(resolve => server.close(resolve))
  return port
}

/** What all of them share: the build that is tried, and the folder in which everything lies. */
export class Cast {
  constructor(dist, folder) {
    this.dist = dist
    this.folder = folder
  }

  /** The command line as a user types it. @returns exit code, output, and what of it is JSON */
  async deedlog(...args) {
    const env = { ...process.env, DEEDLOG_STATE: join(this.folder, 'state'), NO_COLOR: '1' }
    const started = start([join(this.dist, 'cli/main.js'), ...args], { env, cwd: this.folder })
    started.child.stdin.end()
    let stdout = ''
    started.child.stdout.on('data', data => {
      stdout += data
    })
    const timer = setTimeout(() => started.child.kill('SIGKILL'), 60_000)
    const { code, stderr } = await started.ended
    clearTimeout(timer)
    return { code, stdout, stderr, json: () => JSON.parse(stdout || '{}') }
  }

  /** A witness that knows no log yet, and that listens. */
  async witness(name) {
    const dir = join(this.folder, name)
    const { code, stderr, json } = await this.deedlog(
      'witness',
      'init',
      dir,
      '--name',
      `witness.example/${name}`,
      '--json',
    )
    if (code !== 0) throw new Error(`witness init: ${stderr}`)
    const witness = { name, dir, vkey: json().vkey, port: await freePort() }
    witness.url = `http://127.0.0.1:${witness.port}`
    witness.line = `${name} ${witness.vkey} ${witness.url}`
    witness.begin = async () => {
      const listen = ['--listen', `127.0.0.1:${witness.port}`]
      witness.process = start([join(this.dist, 'cli/main.js'), 'witness', 'serve', dir, ...listen])
      await firstLine(witness.process)
    }
    witness.learn = vkey => this.deedlog('witness', 'add-log', dir, vkey)
    await witness.begin()
    return witness
  }

  /** A time-stamp authority; `line` is what an auditor's trust file says of it. */
  async authority(name) {
    const port = await freePort()
    const authority = { name }
    authority.begin = async () => {
      authority.process = start([join(here, 'tsa.mjs'), this.dist, join(this.folder, `${name}.json`), String(port)])
      const { url, root } = JSON.parse(await firstLine(authority.process))
      Object.assign(authority, { url, line: `tsa ${name} ${root}` })
    }
    await authority.begin()
    return authority
  }

  /** A process that records in a log. Its `events` are the lines it has said so far. */
  recorder(options) {
    const started = start([join(here, 'recorder.mjs'), JSON.stringify({ dist: this.dist, ...options })])
    const events = []
    started.lines.on('line', line => events.push(JSON.parse(line)))
    const stop = async () => {
      started.child.stdin.end()
      const timer = setTimeout(() => started.child.kill('SIGKILL'), 30_000)
      const { code, stderr } = await started.ended
      clearTimeout(timer)
      return { code, stderr, failed: events.find(each => each.failed)?.failed }
    }
    return { ...started, events, stop, calls: () => events.flatMap(each => each.call ?? []) }
  }

  /** Records so many calls and ends. @returns exit code, and the code of the error that ended it early, if one did */
  async record(options) {
    const recorder = this.recorder({ agent: 'did:example:clerk', calls: 3, ...options })
    const timer = setTimeout(() => recorder.child.kill('SIGKILL'), 60_000)
    const { code, stderr } = await recorder.ended
    clearTimeout(timer)
    const failed = recorder.events.find(each => each.failed)
    return { code, stderr, failed: failed?.failed, message: failed?.message, calls: recorder.calls() }
  }
}

/** Asks again until there is an answer. @returns undefined when there was none in time */
export async function until(ask, seconds = 30) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (Date.now() > end) return undefined
    await sleep(150)
  }
}

export const readJson = path => JSON.parse(readFileSync(path, 'utf8'))
