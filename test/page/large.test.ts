import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { canonicalBytes, type Json, recordLeaf } from '../../src/core/record/index.js'
import { type Body, id, Party, TestLog } from '../verify/kit.js'
import { bring, run } from './browser.js'
import { inBrowser } from './kit.js'

// An auditor's afternoon ends with a page that freezes. Far above what drawing takes, far below what verifying does.
const TASK_MS_MAX = 200
const NODES_MAX = 4000
const CALLS = 50_000

inBrowser('a log of a hundred thousand records', ({ browser, folder }) => {
  const log = join(folder, 'large.jsonl')
  const trust = join(folder, 'large.trust')

  beforeAll(() => {
    const large = new TestLog()
    const stream = large.stream(new Party('did:example:clerk'))
    const args = stream.commitment() as unknown as Json
    // The signature of the last record covers all of them.
    const push = (body: Body): string => {
      const { id: of, prev } = stream
      const bytes = canonicalBytes({ v: 1, stream: of, seq: ++stream.seq, prev, time: large.time(), ...body })
      large.push(bytes)
      stream.prev = recordLeaf(bytes)
      return stream.prev
    }
    for (let n = 0; n < CALLS; n++) {
      const call = id(n)
      const tool = { name: `tool_${n % 40}` }
      const intent = push({ type: 'intent', call, tool, args, decision: { verdict: 'allow' } })
      stream.calls++
      push({ type: 'outcome', call, intent, status: 'succeeded', executed: 'yes' })
    }
    stream.end()
    const newline = Buffer.from('\n')
    writeFileSync(log, Buffer.concat(large.entries.flatMap(entry => [entry, newline])))
    writeFileSync(`${log}.checkpoint`, large.checkpoint())
    writeFileSync(trust, large.trust())
  })

  // Another process may take the machine for longer than the bound: a page that is too slow is so every time.
  it('is read beside the page, and listed a screen at a time', { retry: 2 }, async () => {
    const { page, trouble } = await browser().open()
    await page.evaluate(() => {
      const { PerformanceObserver, tasks } = globalThis as unknown as Watched
      const seen = tasks ?? []
      Object.assign(globalThis, { tasks: seen })
      new PerformanceObserver(list => {
        for (const { duration } of list.getEntries()) seen.push(duration)
      }).observe({ type: 'longtask', buffered: true })
    })
    await bring(page, { files: [log, `${log}.checkpoint`, trust] })
    const answer = await run(page)
    expect(answer).toMatchObject({ exit: 0, codes: [] })
    await page.locator('.rows .tool').first().waitFor()

    const grid = page.locator('.grid')
    await grid.focus()
    await page.keyboard.press('End')
    await page.locator(`[aria-rowindex="${CALLS + 1}"]`).waitFor()
    for (let i = 0; i < 20; i++) await page.mouse.wheel(0, -3000)
    await page.fill('#call-text', 'tool_17')
    await page.getByText('1,250 of 50,000 calls.').waitFor()
    await page.selectOption('#call-sort', 'time')
    await page.keyboard.press('Tab')

    const nodes = await page.evaluate(() => (globalThis as unknown as Watched).document.querySelectorAll('*').length)
    expect(nodes).toBeLessThan(NODES_MAX)
    const tasks = await page.evaluate(() => (globalThis as unknown as Watched).tasks ?? [])
    expect(tasks.filter(ms => ms > TASK_MS_MAX)).toEqual([])
    expect(trouble).toEqual([])
    await page.context().close()
  })
})

interface Watched {
  tasks?: number[]
  readonly document: { querySelectorAll(selector: string): { readonly length: number } }
  readonly PerformanceObserver: new (
    told: (list: { getEntries(): readonly { readonly duration: number }[] }) => void,
  ) => { observe(options: { readonly type: string; readonly buffered: boolean }): void }
}
