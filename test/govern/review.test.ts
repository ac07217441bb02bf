import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/run.js'
import { verify } from '../../src/client/verify.js'
import { type CliApprover, cliApprover } from '../../src/govern/review/approver.js'
import { ApproverKey, generateApproverKey } from '../../src/govern/review/approver-key.js'
import { type Answer, answerReview, pendingReviews } from '../../src/govern/review/client.js'
import { reviewFolder } from '../../src/govern/review/folder.js'
import { formatMessage, PENDING_MAX, parseReply, parseRequest } from '../../src/govern/review/messages.js'
import { files } from '../../src/log/index.js'
import { filesLayout, jsonlLayout } from '../../src/log/layout.js'
import { Recorder } from '../../src/recorder/index.js'

const CALL = '01KATB8Q5M4Z0YQ1G7X8D3C9FE'
const OTHER = '01KATB8Q5M4Z0YQ1G7X8D3C9FF'
const ROOT = 'aa'.repeat(32)
const INTENT = 'bb'.repeat(32)

const open: CliApprover[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(approver => approver.close()))
})

/** A log's folder as far as an approver needs it. */
function place(below = ''): string {
  const dir = join(mkdtempSync(join(tmpdir(), 'deedlog-rv-')), below, 'audit')
  mkdirSync(join(dir, 'private'), { recursive: true, mode: 0o700 })
  return dir
}

function approverIn(dir: string) {
  const told: string[] = []
  const approver = cliApprover(dir, { notify: message => told.push(message) })
  open.push(approver)
  const ask = (more: object = {}) =>
    approver.ask({
      call: CALL,
      agent: 'did:example:a',
      tool: 'pay',
      args: { amount: 500 },
      root: ROOT,
      intent: INTENT,
      ...more,
    })
  return { approver, ask, told }
}

/** Resolves when so many calls wait in the log `dir`. */
async function waiting(dir: string, count = 1) {
  for (let i = 0; i < 1200; i++) {
    const found = await pendingReviews(dir)
    if (found.length === count) return found
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error(`there are never ${count} calls waiting`)
}

const answerOf = (more: Partial<Answer> = {}): Answer => ({
  call: CALL,
  intent: INTENT,
  root: ROOT,
  verdict: 'approved',
  by: 'r-7',
  ...more,
})

/** The command line, in this process. */
async function deedlog(...argv: string[]) {
  let out = ''
  let err = ''
  const plain = (text: string) => text
  const paint = { strong: plain, faint: plain, good: plain, warn: plain, bad: plain }
  const context = {
    terminal: {
      out: async (text: string) => {
        out += text
      },
      err: (text: string) => {
        err += text
      },
      columns: undefined,
      errColumns: undefined,
      paint,
      errPaint: paint,
    },
    argv,
    exitCode: 0,
  }
  await run(context as never)
  return { out, err, exitCode: context.exitCode }
}

describe('where reviews are', () => {
  test('is in the private folder of the log, which the layout names', () => {
    const dir = place()
    expect(reviewFolder(dir)).toBe(join(filesLayout(dir).privateFolder, 'review'))
    const path = join(dir, 'audit.jsonl')
    expect(reviewFolder(path)).toBe(join(jsonlLayout(path).privateFolder, 'review'))
    writeFileSync(join(dir, 'odd'), '')
    expect(reviewFolder(join(dir, 'odd'))).toBe(join(jsonlLayout(join(dir, 'odd')).privateFolder, 'review'))
  })

  test('constructing an approver touches nothing; from the first call on there is a socket for the owner alone', async () => {
    const dir = place()
    const { ask, approver, told } = approverIn(dir)
    expect(readdirSync(join(dir, 'private'))).toEqual([])
    const answer = ask()
    const [found] = await waiting(dir)
    const folder = reviewFolder(dir)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(readdirSync(folder)).toHaveLength(1)
    expect(lstatSync(join(folder, readdirSync(folder)[0]!)).mode & 0o777).toBe(0o600)
    expect(told).toEqual([expect.stringContaining(`deedlog review ${dir} --approve ${CALL}`)])
    await answerReview(found!, answerOf())
    await answer
    await approver.close()
    expect(readdirSync(folder)).toEqual([])
  })

  test('a folder that others may enter, or that is none, is not used: the call is refused', async () => {
    const dir = place()
    mkdirSync(reviewFolder(dir))
    chmodSync(reviewFolder(dir), 0o755)
    await expect(approverIn(dir).ask()).rejects.toMatchObject({ code: 'review.folder' })
    rmSync(reviewFolder(dir), { recursive: true })
    writeFileSync(reviewFolder(dir), '')
    await expect(approverIn(dir).ask()).rejects.toMatchObject({ code: 'review.folder' })
    await expect(approverIn(join(dir, 'none')).ask()).rejects.toMatchObject({ code: 'review.folder' })
  })

  test('a path that is too long for a socket leads to one elsewhere, and both are taken away', async () => {
    const dir = place('x'.repeat(120))
    const { ask, approver } = approverIn(dir)
    const answer = ask()
    const [found] = await waiting(dir)
    await answerReview(found!, answerOf())
    expect(await answer).toMatchObject({ approved: true })
    await approver.close()
    expect(readdirSync(reviewFolder(dir))).toEqual([])
  })
})

describe('an answer', () => {
  test.each([
    ['approved', true],
    ['rejected', false],
  ] as const)('%s', async (verdict, approved) => {
    const dir = place()
    const { ask } = approverIn(dir)
    const answer = ask()
    const [found] = await waiting(dir)
    expect(found).toMatchObject({
      call: CALL,
      agent: 'did:example:a',
      tool: 'pay',
      args: '{"amount":500}',
      argsBytes: 14,
      root: ROOT,
      intent: INTENT,
      pid: process.pid,
    })
    await answerReview(found!, answerOf({ verdict }))
    expect(await answer).toEqual({ approved, by: 'r-7', channel: 'cli' })
    expect(await pendingReviews(dir)).toEqual([])
  })

  test.each([
    ['another root', { root: 'cc'.repeat(32) }],
    ['another intent', { intent: 'cc'.repeat(32) }],
  ])('to %s is refused, and the call goes on waiting', async (_, wrong) => {
    const dir = place()
    const { ask } = approverIn(dir)
    const answer = ask()
    const [found] = await waiting(dir)
    await expect(answerReview(found!, answerOf(wrong))).rejects.toMatchObject({ code: 'review.refused' })
    await answerReview(found!, answerOf({ verdict: 'rejected' }))
    expect(await answer).toMatchObject({ approved: false })
  })

  test('to a call that does not wait is refused; a second one comes too late', async () => {
    const dir = place()
    const { ask } = approverIn(dir)
    const answer = ask()
    const [found] = await waiting(dir)
    await expect(answerReview(found!, answerOf({ call: OTHER }))).rejects.toMatchObject({ code: 'review.unknown' })
    await answerReview(found!, answerOf())
    await expect(answerReview(found!, answerOf({ verdict: 'rejected' }))).rejects.toMatchObject({
      code: 'review.unknown',
    })
    expect(await answer).toMatchObject({ approved: true })
  })

  test('may be signed; a signature for another verdict, root or intent is refused', async () => {
    const dir = place()
    const key = new ApproverKey(generateApproverKey(), 'test')
    const { ask } = approverIn(dir)
    const answer = ask()
    const [found] = await waiting(dir)
    for (const other of [{ verdict: 'rejected' as const }, { root: 'cc'.repeat(32) }, { intent: 'cc'.repeat(32) }]) {
      const { approval } = key.signed(answerOf(other))
      await expect(answerReview(found!, { ...answerOf(), approval: approval! })).rejects.toMatchObject({
        code: 'review.refused',
      })
    }
    await answerReview(found!, key.signed(answerOf()))
    expect(await answer).toMatchObject({ approved: true, approval: key.signed(answerOf()).approval })
  })

  test('goes to the right one of several calls, in several processes’ sockets', async () => {
    const dir = place()
    const [one, two] = [approverIn(dir), approverIn(dir)]
    const first = one.ask()
    const second = one.ask({ call: OTHER, root: 'dd'.repeat(32) })
    const third = two.ask({ call: OTHER.replace('F', 'G'), tool: 'refund' })
    const found = await waiting(dir, 3)
    const other = found.find(each => each.call === OTHER)!
    await answerReview(other, answerOf({ call: OTHER, root: 'dd'.repeat(32), verdict: 'rejected' }))
    expect(await second).toMatchObject({ approved: false })
    await answerReview(found.find(each => each.tool === 'refund')!, answerOf({ call: OTHER.replace('F', 'G') }))
    expect(await third).toMatchObject({ approved: true })
    await answerReview(found.find(each => each.call === CALL)!, answerOf())
    expect(await first).toMatchObject({ approved: true })
  })

  test('that comes when the time is over finds nothing that waits', async () => {
    const dir = place()
    const { ask } = approverIn(dir)
    const abort = new AbortController()
    const answer = ask({ signal: abort.signal })
    const [found] = await waiting(dir)
    abort.abort()
    await expect(answer).rejects.toMatchObject({ code: 'review.unanswered' })
    expect(await pendingReviews(dir)).toEqual([])
    await expect(answerReview(found!, answerOf())).rejects.toMatchObject({ code: 'review.unknown' })
    const late = new AbortController()
    late.abort()
    await expect(ask({ signal: late.signal })).rejects.toMatchObject({ code: 'review.unanswered' })
  })

  test('is refused for all that waits when the approver is closed, and later', async () => {
    const dir = place()
    const { ask, approver } = approverIn(dir)
    const answer = ask()
    await waiting(dir)
    await Promise.all([approver.close(), expect(answer).rejects.toMatchObject({ code: 'review.unanswered' })])
    await expect(ask()).rejects.toMatchObject({ code: 'review.unanswered' })
    expect(readdirSync(reviewFolder(dir))).toEqual([])
  })
})

describe('what models and strangers send', () => {
  test('arguments of any kind and size are shown by their beginning, and hold up nothing', async () => {
    const dir = place()
    const { ask } = approverIn(dir)
    const evil: Record<string, unknown> = { text: `${'\ud800'}\u001b[2J`, big: 10n ** 30n, long: 'y'.repeat(1e6) }
    evil['self'] = evil
    const answer = ask({ args: evil, tool: `x\u202e${'t'.repeat(1e5)}` })
    const [found] = await waiting(dir)
    expect(found!.args.length).toBe(2000)
    expect(found!.tool.length).toBe(255)
    expect(found!.argsBytes).toBeGreaterThan(1e6)
    const { out, exitCode } = await deedlog('review', dir)
    expect(exitCode).toBe(0)
    expect(out).not.toMatch(/[\u001b\u202e]/)
    expect(out).toContain('… the beginning of 1,00')
    await answerReview(found!, answerOf())
    await answer
  })

  test('more calls than anybody can look at are refused at once', async () => {
    const dir = place()
    const { ask, approver } = approverIn(dir)
    const ids = Array.from({ length: PENDING_MAX }, (_, i) => `${CALL.slice(0, 22)}${String(i).padStart(4, '0')}`)
    const asked = ids.map(call => ask({ call }).catch(() => 'refused'))
    await expect(ask()).rejects.toMatchObject({ code: 'review.full' })
    expect(await waiting(dir, PENDING_MAX)).toHaveLength(PENDING_MAX)
    await approver.close()
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['refused']))
  })

  test('a connection that sends garbage, too much or nothing gets a refusal or is dropped; the call goes on waiting', async () => {
    const dir = place()
    const { ask } = approverIn(dir)
    const answer = ask()
    const [found] = await waiting(dir)
    const say = (bytes: string | Uint8Array) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(found!.socket, () => socket.write(bytes))
        let text = ''
        socket.on('data', chunk => {
          text += chunk
        })
        socket.on('error', reject)
        socket.on('end', () => resolve(text))
      })
    const good = new TextDecoder().decode(formatMessage({ v: 1, do: 'answer', ...answerOf() }))
    for (const bad of [
      '\n',
      'hello\n',
      '[]\n',
      '{"do":"list","v":2}\n',
      '{"do":"list","v":1,"x":1}\n',
      '{"v":1,"do":"list"}\n',
      '{"do":"list","do":"list","v":1}\n',
      `${' '.repeat(5000)}`,
      `${'{'.repeat(4000)}\n`,
      good.replace('approved', 'approve'),
      good.replace('"by":"r-7"', '"by":"Jane Doe"'),
      good.replace('"v":1', '"v":1,"w":1'),
      good.replace('}', ',"x":1}'),
      good.replace('{', '{"approval":{},'),
      good.replace(CALL, '../../etc'),
    ])
      expect(JSON.parse(await say(bad))).toMatchObject({ error: { code: 'review.message' } })
    connect(found!.socket).on('connect', function (this: { destroy(): void }) {
      this.destroy()
    })
    await answerReview(found!, answerOf())
    expect(await answer).toMatchObject({ approved: true })
  })

  test('a process that answers with something else is named as such, and one that is gone is removed', async () => {
    const dir = place()
    mkdirSync(reviewFolder(dir), { mode: 0o700 })
    const name = '4242-0123456789abcdef.sock'
    const path = join(reviewFolder(dir), name)
    const server = createServer(socket => socket.resume().end('{"v":1}\n'))
    await new Promise<void>(resolve => server.listen(path, resolve))
    await expect(pendingReviews(dir)).rejects.toMatchObject({ code: 'review.message' })
    await new Promise(resolve => server.close(resolve))
    // What a process that was killed leaves behind: a name, and nobody who listens.
    const child = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`,
    ])
    await new Promise(resolve => child.stdout.once('data', resolve))
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('close', resolve))
    expect(existsSync(path)).toBe(true)
    expect(await pendingReviews(dir)).toEqual([])
    expect(existsSync(path)).toBe(false)
  })

  test('what else lies in the folder is left alone', async () => {
    const dir = place()
    mkdirSync(reviewFolder(dir), { mode: 0o700 })
    writeFileSync(join(reviewFolder(dir), 'notes.txt'), '')
    expect(await pendingReviews(dir)).toEqual([])
    expect(readdirSync(reviewFolder(dir))).toEqual(['notes.txt'])
  })

  test('replies are read as strictly', () => {
    const bytes = (text: string) => new TextEncoder().encode(text)
    for (const bad of [
      '',
      'null',
      '{}',
      '{"done":false,"v":1}',
      '{"done":true,"v":1,"x":1}',
      '{"pending":{},"pid":1,"v":1}',
      '{"error":{"code":1,"message":""},"v":1}',
      '{"pending":[{}],"pid":1,"v":1}',
    ])
      expect(() => parseReply(bytes(bad))).toThrow(expect.objectContaining({ code: 'review.message' }))
    expect(() => parseRequest(bytes('{"do":"list","v":1}'))).not.toThrow()
  })
})

describe('deedlog review', () => {
  test('says that nothing waits, also where there is no log', async () => {
    expect(await deedlog('review', place())).toMatchObject({ out: 'No call waits for an approver.\n', exitCode: 0 })
    expect(await deedlog('review', '/nowhere/audit', '--json')).toMatchObject({
      out: '{\n  "pending": []\n}\n',
      exitCode: 0,
    })
  })

  test('lists, approves and rejects, as JSON too', async () => {
    const dir = place()
    const { ask } = approverIn(dir)
    const first = ask()
    await waiting(dir)
    const listed = await deedlog('review', dir)
    for (const part of [`Call ${CALL}`, 'pay', 'did:example:a', '{"amount":500}', ROOT, INTENT, `--approve ${CALL}`])
      expect(listed.out).toContain(part)
    expect(JSON.parse((await deedlog('review', dir, '--json')).out).pending).toMatchObject([{ call: CALL, root: ROOT }])
    expect((await deedlog('review', dir, '--approve', CALL, '--as', 'r-7')).out).toMatch(/^Approved: /)
    expect(await first).toEqual({ approved: true, by: 'r-7', channel: 'cli' })
    const second = ask()
    await waiting(dir)
    const rejected = await deedlog('review', dir, '--reject', CALL, '--as', 'r-7', '--json')
    expect(JSON.parse(rejected.out).answered).toMatchObject({ call: CALL, verdict: 'rejected', by: 'r-7' })
    expect(await second).toMatchObject({ approved: false })
  })

  test.each([
    [['--approve', 'x', '--as', 'r-7'], 'usage.value'],
    [['--approve', CALL], 'usage.option'],
    [['--approve', CALL, '--as', 'Jane Doe'], 'usage.value'],
    [['--approve', CALL, '--reject', OTHER, '--as', 'r-7'], 'usage.conflict'],
    [['--as', 'r-7'], 'usage.option'],
    [['--approve', CALL, '--as', 'r-7'], 'review.unknown'],
    [['--approve', CALL, '--as', 'r-7', '--key', '/nowhere.pem'], 'system.enoent'],
  ])('%j: exit 2, %s', async (options, code) => {
    const { err, exitCode } = await deedlog('review', place(), ...options, '--json')
    expect([JSON.parse(err).error.code, exitCode]).toEqual([code, 2])
  })

  test('with a key that is none, or of another kind', async () => {
    const dir = place()
    for (const pem of ['x', generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' })]) {
      writeFileSync(join(dir, 'key.pem'), pem)
      const { err } = await deedlog(
        'review',
        dir,
        '--approve',
        CALL,
        '--as',
        'r-7',
        '--key',
        join(dir, 'key.pem'),
        '--json',
      )
      expect(JSON.parse(err).error.code).toBe('review.key')
      expect(err).not.toContain('BEGIN')
    }
  })
})

describe('deedlog keys approver', () => {
  test('makes a key for its owner alone, shows the line for the trust file, and never overwrites', async () => {
    const file = join(place(), 'r-7.pem')
    const { out, exitCode } = await deedlog('keys', 'approver', file, '--as', 'r-7')
    expect(exitCode).toBe(0)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(out).toContain(new ApproverKey(readFileSync(file, 'utf8'), file).trustLine('r-7'))
    expect(out).not.toContain('PRIVATE')
    const again = await deedlog('keys', 'approver', file, '--as', 'r-7', '--json')
    expect([JSON.parse(again.err).error.code, again.exitCode]).toEqual(['keys.exists', 2])
    expect((await deedlog('keys', 'approver', file)).exitCode).toBe(2)
  })
})

describe('a recorder in another process', () => {
  let program = ''
  const children: ChildProcess[] = []

  beforeAll(async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    // Inside the project, so that what the bundle leaves outside is found.
    program = join(root, 'node_modules', '.cache', 'deedlog-tests', `review-${process.pid}.mjs`)
    await build({
      absWorkingDir: root,
      stdin: { contents: PROGRAM, resolveDir: root, loader: 'ts' },
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      alias: { '#crypto': join(root, 'src/native/crypto.ts') },
      packages: 'external',
      logLevel: 'silent',
    })
  })

  afterAll(() => {
    rmSync(program, { force: true })
    for (const child of children) child.kill('SIGKILL')
  })

  /** The program on a new log; `said` are its lines. */
  function start(env: Record<string, string> = {}) {
    const dir = join(mkdtempSync(join(tmpdir(), 'deedlog-rv-')), 'audit')
    const child = spawn(process.execPath, [program, dir], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    const said: string[] = []
    createInterface({ input: child.stdout! }).on('line', line => said.push(line))
    const ended = new Promise<number | null>(resolve => child.once('close', resolve))
    return { dir, child, said, ended }
  }

  test('lets an approved call run, and the approver’s pinned signature verifies', async () => {
    const { dir, said, ended } = start()
    const [found] = await waiting(dir)
    const key = join(dir, '..', 'r-7.pem')
    const made = await deedlog('keys', 'approver', key, '--as', 'r-7', '--json')
    expect((await deedlog('review', dir, '--approve', found!.call, '--as', 'r-7', '--key', key)).exitCode).toBe(0)
    expect(await ended).toBe(0)
    expect(said).toEqual(['approved', 'ran'])
    const codes = async (line: string) => {
      const trust = join(dir, '..', 'trust')
      writeFileSync(trust, `${readFileSync(`${dir}.trust`, 'utf8')}${line}\n`)
      return (await verify(dir, { trust })).findings.map(({ code }) => code)
    }
    expect(await codes(JSON.parse(made.out).trustLine)).toEqual([])
    expect(await codes(new ApproverKey(generateApproverKey(), 'another').trustLine('r-7'))).toContain('review.unpinned')
  })

  test('keeps a rejected call from running', async () => {
    const { dir, said, ended } = start()
    const [found] = await waiting(dir)
    expect((await deedlog('review', dir, '--reject', found!.call, '--as', 'r-7')).exitCode).toBe(0)
    expect(await ended).toBe(0)
    expect(said).toEqual(['declined'])
  })

  test('denies when nobody answers in time, and ends', async () => {
    const { said, ended } = start({ REVIEW_MS: '300' })
    expect(await ended).toBe(0)
    expect(said).toEqual(['unanswered'])
  })

  test('that dies while a call waits leaves a socket that the next look removes', async () => {
    const { dir, child, ended } = start()
    const [found] = await waiting(dir)
    child.kill('SIGKILL')
    await ended
    expect(readdirSync(reviewFolder(dir))).toHaveLength(1)
    await expect(answerReview(found!, answerOf({ call: found!.call }))).rejects.toMatchObject({
      code: 'review.unknown',
    })
    expect(await pendingReviews(dir)).toEqual([])
    expect(readdirSync(reviewFolder(dir))).toEqual([])
  })
})

test('what is approved is bound to the arguments that the log committed to', async () => {
  const dir = join(mkdtempSync(join(tmpdir(), 'deedlog-rv-')), 'audit')
  const approver = cliApprover(dir, { notify: () => {} })
  open.push(approver)
  const backend = files(dir)
  const recorder = new Recorder({
    backend,
    agent: { id: 'did:example:a' },
    approver,
    evaluator: { evaluate: () => ({ verdict: 'review' }) },
    onError: error => expect(error).toBeUndefined(),
  })
  const request = { tool: { name: 'pay' }, args: { amount: 500 } }
  const ticket = await recorder.intent(request, await recorder.decide(request))
  const approval = recorder.approve(ticket, request.args)
  const [found] = await waiting(dir)
  expect([found!.call, found!.root, found!.intent]).toEqual([ticket.call, ticket.argsRoot, ticket.intent])
  await answerReview(found!, { ...answerOf(), call: ticket.call, root: ticket.argsRoot, intent: ticket.intent! })
  expect(await approval).toBe('approved')
  await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes' })
  await recorder.close()
})

const PROGRAM = `
import { cliApprover } from './src/govern/review/approver.ts'
import { files } from './src/log/index.ts'
import { Recorder } from './src/recorder/index.ts'
const [, , dir] = process.argv
const recorder = new Recorder({
  backend: files(dir),
  agent: { id: 'did:example:a' },
  approver: cliApprover(dir, { notify: () => {} }),
  evaluator: { evaluate: () => ({ verdict: 'review', rule: 'r' }) },
  reviewTimeoutMs: Number(process.env.REVIEW_MS ?? 60000),
  onError: () => {},
})
const request = { tool: { name: 'pay' }, args: { amount: 500 } }
const ticket = await recorder.intent(request, await recorder.decide(request))
const approval = await recorder.approve(ticket, request.args)
console.log(approval)
if (approval === 'approved') {
  console.log('ran')
  await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes' })
}
await recorder.close()
`
