import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeNew } from '../../src/cli/write-new.js'

test('a disk that fills up leaves no half of a bundle in the way of the next attempt', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deedlog-half-'))
  try {
    const path = join(folder, 'call.deedlog')
    const half = (async function* () {
      yield 'half'
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    })()
    await expect(writeNew(path, half as unknown as string, 'export.out')).rejects.toThrow('no space')
    expect(existsSync(path)).toBe(false)
    await writeNew(path, 'whole', 'export.out')
    await expect(writeNew(path, 'again', 'export.out')).rejects.toMatchObject({ code: 'export.out' })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
