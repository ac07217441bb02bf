import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import { Party, TestLog, writeFolder } from '../verify/kit.js'
import { bring, run } from './browser.js'
import { inBrowser } from './kit.js'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}

/** What a checker of accessibility has against the page as it stands. Run beside the page, whose policy would refuse it. */
async function violations(page: Page): Promise<readonly { readonly id: string; readonly nodes: readonly string[] }[]> {
  const session = await page.context().newCDPSession(page)
  await session.send('Runtime.evaluate', { expression: axe })
  const { result } = await session.send('Runtime.evaluate', {
    expression: 'axe.run(document).then(found => JSON.stringify(found.violations))',
    awaitPromise: true,
    returnByValue: true,
  })
  const found = JSON.parse(result.value as string) as readonly Violation[]
  return found.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html.slice(0, 200)) }))
}

const clerk = new Party('did:example:clerk')

inBrowser('the look of the page', ({ browser, folder }) => {
  const good = join(folder, 'audit')
  const trust = join(folder, 'audit.trust')
  const letter = join(folder, 'broken.deedlog')
  const bad = join(folder, 'bad')

  beforeAll(() => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    for (let i = 0; i < 300; i++) stream.call({ tool: `tool_${i % 7}` })
    stream.end()
    writeFolder(good, log.files())
    writeFileSync(trust, log.trust())
    const odd = new TestLog()
    const astray = odd.stream(clerk)
    for (let i = 0; i < 120; i++) astray.call({ tool: `tool_${i}`, verdict: 'deny' })
    writeFolder(bad, odd.files())
    writeFileSync(letter, '{"deedlog":"bundle/1"}\n')
  })

  it.each([
    ['light', false],
    ['dark', true],
  ])('has nothing that a checker of accessibility objects to: %s', async (_, dark) => {
    const { page } = await browser().open({ dark })
    expect(await violations(page), 'empty').toEqual([])
    await bring(page, { folder: good, files: [trust] })
    expect(await violations(page), 'chosen').toEqual([])
    await run(page)
    await page.locator('[role=gridcell]').first().waitFor()
    for (const details of await page.locator('#result details').all()) await details.locator('summary').first().click()
    expect(await violations(page), 'loaded').toEqual([])
    await page.locator('.grid').focus()
    await page.keyboard.press('Enter')
    await page.locator('dialog[open]').waitFor()
    expect(await violations(page), 'one call').toEqual([])
    await page.context().close()
  })

  it.each([
    ['light', false],
    ['dark', true],
  ])('has nothing that a checker objects to where nothing could be read: %s', async (_, dark) => {
    const { page } = await browser().open({ dark })
    await bring(page, { files: [letter] })
    const answer = await run(page)
    expect(answer.exit).toBe(2)
    expect(await violations(page)).toEqual([])
    await page.context().close()
  })

  it('is used by keyboard alone: choosing, verifying, opening a call, and back', async () => {
    const { page } = await browser().open()
    await bring(page, { folder: good, files: [trust] })
    await page.locator('#self').focus()
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('verify')
    await page.keyboard.press('Enter')
    await page.locator('#result-title').waitFor()
    expect(await focused(page)).toBe('result-title')
    const grid = page.locator('.grid')
    await page.locator('[role=gridcell]').first().waitFor()
    await grid.focus()
    await page.keyboard.press('End')
    const last = page.locator('.row.active')
    await last.waitFor()
    expect(await last.getAttribute('aria-rowindex')).toBe('301')
    expect(await grid.getAttribute('aria-activedescendant')).toBe(await last.getAttribute('id'))
    expect(await grid.getAttribute('aria-rowcount')).toBe('301')
    await page.keyboard.press('Enter')
    await page.locator('dialog[open]').waitFor()
    expect(await focused(page)).toBe('call-title')
    await page.keyboard.press('Escape')
    expect(await page.locator('dialog[open]').count()).toBe(0)
    expect(await page.locator('.grid:focus').count()).toBe(1)
    await page.context().close()
  })

  it('fits a window of 320 pixels, which is a wide one at 400 percent', async () => {
    const { page } = await browser().open({ width: 320, height: 640 })
    const width = () => page.evaluate(() => (globalThis as unknown as Window).document.documentElement.scrollWidth)
    expect(await width()).toBe(320)
    await bring(page, { folder: good, files: [trust] })
    expect(await width()).toBe(320)
    await run(page)
    await page.locator('.rows .tool').first().waitFor()
    expect(await width()).toBe(320)
    await page.context().close()
  })

  it.each([
    ['an honest log', () => good],
    ['a log with hundreds of findings', () => bad],
  ])('prints on one page: %s', async (_, log) => {
    const { page } = await browser().open()
    await bring(page, { folder: log(), files: [trust] })
    await run(page)
    expect(pagesOf(await page.pdf({ preferCSSPageSize: true }))).toBe(1)
    await page.context().close()
  })

  it('moves nothing for those who asked for calm', async () => {
    const { page } = await browser().open({ calm: true })
    const style = await page.evaluate(() => {
      const { document, getComputedStyle } = globalThis as unknown as Window
      return getComputedStyle(document.documentElement).scrollBehavior
    })
    expect(style).toBe('auto')
    await page.context().close()
  })
})

/** The part of a browser's window that is used here: these tests are compiled for Node. */
interface Window {
  readonly document: {
    readonly documentElement: { readonly scrollWidth: number }
    readonly activeElement: { id: string }
  }
  getComputedStyle(element: unknown): { readonly scrollBehavior: string }
}

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => (globalThis as unknown as Window).document.activeElement.id)

const pagesOf = (pdf: Buffer): number => pdf.toString('latin1').match(/\/Type\s*\/Page\b(?!s)/g)?.length ?? 0
