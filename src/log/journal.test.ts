import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Disk } from './disk.js'
import { Journal } from './journal.js'
import { scanJournal, visitAll } from './journal-scan.js'
import { nodeDisk } from './node-disk.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-journal-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const entry = (length: number) => ({ record: new Uint8Array(length).fill(0x78) })

describe('a segment that could not be begun', () => {
  it('is begun again, also by a shorter write that the one before would have had room for', async () => {
    let failures = 1
    // The file is there, and the error says that it is not.
    const disk: Disk = {
      ...nodeDisk,
      open: async (path, how, mode) => {
        const file = await nodeDisk.open(path, how, mode)
        if (how !== 'create' || path.endsWith(`${'0'.repeat(16)}.journal`) || failures-- <= 0) return file
        await file.close()
        throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      },
    }
    const journal = new Journal(disk, folder, 300)
    await journal.append(0, [entry(150)], false)
    await expect(journal.append(1, [entry(200)], false)).rejects.toMatchObject({ code: expect.any(String) })
    await journal.append(1, [entry(10)], false)
    await journal.append(2, [entry(10)], false)
    await journal.close()
    const seen: number[] = []
    await visitAll(scanJournal(nodeDisk, folder, true), ({ header }) => void seen.push(header.first))
    expect(seen).toEqual([0, 1, 2])
    expect(readdirSync(folder)).toHaveLength(2)
  })
})
