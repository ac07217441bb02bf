import { describe, expect, it } from 'vitest'
import { renderMade } from './init.js'
import { PLAIN } from './terminal/paint.js'

const LOOK = { paint: PLAIN, columns: 80 }

describe('renderMade', () => {
  it('shows what others need to know, and commands that can be pasted', () => {
    const made = {
      target: 'my audit',
      origin: 'example.com/deeds',
      logId: '3a45',
      trust: 'my audit.trust',
      keys: {
        log: 'example.com/deeds+1+A',
        operator: 'example.com/deeds+2+B',
        agent: { id: 'did:x', vkey: 'did:x+3+C' },
      },
    }
    expect(renderMade(made, LOOK).split('\n')).toEqual([
      'Made the log my audit',
      '  origin        example.com/deeds',
      '  log id        3a45',
      '  log key       example.com/deeds+1+A',
      '  operator key  example.com/deeds+2+B',
      '  agent key     did:x+3+C',
      '  trust file    my audit.trust: give it to auditors another way than the log',
      '  secrets       stay in the private folder: back it up, let no agent read it',
      '',
      'Next',
      "  deedlog exec 'my audit' --tool hello --agent did:x -- echo hello",
      "  deedlog list 'my audit'",
      "  deedlog verify 'my audit' --trust 'my audit.trust'",
      '',
      'Nobody but you holds it to anything yet. It may be seen by',
      '  a witness: it cannot have two histories, nor lose its end',
      `    deedlog witness use 'my audit' --witness "<name> <verifier key> <address>"`,
      '  a time-stamp authority: by when a record existed, as a court may take it',
      "    deedlog anchor add 'my audit' --tsa <address> --name <name>",
      '  a chain: the same without an authority, for the price of a transaction',
      "    deedlog anchor add 'my audit' --chain base --rpc <address> --key-file <file> --name base",
      '',
    ])
    const witnessed = renderMade({ ...made, witnesses: ['witness w1 key address', 'quorum w1'] }, LOOK)
    expect(witnessed).toContain('It may also be seen by')
    expect(witnessed).not.toContain('witness use')
  })
})
