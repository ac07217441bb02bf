import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { shellPath, shellWord } from './shell-word.js'

const NAMES = [
  'audit',
  'my audit',
  "it's",
  '$(reboot)',
  '`x`',
  'a;b',
  '',
  '~',
  '*',
  'a\nb',
  'x\x1b[31m',
  "q'\\\n",
  'ü\u202e',
  '#x',
]

describe('shellWord', () => {
  it.each(NAMES)('gives a word that bash reads as %j', name => {
    const printed = execFileSync('bash', ['-c', `printf %s ${shellWord(name)}`], { encoding: 'utf8' })
    expect(printed).toBe(name)
    expect(shellWord(name)).not.toMatch(/[\p{C}]/u)
  })

  it('keeps a path from being read as an option', () => {
    expect(shellPath('-rf')).toBe('./-rf')
    expect(shellPath('audit')).toBe('audit')
  })
})
