import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseAnchorFile } from '../core/anchor/index.js'
import { UnavailableError } from '../core/errors.js'
import type { Disk } from '../log/disk.js'
import { createLog } from '../log/index.js'
import { filesLayout, type Layout } from '../log/layout.js'
import { realWorld } from '../log/world.js'
import type { Anchor, Progress } from './anchor.js'
import { backoffMs, enqueue, formatQueue, parseQueue, type QueueEntry } from './anchor-queue.js'
import { AnchorRunner, type RunnerWorld } from './anchor-runner.js'
import { noteOf } from './testkit.js'

let folder: string
let layout: Layout

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deedlog-runner-'))
  layout = filesLayout(join(folder, 'audit'))
  await (await createLog(layout.target)).close()
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const signal = new AbortController().signal
const evidence = new Uint8Array([1, 2, 3])

/** An anchor of a chain: what is submitted is pending, and there at the second look. */
function chain(): Anchor & { submitted: number; polled: number } {
  const anchor = {
    kind: 'chain',
    name: 'test',
    mode: 'queue' as const,
    submitted: 0,
    polled: 0,
    submit: async (): Promise<Progress> => {
      anchor.submitted++
      return { state: 'pending', resume: new Uint8Array([9]), detail: 'two more blocks', afterMs: 0 }
    },
    poll: async (_: unknown, resume: Uint8Array): Promise<Progress> => {
      anchor.polled++
      expect(resume).toEqual(new Uint8Array([9]))
      return { state: 'anchored', evidence }
    },
  }
  return anchor
}

const anchorFiles = async () => {
  const names = (await readdir(layout.anchors).catch(() => [])).filter(name => name.endsWith('.json'))
  return Promise.all(
    names.sort().map(async name => parseAnchorFile(new Uint8Array(await readFile(join(layout.anchors, name))))),
  )
}

/** A disk whose process dies at its n-th change: nothing reaches it from there on. */
function dyingDisk(disk: Disk, at: number): { disk: Disk; died: () => boolean } {
  let changes = 0
  let dead = false
  const change = <A extends unknown[], R>(run: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      if (dead || ++changes === at) {
        dead = true
        throw Object.assign(new Error('the process died'), { code: 'EIO' })
      }
      return run(...args)
    }
  }
  const open: Disk['open'] = async (path, how, mode) => {
    const file = how === 'read' ? await disk.open(path, how, mode) : await change(disk.open)(path, how, mode)
    return {
      length: () => file.length(),
      read: (from, length) => file.read(from, length),
      write: change((bytes: Uint8Array, from: number) => file.write(bytes, from)),
      writeSync: (bytes, from) => file.writeSync(bytes, from),
      datasync: change(() => file.datasync()),
      datasyncSync: () => file.datasyncSync(),
      truncate: length => file.truncate(length),
      close: () => file.close(),
    }
  }
  const { makeDirectory, rename, remove, syncDirectory } = disk
  const changed = {
    open,
    makeDirectory: change(makeDirectory),
    rename: change(rename),
    remove: change(remove),
    syncDirectory: change(syncDirectory),
  }
  return { disk: { ...disk, ...changed }, died: () => dead }
}

describe('a round', () => {
  it('survives the death of its process at any write: the anchor is had, and what was submitted is not lost', async () => {
    let deaths = 0
    for (let at = 1; ; at++) {
      await rm(layout.anchors, { recursive: true, force: true })
      await rm(join(layout.privateFolder, 'anchor-queue.json'), { force: true })
      const anchor = chain()
      const { disk, died } = dyingDisk(realWorld.disk, at)
      const world: RunnerWorld = { ...realWorld, disk }
      const note = noteOf(7)
      const first = new AnchorRunner(world, layout, [anchor])
      await first.round({ note, signal }).catch(() => undefined)
      if (!died()) await first.round({ all: true, signal }).catch(() => undefined)
      // The next process, with the newest checkpoint at hand, as every one has.
      for (let i = 0; i < 2; i++) await new AnchorRunner(realWorld, layout, [anchor]).round({ note, all: true, signal })
      const files = await anchorFiles()
      expect(files).toMatchObject([{ state: 'anchored', size: 7 }])
      expect((await new AnchorRunner(realWorld, layout, []).queue()).entries).toEqual([])
      // Asked again at most once more, where the answer died with the process.
      expect(anchor.submitted).toBeLessThanOrEqual(2)
      if (!died()) break
      deaths++
    }
    expect(deaths).toBeGreaterThan(15)
  })

  it('asks nobody while the disk cannot keep that it was asked', async () => {
    const anchor = chain()
    // It is in the queue already: a round that was ended at once has put it there.
    const ended = AbortSignal.abort()
    await new AnchorRunner(realWorld, layout, [anchor]).round({ note: noteOf(7), signal: ended })
    const { disk } = dyingDisk(realWorld.disk, 1)
    const runner = new AnchorRunner({ ...realWorld, disk }, layout, [anchor])
    for (let i = 0; i < 3; i++)
      await expect(runner.round({ all: true, signal })).rejects.toMatchObject({ code: 'log.disk' })
    expect(anchor.submitted).toBe(0)
  })

  it('is held by one process at a time', async () => {
    let enter = (): void => {}
    const inside = new Promise<void>(resolve => {
      enter = resolve
    })
    let leave = (): void => {}
    const wait = new Promise<void>(resolve => {
      leave = resolve
    })
    const slow: Anchor = {
      kind: 'slow',
      name: 'test',
      mode: 'queue',
      submit: async () => {
        enter()
        await wait
        return { state: 'anchored', evidence }
      },
    }
    const first = new AnchorRunner(realWorld, layout, [slow]).round({ note: noteOf(7), signal })
    await inside
    const other = new AnchorRunner(realWorld, layout, [chain()])
    await expect(other.round({ note: noteOf(8), signal })).rejects.toMatchObject({
      code: 'anchor.busy',
      retryable: true,
    })
    leave()
    expect((await first).results).toMatchObject([{ state: 'anchored' }])
  })

  it('asks for the newest checkpoint in place of an older one that was not had', async () => {
    const down: Anchor = {
      kind: 'down',
      name: 'test',
      mode: 'queue',
      submit: async () => {
        throw new UnavailableError('anchor.http', 'away', { retryable: true })
      },
    }
    const runner = new AnchorRunner(realWorld, layout, [down])
    await runner.round({ note: noteOf(7), signal })
    const { waiting } = await runner.round({ note: noteOf(9), signal })
    expect(waiting).toMatchObject([{ size: 9, attempts: 1 }])
    expect(await anchorFiles()).toMatchObject([
      { size: 7, state: 'skipped', detail: 'a later checkpoint, of size 9, is asked for in its place' },
    ])
    expect(waiting[0]?.owedMs).toBeLessThanOrEqual(Date.now())
  })

  it.each([
    ['best_effort', true, 'failed'],
    ['queue', true, 'pending'],
    ['queue', false, 'failed'],
    ['enforce', false, 'pending'],
  ] as const)('in mode %s, a failure that may pass (%s) leaves it %s', async (mode, retryable, state) => {
    const submit = async () => {
      throw new UnavailableError('anchor.http', 'away', { retryable })
    }
    const runner = new AnchorRunner(realWorld, layout, [{ kind: 'x', name: 'y', mode, submit }])
    expect((await runner.round({ note: noteOf(7), signal })).results).toMatchObject([{ state, code: 'anchor.http' }])
  })

  it('says nothing of what a stranger’s anchor throws, and goes on with the others', async () => {
    const broken: Anchor = {
      kind: 'broken',
      name: 'test',
      mode: 'queue',
      submit: async () => {
        throw new Error('https://user:secret@host/')
      },
    }
    const good: Anchor = {
      kind: 'good',
      name: 'test',
      mode: 'queue',
      submit: async () => ({ state: 'anchored', evidence }),
    }
    const runner = new AnchorRunner(realWorld, layout, [broken, good])
    const { results } = await runner.round({ note: noteOf(7), signal })
    expect(results.map(each => each.state).sort()).toEqual(['anchored', 'pending'])
    expect(JSON.stringify(await anchorFiles())).not.toContain('secret')
  })

  it('cuts an anchor that does not answer and does not listen', async () => {
    const deaf: Anchor = { kind: 'deaf', name: 'x', mode: 'queue', timeoutMs: 1, submit: () => new Promise(() => {}) }
    const { results } = await new AnchorRunner(realWorld, layout, [deaf]).round({ note: noteOf(7), signal })
    expect(results).toMatchObject([{ state: 'pending', code: 'anchor.timeout' }])
  })
})

describe('the queue', () => {
  const entry = (size: number, more: Partial<QueueEntry> = {}): QueueEntry => ({
    kind: 'k',
    name: 'n',
    mode: 'queue',
    size,
    note: noteOf(size),
    attempts: 0,
    owedMs: 5,
    nextMs: 9,
    ...more,
  })

  it('is read as it was written', () => {
    const queue = { entries: [entry(1), entry(2, { resume: new Uint8Array([7]) })], scheduled: { ms: 1, size: 2 } }
    expect(parseQueue(formatQueue(queue), 'x')).toEqual(queue)
  })

  it('keeps what was submitted, forgets no debt, and is not made longer by the same checkpoint', () => {
    const anchor = { kind: 'k', name: 'n', mode: 'queue' as const }
    const before = [entry(1, { resume: new Uint8Array([7]) }), entry(2)]
    const { entries, superseded } = enqueue(before, anchor, { size: 3, note: noteOf(3) }, 100)
    expect(entries.map(({ size, owedMs }) => [size, owedMs])).toEqual([
      [1, 5],
      [3, 5],
    ])
    expect(superseded).toEqual([before[1]])
    expect(enqueue(entries, anchor, { size: 3, note: noteOf(3) }, 100).entries).toBe(entries)
  })

  it('waits longer each time, up to an hour, and never less than three quarters of it', () => {
    expect([0, 1, 2, 6, 50].map(attempts => backoffMs(attempts, 1))).toEqual([
      30_000, 60_000, 120_000, 1_920_000, 3_600_000,
    ])
    expect(backoffMs(50, 0)).toBe(2_700_000)
  })
})
