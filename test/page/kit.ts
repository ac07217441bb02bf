import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writePage } from '../../scripts/build-page.mjs'
import { findChromium, PageBrowser } from './browser.js'

/*
 * What tests of the page share: a build of it, and one browser. Without a Chromium they say so and pass over; where
 * nobody reads what they say, that is a failure.
 */

const chromium = findChromium()
const inCi = process.env['CI'] === 'true'

/** Tests that need a browser. */
export function inBrowser(name: string, tests: (given: { browser: () => PageBrowser; folder: string }) => void): void {
  if (chromium === undefined) {
    describe(name, () => {
      it('has a Chromium to run in', () => {
        const what = 'no Chromium was found: install one, or name it in DEEDLOG_CHROMIUM'
        expect(inCi, what).toBe(false)
        console.warn(`NOT TESTED, ${name}: ${what}`)
      })
    })
    return
  }
  describe(name, () => {
    const folder = mkdtempSync(join(tmpdir(), 'deedlog-page-'))
    let browser: PageBrowser | undefined
    beforeAll(async () => {
      const html = join(folder, 'verifier.html')
      await writePage(html)
      browser = await PageBrowser.launch(html, chromium)
    })
    afterAll(async () => {
      await browser?.close()
      rmSync(folder, { recursive: true, force: true })
    })
    tests({
      folder,
      browser: () => {
        if (!browser) throw new Error('the browser is not there yet')
        return browser
      },
    })
  })
}
