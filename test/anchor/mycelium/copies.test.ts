import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog, type Log } from '../../../src/log/index.js'
import { withTrails } from '../../../src/publish/mycelium-copies.js'
import { Recorder, recorded } from '../../../src/recorder/index.js'
import { TrailsStub } from './stub.js'

let stub: TrailsStub
let folder: string
let log: Log

beforeEach(async () => {
  stub = await TrailsStub.start()
  folder = await mkdtemp(join(tmpdir(), 'deedlog-trails-'))
  log = await createLog(join(folder, 'audit'), { origin: 'example.com/copied', checkpointMs: 0 })
})
afterEach(async () => {
  await stub.close()
  await rm(folder, { recursive: true, force: true })
})

async function record(tool: string, calls: number, options: { readonly waitingMax?: number } = {}) {
  const backend = withTrails(log, { url: stub.url, apiKey: 'SECRET-KEY', closeMs: 20_000, ...options })
  const recorder = new Recorder({ backend, agent: { id: 'agent-7' } })
  const call = recorded(recorder, tool, async (n: number) => n)
  for (let i = 0; i < calls; i++) expect(await call(i)).toBe(i)
  await recorder.close()
  await backend.close()
  return backend.copies()
}

describe('copies of outcomes as trails', () => {
  it('are one per outcome, and name the call', async () => {
    expect(await record('pay', 4)).toMatchObject({ made: 4, failed: 0, dropped: 0, waiting: 0 })
    expect(stub.trails.map(({ operation, agent_id }) => [operation, agent_id])).toEqual(
      new Array(4).fill(['pay', 'agent-7']),
    )
    expect(new Set(stub.trails.map(({ action_ref }) => action_ref)).size).toBe(4)
  })

  it('that fail are counted, and no call notices', async () => {
    stub.fault = { at: 'nexus', is: '422', stays: true }
    expect(await record('pay', 3)).toMatchObject({ made: 0, failed: 3, lastFailure: 'mycelium.http' })
  })

  it('are not made of names that trails do not take', async () => {
    expect(await record('zahlen-ä', 2)).toMatchObject({ made: 0, notExpressible: 2 })
    expect(stub.trails).toHaveLength(0)
  })

  it('are dropped when too many wait', async () => {
    expect(await record('pay', 2, { waitingMax: 0 })).toMatchObject({ made: 0, dropped: 2 })
  })
})
