import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { anchorFileName, formatAnchorFile } from '../../src/core/anchor/index.js'
import { windowOf } from '../../src/core/verify/index.js'
import { checkpointToAnchor } from '../../src/publish/anchor.js'
import { type AnchoredLog, anchoredLog, codesOf, stranger } from './kit.js'

const made: AnchoredLog[] = []
afterEach(async () => {
  for (const { log, target } of made.splice(0)) {
    await log.close()
    await rm(join(target, '..'), { recursive: true, force: true })
  }
})

const start = async (kind: 'files' | 'jsonl' = 'jsonl', origin?: string) => {
  const own = await anchoredLog(kind, origin)
  made.push(own)
  await own.record(3)
  return own
}

describe.each(['files', 'jsonl'] as const)('a %s log with a time stamp', kind => {
  it('is dated up to its size, and undated from there on', async () => {
    const own = await start(kind)
    const { size } = await own.stamp({ timeMs: Date.UTC(2026, 10, 24), accuracyMs: 1500 })
    const dated = await own.verify()
    expect(dated.evidence.words).toEqual(['self-consistent', 'unwitnessed since 0', 'age unknown'])
    expect(dated.evidence.times?.existed).toEqual([{ size, time: '2026-11-24T00:00:02.000Z' }])
    expect(dated.evidence.anchors).toMatchObject({ total: 1, byStatus: { counted: 1 } })
    expect(dated.exitCode).toBe(0)
    await own.record(1)
    const later = await own.verify()
    expect(later.evidence.words).toContain(`undated since ${size}`)
    expect(later.exitCode).toBe(0)
  })

  it('is not dated by an authority that nobody pinned, and says so', async () => {
    const own = await start(kind)
    await own.stamp()
    await own.stamp({}, { name: 'else' }, stranger)
    const report = await own.verify({ pinned: false })
    expect(report.evidence.words).toContain('undated since 0')
    expect(report.evidence.anchors).toMatchObject({ total: 2, byStatus: { unpinned: 2 } })
    expect(codesOf(report)).toContain('anchor.unpinned')
    expect(report.exitCode).toBe(0)
    expect((await own.verify()).evidence.anchors?.byStatus).toEqual({ counted: 1, unpinned: 1 })
  })
})

describe('anchors that are not what they seem', () => {
  it('an invented history is dated when it was stamped, not when it says that it was made', async () => {
    const own = await start()
    await own.stamp({ timeMs: Date.UTC(2026, 10, 25) })
    const report = await own.verify()
    const [stream] = report.completeness.streams
    expect(windowOf(report.evidence.times!, stream!.id, 2)).toEqual({ before: '2026-11-25T00:00:01.000Z' })
    expect(report.notExcluded.map(({ code }) => code)).toContain('rewritten-before')
  })

  it('a time stamp of another checkpoint dates nothing', async () => {
    const own = await start()
    const first = await own.stamp()
    await own.record(1)
    const second = await own.stamp()
    await own.put({ ...first, evidence: second.evidence! })
    await own.put({ ...second, evidence: first.evidence! })
    const report = await own.verify()
    expect(report.evidence.anchors?.byStatus).toEqual({ bad: 2 })
    expect(report.evidence.words).toContain('undated since 0')
    expect(codesOf(report)).toContain('anchor.bad')
    expect(report.exitCode).toBe(3)
  })

  it('files that change places are of the sizes that they say', async () => {
    const own = await start()
    const first = await own.stamp()
    await own.record(1)
    const second = await own.stamp()
    const { anchors } = own.layout
    const [a, b] = [join(anchors, anchorFileName(first)), join(anchors, anchorFileName(second))]
    await rename(a, `${a}.x`)
    await rename(b, a)
    await rename(`${a}.x`, b)
    const report = await own.verify()
    expect(report.evidence.times?.existed.at(-1)?.size).toBe(second.size)
    expect(report.exitCode).toBe(0)
  })

  it('a time stamp from a log of another origin dates nothing', async () => {
    const [own, other] = [await start('jsonl', 'example.com/a'), await start('jsonl', 'example.com/b')]
    await own.put(await other.stamp())
    const report = await own.verify()
    expect(report.evidence.anchors?.byStatus).toEqual({ bad: 1 })
    expect(report.exitCode).toBe(3)
  })

  it('one from another log of the same origin is disputed, and no fork', async () => {
    const [own, other] = [await start('jsonl', 'example.com/a'), await start('jsonl', 'example.com/a')]
    await own.put(await other.stamp())
    const report = await own.verify()
    expect(codesOf(report)).toContain('anchor.disputed')
    expect(codesOf(report)).not.toContain('log.forked')
    expect(report.evidence.words).toContain('undated since 0')
    expect(report.exitCode).toBe(3)
  })

  it('one of a larger tree says that an older copy may be shown; with its note that proves it', async () => {
    const own = await start('files')
    const old = `${own.target}-old`
    await cp(own.target, old, { recursive: true, filter: path => !path.endsWith('.sock') })
    await own.record(2)
    const { note, ...bare } = await own.stamp()
    await mkdir(join(old, 'log/anchors'))
    const path = join(old, 'log/anchors', anchorFileName(bare))
    await writeFile(path, formatAnchorFile(bare))
    await rm(own.target, { recursive: true })
    await rename(old, own.target)
    const without = await own.verify()
    expect(codesOf(without)).toContain('anchor.beyond')
    expect(without.exitCode).toBe(3)
    await own.put({ ...bare, note: note! })
    const withNote = await own.verify()
    expect(codesOf(withNote)).toContain('log.rolled-back')
    expect(withNote.exitCode).toBe(1)
  })

  it('what was deleted is missed by nobody, and the log is undated again', async () => {
    const own = await start()
    await own.stamp()
    await rm(own.layout.anchors, { recursive: true })
    const report = await own.verify()
    expect(report.evidence.words).toContain('undated since 0')
    expect(report.evidence.anchors).toBeUndefined()
    expect(report.exitCode).toBe(0)
  })

  it('what cannot be read, and kinds of later versions, are shown and take nothing away', async () => {
    const own = await start()
    const good = await own.stamp()
    const { anchors } = own.layout
    const name = (kind: string) => join(anchors, anchorFileName({ ...good, kind }))
    await writeFile(name('broken'), '{"kind":')
    await writeFile(name('empty'), '')
    await writeFile(name('huge'), new Uint8Array(200_000))
    await writeFile(name('proto'), '{"__proto__":{"kind":"x"},"evidence":"AA==","kind":"y","root":"","size":1}')
    await symlink('/etc/passwd', name('link'))
    await mkdir(name('folder'))
    await writeFile(join(anchors, 'README.txt'), 'not ours')
    await own.put({ ...good, kind: 'of-the-future' })
    const report = await own.verify()
    expect(report.evidence.anchors?.byStatus).toEqual({ counted: 1, unknown: 1, unreadable: 6 })
    expect(report.evidence.words).not.toContain('undated since 0')
    expect(JSON.stringify(report)).not.toContain('root:x')
    expect(report.exitCode).toBe(0)
  })

  it('a folder of anchors that is a link is none', async () => {
    const own = await start()
    await own.stamp()
    const { anchors } = own.layout
    await rename(anchors, `${anchors}-elsewhere`)
    await symlink(`${anchors}-elsewhere`, anchors)
    expect((await own.verify()).evidence.anchors).toBeUndefined()
  })

  it('what the keeper says was not made is shown as the keeper’s word', async () => {
    const own = await start()
    const { size, root } = checkpointToAnchor(await own.note())
    await own.put({ kind: 'rfc3161', name: 'acme', size, root, state: 'failed', code: 'anchor.http', detail: 'away' })
    const report = await own.verify()
    expect(report.findings.find(({ code }) => code === 'anchor.not-made')).toMatchObject({
      severity: 'notice',
      message: `the keeper says that rfc3161 "acme" did not anchor size ${size}: away [anchor.http]`,
    })
    expect(report.exitCode).toBe(0)
  })

  it('ten thousand of them are judged, and the newest listed', async () => {
    const own = await start()
    const good = await own.stamp()
    const bytes = await readFile(join(own.layout.anchors, anchorFileName(good)))
    for (let i = 0; i < 10_000; i++) {
      const name = anchorFileName({ ...good, name: `copy-${i}` })
      await writeFile(join(own.layout.anchors, name), bytes)
    }
    expect((await readdir(own.layout.anchors)).length).toBe(10_001)
    const report = await own.verify()
    expect(report.evidence.anchors).toMatchObject({ total: 10_001, byStatus: { counted: 10_001 } })
    expect(report.evidence.anchors?.listed).toHaveLength(64)
    expect(report.exitCode).toBe(0)
  }, 60_000)
})
