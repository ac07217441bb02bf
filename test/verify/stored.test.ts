import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { verify } from '../../src/client/verify.js'
import { isDeedlogError } from '../../src/core/errors.js'
import { codes } from './kit.js'
import { bundleRows } from './rows-bundle.js'
import { prunedRows } from './rows-pruned.js'
import { type StoredRow, storedRows } from './rows-stored.js'
import { type OnDisk, putStored } from './stored-kit.js'

/*
 * Rows of the attack table that are files of their own kind: what is left of a log that was pruned, and bundles.
 */

const folder = mkdtempSync(join(tmpdir(), 'deedlog-stored-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function ask({ target, trust, held }: OnDisk) {
  const notes = held.map(path => readFileSync(path))
  try {
    const report = await verify(target, { ...(trust === undefined ? { self: true } : { trust }), held: notes })
    const answers = [report.evidence.verdict, report.completeness.verdict, report.conduct.verdict]
    return { exit: report.exitCode, answers, codes: codes(report).sort() }
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    return { exit: error.name === 'VerificationError' ? 1 : 2, answers: error.code, codes: [] }
  }
}

let made = 0
const asked = (row: StoredRow, attacked: boolean) => ask(putStored(row.build(attacked), join(folder, `${made++}`)))

describe.each(
  [...storedRows, ...prunedRows, ...bundleRows]
    .filter(row => !row.build(true).disclosure)
    .map(row => [row.attack, row] as const),
)('%s', (_, row) => {
  it(`ends with ${row.exit}`, async () => {
    expect(await asked(row, true)).toEqual({
      exit: row.exit,
      answers: row.answers,
      codes: [...(row.codes ?? [])].sort(),
    })
  })

  it('does not accuse its honest twin', async () => {
    const twin = await asked(row, false)
    expect(twin.codes).toEqual([...(row.twin ?? [])].sort())
    expect(twin.exit).toBe(row.twin ? 3 : 0)
  })
})
