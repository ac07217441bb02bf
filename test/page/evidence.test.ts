import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { exportBundle } from '../../src/client/export.js'
import { openSource } from '../../src/client/open.js'
import { proveEntry } from '../../src/client/prove.js'
import { verify } from '../../src/client/verify.js'
import { commit, discloseInFull, discloseInPart, formatDisclosure, type Json } from '../../src/core/record/index.js'
import { formatBundle, type Report } from '../../src/core/verify/index.js'
import { answersOf } from '../../src/core/verify/words.js'
import { Party, TestLog, writeFolder, writeJsonl } from '../verify/kit.js'
import { bring, type PageAnswer, run } from './browser.js'
import { inBrowser } from './kit.js'

const KEY = new Uint8Array(32).fill(7)
const VALUE: Json = { payment: { amount: 4711, iban: 'DE-secret' }, note: 'for the fence' }

inBrowser('every kind of evidence', ({ browser, folder }) => {
  const at = (name: string) => join(folder, name)
  const trust = at('auditor.trust')
  let log: TestLog
  let call: { readonly index: number; readonly id: string }

  beforeAll(() => {
    log = new TestLog()
    const stream = log.stream(new Party('did:example:clerk'))
    for (let i = 0; i < 20; i++) stream.call({ tool: 'other' })
    const index = log.size
    const made = stream.call({ tool: 'pay', more: { args: commit(VALUE, KEY) as unknown as Json } })
    call = { index, id: made.call }
    for (let i = 0; i < 20; i++) stream.call({ tool: 'other' })
    stream.end()
    writeFolder(at('audit'), log.files())
    writeJsonl(at('audit.jsonl'), log.entries, log.checkpoint())
    writeFileSync(trust, log.trust())
    writeFileSync(at('full.json'), formatDisclosure(discloseInFull(VALUE, KEY)))
    writeFileSync(at('part.json'), formatDisclosure(discloseInPart(VALUE, KEY, [['payment', 'amount']])))
    writeFileSync(at('alien.json'), formatDisclosure(discloseInFull('of nothing here', KEY)))
  })

  const same = (page: PageAnswer, report: Report): void => {
    const { evidence, completeness, conduct } = answersOf(report)
    expect(page.words).toEqual([evidence, completeness, conduct])
    expect(page.exit).toBe(report.exitCode)
  }

  it('reads a bundle of one call, as the command line does, and shows what it leaves out', async () => {
    const { bytes } = await exportBundle(await openSource(at('audit')), { query: { calls: [call.id] } })
    writeFileSync(at('one.deedlog'), bytes)
    const page = await browser().verify({ files: [at('one.deedlog'), trust] })
    same(page, await verify(at('one.deedlog'), { trust }))
    expect(page.words[1]).toContain('in what is shown')
  })

  it('shows what a bundle discloses, and which paths stay closed', async () => {
    const disclosure = discloseInPart(VALUE, KEY, [['payment', 'amount']])
    const bundle = {
      keys: [],
      query: { all: true } as const,
      checkpoint: log.checkpoint(),
      notes: [],
      anchors: [],
      parts: log.entries.map((record, index) => ({ index, record })),
      files: [],
      disclosures: [{ index: call.index, path: 'args', disclosure }],
    }
    writeFileSync(at('all.deedlog'), formatBundle(bundle))
    const { page } = await browser().open()
    await bring(page, { files: [at('all.deedlog'), trust] })
    await run(page)
    const shown = page.locator('#disclosures')
    await shown.getByText('Shown: payment.amount').waitFor()
    await shown.getByText('Withheld or erased: note, payment.iban').waitFor()
    await shown.getByRole('button', { name: 'Show this call' }).click()
    const dialogue = page.locator('dialog[open]')
    await dialogue.getByText('4711').waitFor()
    expect(await dialogue.textContent()).not.toContain('DE-secret')
    await page.context().close()
  })

  it('finds the record that a disclosure belongs to, and says of one that belongs to none', async () => {
    const files = [at('audit.jsonl'), at('audit.jsonl.checkpoint'), trust]
    const { page } = await browser().open()
    await bring(page, { files: [...files, at('full.json'), at('part.json'), at('alien.json')] })
    const { disclosures, exit } = await run(page)
    expect({ exit, disclosures }).toEqual({ exit: 0, disclosures: [true, true, false] })
    const shown = page.locator('#disclosures')
    await shown.getByText(`full.json: args of the intent, entry ${call.index}`).waitFor()
    await shown.getByText('no record of this log has committed to it').waitFor()
    await page.context().close()
  })

  it('reads a proof with its record, and asks for the record where it is not there', async () => {
    writeFileSync(at('call.json'), log.entries[call.index]!)
    writeFileSync(at('call.tlog-proof'), (await proveEntry(await openSource(at('audit')), call.index))!)
    const page = await browser().verify({ files: [at('call.tlog-proof'), at('call.json'), trust] })
    same(page, await verify(at('call.tlog-proof'), { record: at('call.json'), trust }))
    expect(await browser().verify({ files: [at('call.tlog-proof'), trust] })).toMatchObject({
      exit: 2,
      answers: 'proof.no-record',
    })
  })

  it('reads the public part of a log, and a folder that holds a JSONL log', async () => {
    same(await browser().verify({ folder: at('audit/log'), files: [trust] }), await verify(at('audit'), { trust }))
    const place = at('delivery')
    mkdirSync(place)
    writeJsonl(join(place, 'log.jsonl'), log.entries, log.checkpoint())
    const page = await browser().verify({ folder: place, files: [trust] })
    same(page, await verify(join(place, 'log.jsonl'), { trust }))
  })

  it('says that nobody vouches for a log where no trust file was brought and nothing was ticked', async () => {
    const page = await browser().verify({ folder: at('audit') })
    expect(page).toMatchObject({ exit: 2, answers: ['could not check', expect.anything(), expect.anything()] })
    expect(page.codes).toContain('trust.none')
  })

  it('takes what is dropped on it: a folder and a file at once', async () => {
    const { page, trouble } = await browser().open()
    const session = await page.context().newCDPSession(page)
    const data = { items: [], files: [at('audit'), trust], dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
      await session.send('Input.dispatchDragEvent', { type, x: 300, y: 300, data })
    await page.locator('#chosen').getByText('Folder of a log').waitFor()
    await page.locator('#chosen > li').nth(1).waitFor()
    expect((await run(page)).exit).toBe(0)
    expect(trouble).toEqual([])
    await page.context().close()
  })

  it('says of every file what it takes it for, and lets it be removed', async () => {
    const { page } = await browser().open()
    await bring(page, { files: [at('audit.jsonl'), trust, at('full.json')] })
    const list = page.locator('#chosen')
    await list.getByText('Log, one record a line').waitFor()
    await list.getByText('Trust file: whose signatures count').waitFor()
    await list.getByText('Disclosure: will be held against the log').waitFor()
    await page.getByRole('button', { name: 'Remove audit.jsonl' }).click()
    expect(await page.locator('#verify').isDisabled()).toBe(true)
    expect(await list.locator('li').count()).toBe(2)
    await page.context().close()
  })

  it('begins anew when it is asked to, also in the middle', async () => {
    const { page } = await browser().open()
    await bring(page, { folder: at('audit'), files: [trust] })
    await run(page)
    await page.getByRole('button', { name: 'Check something else' }).click()
    expect(await page.locator('#choose').isVisible()).toBe(true)
    expect((await run(page)).exit).toBe(0)
    await page.context().close()
  })
})
