import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deedlog, jsonError, type Ran, removeFolder, startDeedlog, temporaryFolder } from './deedlog.js'

let cwd: string
beforeAll(() => {
  cwd = temporaryFolder()
  expect(run('init', 'audit').status).toBe(0)
})
afterAll(() => removeFolder(cwd))

const node = process.execPath
const run = (...args: string[]): Ran => deedlog(args, { cwd })
const exec = (script: string, ...more: string[]): Ran =>
  run('exec', 'audit', '--tool', 'script', ...more, '--json', '--', node, '-e', script)

interface Receipt {
  readonly call: string
  readonly status: string
  readonly executed: string
  readonly exitCode: number
}
const receipt = (stderr: string): Receipt => JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as Receipt

interface Output {
  readonly exitCode?: number
  readonly signal?: string
  readonly signalsReceived?: string[]
  readonly stdout: { text?: string; bytes?: unknown; length: number; sha256: string; truncated?: boolean }
  readonly stderr: Output['stdout']
}

/** What the log says of a call: the disclosed arguments and output. */
function recorded(call: string): { args: { command: string[]; cwd: string }; output: Output } {
  const shown = JSON.parse(run('show', 'audit', call, '--json').stdout) as {
    calls: { records: { disclosed: { args?: { value: never }; output?: { value: never } } }[] }[]
  }
  const [intent, outcome] = shown.calls[0]!.records
  return { args: intent!.disclosed.args!.value, output: outcome?.disclosed.output?.value as never }
}

describe('exec', () => {
  it('records arguments, exit code and both outputs as they were', () => {
    const ran = exec('process.stdout.write("out\\n"); process.stderr.write("err\\n"); process.exitCode = 7')
    expect(ran).toMatchObject({ status: 7, stdout: 'out\n' })
    expect(ran.stderr.startsWith('err\n')).toBe(true)
    const { call, ...rest } = receipt(ran.stderr)
    expect(rest).toEqual({ status: 'failed', executed: 'yes', exitCode: 7 })
    const { args, output } = recorded(call)
    expect(args.command.slice(0, 2)).toEqual([node, '-e'])
    expect(output).toMatchObject({
      exitCode: 7,
      stdout: { text: 'out\n', length: 4 },
      stderr: { text: 'err\n', length: 4 },
    })
  })

  it('passes standard input through, and bytes that are no text', () => {
    const args = ['exec', 'audit', '--tool', 'cat', '--json', '--', node, '-e', 'process.stdin.pipe(process.stdout)']
    const ran = deedlog(args, { cwd, input: 'line\n' })
    expect(ran.stdout).toBe('line\n')
    const bytes = exec('process.stdout.write(Buffer.of(0x61, 0xff))')
    expect(recorded(receipt(bytes.stderr).call).output.stdout).toMatchObject({ bytes: { $bytes: 'Yf8=' }, length: 2 })
  })

  it('keeps the beginning of a long output, marks it, and passes on all of it', () => {
    const ran = exec('process.stdout.write("x".repeat(300000))', '--capture', '1000')
    expect(ran.stdout).toHaveLength(300_000)
    const { stdout } = recorded(receipt(ran.stderr).call).output
    expect(stdout).toMatchObject({ text: 'x'.repeat(1000), length: 300_000, truncated: true })
  })

  it('runs nothing whose intent cannot be recorded', () => {
    mkdirSync(join(cwd, 'not-a-log'))
    writeFileSync(join(cwd, 'not-a-log/file'), '')
    const write = ['--json', '--', node, '-e', 'require("fs").writeFileSync("ran", "")']
    for (const args of [
      ['missing', '--tool', 't'],
      ['not-a-log', '--tool', 't'],
      ['audit', '--tool', 't', '--agent', 'a b'],
      ['audit', '--tool', 'two\nlines'],
    ]) {
      const ran = run('exec', ...args, ...write)
      expect(ran.status, args.join(' ')).toBe(2)
      expect(jsonError(ran).code).toMatch(/^(log|usage)\./)
      expect(existsSync(join(cwd, 'ran'))).toBe(false)
    }
    expect(run('exec', 'audit', '--tool', 't', ...write).status).toBe(0)
    expect(existsSync(join(cwd, 'ran'))).toBe(true)
    rmSync(join(cwd, 'ran'))
  })

  it('is refused, and runs nothing, while another process writes the log', async () => {
    const holder = startDeedlog(['exec', 'audit', '--tool', 'hold', '--', node, '-e', WAIT_FOR('go')], { cwd })
    try {
      await appears(join(cwd, 'go.ready'))
      const ran = exec('require("fs").writeFileSync("ran", "")')
      expect(ran.status).toBe(2)
      expect(jsonError(ran).code).toBe('log.locked')
      expect(existsSync(join(cwd, 'ran'))).toBe(false)
      // Reading needs no lock, and the call has no outcome yet.
      const open = JSON.parse(run('list', 'audit', '--tool', 'hold', '--json').stdout) as {
        calls: { status: string }[]
      }
      expect(open.calls.map(({ status }) => status)).toEqual(['pending'])
    } finally {
      writeFileSync(join(cwd, 'go'), '')
      await once(holder, 'close')
    }
    expect(holder.exitCode).toBe(0)
  })

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('passes %s on, and records that the command died of it', async (signal, status) => {
    const child = startDeedlog(['exec', 'audit', '--tool', 'victim', '--json', '--', node, '-e', WAIT_FOR(signal)], {
      cwd,
    })
    const stderr = text(child.stderr)
    await appears(join(cwd, `${signal}.ready`))
    child.kill(signal)
    await once(child, 'close')
    expect(child.exitCode).toBe(status)
    const { call, ...rest } = receipt(await stderr)
    expect(rest).toEqual({ status: 'failed', executed: 'yes', exitCode: status })
    expect(recorded(call).output).toMatchObject({ signal, signalsReceived: [signal] })
  })

  it('records what the command made of a signal that it caught', async () => {
    const script = `process.on('SIGTERM', () => { console.log('bye'); process.exit(5) }); ${WAIT_FOR('caught')}`
    const child = startDeedlog(['exec', 'audit', '--tool', 'catcher', '--json', '--', node, '-e', script], { cwd })
    const stderr = text(child.stderr)
    await appears(join(cwd, 'caught.ready'))
    child.kill('SIGTERM')
    await once(child, 'close')
    expect(child.exitCode).toBe(5)
    const { output } = recorded(receipt(await stderr).call)
    expect(output).toMatchObject({ exitCode: 5, signalsReceived: ['SIGTERM'], stdout: { text: 'bye\n' } })
  })

  it('records the outcome also when nobody reads its output any more', async () => {
    const script = 'setInterval(() => process.stdout.write("y\\n".repeat(1000)), 1)'
    const child = startDeedlog(['exec', 'audit', '--tool', 'yes', '--json', '--', node, '-e', script], { cwd })
    const stderr = text(child.stderr)
    await once(child.stdout, 'data')
    child.stdout.destroy()
    await once(child, 'close')
    // Node's own answer to EPIPE, as it would be without us.
    expect(receipt((await stderr).trimEnd())).toMatchObject({ status: 'failed', executed: 'yes' })
  })

  it('leaves an intent without outcome when it is killed, and the next run carries on', async () => {
    const child = startDeedlog(['exec', 'audit', '--tool', 'killed', '--', node, '-e', WAIT_FOR('orphan')], { cwd })
    await appears(join(cwd, 'orphan.ready'))
    child.kill('SIGKILL')
    await once(child, 'close')
    writeFileSync(join(cwd, 'orphan'), '')
    expect(exec('').status).toBe(0)
    const { calls } = JSON.parse(run('list', 'audit', '--tool', 'killed', '--json').stdout) as {
      calls: { status: string }[]
    }
    expect(calls).toHaveLength(1)
    expect(calls[0]!.status).not.toBe('succeeded')
    expect([0, 3]).toContain(run('verify', 'audit', '--trust', 'audit.trust').status)
  })

  it.runIf(process.platform !== 'win32')('says 126 of a file that cannot be executed', () => {
    writeFileSync(join(cwd, 'no-x'), '#!/bin/sh\n')
    chmodSync(join(cwd, 'no-x'), 0o644)
    const ran = run('exec', 'audit', '--tool', 't', '--json', '--', './no-x')
    expect(ran.status).toBe(126)
    expect(receipt(ran.stderr)).toMatchObject({ status: 'not_executed', executed: 'no', exitCode: 126 })
  })

  it('leaves what follows -- to the command, --json included', () => {
    const ran = run(
      'exec',
      'audit',
      '--tool',
      't',
      '--',
      node,
      '-p',
      'process.argv.slice(1).join()',
      '--',
      '--json',
      '--help',
    )
    expect(ran).toMatchObject({ status: 0, stdout: '--json,--help\n', stderr: '' })
  })
})

/** A script that says it runs (`<name>.ready`) and ends when the file `<name>` is there, or after 20 seconds. */
const WAIT_FOR = (name: string): string => `
  const fs = require('node:fs')
  fs.writeFileSync('${name}.ready', '')
  const began = Date.now()
  setInterval(() => { if (fs.existsSync('${name}') || Date.now() - began > 20000) process.exit(0) }, 10)`

async function appears(path: string): Promise<void> {
  for (let tries = 0; !existsSync(path); tries++) {
    if (tries > 2000) throw new Error(`${path} did not appear`)
    await sleep(10)
  }
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = ''
  for await (const chunk of stream) all += String(chunk)
  return all
}
