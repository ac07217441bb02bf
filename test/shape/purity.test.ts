import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'
import * as record from '../../src/core/record/index.js'
import * as tlog from '../../src/core/tlog/index.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Core bundled for a place that has no Node, run in a context that has only ECMAScript, TextEncoder and TextDecoder.
 * Whatever core reaches for beyond that is a ReferenceError here.
 */
describe('core in a bare context', () => {
  let core: { tlog: typeof tlog; record: typeof record; verify: Record<string, unknown> }

  beforeAll(async () => {
    const bundled = await build({
      absWorkingDir: root,
      stdin: {
        contents: `
          export * as tlog from './src/core/tlog/index.ts'
          export * as record from './src/core/record/index.ts'
          export * as verify from './src/core/verify/index.ts'`,
        resolveDir: root,
        loader: 'ts',
      },
      alias: { '#crypto': './src/core/crypto/pure.ts' },
      bundle: true,
      write: false,
      format: 'iife',
      globalName: 'core',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      logLevel: 'silent',
    })
    const context = createContext({ TextEncoder, TextDecoder })
    runInContext(bundled.outputFiles[0]!.text, context)
    core = (context as { core?: typeof core }).core!
  })

  it('names the same things as on Node', () => {
    expect(Object.keys(core.tlog).sort()).toEqual(Object.keys(tlog).sort())
    expect(Object.keys(core.record).sort()).toEqual(Object.keys(record).sort())
    expect(Object.keys(core.verify).length).toBeGreaterThan(3)
  })

  it('commits to a value as the known answer says', () => {
    const key = new Uint8Array(32).map((_, i) => i)
    expect(core.record.commit(core.record.capture({ amount: 5, to: 'acme' }), key).root).toBe(
      'aa22c50dbecccace476efee3772c5f81c0efa052799a7d14cde8b699887a1875',
    )
  })

  it('reads a log record and verifies its signature, the same leaf hash as on Node', () => {
    const parsed = core.record.parseRecord(new TextEncoder().encode(KNOWN_LOG_RECORD))
    expect(parsed.leaf).toBe('3a4506fbfcb1676b92ef6b1d38cedd751668fcc84b59e3d43288345032eeedc5')
    if (!parsed.understood || parsed.record.type !== 'log') throw new Error('not understood')
    expect(core.record.verifyRecordSignature(parsed, parsed.record.operators[0]!)).toBe(true)
  })

  it('has no dynamic way out of the context', () => {
    const pure = readFileSync(`${root}src/core/crypto/pure.ts`, 'utf8')
    expect(pure).not.toMatch(/globalThis|import\(/)
  })
})

const KNOWN_LOG_RECORD =
  '{"nonce":"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=",' +
  '"operators":["AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"],"origin":"example.com/deeds",' +
  '"sig":"SIFpvamImKlmUHw+3X9ylsKkkp5ZPUnceKz6LheDVcUr7gTao6d5vYTRuXslYbQ5CabWc9OXxCGOK4D71UX9AA==",' +
  '"time":"2026-11-22T09:25:00.000Z","type":"log","v":1}'
