import { cpSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FunctionTool, LlmAgent } from '@google/adk'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { AgentGovernancePlugin } from '../../src/adapters/adk/index.js'
import { run } from '../../src/adapters/adk/testkit.js'
import { recordLeaf } from '../../src/core/record/index.js'
import { verifyEd25519 } from '../../src/core/tlog/index.js'
import { openLogIn } from '../../src/log/index.js'
import { realWorld, type World } from '../../src/log/world.js'
import { Recorder } from '../../src/recorder/recorder.js'
import { systemRuntime } from '../../src/recorder/runtime.js'
import { HeldRuntime, ListBackend } from '../../src/recorder/testkit.js'
import { scriptedModel } from '../../src/testing/index.js'
import { Party, signed } from '../verify/kit.js'

/* As in verify.test.ts: each test says what should hold, and is marked as failing until it does. */

const folder = () => mkdtempSync(join(tmpdir(), 'deedlog-attack-'))
const world = (more: Partial<World['disk']> = {}): World => ({
  ...realWorld,
  disk: { ...realWorld.disk, ...more },
  logs: new Map(),
})
const REQUEST = { tool: { name: 'pay' }, args: {} }

describe.each(['files', 'lines.jsonl'])('the log, %s', kind => {
  test('what it took it opens again, also after a crash before the next checkpoint', async () => {
    const dir = folder()
    const log = await openLogIn(world(), join(dir, 'a', kind), { checkpointMs: 86_400_000 })
    await log.flush('published')
    const [agent, key, other] = [new Party('did:example:clerk'), new Party('key'), new Party('other')]
    const body = { v: 1, time: '2026-01-01T00:00:00.000Z' }
    const start = signed(
      {
        ...body,
        type: 'stream.start',
        seq: 0,
        logs: [{ id: log.id, origin: log.origin }],
        role: 'agent',
        agent: { id: agent.name },
        recorder: { name: 'x', version: '1' },
        identity: agent.key,
        key: key.key,
      },
      agent,
    )
    await log.append([{ record: start }])
    const stream = recordLeaf(start)
    const loss = { ...body, type: 'loss', reason: 'x', stream }
    const middle = signed({ ...loss, seq: 1, prev: stream }, other)
    const last = signed({ ...loss, seq: 2, prev: recordLeaf(middle) }, key)
    // Either it refuses this batch, or it opens with it.
    const taken = await log.append([{ record: middle }, { record: last }]).then(
      () => true,
      () => false,
    )
    cpSync(join(dir, 'a'), join(dir, 'crashed'), { recursive: true, filter: path => !path.endsWith('.sock') })
    await log.close()
    const again = await openLogIn(world(), join(dir, 'crashed', kind), {})
    expect(again.size).toBe(taken ? 4 : 2)
    await again.close()
  })
})

test('`published` is not said of a checkpoint that did not get out', async () => {
  const dir = folder()
  let full = false
  const rename: World['disk']['rename'] = async (from, to) => {
    if (full && to.endsWith('/log/checkpoint'))
      throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'rename' })
    return realWorld.disk.rename(from, to)
  }
  const log = await openLogIn(world({ rename }), join(dir, 'a'), { checkpointMs: 0 })
  const recorder = new Recorder({ backend: log, agent: { id: 'did:x' }, onError: () => {} })
  await recorder.intent(REQUEST, { verdict: 'allow' })
  await log.flush('published')
  full = true
  await recorder.intent({ ...REQUEST }, { verdict: 'allow' })
  await log.flush('published').catch(() => {})
  full = false
  await log.flush('published')
  const published = readFileSync(join(dir, 'a/log/checkpoint'), 'utf8').split('\n')[1]
  await recorder.close()
  await log.close()
  expect(Number(published)).toBe(4)
})

test('a clock that is set back does not keep a backend that works again from being used', async () => {
  const runtime = new HeldRuntime()
  const backend = new ListBackend()
  const recorder = new Recorder({ backend, agent: { id: 'did:x' }, onError: () => {} }, runtime)
  await recorder.intent(REQUEST, { verdict: 'allow' })
  backend.before = () => {
    throw new Error('down')
  }
  const failing = recorder.intent({ ...REQUEST }, { verdict: 'allow' }).catch(() => {})
  await runtime.pass(500)
  await failing
  backend.before = () => {}
  runtime.ms -= 3_600_000
  await runtime.pass(60_000)
  await recorder.intent({ ...REQUEST }, { verdict: 'allow' })
})

test('nobody can sign for a stream when its recorder has been closed', async () => {
  const drawn: Uint8Array[] = []
  const random = (length: number) => {
    const bytes = systemRuntime.random(length)
    drawn.push(bytes)
    return bytes
  }
  const backend = new ListBackend()
  const recorder = new Recorder({ backend, agent: { id: 'did:x' } }, { ...systemRuntime, random })
  await recorder.intent(REQUEST, { verdict: 'allow' })
  const [key] = backend.log.rows.filter(row => row.type === 'stream.start').map(row => row.json['key'] as string)
  const publicKey = Uint8Array.from(Buffer.from(key!, 'base64')).subarray(1)
  const seed = drawn.find(bytes => bytes.length === 32 && Buffer.from(ed25519PublicKey(bytes)).equals(publicKey))!
  await recorder.close()
  // What the recorder still holds: the array, now zeros.
  const message = new Uint8Array(1)
  expect(verifyEd25519(ed25519Sign(message, seed), message, publicKey)).toBe(false)
})

describe('ADK', () => {
  const governed = () => {
    const ran: string[] = []
    const backend = new ListBackend()
    const plugin = new AgentGovernancePlugin({
      evaluator: { evaluate: async ({ tool }) => ({ verdict: tool === 'wipe' ? 'deny' : 'allow' }) },
      auditBackend: backend,
      logger: { warn() {} },
      onError() {},
    } as ConstructorParameters<typeof AgentGovernancePlugin>[0])
    const wipe = new FunctionTool({
      name: 'wipe',
      description: 'Wipes.',
      parameters: z.object({}),
      execute: () => ran.push('wipe'),
    })
    return { ran, backend, plugin, wipe }
  }
  const turns = [{ calls: [{ name: 'helper', args: {} }] }, { text: 'done' }]
  const helper = (execute: (context: unknown) => unknown) =>
    new FunctionTool({
      name: 'helper',
      description: 'Helps.',
      parameters: z.object({}),
      execute: (_, context) => execute(context),
    })

  test('a tool that is called by another with that one’s context is decided on itself', async () => {
    const { ran, plugin, wipe } = governed()
    const calling = helper(context => wipe.runAsync({ args: {}, toolContext: context as never }))
    await run({ plugins: [plugin], tools: [calling, wipe], turns })
    await plugin.close()
    expect(ran).toEqual([])
  })

  test('no tool runs on the admission of another', async () => {
    const { ran, plugin, wipe } = governed()
    const agent = new LlmAgent({
      name: 'shop',
      model: scriptedModel(turns),
      tools: [helper(() => 1), wipe],
      beforeToolCallback: async ({ context }: { context: unknown }) => {
        await wipe.runAsync({ args: {}, toolContext: context as never })
        return undefined
      },
    })
    await run({ plugins: [plugin], agent })
    await plugin.close()
    expect(ran).toEqual([])
  })
})
