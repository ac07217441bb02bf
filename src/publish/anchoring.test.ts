import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseAnchorFile } from '../core/anchor/index.js'
import { UnavailableError } from '../core/errors.js'
import { createLog, memory, openLog } from '../log/index.js'
import { filesLayout, jsonlLayout } from '../log/layout.js'
import type { Anchor, Progress } from './anchor.js'
import { queuePath } from './anchor-runner.js'
import { anchoring } from './anchoring.js'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deedlog-anchoring-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** An anchor that says what it is told to, and resolves `asked` when it has been asked so many times. */
function fake(mode: Anchor['mode'], answer: () => Promise<Progress>) {
  let count = 0
  const waiting: { readonly count: number; resolve(): void }[] = []
  const anchor: Anchor = {
    kind: 'fake',
    name: mode.replace('_', '-'),
    mode,
    submit: async () => {
      count++
      for (const each of waiting) if (count >= each.count) each.resolve()
      return answer()
    },
  }
  const asked = (times: number) =>
    new Promise<void>(resolve => (count >= times ? resolve() : waiting.push({ count: times, resolve })))
  return { anchor, asked }
}

const stamped = async (): Promise<Progress> => ({ state: 'anchored', evidence: new Uint8Array([1, 2, 3]) })
const down = async (): Promise<Progress> => {
  throw new UnavailableError('anchor.http', 'nobody is there', { retryable: true })
}

const filesIn = async (path: string) => {
  const names = await readdir(path)
  return Promise.all(names.sort().map(async name => parseAnchorFile(new Uint8Array(await readFile(join(path, name))))))
}

describe('a log that is open', () => {
  it.each(['audit', 'audit.jsonl'])('has its newest checkpoint anchored: %s', async name => {
    const path = join(folder, name)
    const { anchor, asked } = fake('queue', stamped)
    const schedule = anchoring({ anchors: [anchor] })
    const log = await createLog(path, { anchors: schedule })
    await asked(1)
    await log.close()
    const layout = name.endsWith('jsonl') ? jsonlLayout(path) : filesLayout(path)
    const [file] = await filesIn(layout.anchors)
    expect(file).toMatchObject({ kind: 'fake', name: 'queue', size: 1, mode: 'queue', attempts: 1 })
  })

  it('keeps what was not had in a queue that survives, and says why beside the log', async () => {
    const path = join(folder, 'audit')
    const { anchor, asked } = fake('queue', down)
    const results: string[] = []
    const told = deferred()
    const schedule = anchoring({
      anchors: [anchor],
      onResult: ({ state }) => {
        results.push(state)
        told.resolve()
      },
    })
    const log = await createLog(path, { anchors: schedule })
    await asked(1)
    await told.promise
    await log.close()
    expect(results).toEqual(['pending'])
    expect(schedule.metrics()).toMatchObject({ rounds: 1, pending: 1, anchored: 0, waiting: 1, size: 0 })
    const layout = filesLayout(path)
    expect(await filesIn(layout.anchors)).toMatchObject([
      { state: 'pending', code: 'anchor.http', detail: 'nobody is there', attempts: 1 },
    ])
    expect(JSON.parse(await readFile(queuePath(layout), 'utf8'))).toMatchObject({ entries: [{ size: 1, attempts: 1 }] })
  })

  it('does not wait for an anchor when it is closed, and leaves the checkpoint in the queue', async () => {
    const path = join(folder, 'audit')
    const { anchor, asked } = fake('queue', () => new Promise(() => {}))
    const log = await createLog(path, { anchors: anchoring({ anchors: [anchor] }) })
    await asked(1)
    await log.close()
    expect(JSON.parse(await readFile(queuePath(filesLayout(path)), 'utf8'))).toMatchObject({
      entries: [{ size: 1, attempts: 0 }],
    })
    const again = fake('queue', stamped)
    const reopened = await openLog(path, { anchors: anchoring({ anchors: [again.anchor] }) })
    await again.asked(1)
    await reopened.close()
    expect(await filesIn(filesLayout(path).anchors)).toMatchObject([{ state: 'anchored', size: 1 }])
  })

  it('keeps the word published back while an enforced anchor is overdue, and lets sequenced go', async () => {
    const path = join(folder, 'audit')
    const { anchor, asked } = fake('enforce', down)
    const log = await createLog(path, { anchors: anchoring({ anchors: [anchor], overdueMinutes: 0 }) })
    await asked(1)
    await log.flush('sequenced')
    await expect(log.flush('published')).rejects.toMatchObject({ code: 'anchor.overdue', retryable: true })
    await log.close()
  })

  it('is not stopped by a listener that throws, or a queue that is damaged', async () => {
    const path = join(folder, 'audit')
    await (await createLog(path)).close()
    await writeFile(queuePath(filesLayout(path)), '{"format":99}')
    const failed = deferred()
    const schedule = anchoring({ anchors: [fake('queue', stamped).anchor] })
    const log = await openLog(path, { anchors: schedule })
    const look = setInterval(() => {
      if (schedule.metrics().failedRounds > 0) failed.resolve()
    }, 1)
    await failed.promise
    clearInterval(look)
    expect(schedule.metrics().lastFailure).toMatchObject({ code: 'anchor.queue' })
    await log.flush('published')
    await log.close()
  })

  it('replaces a link that lies in the place of an anchor, and does not write through it', async () => {
    const path = join(folder, 'audit')
    await (await createLog(path)).close()
    const victim = join(folder, 'victim')
    await writeFile(victim, 'untouched')
    const { anchors } = filesLayout(path)
    await mkdir(anchors)
    const name = '0000000000000001.fake.queue.json'
    await symlink(victim, join(anchors, name))
    await symlink(victim, join(anchors, `${name}.tmp`))
    const { anchor, asked } = fake('queue', stamped)
    const log = await openLog(path, { anchors: anchoring({ anchors: [anchor] }) })
    await asked(1)
    await log.close()
    expect(await readFile(victim, 'utf8')).toBe('untouched')
    expect(await filesIn(anchors)).toMatchObject([{ state: 'anchored' }])
  })

  it('refuses two anchors of one name, and a log in memory', async () => {
    const { anchor } = fake('queue', stamped)
    expect(() => anchoring({ anchors: [anchor, anchor] })).toThrow(TypeError)
    await expect(memory({ anchors: anchoring({ anchors: [anchor] }) }).logs!()).rejects.toThrow(TypeError)
  })
})

function deferred() {
  let resolve = (): void => {}
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}
