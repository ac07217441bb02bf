import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { deedlog, jsonError, removeFolder, temporaryFolder } from '../cli/deedlog.js'

const cwd = temporaryFolder()
afterAll(() => removeFolder(cwd))

describe('deedlog page', () => {
  it('writes the page and says its SHA-256, and how to find it again', () => {
    const ran = deedlog(['page', '-o', 'verifier.html'], { cwd })
    const page = readFileSync(join(cwd, 'verifier.html'))
    const digest = createHash('sha256').update(page).digest('hex')
    expect(ran.status).toBe(0)
    expect(ran.stdout).toContain(digest)
    expect(ran.stdout).toContain('sha256sum')
    // What a file says of itself proves nothing: it had better not try.
    expect(page.toString('utf8')).not.toContain(digest)
  })

  it('says the same to programs', () => {
    const ran = deedlog(['page', '-o', 'again.html', '--json'], { cwd })
    const page = readFileSync(join(cwd, 'again.html'))
    expect(JSON.parse(ran.stdout)).toEqual({
      out: 'again.html',
      sha256: createHash('sha256').update(page).digest('hex'),
      bytes: page.length,
    })
  })

  it('touches no file that is there already', () => {
    const ran = deedlog(['page', '-o', 'verifier.html', '--json'], { cwd })
    expect(ran.status).toBe(2)
    expect(jsonError(ran).code).toBe('page.out')
  })
})
