import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { recordLeaf } from '../../src/core/record/schema.js'
import { LogVerifier } from '../../src/core/verify/verifier.js'
import type { AuditBackend, DeadStream } from '../../src/log/backend.js'
import { openLogIn } from '../../src/log/index.js'
import type { StoreKind } from '../../src/log/layout.js'
import type { Log } from '../../src/log/log.js'
import { Recorder } from '../../src/recorder/recorder.js'
import { HeldRuntime, ListBackend, LogView } from '../../src/recorder/testkit.js'
import type { RecorderOptions, Ticket } from '../../src/recorder/types.js'
import { errno, SimDisk, type Survives } from './sim-disk.js'
import { simWorld } from './sim-world.js'

/*
 * Processes that die with streams open, on a simulated disk: a machine is a disk and the world of one process on it.
 */

const TARGETS: Readonly<Record<StoreKind, string>> = { files: '/logs/audit', jsonl: '/logs/audit.jsonl' }
const AGENT = 'did:example:agent'
const KINDS = ['files', 'jsonl'] as const

let seed = 1
afterEach(() => {
  seed = 1
})

/** One process: opens the log, records, and is killed or closes. */
class Process {
  readonly disk: SimDisk
  readonly #kind: StoreKind
  readonly #world: ReturnType<typeof simWorld>
  readonly errors: Error[] = []
  log!: Log

  private constructor(disk: SimDisk, kind: StoreKind) {
    this.disk = disk
    this.#kind = kind
    this.#world = simWorld(disk, seed++, false)
  }

  static async start(disk: SimDisk, kind: StoreKind): Promise<Process> {
    const process = new Process(disk, kind)
    process.log = await openLogIn(process.#world, TARGETS[kind], {})
    return process
  }

  async recorder(options: Partial<RecorderOptions> = {}): Promise<Recorder> {
    // Each uses the log by itself, as plugins in one program do.
    const backend = await openLogIn(this.#world, TARGETS[this.#kind], {})
    return new Recorder({ backend, agent: { id: AGENT }, onError: error => this.errors.push(error), ...options })
  }

  /** The disk as the next process finds it. */
  killed(survives: Survives = 'written'): SimDisk {
    return this.disk.crashed(survives)
  }
}

const intent = (recorder: Recorder, verdict: 'allow' | 'deny' | 'review' = 'allow'): Promise<Ticket> =>
  recorder.intent({ tool: { name: 'pay' }, args: {} }, { verdict })

const succeeded = { status: 'succeeded', executed: 'yes' } as const

/** Opens, makes one call, which recovers what is to be recovered, and closes. */
async function nextRun(disk: SimDisk, kind: StoreKind): Promise<SimDisk> {
  const process = await Process.start(disk, kind)
  const recorder = await process.recorder()
  await recorder.outcome(await intent(recorder), succeeded)
  await recorder.close()
  await process.log.close()
  expect(process.errors).toEqual([])
  return disk
}

/** What the log says, read by an auditor. Closes nothing and recovers nothing. */
async function read(disk: SimDisk, kind: StoreKind) {
  const log = await openLogIn(simWorld(disk, 999, false), TARGETS[kind], {})
  const records: { record: Uint8Array }[] = []
  for await (const { record } of log.entries()) records.push({ record })
  const verifier = new LogVerifier({ self: true })
  verifier.checkpoint(await log.head!())
  do for (const [index, { record }] of records.entries()) verifier.add(index, record)
  while (verifier.again())
  await log.close()
  const report = verifier.finish()
  return { view: new LogView(records), report, codes: [...new Set(report.findings.map(({ code }) => code))] }
}

const states = (report: Awaited<ReturnType<typeof read>>['report']): string[] =>
  report.completeness.streams.map(({ state }) => state)

describe.each(KINDS)('in a %s log', kind => {
  test('the next run says of each unsettled call that nobody knows, and of no other', async () => {
    const first = await Process.start(new SimDisk(), kind)
    const approver = { ask: async () => ({ approved: true, by: 'alice', channel: 'test' }) }
    const recorder = await first.recorder({ approver })
    await recorder.outcome(await intent(recorder), succeeded)
    await intent(recorder)
    await intent(recorder, 'deny')
    await recorder.outcome(await intent(recorder), { status: 'pending', executed: 'yes' })
    await recorder.review(await intent(recorder, 'review'), { approved: false, by: 'alice', channel: 'test' })
    await recorder.review(await intent(recorder, 'review'), { approved: true, by: 'alice', channel: 'test' })
    await intent(recorder, 'review')
    const { view, report, codes } = await read(await nextRun(first.killed(), kind), kind)
    expect(view.calls()).toEqual([
      'pay intent:allow outcome:succeeded/yes',
      'pay intent:allow outcome:unknown/unknown',
      'pay intent:deny',
      'pay intent:allow outcome:pending/yes',
      'pay intent:review review:rejected',
      'pay intent:review review:approved outcome:unknown/unknown',
      'pay intent:review',
      'pay intent:allow outcome:succeeded/yes',
    ])
    expect(report.evidence.verdict).toBe('self-consistent')
    expect(report.exitCode).toBe(3)
    expect(report.completeness.outcomes).toEqual({ final: 2, provisional: 3, missing: 1, closed: 2 })
    expect(report.conduct.byStatus).toMatchObject({ unknown: 2, pending: 1, missing: 1 })
    expect(codes.sort()).toEqual(['call.pending-at-end', 'call.unknown', 'identity.unpinned', 'outcome.missing'])
    expect(states(report).sort()).toEqual(['ended', 'ended', 'recovered'])
  })

  test('a run that ended leaves nothing to recover, though a call of it was pending', async () => {
    const first = await Process.start(new SimDisk(), kind)
    const recorder = await first.recorder()
    await intent(recorder)
    await recorder.close()
    await first.log.close()
    const { view } = await read(await nextRun(first.disk, kind), kind)
    expect(view.of('recovery')).toEqual([])
    expect(view.of('stream.start')).toHaveLength(2)
  })

  test('every dead stream of the agent is recovered once, by whichever recorder comes first', async () => {
    let disk = new SimDisk()
    for (let i = 0; i < 3; i++) {
      const process = await Process.start(disk, kind)
      const recorders = [await process.recorder(), await process.recorder()]
      await Promise.all(recorders.map(recorder => intent(recorder)))
      expect(process.errors).toEqual([])
      disk = process.killed()
    }
    disk = await nextRun(await nextRun(disk, kind), kind)
    const { view, report, codes } = await read(disk, kind)
    const recovered = view.of('recovery').map(({ record }) => record.of)
    expect(recovered.length).toBeGreaterThanOrEqual(6)
    expect(new Set(recovered).size).toBe(recovered.length)
    expect(states(report)).not.toContain('running')
    expect(report.completeness.outcomes).toEqual({ final: 2, provisional: 6, missing: 0, closed: 0 })
    expect(codes).toEqual(['identity.unpinned', 'call.unknown'])
  })

  test('streams of another agent, or of this one under another identity, are left alone', async () => {
    const seed = new Uint8Array(32).fill(7)
    const identity = { publicKey: ed25519PublicKey(seed), sign: (message: Uint8Array) => ed25519Sign(message, seed) }
    let disk = new SimDisk()
    for (const options of [{ agent: { id: 'did:example:other' } }, { identity }]) {
      const process = await Process.start(disk, kind)
      await intent(await process.recorder(options))
      disk = process.killed()
    }
    const { view, report } = await read(await nextRun(disk, kind), kind)
    expect(view.of('recovery')).toEqual([])
    expect(states(report).sort()).toEqual(['ended', 'running', 'running'])
    expect(report.exitCode).toBe(0)
  })

  test('a recorder of the same agent in the same process is left alone', async () => {
    const process = await Process.start(new SimDisk(), kind)
    const one = await process.recorder()
    const ticket = await intent(one)
    const two = await process.recorder()
    await two.outcome(await intent(two), succeeded)
    await two.close()
    await one.outcome(ticket, succeeded)
    await one.close()
    await process.log.close()
    const { view, report } = await read(process.disk, kind)
    expect(view.of('recovery')).toEqual([])
    expect(report.completeness.outcomes).toMatchObject({ final: 2, provisional: 0, missing: 0 })
  })

  test('a stream whose recorder lives on in the process is left alone when the log halts and is opened again', async () => {
    const process = await Process.start(new SimDisk(), kind)
    await intent(await process.recorder())
    process.disk.fault = ({ what, path }) => {
      if (what === 'datasync') throw errno('EIO', path)
    }
    const broken = await process.recorder()
    await expect(intent(broken)).rejects.toThrow()
    process.disk.fault = () => {}
    const again = await process.recorder()
    await again.outcome(await intent(again), succeeded)
    await again.close()
    expect((await read(process.killed(), kind)).view.of('recovery')).toEqual([])
    // The process dies at last: now all of them are recovered.
    const { report } = await read(await nextRun(process.killed(), kind), kind)
    expect(states(report)).not.toContain('running')
  })

  test('a batch that was torn is no part of what is recovered', async () => {
    const first = await Process.start(new SimDisk(), kind)
    const recorder = await first.recorder()
    await intent(recorder)
    first.disk.tears = true
    first.disk.fault = ({ what, path }) => {
      if (what === 'write') throw errno('EIO', path)
    }
    await Promise.allSettled([intent(recorder), intent(recorder), intent(recorder)])
    const { view, report } = await read(await nextRun(first.killed(), kind), kind)
    expect(view.calls()).toEqual(['pay intent:allow outcome:unknown/unknown', 'pay intent:allow outcome:succeeded/yes'])
    expect(report.findings.map(({ code }) => code)).not.toContain('recovery.false')
  })

  test('a crash at any moment of a recovery leaves no second recovery and no second outcome', {
    timeout: 60_000,
  }, async () => {
    // More calls than go into one batch, so that a crash can come between.
    const first = await Process.start(new SimDisk(), kind)
    const recorder = await first.recorder()
    await Promise.all(Array.from({ length: 300 }, () => intent(recorder)))
    const whole = first.killed()
    const operations = (await nextRun(whole.crashed('written'), kind)).trace.length
    let partial = 0
    for (let cut = 1; cut < operations; cut += 4) {
      const disk = whole.crashed('written')
      disk.fault = ({ path }, number) => {
        if (number >= cut) throw errno('EIO', path)
      }
      await nextRun(disk, kind).catch(() => {})
      const after = disk.crashed('written')
      const found = await read(after.crashed('written'), kind)
      if (found.view.of('recovery').length > 0 && found.report.completeness.outcomes.provisional < 300) partial++
      const { view, report, codes } = await read(await nextRun(after, kind), kind)
      const recovered = view.of('recovery').map(({ record }) => record.of)
      expect(new Set(recovered).size, `cut at ${cut}`).toBe(recovered.length)
      expect(view.of('outcome').filter(({ record }) => record.status === 'unknown').length).toBeGreaterThanOrEqual(300)
      expect(report.completeness.outcomes.missing, `cut at ${cut}`).toBe(0)
      expect(
        codes.filter(code => !['call.unknown', 'identity.unpinned'].includes(code)),
        `cut at ${cut}`,
      ).toEqual([])
    }
    expect(partial).toBeGreaterThan(0)
  })
})

test('closes ten thousand calls in batches', { timeout: 60_000 }, async () => {
  const first = await Process.start(new SimDisk(), 'files')
  const recorder = await first.recorder()
  for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 1000 }, () => intent(recorder)))
  const { report } = await read(await nextRun(first.killed(), 'files'), 'files')
  expect(report.completeness.outcomes).toMatchObject({ final: 1, provisional: 10_000, missing: 0 })
  expect(report.findings.map(({ code }) => code)).not.toContain('call.second-outcome')
})

test('whenever processes die, each call has at most one outcome and each stream at most one recovery', {
  timeout: 120_000,
}, async () => {
  const step = fc.constantFrom('intent', 'deny', 'review', 'approve', 'reject', 'outcome', 'pending')
  const life = fc.record({
    steps: fc.array(step, { maxLength: 12 }),
    ends: fc.constantFrom('killed', 'closed', 'lost power'),
    other: fc.boolean(),
    cut: fc.option(fc.nat(40), { nil: undefined }),
  })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...KINDS), fc.array(life, { minLength: 1, maxLength: 4 }), async (kind, lives) => {
      let disk = new SimDisk()
      for (const { steps, ends, other, cut } of lives) {
        try {
          const process = await Process.start(disk, kind)
          const failsAt = cut === undefined ? Number.POSITIVE_INFINITY : disk.trace.length + cut
          disk.fault = ({ path }, number) => {
            if (number >= failsAt) throw errno('EIO', path)
          }
          const recorder = await process.recorder(other ? { agent: { id: 'did:example:other' } } : {})
          const open: Ticket[] = []
          for (const what of steps) await run(what, recorder, open)
          if (ends === 'closed') {
            await recorder.close()
            await process.log.close()
          }
        } catch (error) {
          if ((error as Error).name === 'AssertionError') throw error
        }
        disk = disk.crashed(ends === 'lost power' ? 'synced' : 'written')
      }
      await nextRun(disk, kind)
      const { view, report, codes } = await read(disk, kind)
      const recovered = view.of('recovery').map(({ record }) => record.of)
      expect(new Set(recovered).size).toBe(recovered.length)
      for (const code of ['recovery.false', 'recovery.alive', 'call.second-outcome', 'outcome.not-counted'])
        expect(codes).not.toContain(code)
      // Whoever is still running is of the other agent; whoever was not approved says nothing of having run.
      for (const { agent, state } of report.completeness.streams)
        if (agent === AGENT) expect(['ended', 'recovered']).toContain(state)
      expect(codes).not.toContain('call.executed-without-approval')
      expect(report.evidence.verdict).toBe('self-consistent')
    }),
    { numRuns: 60 },
  )
})

async function run(what: string, recorder: Recorder, open: Ticket[]): Promise<void> {
  const answer = { by: 'alice', channel: 'test' }
  if (what === 'intent') open.push(await intent(recorder))
  else if (what === 'deny') await intent(recorder, 'deny')
  else if (what === 'review') await intent(recorder, 'review')
  else if (what === 'reject') await recorder.review(await intent(recorder, 'review'), { ...answer, approved: false })
  else if (what === 'approve') {
    const ticket = await intent(recorder, 'review')
    await recorder.review(ticket, { ...answer, approved: true })
    open.push(ticket)
  } else {
    const ticket = open.shift()
    if (!ticket) return
    await recorder.outcome(ticket, what === 'outcome' ? succeeded : { status: 'pending', executed: 'yes' })
  }
}

describe('a recorder that cannot recover goes on recording, and says so', () => {
  const hash = 'ab'.repeat(32)
  const dead: DeadStream = { stream: hash, last: hash, lastSeq: 3, recovered: false, unsettled: [] }
  const failures: readonly (readonly [string, Partial<AuditBackend>])[] = [
    [
      'the log fails to read',
      {
        deadStreams() {
          throw new Error('no more')
        },
      },
    ],
    [
      'the log refuses the recovery',
      {
        async *deadStreams() {
          yield dead
        },
      },
    ],
  ]
  test.each(failures)('when %s', async (_, methods) => {
    const errors: Error[] = []
    const runtime = new HeldRuntime()
    const list = new ListBackend()
    list.before = batch => {
      if (batch.some(({ record }) => new TextDecoder().decode(record).includes('"recovery"')))
        throw new Error('refused')
    }
    const backend: AuditBackend = {
      append: async batch => {
        await list.append(batch)
        return batch.map(({ record }) => ({ index: 0, leafHash: recordLeaf(record), level: 'sequenced' }))
      },
      flush: () => list.flush(),
      close: () => list.close(),
      keepsDisclosures: true,
      logs: async () => [{ id: hash, origin: 'example.com/log' }],
      ...methods,
    }
    const recorder = new Recorder({ backend, agent: { id: AGENT }, onError: error => errors.push(error) }, runtime)
    const ticket = await intent(recorder)
    await runtime.pass(1000)
    await recorder.outcome(ticket, succeeded)
    await recorder.close()
    expect(list.log.calls()).toEqual(['pay intent:allow outcome:succeeded/yes'])
    expect(errors.map(error => (error as { code?: string }).code)).toEqual(['recorder.recovery'])
  })
})
