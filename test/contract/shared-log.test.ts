import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLogIn } from '../../src/log/index.js'
import type { StoreKind } from '../../src/log/layout.js'
import { nodeDisk } from '../../src/log/node-disk.js'
import { SharedLog } from '../../src/log/shared-log.js'
import { realWorld, type World } from '../../src/log/world.js'
import { checkLog } from './log-check.js'
import { TestStream } from './log-streams.js'

/* Several processes write one log. A registry of its own is what makes a process here; the kills are in `npm run kill`. */

const otherProcess = (): World => ({ ...realWorld, logs: new Map() })

describe.skipIf(process.platform === 'win32').each(['files', 'jsonl'] as const)('a %s log of two processes', kind => {
  let folder: string
  let target: string
  const open: SharedLog[] = []

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'deedlog-shared-'))
    target = join(folder, kind === 'files' ? 'audit' : 'audit.jsonl')
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map(log => log.close()))
    rmSync(folder, { recursive: true, force: true })
  })

  const log = (options = {}): SharedLog => {
    const made = new SharedLog(otherProcess(), target, { checkpointMs: 0, ...options }, kind as StoreKind, openLogIn)
    open.push(made)
    return made
  }
  const privateFolder = () => (kind === 'files' ? join(target, 'private') : `${target}.private`)

  test('takes appends of both, with disclosures, and the second goes on when the first has left', async () => {
    const [one, two] = [log(), log()]
    const first = await TestStream.begin(one, 1)
    const second = await TestStream.begin(two, 2)
    expect(await two.logs()).toEqual(await one.logs())
    await Promise.all([one.append(first.batch(2)), two.append(second.batch(3))])
    await two.flush()
    expect(await two.head()).toEqual(await one.head())
    const batch = second.batch(2)
    const receipts = await two.append(batch, { level: 'published' })
    await one.close()
    // Now it writes the log itself: the same bytes have their index.
    expect(await two.append(batch, { level: 'published' })).toEqual(receipts)
    await two.append(second.batch(1))
    await two.close()
    const closed = await openLogIn(otherProcess(), target, {})
    await closed.close()
    const { records } = await checkLog(nodeDisk, kind, target, { verifierKey: closed.verifierKey })
    expect(records.length).toBe(11)
  })

  test('signs as one agent in both, also after the holder has left', async () => {
    const [one, two] = [log(), log()]
    const [here, there] = [await one.identity('did:test:a'), await two.identity('did:test:a')]
    expect(there.publicKey).toEqual(here.publicKey)
    const message = new TextEncoder().encode('message')
    const signature = await here.sign(message)
    expect(await there.sign(message)).toEqual(signature)
    await one.close()
    expect(await there.sign(message)).toEqual(signature)
  })

  test('refuses in the second process what it refuses in the first, by the same code', async () => {
    const [one, two] = [log(), log()]
    await one.logs()
    const stream = await TestStream.begin(two, 3)
    stream.batch(1)
    await expect(two.append(stream.batch(1))).rejects.toMatchObject({ name: 'MalformedError', code: 'stream.order' })
    await expect(two.append([{ record: new Uint8Array(20_000) }])).rejects.toMatchObject({ name: 'MalformedError' })
    await expect(two.flush('witnessed')).rejects.toMatchObject({ name: 'UnavailableError', code: 'log.no-witness' })
    await expect(log({ origin: 'example.com/other' }).logs()).rejects.toMatchObject({ code: 'log.other-origin' })
  })

  test('listens where only this user can come, and no longer when it is closed', async () => {
    const one = log()
    await one.logs()
    const socket = join(privateFolder(), 'writer.sock')
    expect(statSync(socket).mode & 0o777).toBe(0o600)
    expect(statSync(privateFolder()).mode & 0o777).toBe(0o700)
    await one.close()
    expect(() => statSync(socket)).toThrow()
  })

  test('does not join where others could listen: it is locked, in a sentence', async () => {
    const [one, two] = [log(), log()]
    await one.logs()
    await chmod(privateFolder(), 0o755)
    await expect(two.logs()).rejects.toMatchObject({ code: 'log.locked', retryable: true })
    await chmod(privateFolder(), 0o700)
    await two.logs()
  })

  test('is not disturbed by garbage on its socket', async () => {
    const one = log()
    const stream = await TestStream.begin(one, 5)
    for (const garbage of [
      'x'.repeat(100),
      '\u0044\u004c\u0053\u0001\u0000\u0000\u0000\u0002\u0000\u0000\u0000\u0000{}',
      'DL',
    ]) {
      await new Promise<void>(resolve => {
        const socket = connect(join(privateFolder(), 'writer.sock'), () => socket.end(garbage))
        socket.on('error', () => {})
        socket.on('close', () => resolve())
      })
      await one.append(stream.batch(1))
    }
    await TestStream.begin(log(), 6)
  })

  test('takes no stream for dead while another process is there', async () => {
    const [one, two] = [log(), log()]
    await one.logs()
    const identity = await two.identity('did:test:2')
    await TestStream.begin(two, 2)
    const found = []
    for await (const dead of one.deadStreams('did:test:2', identity.publicKey)) found.push(dead)
    expect(found).toEqual([])
  })

  test('is found where the path is too long for a socket', async () => {
    target = join(folder, 'x'.repeat(120), kind === 'files' ? 'audit' : 'audit.jsonl')
    const [one, two] = [log(), log()]
    await one.logs()
    if (process.platform === 'linux') await TestStream.begin(two, 1)
    else await expect(two.logs()).rejects.toMatchObject({ code: 'log.locked' })
  })
})
