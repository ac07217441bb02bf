import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import { Party, TestLog, writeFolder, writeJsonl } from '../verify/kit.js'
import { bring, run, type Trouble } from './browser.js'
import { inBrowser } from './kit.js'

/** Markup that would run where text is taken for markup. No slash, where a file is named so. */
const MARKUP = [
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)>',
  '"><script>alert(1)<\u2044script>',
  '\'"onmouseover=alert(1) x=',
  'javascript:alert(1)',
  '{{constructor.constructor("alert(1)")()}}',
]
// Agents and logs are named by words: no spaces.
const WORDS = ['<svg/onload=alert(1)>', '<script>alert(1)</script>', '"><img/src=x/onerror=alert(1)>']

inBrowser('bad input', ({ browser, folder }) => {
  const good = join(folder, 'good.jsonl')
  const trust = join(folder, 'good.trust')
  let log: TestLog

  beforeAll(() => {
    log = new TestLog()
    const stream = log.stream(new Party('did:example:clerk'))
    for (let i = 0; i < 5; i++) stream.call()
    stream.end()
    writeJsonl(good, log.entries, log.checkpoint())
    writeFileSync(trust, log.trust())
  })

  it.each(WORDS)('runs nothing that stands in a log, a trust file or a name: %s', async word => {
    const place = join(folder, `markup-${WORDS.indexOf(word)}`)
    mkdirSync(place)
    const hostile = new TestLog({ origin: word })
    const stream = hostile.stream(new Party(word), {
      agent: { id: word, name: MARKUP[0]!, version: MARKUP[1]! },
      host: { framework: MARKUP[2]!, version: MARKUP[3]! },
    })
    for (const name of MARKUP) stream.call({ tool: name, verdict: 'deny', more: { refs: { x: name } } })
    stream.call({ tool: 'a\u202egpj.exe\u200b', more: { tool: { name: 'pay\u2066', server: MARKUP[0]!, kind: word } } })
    const at = writeJsonl(join(place, `${MARKUP[0]}.jsonl`), hostile.entries, hostile.checkpoint())
    const trusted = join(place, `${MARKUP[1]}.trust`)
    writeFileSync(trusted, hostile.trust())
    const odd = join(place, `${MARKUP[3]}.json`)
    writeFileSync(odd, JSON.stringify({ key: MARKUP[0] }))

    const { page, trouble } = await browser().open()
    await bring(page, { files: [at, `${at}.checkpoint`, trusted, odd] })
    const answer = await run(page)
    expect(answer.codes).toContain('call.executed-though-denied')
    await page.locator('.rows .tool').first().waitFor()
    await page.locator('.grid').focus()
    await page.keyboard.press('End')
    await page.keyboard.press('Enter')
    await page.locator('dialog[open]').waitFor()
    for (const summary of await page.locator('dialog summary').all()) await summary.click()
    expect(await page.locator('dialog').textContent()).toContain('pay\\u2066')
    expect(
      await page.locator('img, iframe, object, embed, script[src], [onerror], [onload], [style*=url]').count(),
    ).toBe(0)
    expect(await page.locator('main').textContent()).not.toMatch(/[\u200b\u202a-\u202e\u2066-\u2069]/)
    expect(trouble).toEqual([])
    await page.context().close()
  })

  it('says what it could not read, of files of any bytes under any name', async () => {
    const { page, trouble } = await browser().open()
    const endings = ['.jsonl', '.deedlog', '.trust', '.tlog-proof', '.checkpoint', '.json', '', '.zip']
    const bytes = fc.sample(fc.uint8Array({ minLength: 0, maxLength: 3000 }), { seed: 5, numRuns: endings.length })
    for (const [i, ending] of endings.entries()) {
      const path = join(folder, `noise-${i}${ending}`)
      writeFileSync(path, bytes[i]!)
      await refuses(page, [path], trouble)
    }
    await page.context().close()
  })

  it('says what it could not read, of files that were cut or that pretend', async () => {
    const { page, trouble } = await browser().open()
    const whole = readFileSync(good)
    const make = (name: string, content: string | Uint8Array): string => {
      const path = join(folder, name)
      writeFileSync(path, content)
      return path
    }
    const cut = [0, 1, 200, whole.length - 1].map(length => make(`cut-${length}.jsonl`, whole.subarray(0, length)))
    for (const path of cut) {
      writeFileSync(`${path}.checkpoint`, log.checkpoint())
      await refuses(page, [path, `${path}.checkpoint`, trust], trouble)
    }
    const depth = 100_000
    const deep = make('deep.jsonl', `${'[['.repeat(depth)}\n${'{"a":'.repeat(depth)}\n`)
    await refuses(page, [deep], trouble)
    await refuses(page, [make('proto.jsonl', '{"__proto__":{"a":1},"constructor":1}\n')], trouble)
    await refuses(page, [make('archive', 'PK\u0003\u0004 and more')], trouble)
    await refuses(page, [make('header.deedlog', '{"deedlog":"bundle/1","query":{"all":true}}\n')], trouble)
    await refuses(page, [make('next.deedlog', '{"deedlog":"bundle/2"}\n')], trouble)
    await refuses(page, [make('lonely.tlog-proof', 'c2sp.org/tlog-proof@v1\nindex 0\n')], trouble)
    const claim = make('claim.jsonl', whole)
    writeFileSync(`${claim}.checkpoint`, 'example.com/deeds\n9007199254740991\nAAAA\n\n\u2014 x AAAA\n')
    await refuses(page, [claim, `${claim}.checkpoint`], trouble)
    await page.context().close()
  })

  it('reads no more than it can hold of files that claim two gigabytes', async () => {
    const { page, trouble } = await browser().open()
    for (const name of ['huge.deedlog', 'huge.tlog-proof', 'huge.trust', 'huge.checkpoint']) {
      const path = join(folder, name)
      const file = openSync(path, 'w')
      ftruncateSync(file, 2 ** 31)
      closeSync(file)
      await refuses(page, name.endsWith('trust') || name.endsWith('checkpoint') ? [good, path] : [path], trouble)
    }
    // One line without an end: read to its end in pieces, and no entry.
    const line = join(folder, 'line.jsonl')
    const file = openSync(line, 'w')
    ftruncateSync(file, 2 ** 28)
    closeSync(file)
    await refuses(page, [line], trouble)
    await page.context().close()
  })

  it('counts a trust file in the folder of the log as none, and passes over its private part', async () => {
    const at = writeFolder(join(folder, 'supplied'), log.files())
    writeFileSync(join(at, 'mine.trust'), log.trust())
    mkdirSync(join(at, 'private'))
    writeFileSync(join(at, 'private', 'log.key'), 'PRIVATE+KEY+secret')
    const answer = await browser().verify({ folder: at })
    expect(answer).toMatchObject({ exit: 2, codes: ['identity.unpinned', 'trust.supplied'] })
    expect(answer.words[0]).toMatch(/^could not check/)
  })
})

/** Brings files: either the page will not begin and says why, or it ends with an answer that is not a good one. */
async function refuses(page: Page, files: readonly string[], trouble: readonly Trouble[]): Promise<void> {
  await page.reload()
  await bring(page, { files })
  if (await page.locator('#verify').isDisabled())
    expect(await page.locator('#chosen').textContent(), files.join()).not.toBe('')
  else {
    const { exit, words } = await run(page)
    expect([1, 2], files.join()).toContain(exit)
    expect(words.join(), files.join()).not.toBe('')
    expect(words.join()).not.toContain('bug')
  }
  expect(trouble).toEqual([])
}
