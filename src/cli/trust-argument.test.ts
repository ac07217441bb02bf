import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { besideTarget, checkTrustArgument } from './trust-argument.js'

let folder: string
let log: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-trust-'))
  log = join(folder, 'audit')
  mkdirSync(join(log, 'log'), { recursive: true })
})
afterEach(() => rmSync(folder, { recursive: true }))

const refusal = (some: object) => expect.objectContaining(some)

describe('checkTrustArgument', () => {
  it('refuses both', () => {
    expect(() => checkTrustArgument(log, { trust: 'x', self: true })).toThrow(refusal({ code: 'usage.conflict' }))
  })

  it('refuses neither, and names the file beside the log without using it', () => {
    expect(() => checkTrustArgument(log, {})).toThrow(
      refusal({ code: 'trust.none', next: `deedlog verify ${log} --self` }),
    )
    writeFileSync(`${log}.trust`, '')
    expect(() => checkTrustArgument(`${log}/`, {})).toThrow(
      refusal({ code: 'trust.none', next: `deedlog verify ${log}/ --trust ${log}.trust` }),
    )
  })

  it('takes any file that is named, and leaves it to whoever reads it', () => {
    writeFileSync(`${log}.trust`, '')
    checkTrustArgument(log, { trust: `${log}.trust` })
    checkTrustArgument(log, { trust: join(folder, 'missing') })
    checkTrustArgument(log, { self: true })
  })
})

describe('besideTarget', () => {
  it('is the name of the log with .trust after it', () => {
    expect(besideTarget('a/audit')).toBe('a/audit.trust')
    expect(besideTarget('a/audit//')).toBe('a/audit.trust')
    expect(besideTarget('audit.jsonl')).toBe('audit.jsonl.trust')
  })
})
