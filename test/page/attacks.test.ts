import { join } from 'node:path'
import { expect, it } from 'vitest'
import { verify } from '../../src/client/verify.js'
import { isDeedlogError } from '../../src/core/errors.js'
import { answersOf } from '../../src/core/verify/words.js'
import { rows } from '../verify/rows.js'
import { heldRows } from '../verify/rows-held.js'
import { storedRows } from '../verify/rows-stored.js'
import { type AttackFiles, writeStored, writeTree } from './attack-files.js'
import type { PageAnswer } from './browser.js'
import { inBrowser } from './kit.js'

/** What the command line says of a log: `deedlog verify` is this function and its words. */
async function ask({ target, trust, held }: AttackFiles): Promise<Omit<PageAnswer, 'disclosures'>> {
  try {
    const report = await verify(target, { ...(trust === undefined ? { self: true } : { trust }), held })
    const { evidence, completeness, conduct } = answersOf(report)
    return {
      exit: report.exitCode,
      answers: [report.evidence.verdict, report.completeness.verdict, report.conduct.verdict],
      words: [evidence, completeness, conduct],
      codes: [...new Set(report.findings.map(({ code }) => code))].sort(),
    }
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    return { exit: error.name === 'VerificationError' ? 1 : 2, answers: error.code, words: [], codes: [] }
  }
}

inBrowser('page and command line', ({ browser, folder }) => {
  let n = 0
  // The honest twins are alike: of them, some.
  const isTwinAsked = (): boolean => n % 8 === 0
  const same = async (files: AttackFiles): Promise<void> => {
    const { brought } = files
    if (!brought) return
    const { disclosures: _, ...page } = await browser().verify(brought)
    const line = await ask(files)
    if (typeof line.answers === 'string') expect({ ...page, words: [] }).toEqual(line)
    else expect(page).toEqual(line)
  }

  it.each([...rows, ...heldRows].map(row => [row.attack, row] as const))('say the same: %s', async (_, row) => {
    const place = join(folder, `row-${n++}`)
    await same(writeTree(row, true, join(place, 'hostile')))
    if (isTwinAsked()) await same(writeTree(row, false, join(place, 'honest')))
  })

  const stored = storedRows.filter(row => !row.build(true).disclosure)
  it.each(stored.map(row => [row.attack, row] as const))('say the same: %s', async (_, row) => {
    const place = join(folder, `row-${n++}`)
    await same(writeStored(row, true, join(place, 'hostile')))
    if (isTwinAsked()) await same(writeStored(row, false, join(place, 'honest')))
  })

  const disclosed = storedRows.filter(row => row.build(true).disclosure)
  it.each(disclosed.map(row => [row.attack, row] as const))('refuse the same disclosure: %s', async (_, row) => {
    const place = join(folder, `row-${n++}`)
    const hostile = await browser().verify(writeStored(row, true, join(place, 'hostile')).brought!)
    const honest = await browser().verify(writeStored(row, false, join(place, 'honest')).brought!)
    expect({ hostile: hostile.disclosures, honest: honest.disclosures }).toEqual({ hostile: [false], honest: [true] })
  })
})
