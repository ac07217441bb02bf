import { createHash } from 'node:crypto'
import { parseNote, parseVerifierKey, verifyCheckpoint } from '../../src/core/tlog/index.js'
import type { Disk } from '../../src/log/disk.js'
import { readDisclosures } from '../../src/log/journal-reader.js'
import { scanJournal } from '../../src/log/journal-scan.js'
import { filesLayout, jsonlLayout, type Layout } from '../../src/log/layout.js'

/*
 * The oracle: reads a whole log from its files and computes everything again, in the slowest and plainest way, from
 * the records alone. It shares no code with the writer for the tree, the tiles or their paths.
 */

export interface CheckedLog {
  readonly records: readonly Uint8Array[]
  /** Records that the checkpoint covers. */
  readonly size: number
  readonly root: Uint8Array
  /** Records beyond the checkpoint. */
  readonly awaiting: number
}

/**
 * @param log.disclosures  What each record's disclosures should be; undefined where there should be none.
 * @param log.settled      Whether the writer has closed: then public checkpoint and head are the same. Default true.
 * @throws with the path that is wrong.
 */
export async function checkLog(
  disk: Disk,
  kind: 'files' | 'jsonl',
  target: string,
  log: {
    readonly verifierKey: string
    readonly disclosures?: (record: Uint8Array) => Uint8Array | undefined
    readonly settled?: boolean
  },
): Promise<CheckedLog> {
  const layout = kind === 'files' ? filesLayout(target) : jsonlLayout(target)
  const head = await read(disk, layout.head)
  const key = parseVerifierKey(log.verifierKey)
  const { origin, size, root } = verifyCheckpoint(parseNote(head), [key])
  const records = kind === 'files' ? await journalRecords(disk, layout, size) : await lineRecords(disk, layout)
  expect(origin === key.name, layout.head, 'another origin')
  expect(size <= records.length, layout.head, `size ${size} of ${records.length} records`)
  const leaves = records.map(leaf)
  expect(same(root, treeHash(leaves.slice(0, size))), layout.head, 'another root')
  if (log.settled ?? true) expect(same(head, await read(disk, layout.checkpoint)), layout.checkpoint, 'not the head')
  if (kind === 'files') await checkTiles(disk, layout, records, leaves, size)
  if (log.disclosures)
    for (const [index, record] of records.entries()) {
      const expected = log.disclosures(record)
      const found = await readDisclosures(target, index, disk)
      expect(expected ? !!found && same(found, expected) : !found, layout.journal, `disclosures of ${index}`)
    }
  return { records, size, root, awaiting: records.length - size }
}

/** Those whose segment has shrunk from their bundles, the others from the journal. */
async function journalRecords(disk: Disk, layout: Layout, size: number): Promise<Uint8Array[]> {
  const segments = ((await disk.list(layout.journal)) ?? []).filter(name => name.endsWith('.journal'))
  const from = segments[0] === undefined ? size : Number.parseInt(segments[0], 10)
  expect(from <= size, layout.journal, `it begins with record ${from}, and ${size} are signed`)
  const records: Uint8Array[] = []
  for (let index = 0; index * 256 < from; index++) {
    const width = Math.min(256, size - index * 256)
    const digits = String(index).padStart(3, '0')
    const path = `${layout.publicFolder}/tile/entries/${index < 1000 ? digits : `x${digits.slice(0, -3).padStart(3, '0')}/${digits.slice(-3)}`}`
    const bytes = (width < 256 ? await disk.readFile(`${path}.p/${width}`) : undefined) ?? (await read(disk, path))
    for (let at = 0, entry = 0; entry < width; entry++) {
      const length = bytes[at]! * 256 + bytes[at + 1]!
      if (records.length < from) records.push(bytes.slice(at + 2, at + 2 + length))
      at += 2 + length
    }
  }
  for await (const frame of scanJournal(disk, layout.journal, true))
    records.push(...frame.entries().map(({ record }) => record.slice()))
  return records
}

async function lineRecords(disk: Disk, layout: Layout): Promise<Uint8Array[]> {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(await read(disk, layout.target))
  expect(text.endsWith('\n'), layout.target, 'no newline at the end')
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => new TextEncoder().encode(line))
}

/** Every file under tile/ must be what the records give, and every tile that a tree of `size` has must be there. */
async function checkTiles(
  disk: Disk,
  layout: Layout,
  records: readonly Uint8Array[],
  leaves: readonly Uint8Array[],
  size: number,
): Promise<void> {
  const levels: Uint8Array[][] = [leaves.slice()]
  while (levels[levels.length - 1]!.length >= 256) {
    const below = levels[levels.length - 1]!
    levels.push(
      Array.from({ length: Math.floor(below.length / 256) }, (_, i) =>
        treeHash(below.slice(i * 256, (i + 1) * 256), true),
      ),
    )
  }
  const expectedTile = (level: string, index: number, width: number): Uint8Array | undefined => {
    if (level === 'entries') {
      const entries = records.slice(index * 256, index * 256 + width)
      return entries.length < width
        ? undefined
        : Buffer.concat(entries.flatMap(e => [Buffer.of(e.length >> 8, e.length & 255), e]))
    }
    const hashes = levels[Number(level)]?.slice(index * 256, index * 256 + width) ?? []
    return hashes.length < width ? undefined : Buffer.concat(hashes)
  }
  const found = new Set<string>()
  for (const path of await walk(disk, layout.publicFolder!, 'tile')) {
    if (path.endsWith('.tmp')) continue
    const match = /^tile\/(entries|\d+)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/.exec(path)
    expect(!!match, path, 'not the path of a tile')
    const index = Number(match![2]!.replace(/[x/]/g, ''))
    const expected = expectedTile(match![1]!, index, Number(match![3] ?? 256))
    const bytes = await read(disk, `${layout.publicFolder}/${path}`)
    expect(!!expected && same(bytes, expected), path, 'other bytes than the records give')
    found.add(path)
  }
  const need = (level: string, count: number): void => {
    for (let index = 0; index * 256 < count; index++) {
      const width = Math.min(256, count - index * 256)
      const digits = String(index).padStart(3, '0')
      const full = index < 1000 ? digits : `x${digits.slice(0, -3).padStart(3, '0')}/${digits.slice(-3)}`
      const path = `tile/${level}/${full}`
      expect(found.has(path) || (width < 256 && found.has(`${path}.p/${width}`)), path, `missing at size ${size}`)
    }
  }
  need('entries', size)
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / 256)) need(String(level), count)
}

async function walk(disk: Disk, root: string, folder: string): Promise<string[]> {
  const paths: string[] = []
  for (const name of (await disk.list(`${root}/${folder}`)) ?? []) {
    const path = `${folder}/${name}`
    if ((await disk.stat(`${root}/${path}`))?.kind === 'directory') paths.push(...(await walk(disk, root, path)))
    else paths.push(path)
  }
  return paths
}

async function read(disk: Disk, path: string): Promise<Uint8Array> {
  const bytes = await disk.readFile(path)
  if (!bytes) throw new Error(`${path} is missing`)
  return bytes
}

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

const leaf = (record: Uint8Array): Uint8Array => sha256(Buffer.of(0), record)

/** MTH of RFC 6962 §2.1, word for word. */
function treeHash(leaves: readonly Uint8Array[], _perfect = false): Uint8Array {
  if (leaves.length === 0) return sha256()
  if (leaves.length === 1) return leaves[0]!
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return sha256(Buffer.of(1), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)))
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b)

function expect(holds: boolean, path: string, what: string): void {
  if (!holds) throw new Error(`checkLog: ${path}: ${what}`)
}
