import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildPage } from '../../scripts/build-page.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const between = (text: string, before: string, after: string): string => {
  const from = text.indexOf(before) + before.length
  return text.slice(from, text.indexOf(after, from))
}

describe('the built page', () => {
  let page: string
  beforeAll(async () => {
    page = await buildPage()
  })

  it('is the same, byte for byte, whenever it is built', async () => {
    expect(await buildPage()).toBe(page)
  })

  it('says nothing of the machine that built it', () => {
    expect(page).not.toContain(root)
    expect(page).not.toMatch(/\/(?:home|root|Users|tmp)\//)
  })

  it('allows exactly its own script and style, workers made here, and no network', () => {
    expect(between(page, 'Content-Security-Policy" content="', '"').split('; ')).toEqual([
      "default-src 'none'",
      `script-src ${hash(between(page, '<script>', '</script>'))}`,
      `style-src ${hash(between(page, '<style>', '</style>'))}`,
      'worker-src blob:',
      "base-uri 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      'trusted-types deedlog-worker',
    ])
  })

  it('holds the policy before anything that it governs', () => {
    expect(page.indexOf('Content-Security-Policy')).toBeLessThan(page.indexOf('<style>'))
    expect(page.match(/<script/g)).toHaveLength(1)
  })

  it('needs no Node, evaluates no text, makes no markup from text, and asks nobody for anything', () => {
    const script = between(page, '<script>', '</script>')
    for (const never of [
      /\bnode:[a-z]/,
      /\beval\(/,
      /new Function\b/,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write/,
      /\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts/,
      /localStorage|sessionStorage|indexedDB|document\.cookie/,
    ])
      expect(script.match(never)?.[0], String(never)).toBeUndefined()
    expect(page).not.toMatch(/\s(?:src|href)="https?:/)
  })

  it('is made of core, of what judges and reads without Node, and of nothing else of ours', () => {
    // The bundler names each file above its code; the worker's are inside a text of the script.
    const files = new Set([...page.matchAll(/(?:^|\\n) *\/\/ (src\/[\w./-]+\.ts)(?:$|\\n)/gm)].map(([, path]) => path!))
    expect(files).toContain('src/core/verify/verifier.ts')
    const foreign = [...files].filter(path => !path.startsWith('src/core/'))
    expect(foreign.sort()).toEqual([
      'src/client/bundle-file.ts',
      'src/client/feed-anchors.ts',
      'src/client/feed.ts',
      'src/client/judge.ts',
      'src/client/kept.ts',
      'src/client/lines.ts',
      'src/client/locate.ts',
      'src/client/tile-check.ts',
      'src/client/tiled-entries.ts',
    ])
  })

  it('never calls anything valid or compliant', () => {
    const sources = readdirSync(join(root, 'web'), { recursive: true, encoding: 'utf8' })
      .filter(path => /\.(?:ts|template)$/.test(path))
      .map(path => readFileSync(join(root, 'web', path), 'utf8'))
    expect(sources.length).toBeGreaterThan(20)
    for (const source of sources) expect(source).not.toMatch(/\b(?:in)?valid\b|\bcompliant\b/i)
  })

  it('keeps the notices of the code that is in it', () => {
    expect(page).toContain('MIT License')
    expect(page.match(/Paul Miller/g)?.length).toBeGreaterThanOrEqual(2)
  })
})
