import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256Hex } from '#crypto'
import { type Report, verify } from '../../src/client/verify.js'
import { Party, TestLog, writeFolder } from './kit.js'

/*
 * A log that carries on after another, and a reader who walks back.
 */

const clerk = new Party('did:example:clerk')
const operator = new Party('the operator')
let folder: string
let made = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-continuation-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function begin(origin: string, by = operator): TestLog {
  return new TestLog({ origin, operators: [by] })
}

const works = (log: TestLog, calls: number): TestLog => {
  const stream = log.stream(clerk)
  for (let n = 0; n < calls; n++) stream.call()
  stream.end()
  return log
}

interface Says {
  readonly of?: string
  readonly note?: string
  readonly size?: number
}

/** Entry 2: this log carries on after `old`, from `size` of its records. */
function carryOn(log: TestLog, old: TestLog, size: number, says: Says = {}): TestLog {
  const stream = log.stream(log.operator, { role: 'operator', agent: { id: 'operator' } })
  const note = sha256Hex(old.checkpoint({ size }))
  stream.add({ type: 'continuation', of: old.id, note, size, reason: 'disk-lost', ...says })
  stream.end()
  return log
}

/** Writes a log, with the notes that it cites, and the trust file of its operator. */
function write(log: TestLog, notes: readonly Uint8Array[] = [], checkpoint?: Uint8Array): string {
  const path = join(folder, `log-${made++}`)
  mkdirSync(path)
  const files = log.files(checkpoint)
  for (const note of notes) files.set(`notes/${sha256Hex(note)}`, note)
  writeFolder(path, files)
  writeFileSync(`${path}.trust`, log.trust())
  return path
}

const walk = (path: string, ...previous: string[]): Promise<Report> =>
  verify(path, { trust: `${path}.trust`, previous })
const codes = (report: Report): string[] =>
  report.findings.map(finding => finding.code).filter(code => code.startsWith('continuation.'))

describe('a log that carries on after another', () => {
  const old = works(begin('example.com/one'), 5)
  const next = works(carryOn(begin('example.com/two'), old, 9), 2)
  const note = old.checkpoint({ size: 9 })

  it('says what it carries on after, and that it was not given', async () => {
    const report = await walk(write(next, [note]))
    expect(codes(report)).toEqual(['continuation.not-given'])
    expect(report.exitCode).toBe(0)
    expect(report.continues).toEqual([expect.objectContaining({ of: old.id, size: 9, reason: 'disk-lost' })])
  })

  it('is walked back, and what is lost is named', async () => {
    const report = await walk(write(next, [note]), write(old))
    expect(codes(report)).toEqual(['continuation.lost'])
    expect(report.exitCode).toBe(3)
    expect(report.completeness.verdict).toBe('exceptions')
    const lost = report.continues?.[0]?.previous?.lost
    expect(lost).toMatchObject({ from: 9, to: old.size })
    expect((lost?.firstTime ?? '9') < (lost?.lastTime ?? '0')).toBe(true)
    expect(report.findings.find(finding => finding.code === 'continuation.lost')).toMatchObject({ count: old.size - 9 })
  })

  it('has lost nothing where the earlier log ends there', async () => {
    const all = works(carryOn(begin('example.com/three'), old, old.size), 1)
    const report = await walk(write(all, [old.checkpoint()]), write(old))
    expect(codes(report)).toEqual([])
    expect(report.exitCode).toBe(0)
    expect(report.continues?.[0]?.previous).toMatchObject({ origin: 'example.com/one', size: old.size, exitCode: 0 })
  })

  it('is walked back over several', async () => {
    const third = works(carryOn(begin('example.com/four'), next, next.size), 1)
    const report = await walk(write(third, [next.checkpoint()]), write(old), write(next, [note]))
    expect(report.continues?.map(({ of }) => of)).toEqual([next.id, old.id])
    expect(codes(report)).toEqual(['continuation.lost'])
  })
})

describe('hostile continuations', () => {
  const old = works(begin('example.com/one'), 5)

  it('of a log of another operator: not that one’s word', async () => {
    const theirs = works(carryOn(begin('example.com/two', new Party('mallory')), old, old.size), 1)
    const report = await walk(write(theirs, [old.checkpoint()]), write(old))
    expect(codes(report)).toEqual(['continuation.foreign'])
    expect(report.exitCode).toBe(3)
  })

  it('in a circle: it ends, and is named', async () => {
    const [a, b] = [begin('example.com/a'), begin('example.com/b')]
    // Each names the other by its entry 0, which both had before either went on.
    const [noteA, noteB] = [a.checkpoint(), b.checkpoint()]
    carryOn(a, b, 1)
    carryOn(b, a, 1, { note: sha256Hex(noteA) })
    const report = await walk(write(a, [noteB]), write(b, [noteA]))
    expect(codes(report)).toContain('continuation.cycle')
    expect(report.continues).toHaveLength(2)
    expect(report.exitCode).toBe(3)
  })

  it('with a note that is not there, is another one, or is of another size: could not check', async () => {
    const next = works(carryOn(begin('example.com/two'), old, 9), 1)
    const other = works(carryOn(begin('example.com/three'), old, 9, { size: 8 }), 1)
    for (const [log, notes] of [
      [next, []],
      [next, [old.checkpoint({ size: 8 })]],
      [other, [old.checkpoint({ size: 9 })]],
    ] as const) {
      const report = await walk(write(log, notes), write(old))
      expect(codes(report)).toContain('continuation.note')
      expect(report.exitCode).toBe(2)
    }
  })

  it('with a note of another key: could not check', async () => {
    const forged = works(begin('example.com/one', new Party('mallory')), 5)
    Object.assign(forged, { key: new Party('mallory') })
    const note = forged.checkpoint({ size: 9 })
    const next = works(carryOn(begin('example.com/two'), old, 9, { note: sha256Hex(note) }), 1)
    const report = await walk(write(next, [note]), write(old))
    expect(codes(report)).toContain('continuation.note')
    expect(report.exitCode).toBe(2)
  })

  it('from a size beyond the copy that is here: that one was rolled back', async () => {
    const next = works(carryOn(begin('example.com/two'), old, old.size), 1)
    const short = old.entries.slice(0, 6)
    const path = write(
      Object.assign(Object.create(old) as TestLog, { entries: short }),
      [],
      old.checkpoint({ size: 6 }),
    )
    const report = await walk(write(next, [old.checkpoint()]), path)
    expect(report.exitCode).toBe(1)
    expect(report.continues?.[0]?.previous?.words).toContain('rolled back')
  })

  it('from another history of the earlier log: forked', async () => {
    const other = begin('example.com/one')
    other.entries = [...old.entries.slice(0, 5)]
    works(other, 3)
    const note = old.checkpoint({ size: 9 })
    const next = works(carryOn(begin('example.com/two'), old, 9), 1)
    const report = await walk(write(next, [note]), write(Object.assign(other, { id: old.id })))
    expect(report.exitCode).toBe(1)
    expect(report.continues?.[0]?.previous?.words).toContain('forked')
  })

  it('and an earlier log that nobody carries on after is refused', async () => {
    const next = works(carryOn(begin('example.com/two'), old, 9), 1)
    const stranger = write(works(begin('example.com/stranger'), 1))
    await expect(walk(write(next, [old.checkpoint({ size: 9 })]), stranger)).rejects.toMatchObject({
      code: 'previous.unrelated',
    })
    await expect(walk(write(old), stranger)).rejects.toMatchObject({ code: 'previous.unrelated' })
  })
})
