import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyTree } from '../../test/copy-tree.js'
import { openLog } from '../log/index.js'
import { realWorld } from '../log/world.js'
import { witnesses } from '../publish/index.js'
import { type RunningWitness, serveWitness, Witness } from '../witness/index.js'
import { run } from './run.js'
import { PLAIN } from './terminal/paint.js'

/** The command line in this process: the witnesses are in it, too, and must be able to answer meanwhile. */
async function deedlog(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' }
  const terminal = {
    out: async (text: string) => {
      said.stdout += text
    },
    err: (text: string) => {
      said.stderr += text
    },
    columns: undefined,
    errColumns: undefined,
    paint: PLAIN,
    errPaint: PLAIN,
  }
  const context = { terminal, argv, exitCode: 0 }
  await run(context)
  return { code: context.exitCode, ...said }
}

interface Kept {
  readonly path: string
  readonly witness: Witness
  readonly server: RunningWitness
  readonly line: string
}

let folder: string
let log: string
let kept: Kept[]

async function keepWitness(name: string): Promise<Kept> {
  const path = join(folder, name)
  await Witness.create(realWorld, path, `witness.example/${name}`)
  const witness = await Witness.open(realWorld, path)
  const server = await serveWitness(witness, { host: '127.0.0.1', port: 0 })
  const one = { path, witness, server, line: `${name} ${witness.key.text} ${server.url}` }
  kept.push(one)
  return one
}

/** A log whose witnesses know it. */
async function init(
  lines: readonly string[],
  ...more: string[]
): Promise<{ witnesses: string[]; keys: { log: string } }> {
  const made = await deedlog('init', log, '--json', ...more, ...lines.flatMap(line => ['--witness', line]))
  expect(made).toMatchObject({ code: 0 })
  const json = JSON.parse(made.stdout)
  for (const { path } of kept)
    expect(await deedlog('witness', 'add-log', path, json.keys.log)).toMatchObject({ code: 0 })
  return json
}

const exec = () => deedlog('exec', log, '--tool', 'hello', '--', process.execPath, '-e', '0')
const status = async () => JSON.parse((await deedlog('witness', 'status', log, '--json')).stdout).witnesses

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-cli-witness-'))
  log = join(folder, 'audit')
  kept = []
  process.env['DEEDLOG_STATE'] = join(folder, 'state')
})
afterEach(async () => {
  for (const { server, witness } of kept) {
    await server.stop()
    await witness.close()
  }
  rmSync(folder, { recursive: true })
  delete process.env['DEEDLOG_STATE']
})

describe('a log that is made with witnesses', () => {
  it('names them in its trust file and in its private folder, and its first record is cosigned when asked', async () => {
    const { line } = await keepWitness('w1')
    const made = await init([line])
    expect(made.witnesses).toEqual([`witness ${line}`, 'quorum w1'])
    expect(readFileSync(`${log}.trust`, 'utf8')).toContain(`witness ${line}\nquorum w1\n`)
    expect(readFileSync(`${log}.trust`, 'utf8')).not.toContain('quorum none')
    expect(statSync(join(log, 'private/witnesses.policy')).mode & 0o77).toBe(0)
    expect(await deedlog('verify', log, '--trust', `${log}.trust`)).toMatchObject({ code: 2 })
    expect(await deedlog('witness', 'ask', log)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('cosigned size 1 at'),
    })
    const report = await deedlog('verify', log, '--trust', `${log}.trust`, '--json')
    expect(JSON.parse(report.stdout).evidence).toMatchObject({ verdict: 'intact' })
    expect(report.code).toBe(0)
  })

  it('has what commands write cosigned, without a word', async () => {
    await init([(await keepWitness('w1')).line])
    expect(await exec()).toMatchObject({ code: 0 })
    const report = await deedlog('verify', log, '--trust', `${log}.trust`, '--json')
    const { verdict, words } = JSON.parse(report.stdout).evidence
    expect([report.code, verdict, words[0]]).toEqual([0, 'intact', 'intact to 5'])
    expect(await status()).toMatchObject([{ name: 'w1', asked: { size: 5 }, cosigned: { size: 5 } }])
  })

  it('asks for more than half of several, or for as many as wanted', async () => {
    const lines = [(await keepWitness('w1')).line, (await keepWitness('w2')).line, (await keepWitness('w3')).line]
    expect((await init(lines)).witnesses.slice(3)).toEqual(['group witnesses 2 w1 w2 w3', 'quorum witnesses'])
    await kept[1]!.server.stop()
    expect(await deedlog('witness', 'ask', log)).toMatchObject({ code: 0 })
    await kept[2]!.server.stop()
    await exec()
    expect(await deedlog('witness', 'ask', log, '--wait', '1')).toMatchObject({ code: 2 })
    expect(await status()).toMatchObject([
      { name: 'w1', cosigned: {} },
      { name: 'w2', error: { code: 'witness.unavailable' } },
      { name: 'w3', error: { code: 'witness.unavailable' }, cosigned: { size: 1 } },
    ])
  })

  it('shows a witness that did not cosign in list and verify, as the word of the log', async () => {
    await init([(await keepWitness('w1')).line])
    await kept[0]!.server.stop()
    await exec()
    expect(await deedlog('list', log)).toMatchObject({ stderr: expect.stringContaining('Not witnessed: size 5 by w1') })
    expect(JSON.parse((await deedlog('list', log, '--json')).stdout).notWitnessed).toMatchObject([
      { name: 'w1', size: 5, code: 'witness.unavailable' },
    ])
    const report = JSON.parse((await deedlog('verify', log, '--self', '--json')).stdout)
    expect(report.findings).toContainEqual(
      expect.objectContaining({ code: 'witness.not-cosigned', severity: 'notice' }),
    )
    expect(report.exitCode).toBe(0)
  })

  it('is asked for through the process that has it open', async () => {
    const { line } = await keepWitness('w1')
    await init([line])
    const open = await openLog(log, { witnesses: witnesses(`${log}.trust`) })
    expect(await deedlog('witness', 'ask', log)).toMatchObject({ code: 0 })
    await open.close()
    const bare = await openLog(log)
    const asked = await deedlog('witness', 'ask', log)
    expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining('log.no-witness') })
    await bare.close()
  })

  it('hands its witnesses on to the log that continues it', async () => {
    const { line, path } = await keepWitness('w1')
    await init([line])
    const next = join(folder, 'next')
    const went = await deedlog('continue', log, next, '--reason', 'restored-backup', '--json')
    expect(went).toMatchObject({ code: 0, stderr: '' })
    const own = readFileSync(`${next}.trust`, 'utf8')
    expect(own).toContain(`witness ${line}\nquorum w1\n`)
    expect((await deedlog('verify', next, '--trust', `${next}.trust`, '--no-memory')).code).toBe(2)
    await deedlog('witness', 'add-log', path, /^log (\S+)/m.exec(own)![1]!)
    expect(await deedlog('witness', 'ask', next)).toMatchObject({ code: 0 })
    expect((await deedlog('verify', next, '--trust', `${next}.trust`, '--no-memory')).code).toBe(0)
  })

  it('refuses to go on below what a witness cosigned, though all else was put back', async () => {
    await init([(await keepWitness('w1')).line])
    copyTree(log, join(folder, 'older'))
    await exec()
    const states = readFileSync(join(log, 'private/witnesses.json'))
    rmSync(log, { recursive: true })
    copyTree(join(folder, 'older'), log)
    writeFileSync(join(log, 'private/witnesses.json'), states)
    expect(await exec()).toMatchObject({ code: 2, stderr: expect.stringContaining('log.rolled-back') })
    // A damaged one says nothing, and keeps nobody from writing.
    writeFileSync(join(log, 'private/witnesses.json'), '{"witnesses": [{"__proto__": 1}, null, 7]}')
    rmSync(join(log, 'private/witnesses.policy'))
    expect(await exec()).toMatchObject({ code: 0 })
  })
})

describe('what names witnesses', () => {
  it('is refused before anything is made, in a sentence', async () => {
    const { line } = await keepWitness('w1')
    const [name, key] = line.split(' ')
    for (const [code, ...argv] of [
      ['policy.line', '--witness', `${name} ${key}`],
      ['policy.line', '--witness', `${name} ${key} ftp://witness.example`],
      ['policy.key', '--witness', `${name} ${key!.slice(0, -4)}AAAA https://witness.example`],
      ['policy.line', '--witness', 'a b c d e'],
      ['policy.line', '--witness', ''],
      ['policy.line', '--witness', `${line}\nquorum none`],
      ['policy.line', '--witness', `${line}\n`],
      ['policy.text', '--witness', `${line}\u0007`],
      ['policy.key', '--witness', line, '--witness', line.replace('w1', 'w2')],
      ['policy.name', '--witness', line.replace('w1', 'none')],
      ['policy.quorum', '--witness', line, '--quorum', '2'],
      ['usage.option', '--quorum', '1'],
    ] as const) {
      const ran = await deedlog('init', log, '--json', ...argv)
      expect([ran.code, JSON.parse(ran.stderr).error.code, argv]).toEqual([2, code, argv])
      expect(existsSync(log)).toBe(false)
    }
  })

  it('can be changed for a log that is there; a configuration that says nothing is told, not passed over', async () => {
    const { line } = await keepWitness('w1')
    await init([])
    expect(await deedlog('witness', 'ask', log)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('witness use'),
    })
    const used = await deedlog('witness', 'use', log, '--witness', line, '--json')
    expect(JSON.parse(used.stdout).lines).toEqual([`witness ${line}`, 'quorum w1'])
    expect(await deedlog('witness', 'ask', log)).toMatchObject({ code: 0 })
    expect(await deedlog('witness', 'use', kept[0]!.path, '--witness', line)).toMatchObject({ code: 2 })
    writeFileSync(join(log, 'private/witnesses.policy'), `witness ${line}\n`)
    expect(await exec()).toMatchObject({ code: 2, stderr: expect.stringContaining('witness.config') })
  })

  it('is a trust file with addresses, for a program', async () => {
    await init([])
    expect(() => witnesses(`${log}.trust`)).toThrow(TypeError)
    expect(() => witnesses(`${log}.nowhere`)).toThrow(expect.objectContaining({ code: 'trust.missing' }))
  })
})

describe('deedlog verify --ask-witnesses', () => {
  const ask = async (...more: string[]) => {
    const ran = await deedlog(
      'verify',
      log,
      '--trust',
      `${log}.trust`,
      '--ask-witnesses',
      '--no-memory',
      '--json',
      ...more,
    )
    return JSON.parse(ran.stdout)
  }
  const codes = (report: { findings: { code: string; message: string }[] }) => report.findings.map(({ code }) => code)

  it('finds an honest log to be what its witnesses know, also when it has grown since', async () => {
    await init([(await keepWitness('w1')).line])
    await exec()
    const report = await ask()
    expect([report.exitCode, report.evidence.verdict]).toEqual([0, 'intact'])
    expect(report.checks).toContainEqual(expect.objectContaining({ code: 'checkpoint.held', status: 'passed' }))
    rmSync(join(log, 'private/witnesses.policy'))
    await exec()
    expect((await ask()).findings.filter(({ severity }: { severity: string }) => severity === 'against')).toEqual([])
  })

  it('finds that a log was put back to an older copy, without its operator', async () => {
    await init([(await keepWitness('w1')).line])
    await exec()
    copyTree(log, join(folder, 'older'))
    await exec()
    rmSync(log, { recursive: true })
    copyTree(join(folder, 'older'), log)
    expect((await deedlog('verify', log, '--trust', `${log}.trust`, '--no-memory')).code).toBe(0)
    const report = await ask()
    expect([report.exitCode, report.evidence.verdict]).toEqual([1, 'rolled back'])
    expect(report.findings.find(({ code }: { code: string }) => code === 'log.rolled-back').message).toContain('"w1"')
  })

  it('finds that a log was put back and continued: two histories', async () => {
    await init([(await keepWitness('w1')).line])
    await exec()
    copyTree(log, join(folder, 'older'))
    await exec()
    rmSync(log, { recursive: true })
    copyTree(join(folder, 'older'), log)
    rmSync(join(log, 'private/witnesses.policy'))
    await exec()
    await exec()
    const report = await ask()
    expect([report.exitCode, report.evidence.verdict]).toEqual([1, 'forked'])
  })

  it('names who could not be asked, and is not satisfied', async () => {
    const { line } = await keepWitness('w1')
    await init([line])
    const bare = await keepWitness('w2')
    await exec()
    const trust = readFileSync(`${log}.trust`, 'utf8')
    // One that does not know the log, one without an address, one behind whose address nobody is.
    writeFileSync(`${log}.trust`, trust.replace('quorum w1', `witness w2 ${bare.line.slice(3)}\nquorum w1`))
    let report = await ask()
    expect([report.exitCode, codes(report)]).toEqual([2, ['witness.not-asked']])
    expect(report.findings[0].message).toContain('"w2" could not be asked')
    writeFileSync(`${log}.trust`, trust.replace(/ http:\S+/, ''))
    report = await ask()
    expect([report.exitCode, codes(report)]).toEqual([2, ['witness.not-asked']])
    writeFileSync(`${log}.trust`, trust)
    await kept[0]!.server.stop()
    report = await ask()
    expect([report.exitCode, codes(report)]).toEqual([2, ['witness.not-asked']])
    expect(report.evidence.verdict).toBe('could not check')
  })

  it('takes no answer that is not of the witness and the log', async () => {
    const { line, witness } = await keepWitness('w1')
    await init([line])
    await exec()
    const other = await keepWitness('w2')
    const made = await deedlog('init', join(folder, 'other'), '--json', '--witness', other.line)
    await deedlog('witness', 'add-log', other.path, JSON.parse(made.stdout).keys.log)
    await deedlog('witness', 'ask', join(folder, 'other'))
    const trust = readFileSync(`${log}.trust`, 'utf8')
    // At the address of w1 another one answers: of this log nothing, of its own log what w1 never signed.
    writeFileSync(`${log}.trust`, trust.replace(kept[0]!.server.url, other.server.url))
    expect(codes(await ask())).toEqual(['witness.not-asked'])
    writeFileSync(`${log}.trust`, trust)
    const state = join(kept[0]!.path, 'public')
    const [hash] = readdirSync(state)
    const [foreign] = readdirSync(join(other.path, 'public'))
    cpSync(join(other.path, 'public', foreign!, 'checkpoint'), join(state, hash!, 'checkpoint'))
    const report = await ask()
    expect([report.exitCode, codes(report)]).toEqual([2, ['witness.not-asked']])
    expect(witness.key.name).toBe('witness.example/w1')
  })

  it('needs a trust file, and a log', async () => {
    await init([])
    expect(await deedlog('verify', log, '--self', '--ask-witnesses')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('usage.conflict'),
    })
  })
})
