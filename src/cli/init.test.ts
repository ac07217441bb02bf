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
    ])
  })
})
