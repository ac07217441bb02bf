import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Report } from '../../src/core/verify/index.js'

/*
 * The auditor's page in a real browser, from file://, as an auditor opens it. For tests, and for the script that holds
 * every attack against page and command line.
 */

/** What is brought to the page: paths. */
export interface Brought {
  /** A folder, as its chooser gives it. */
  readonly folder?: string | undefined
  readonly files?: readonly string[]
  /** Ask nobody outside. */
  readonly self?: boolean
}

/** What the page said. */
export interface PageAnswer {
  readonly exit: number
  /** Verdicts of evidence, completeness and conduct; or the code of what kept a report from being made. */
  readonly answers: readonly string[] | string
  /** The three answers as they stand on the page. */
  readonly words: readonly string[]
  /** Codes of all findings, ascending. */
  readonly codes: readonly string[]
  /** Of the disclosures that were brought: whether each holds. */
  readonly disclosures: readonly boolean[]
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']

/** A Chromium on this machine: `DEEDLOG_CHROMIUM`, or a well-known name on the PATH. */
export function findChromium(): string | undefined {
  const named = process.env['DEEDLOG_CHROMIUM']
  if (named) return named
  for (const name of NAMES) {
    const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' })
    if (status === 0 && existsSync(stdout.trim())) return stdout.trim()
  }
  return undefined
}

/** What the page must never do; empty after an honest test. */
export interface Trouble {
  readonly what: 'dialog' | 'request' | 'policy' | 'error'
  readonly text: string
}

export class PageBrowser {
  readonly #browser: Browser
  readonly #html: string

  private constructor(browser: Browser, html: string) {
    this.#browser = browser
    this.#html = html
  }

  /**
   * @param html        Path of the built page.
   * @param executable  Path of a Chromium.
   */
  static async launch(html: string, executable: string): Promise<PageBrowser> {
    return new PageBrowser(await chromium.launch({ executablePath: executable }), html)
  }

  /** A tab with the page, and what went wrong in it. */
  async open(
    look: { readonly dark?: boolean; readonly width?: number; readonly height?: number; readonly calm?: boolean } = {},
  ): Promise<{ readonly page: Page; readonly trouble: Trouble[] }> {
    const context = await this.#browser.newContext({
      viewport: { width: look.width ?? 1280, height: look.height ?? 900 },
      colorScheme: look.dark ? 'dark' : 'light',
      reducedMotion: look.calm ? 'reduce' : 'no-preference',
    })
    const page = await context.newPage()
    const trouble: Trouble[] = []
    page.on('dialog', dialog => {
      trouble.push({ what: 'dialog', text: dialog.message() })
      void dialog.dismiss()
    })
    page.on('request', request => {
      if (!/^(file|blob|data):/.test(request.url())) trouble.push({ what: 'request', text: request.url() })
    })
    page.on('console', message => {
      if (/Content Security Policy|Trusted Type/i.test(message.text()))
        trouble.push({ what: 'policy', text: message.text() })
    })
    page.on('pageerror', error => {
      trouble.push({ what: 'error', text: String(error) })
    })
    await page.goto(pathToFileURL(this.#html).href)
    return { page, trouble }
  }

  /** Loads the page anew, brings files, and reads what it says of them. One at a time. */
  async verify(brought: Brought): Promise<PageAnswer> {
    if (this.#tab) await this.#tab.page.reload()
    this.#tab ??= await this.open()
    const { page, trouble } = this.#tab
    await bring(page, brought)
    const answer = await run(page)
    if (trouble.length > 0) throw new Error(`the page did what it must not: ${JSON.stringify(trouble.splice(0))}`)
    return answer
  }

  /** The tab of {@link verify}: another one each time takes several times as long. */
  #tab: { readonly page: Page; readonly trouble: Trouble[] } | undefined

  close(): Promise<void> {
    return this.#browser.close()
  }
}

/** Chooses files and a folder, as a person does with the two buttons. */
export async function bring(page: Page, { folder, files = [], self }: Brought): Promise<void> {
  const before = await page.locator('#chosen > li').count()
  if (folder !== undefined) await page.setInputFiles('#folder', folder)
  if (files.length > 0) await page.setInputFiles('#files', [...files])
  const more = (folder === undefined ? 0 : 1) + files.length
  await page
    .locator('#chosen > li')
    .nth(before + more - 1)
    .waitFor()
  if (self) await page.check('#self')
}

/** Presses "Verify", waits, and reads the answer. */
export async function run(page: Page): Promise<PageAnswer> {
  await page.click('#verify')
  // The page's policy lets nobody evaluate text, so that waiting for an element is all that there is.
  await page.locator('#result-title').waitFor({ timeout: 120_000 })
  await page.locator('#result:not([aria-busy])').waitFor()
  const result = await page.evaluate(() => (globalThis as unknown as { deedlogResult: Shown }).deedlogResult)
  const { report } = result
  const ids = report ? ['verdict-evidence', 'verdict-completeness', 'verdict-conduct'] : ['refusal']
  const words: string[] = []
  for (const id of ids) words.push((await page.locator(`#${id}`).textContent()) ?? '')
  return {
    exit: report?.exitCode ?? result.exitCode ?? -1,
    answers: report
      ? [report.evidence.verdict, report.completeness.verdict, report.conduct.verdict]
      : (result.code ?? ''),
    words,
    codes: result.codes ?? [],
    disclosures: (result.disclosures ?? []).map(({ holds }) => holds),
  }
}

/** What the page leaves for programs: a result, or a refusal. */
interface Shown {
  readonly exitCode?: number
  readonly code?: string
  readonly codes?: readonly string[]
  readonly disclosures?: readonly { readonly holds: boolean }[]
  readonly report?: Report
}

/** One verification from start to end: for scripts. Whoever has many keeps a {@link PageBrowser}. */
export async function verifyInPage(html: string, brought: Brought): Promise<PageAnswer> {
  const executable = findChromium()
  if (executable === undefined) throw new Error('no Chromium was found: set DEEDLOG_CHROMIUM, or install one')
  const browser = await PageBrowser.launch(html, executable)
  try {
    return await browser.verify(brought)
  } finally {
    await browser.close()
  }
}
