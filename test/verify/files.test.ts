import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { verify } from '../../src/client/verify.js'
import type { Report } from '../../src/core/verify/index.js'
import { codes, Party, TestLog, writeFolder, writeJsonl } from './kit.js'

const clerk = new Party('did:example:clerk')
const root = mkdtempSync(join(tmpdir(), 'deedlog-verify-'))
let count = 0
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A log of 601 entries: two full bundles, and a partial one. */
const log = new TestLog()
const stream = log.stream(clerk)
for (let i = 0; log.size < 600; i++) stream.call({ tool: `tool_${i}` })
stream.end()

let folder: string
let file: string
let trust: string

beforeEach(() => {
  const at = join(root, String(count++))
  mkdirSync(at)
  folder = writeFolder(join(at, 'audit'), log.files())
  file = writeJsonl(join(at, 'audit.jsonl'), log.entries, log.checkpoint())
  trust = join(at, 'trust')
  writeFileSync(trust, log.trust())
})

const flip = (path: string, at: number): void => {
  const bytes = readFileSync(path)
  bytes[at]! ^= 1
  writeFileSync(path, bytes)
}

// Node cannot make one.
const makePipe = (path: string): unknown => execFileSync('sh', ['-c', 'mkfifo "$0"', path])

const bundle = (path: string): string => join(folder, 'log/tile/entries', path)
const finding = (report: Report, code: string) => report.findings.find(each => each.code === code)

describe('a log in a folder', () => {
  it('verifies, also by its public part alone', async () => {
    for (const target of [folder, join(folder, 'log'), `${folder}/`]) {
      const report = await verify(target, { trust })
      expect(codes(report)).toEqual([])
      expect(report.exitCode).toBe(0)
      expect(report.checks.find(check => check.code === 'tiles.match')?.status).toBe('passed')
    }
  })

  it('names the record in which a byte of a bundle was flipped', async () => {
    const path = bundle('001')
    const at = readFileSync(path).indexOf('"tool_140"')
    flip(path, at + 1)
    const report = await verify(folder, { trust })
    expect(report.exitCode).toBe(1)
    expect(report.evidence.verdict).toBe('altered')
    const index = log.entries.findIndex(entry => Buffer.from(entry).includes('"tool_140"'))
    expect(finding(report, 'entry.altered')?.indexes).toEqual([index])
    expect(finding(report, 'entry.altered')?.message).toContain('of tool "uool_140"')
    expect(report.findings.filter(each => each.code === 'entry.altered')).toHaveLength(1)
  })

  it('names the record whose length in a bundle was changed', async () => {
    const path = bundle('001')
    const at = readFileSync(path).indexOf('"tool_140"')
    const begin = readFileSync(path).lastIndexOf('{"args"', at)
    flip(path, begin - 2)
    const report = await verify(folder, { trust })
    expect(report.exitCode).toBe(1)
    const index = log.entries.findIndex(entry => Buffer.from(entry).includes('"tool_140"'))
    expect(finding(report, 'entries.unreadable')).toBeDefined()
    expect(finding(report, 'entry.altered')?.indexes).toEqual([index])
    expect(report.completeness.verdict).toBe('could not check')
  })

  it('tells a flipped tile from a flipped record', async () => {
    for (const tile of ['tile/0/000', 'tile/0/002.p/89', 'tile/1/000.p/2']) {
      flip(join(folder, 'log', tile), 5)
      const report = await verify(folder, { trust })
      expect(report.exitCode).toBe(1)
      expect(codes(report)).toEqual(['tile.altered'])
      expect(finding(report, 'tile.altered')?.message).toContain(tile)
      flip(join(folder, 'log', tile), 5)
    }
  })

  it('reads the full tile and bundle where a partial one is gone', async () => {
    const longer = new TestLog()
    const one = longer.stream(clerk)
    while (longer.size < 256) one.add({ type: 'coverage', unseen: ['x'] })
    const files = longer.files(longer.checkpoint({ size: 200 }))
    const target = writeFolder(join(root, `longer${count}`), files)
    const own = join(root, `longer${count}.trust`)
    writeFileSync(own, longer.trust())
    const report = await verify(target, { trust: own })
    expect(codes(report)).toEqual([])
    expect(report.size).toBe(200)
  })

  it('counts a missing bundle as missing records, a missing tile as a notice', async () => {
    unlinkSync(join(folder, 'log/tile/0/001'))
    expect((await verify(folder, { trust })).exitCode).toBe(0)
    unlinkSync(bundle('001'))
    const report = await verify(folder, { trust })
    expect(report.exitCode).toBe(1)
    expect(finding(report, 'entries.missing')?.indexes).toEqual([256])
    expect(finding(report, 'entries.missing')?.count).toBe(601 - 256)
  })

  it('holds a missing first bundle against a log of which nothing was kept, as pruning would have', async () => {
    unlinkSync(bundle('000'))
    const report = await verify(folder, { trust })
    expect(report.exitCode).toBe(1)
    expect(codes(report)).toContain('entries.pruned-not-permitted')
    expect(report.evidence.words).toEqual(['pruned, not permitted'])
  })

  it('holds what was kept and cannot be read against a log whose first bundle is gone', async () => {
    unlinkSync(bundle('000'))
    mkdirSync(join(folder, 'log/kept'))
    for (const kept of ['', 'x', '{"below":256,"deedlog":"kept/1","notes":[]}\n']) {
      writeFileSync(join(folder, 'log/kept/records.jsonl'), kept)
      const report = await verify(folder, { trust })
      expect(report.exitCode).toBe(1)
      expect(codes(report)).toContain('entries.pruned-not-permitted')
    }
    rmSync(join(folder, 'log/kept/records.jsonl'))
    symlinkSync('/dev/zero', join(folder, 'log/kept/records.jsonl'))
    expect(codes(await verify(folder, { trust }))).toContain('entries.pruned-not-permitted')
  })

  it('still names a record that was altered behind one that is missing', async () => {
    unlinkSync(bundle('000'))
    mkdirSync(join(folder, 'log/kept'))
    writeFileSync(join(folder, 'log/kept/0'), 'x')
    const index = log.entries.findIndex(entry => Buffer.from(entry).includes('"tool_140"'))
    expect(index).toBeGreaterThan(255)
    flip(bundle('001'), readFileSync(bundle('001')).indexOf('"tool_140"') + 1)
    const report = await verify(folder, { trust })
    expect(report.exitCode).toBe(1)
    expect(finding(report, 'entry.altered')?.indexes).toEqual([index])
  })

  it('takes a link, a pipe or a folder in the place of a file for no file, and names what it can', async () => {
    const expected = async () => {
      const report = await verify(folder, { trust })
      expect(report.exitCode).toBe(1)
      expect(finding(report, 'entries.unreadable')?.indexes).toEqual([256])
    }
    renameSync(bundle('001'), bundle('elsewhere'))
    symlinkSync(bundle('elsewhere'), bundle('001'))
    await expected()
    unlinkSync(bundle('001'))
    makePipe(bundle('001'))
    await expected()
    unlinkSync(bundle('001'))
    mkdirSync(bundle('001'))
    await expected()
  })

  it.each(['a link', 'a folder', 'a file of 2 GiB'])('takes %s in the place of the checkpoint for none', async what => {
    const path = join(folder, 'log/checkpoint')
    if (what === 'a file of 2 GiB') truncateSync(path, 2 ** 31)
    else {
      renameSync(path, `${path}.elsewhere`)
      if (what === 'a link') symlinkSync(`${path}.elsewhere`, path)
      else mkdirSync(path)
    }
    const report = await verify(folder, { trust, memory: `${folder}.memory` })
    expect(report.exitCode).toBe(1)
    expect(codes(report)).toEqual(['checkpoint.malformed'])
  })

  it('survives a checkpoint of absurd size', async () => {
    writeFileSync(join(folder, 'log/checkpoint'), log.checkpoint({ size: Number.MAX_SAFE_INTEGER, root: log.root() }))
    const report = await verify(folder, { trust })
    expect(report.exitCode).toBe(1)
    expect(codes(report)).toContain('entries.missing')
  })
})

describe('a log in a file', () => {
  it('verifies', async () => {
    const report = await verify(file, { trust })
    expect(codes(report)).toEqual([])
    expect(report.exitCode).toBe(0)
  })

  it('names the record in which a byte was flipped, by its neighbours', async () => {
    flip(file, readFileSync(file).indexOf('"tool_140"') + 1)
    const report = await verify(file, { trust })
    expect(report.exitCode).toBe(1)
    const index = log.entries.findIndex(entry => Buffer.from(entry).includes('"tool_140"'))
    expect(finding(report, 'entry.suspect')?.indexes).toEqual([index])
    expect(finding(report, 'entry.suspect')?.message).toContain('"uool_140"')
  })

  it('names a record that is none any more', async () => {
    const bytes = readFileSync(file)
    const at = bytes.lastIndexOf('{"args"', bytes.indexOf('"tool_140"'))
    flip(file, at)
    const report = await verify(file, { trust })
    expect(report.exitCode).toBe(1)
    expect(report.completeness.malformed).toBe(1)
    const index = log.entries.findIndex(entry => Buffer.from(entry).includes('"tool_140"'))
    expect(finding(report, 'entry.suspect')?.indexes).toEqual([index])
  })

  it('names the last record of a stream when it was changed', async () => {
    flip(file, readFileSync(file).lastIndexOf('"stream.end"') + 1)
    const report = await verify(file, { trust })
    expect(report.exitCode).toBe(1)
    expect(finding(report, 'root.mismatch')).toBeDefined()
    // The type is not one that is known any more, so neither is what its record is.
    expect(finding(report, 'entry.suspect')?.indexes).toEqual([600])
  })

  it('says how many records are gone from the end', async () => {
    const bytes = readFileSync(file)
    truncateSync(file, bytes.lastIndexOf(0x0a, bytes.length - 2) + 1)
    const report = await verify(file, { trust })
    expect(report.exitCode).toBe(1)
    expect(finding(report, 'entries.missing')?.message).toBe('601 records were signed, and 600 are here')
  })

  it('verifies what the checkpoint covers, and nothing after it', async () => {
    appendFileSync(file, 'a line that is being written')
    expect((await verify(file, { trust })).exitCode).toBe(0)
    appendFileSync(file, '\nand another\n')
    expect((await verify(file, { trust })).exitCode).toBe(0)
  })

  it('takes a line without end for no entry, and does not hold it in memory', async () => {
    writeFileSync(file, Buffer.alloc(2 ** 24, 0x7b))
    appendFileSync(file, '\n')
    const report = await verify(file, { trust })
    expect(report.exitCode).toBe(1)
    expect(report.completeness.malformed).toBe(1)
  })

  it('cannot be checked without its checkpoint', async () => {
    unlinkSync(`${file}.checkpoint`)
    const report = await verify(file, { trust })
    expect(report.exitCode).toBe(2)
    expect(codes(report)).toEqual(['checkpoint.missing'])
    expect(report.completeness.verdict).toBe('could not check')
  })

  it('is found through a link that the user names', async () => {
    const link = `${file}.link`
    symlinkSync(file, link)
    expect((await verify(link, { trust })).exitCode).toBe(0)
  })
})

describe('whose word it rests on', () => {
  it('cannot check without a trust file, and says what the log says of itself', async () => {
    const report = await verify(folder)
    expect(report.exitCode).toBe(2)
    expect(report.evidence.verdict).toBe('could not check')
    expect(codes(report)).toEqual(['trust.none'])
    expect(report.completeness.verdict).toBe('complete as far as recorded')
  })

  it('is self-consistent when nobody is asked on purpose', async () => {
    const report = await verify(folder, { self: true })
    expect(report.exitCode).toBe(0)
    expect(report.evidence.verdict).toBe('self-consistent')
    expect(report.findings.map(each => each.code)).toEqual(['identity.unpinned'])
  })

  it('contradicts itself with or without a trust file', async () => {
    flip(bundle('001'), 500)
    for (const options of [{}, { self: true }, { trust }]) expect((await verify(folder, options)).exitCode).toBe(1)
  })

  it('checks the signature with the key in the trust file beside the log, trusted or not', async () => {
    writeFileSync(`${folder}.trust`, log.trust())
    mkdirSync(join(folder, 'private'))
    const path = join(folder, 'log/checkpoint')
    flip(path, readFileSync(path).length - 20)
    const report = await verify(folder, { self: true })
    expect(report.exitCode).toBe(1)
    expect(codes(report)).toEqual(['checkpoint.signature'])
  })

  it('counts a trust file inside the target as none, however it is reached', async () => {
    const inside = join(folder, 'log/my.trust')
    writeFileSync(inside, log.trust())
    const outsideLink = `${folder}-link.trust`
    symlinkSync(inside, outsideLink)
    const insideLink = join(folder, 'outside.trust')
    symlinkSync(trust, insideLink)
    const dotted = `${folder}/../audit/log/my.trust`
    for (const path of [inside, outsideLink, insideLink, dotted]) {
      const report = await verify(folder, { trust: path })
      expect(report.exitCode).toBe(2)
      expect(codes(report)).toEqual(['trust.supplied'])
      expect(report.evidence.trust).toBe('none')
    }
    mkdirSync(`${file}.private`)
    const besideLines = `${file}.private/x`
    writeFileSync(besideLines, log.trust())
    writeFileSync(`${file}.other`, log.trust())
    writeFileSync(`${file}.trust`, log.trust())
    for (const path of [besideLines, `${file}.other`])
      expect(codes(await verify(file, { trust: path }))).toEqual(['trust.supplied'])
    expect(codes(await verify(file, { trust: `${file}.trust` }))).toEqual([])
  })

  it('takes the trust file beside the target', async () => {
    writeFileSync(`${folder}.trust`, log.trust())
    expect((await verify(folder, { trust: `${folder}.trust` })).exitCode).toBe(0)
  })

  it('refuses a trust file that is none, and both words at once', async () => {
    await expect(verify(folder, { trust: `${trust}.no` })).rejects.toMatchObject({ code: 'trust.missing' })
    writeFileSync(trust, 'log nonsense\nquorum none\n')
    await expect(verify(folder, { trust })).rejects.toMatchObject({ code: 'policy.key' })
    writeFileSync(trust, `${log.trust()}tsa https://example.com\n`)
    await expect(verify(folder, { trust })).rejects.toMatchObject({ code: 'trust.line' })
    await expect(verify(folder, { trust, self: true })).rejects.toThrow(TypeError)
  })
})

describe('what is no log', () => {
  it('is refused with a sentence that says which and what to do', async () => {
    mkdirSync(join(root, 'empty'), { recursive: true })
    writeFileSync(join(root, 'letter.txt'), 'Dear auditor,\n')
    makePipe(join(root, `pipe${count}`))
    const refused = [
      [join(root, 'nowhere'), 'target.missing'],
      [join(root, 'letter.txt/below'), 'target.missing'],
      [join(root, 'empty'), 'target.no-log'],
      [join(root, 'letter.txt'), 'target.no-log'],
      [join(root, `pipe${count}`), 'target.kind'],
      ['/dev/null', 'target.kind'],
      ['ftp://example.com/log', 'target.address'],
      ['call.tlog-proof', 'target.kind'],
    ] as const
    for (const [target, code] of refused)
      await expect(verify(target, { self: true })).rejects.toMatchObject({ code, expected: expect.any(String) })
  })

  it.skipIf(process.getuid?.() === 0)('is refused when it may not be read', async () => {
    chmodSync(file, 0o000)
    await expect(verify(file, { self: true })).rejects.toMatchObject({ code: 'file.unreadable' })
    chmodSync(file, 0o600)
  })
})
