import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verify } from '../../src/client/verify.js'
import { Recorder, recorded } from '../../src/index.js'
import { openLog } from '../../src/log/index.js'
import { realWorld } from '../../src/log/world.js'
import { witnessing } from '../../src/publish/index.js'
import { serveWitness, Witness } from '../../src/witness/index.js'

/*
 * Our side of C2SP tlog-witness and tlog-cosignature against that of others: litewitness is a witness in service, and
 * torchwood and golang.org/x/mod have read notes and trees for longer than we have. Needs Go; the first run compiles for
 * a minute. Where something is missing this says so aloud, and on CI it fails.
 */

const HERE = fileURLToPath(new URL('witness-go', import.meta.url))
const FSCK = 'github.com/transparency-dev/tessera/cmd/fsck@v1.0.4'
const LITEWITNESS = 'filippo.io/torchwood/cmd/litewitness@v0.9.0'
const folder = mkdtempSync(join(tmpdir(), 'deedlog-witness-go-'))
const go = (args: readonly string[], cwd: string) =>
  spawnSync('go', [...args], {
    cwd,
    encoding: 'utf8',
    timeout: 400_000,
    env: { ...process.env, GOBIN: folder, GOWORK: 'off', GOFLAGS: '-mod=readonly' },
  })
const has = (file: string, ...args: string[]) => spawnSync(file, args).error === undefined

const hasGo = has('go', 'version')
// It keeps its logs in SQLite; the tool that adds one asks for more modules than the witness itself.
const hasTools = hasGo && has('sqlite3', '-version') && has('ssh-keygen', '-?') && has('ssh-agent', '-?')
const missing = hasGo ? (hasTools ? undefined : 'sqlite3 or the SSH agent') : 'Go'
if (missing && process.env['CI'] === 'true')
  throw new Error(`CI lacks ${missing}: the witness interop must not be skipped`)
if (missing) console.warn(`SKIPPED: ${missing} is missing, so no foreign witness has met our log`)

const ORIGIN = 'example.com/interop'
let ours: string

beforeAll(() => {
  if (!hasGo) return
  ours = join(folder, 'witness-go')
  const built = go(['build', '-o', ours, '.'], HERE)
  if (built.status !== 0) throw new Error(`the Go program cannot be built: ${built.stderr}`)
}, 420_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A checkpoint of our log against a policy, as torchwood reads both. */
function readByGo(log: string, policy: string) {
  const path = join(folder, 'policy')
  writeFileSync(path, policy)
  return spawnSync(ours, ['verify', path, join(log, 'log/checkpoint')], { encoding: 'utf8' })
}

describe.skipIf(!hasTools)('litewitness', () => {
  const log = join(folder, 'audit')
  const started: ChildProcess[] = []
  let lines: string
  let logKey: string

  beforeAll(async () => {
    const installed = go(['install', LITEWITNESS], folder)
    if (installed.status !== 0) throw new Error(`litewitness cannot be installed: ${installed.stderr}`)
    const made = await openLog(log, { origin: ORIGIN })
    logKey = made.verifierKey
    await made.close()
    const socket = join(folder, 'agent')
    started.push(spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' }))
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')])
    const env = { ...process.env, SSH_AUTH_SOCK: socket }
    await until(() => spawnSync('ssh-add', [join(folder, 'key')], { env }).status === 0)
    const fingerprint = execFileSync('ssh-keygen', ['-l', '-f', join(folder, 'key')], { encoding: 'utf8' }).split(
      ' ',
    )[1]!
    const db = join(folder, 'litewitness.db')
    const address = '127.0.0.1:17380'
    let said = ''
    const witness = spawn(
      join(folder, 'litewitness'),
      [`-db=${db}`, '-name=witness.example/lite', `-key=${fingerprint}`, `-ssh-agent=${socket}`, `-listen=${address}`],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    started.push(witness)
    witness.stderr.on('data', part => {
      said += part
    })
    await until(() => / vkey=(\S+)/.test(said))
    const vkey = / vkey=(\S+)/.exec(said)![1]!
    const empty = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    execFileSync('sqlite3', [
      db,
      `INSERT INTO log VALUES ('${ORIGIN}', 0, '${empty}'); INSERT INTO key VALUES ('${ORIGIN}', '${logKey}');`,
    ])
    lines = `witness lite ${vkey} http://${address}\nquorum lite\n`
  }, 420_000)
  afterAll(() => {
    for (const child of started) child.kill()
  })

  it('cosigns our log, size after size, and again at the same size', async () => {
    const open = await openLog(log, { witnesses: witnessing({ policy: lines }), checkpointMs: 0 })
    await open.flush('witnessed')
    await open.close()
    for (let i = 0; i < 3; i++) {
      const again = await openLog(log, { witnesses: witnessing({ policy: lines }) })
      await again.flush('witnessed')
      // The recorder closes it, and with it comes the last cosignature.
      const recorder = new Recorder({ backend: again, agent: { id: 'did:example:interop' } })
      const double = recorded(recorder, 'double', async (n: number) => 2 * n)
      await Promise.all(Array.from({ length: 60 }, (_, n) => double(n)))
      await recorder.close()
    }
    const trust = join(folder, 'audit.auditor')
    writeFileSync(trust, readFileSync(`${log}.trust`, 'utf8').replace('quorum none\n', lines))
    const report = await verify(log, { trust })
    expect([report.exitCode, report.evidence.verdict]).toEqual([0, 'intact'])
  }, 60_000)

  it('makes a cosigned checkpoint that torchwood reads under the same policy', () => {
    const read = readByGo(log, `log ${logKey}\n${lines}`)
    expect([read.status, read.stdout, read.stderr]).toEqual([0, `${ORIGIN} 367\n`, ''])
  })

  it("leaves a log that Tessera's fsck reads with the cosignatures in it", () => {
    const installed = go(['install', FSCK], folder)
    expect(installed.status, installed.stderr).toBe(0)
    const key = join(folder, 'log.vkey')
    writeFileSync(key, `${logKey}\n`)
    const url = `file://${join(log, 'log')}/`
    const args = [`--storage_url=${url}`, `--public_key=${key}`, `--origin=${ORIGIN}`, '--ui=false']
    const ran = spawnSync(join(folder, 'fsck'), args, { encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' })
    expect(ran.stderr + ran.stdout).toContain(`Successfully fsck'd log with size 367`)
  }, 420_000)
})

describe.skipIf(!hasGo)('our witness, to Go', () => {
  it('answers a foreign log as the specification says, and cosigns what Go can verify', async () => {
    const path = join(folder, 'w1')
    const key = await Witness.create(realWorld, path, 'witness.example/w1')
    const [secret, vkey] = execFileSync(ours, ['key', 'example.org/foreign'], { encoding: 'utf8' }).split('\n')
    await Witness.addLog(realWorld, path, vkey!)
    const witness = await Witness.open(realWorld, path)
    const server = await serveWitness(witness, { host: '127.0.0.1', port: 0 })
    try {
      const fed = await run(ours, ['feed', secret!, key.text, server.url])
      expect(fed.split('\n')).toEqual([
        '200 1 cosigned', // the first record alone
        '200 1 cosigned', // the same once more
        '200 1 cosigned',
        '200 1 cosigned',
        '409 text/x.tlog.size 1000', // an old size that is no longer so
        '400', // a proof from a larger tree
        '422', // another tree of this size
        '422', // another history
        '',
      ])
    } finally {
      await server.stop()
      await witness.close()
    }
  }, 60_000)

  it('makes a quorum that torchwood counts, and none where too few have cosigned', async () => {
    const log = join(folder, 'quorum')
    const made = await openLog(log, { origin: 'example.com/quorum' })
    const logKey = made.verifierKey
    await made.close()
    const lines: string[] = []
    const running: (() => Promise<void>)[] = []
    for (const name of ['a', 'b', 'c']) {
      const path = join(folder, `witness-${name}`)
      const key = await Witness.create(realWorld, path, `witness.example/${name}`)
      await Witness.addLog(realWorld, path, logKey)
      const witness = await Witness.open(realWorld, path)
      const server = await serveWitness(witness, { host: '127.0.0.1', port: 0 })
      lines.push(`witness ${name} ${key.text} ${server.url}`)
      running.push(async () => {
        await server.stop()
        await witness.close()
      })
    }
    // The third is not there: two of three are enough, and three of three are not.
    await running.pop()!()
    const policy = (least: number) => `${lines.join('\n')}\ngroup all-three ${least} a b c\nquorum all-three\n`
    const open = await openLog(log, { witnesses: witnessing({ policy: policy(2), waitMs: 20_000 }) })
    await open.flush('witnessed')
    await open.close()
    for (const stop of running) await stop()
    expect(readByGo(log, `log ${logKey}\n${policy(2)}`)).toMatchObject({ status: 0, stdout: 'example.com/quorum 1\n' })
    expect(readByGo(log, `log ${logKey}\n${policy(3)}`)).toMatchObject({ status: 1 })
  }, 60_000)
})

/** Runs a program while this process goes on answering. */
const run = (file: string, args: readonly string[]) =>
  new Promise<string>((resolve, reject) => {
    const child = spawn(file, [...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout.on('data', part => {
      out += part
    })
    child.stderr.on('data', part => {
      err += part
    })
    child.on('error', reject)
    child.on('close', code => (code === 0 ? resolve(out) : reject(new Error(`${out}${err}`))))
  })

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (isSo()) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error('it did not come about in ten seconds')
}
