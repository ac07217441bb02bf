import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ANCHOR_SELECTOR, ANCHORED_TOPIC } from '../../../src/core/anchor/index.js'
import { toHex } from '../../../src/core/bytes/hex.js'

const read = (path: string) => readFileSync(new URL(`../../../contracts/${path}`, import.meta.url), 'utf8')

describe('the contract', () => {
  it('is the one that its source gives', () => {
    const { sourceSha256, runtimeCode, initCode } = JSON.parse(read('anchor-registry.json')) as Record<string, string>
    expect(sourceSha256).toBe(createHash('sha256').update(read('AnchorRegistry.sol')).digest('hex'))
    expect(initCode).toContain(runtimeCode!.slice(2))
    expect(runtimeCode).toContain(toHex(ANCHOR_SELECTOR))
    expect(runtimeCode).toContain(toHex(ANCHORED_TOPIC))
    const script = new URL('../../../scripts/contract.mjs', import.meta.url).pathname
    execFileSync(process.execPath, [script, '--check'])
  })
})
