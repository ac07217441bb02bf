import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ed25519PublicKey } from '#crypto'
import { meetsQuorum, parsePolicy, policyLines } from './policy.js'
import { ALGORITHM, formatVerifierKey } from './vkey.js'

const malformed = (code: string) => expect.objectContaining({ name: 'MalformedError', code })

const publicKey = (n: number) => ed25519PublicKey(new Uint8Array(32).fill(n))
const log = (n: number) => formatVerifierKey(`example.com/log${n}`, ALGORITHM.ed25519, publicKey(n)).text
const witness = (n: number) => formatVerifierKey(`witness.example/${n}`, ALGORITHM.cosignature, publicKey(n)).text
const large = formatVerifierKey('example.com/large', ALGORITHM.mldsa44, new Uint8Array(1312).fill(5)).text

// The example of the specification, with keys.
const EXAMPLE = `
log ${log(1)}

witness X1 ${witness(1)}
witness X2 ${witness(2)}
witness X3 ${witness(3)}
group X-witnesses 2 X1 X2 X3

witness Y1 ${witness(4)}
witness Y2 ${witness(5)}
witness Y3 ${witness(6)}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`

describe('a policy', () => {
  it('is read as its specification shows', () => {
    const policy = parsePolicy(EXAMPLE)
    expect(policy.logs.map(({ key }) => key.text)).toEqual([log(1)])
    expect(policy.witnesses.map(({ name }) => name)).toEqual(['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'])
    expect(policy.groups).toEqual([
      { name: 'X-witnesses', threshold: 2, members: ['X1', 'X2', 'X3'] },
      { name: 'Y-witnesses', threshold: 1, members: ['Y1', 'Y2', 'Y3'] },
      { name: 'X-and-Y', threshold: 2, members: ['X-witnesses', 'Y-witnesses'] },
    ])
    expect(policy.quorum).toBe('X-and-Y')
  })

  it.each([
    [['X1', 'X2', 'Y1'], true],
    [['X1', 'X3', 'Y3'], true],
    [['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'], true],
    [['X1', 'X2', 'X3'], false],
    [['X1', 'Y1', 'Y2', 'Y3'], false],
    [['X1', 'Y1'], false],
    [[], false],
    // Names of groups, of strangers, and of objects are no witnesses.
    [['X-witnesses', 'Y-witnesses'], false],
    [['X-and-Y', 'none', 'X1'], false],
    [['X1', 'x2', 'Y1', '__proto__', 'constructor'], false],
  ])('is met by %j: %s', (names, met) => {
    expect(meetsQuorum(parsePolicy(EXAMPLE), new Set(names))).toBe(met)
  })

  it('may have no logs, no witnesses, a quorum of one witness, or of none', () => {
    expect(parsePolicy('quorum none\n')).toEqual({ logs: [], witnesses: [], groups: [], quorum: 'none' })
    expect(meetsQuorum(parsePolicy('quorum none\n'), new Set())).toBe(true)
    const one = parsePolicy(`witness w ${witness(1)}\nquorum w\n`)
    expect(meetsQuorum(one, new Set())).toBe(false)
    expect(meetsQuorum(one, new Set(['w']))).toBe(true)
  })

  it('keeps URLs, and takes ML-DSA-44 keys for logs and witnesses', () => {
    const policy = parsePolicy(
      `log ${log(1)} https://log.example/\nlog ${large}\nwitness w ${large} https://w.example/\n\tquorum  \t w \t\n#end\n \t# end\n`,
    )
    expect(policy.logs.map(({ url }) => url)).toEqual(['https://log.example/', undefined])
    expect(policy.witnesses[0]!.url).toBe('https://w.example/')
    expect(policy.logs[1]).not.toHaveProperty('url')
  })

  it('takes opaque names: other alphabets, keywords, marks, names of objects', () => {
    const names = [
      'K',
      '\u212a',
      'all',
      'any',
      '2',
      'log',
      '#w',
      '__proto__',
      'constructor',
      'a\u00a0b',
      '\u0085',
      '\ufeff',
    ]
    const lines = names.map((name, i) => `witness ${name} ${witness(i + 1)}\n`).join('')
    const policy = parsePolicy(`${lines}group toString all ${names.join(' ')}\nquorum toString\n`)
    expect(policy.witnesses.map(({ name }) => name)).toEqual(names)
    expect(meetsQuorum(policy, new Set(names))).toBe(true)
    expect(meetsQuorum(policy, new Set(names.slice(1)))).toBe(false)
  })

  it('may define the same key as a log and as a witness, and names after the quorum', () => {
    expect(parsePolicy(`log ${log(1)}\nquorum none\nwitness w ${witness(1)}\n`).witnesses).toHaveLength(1)
  })

  const w = (n: number) => `witness w${n} ${witness(n)}\n`
  const refused: [string, string][] = [
    ['', 'policy.quorum'],
    ['# nothing\n', 'policy.quorum'],
    [`log ${log(1)}\n`, 'policy.quorum'],
    ['quorum none\nquorum none\n', 'policy.quorum'],
    ['quorum none', 'policy.text'],
    [`${w(1)}quorum w1\r\n`, 'policy.text'],
    ['quorum none\0\n', 'policy.text'],
    ['quorum none\u007f\n', 'policy.text'],
    ['# \u001b[2J\nquorum none\n', 'policy.text'],
    ['quorum\u000bnone\n', 'policy.text'],
    ['# \ud800\nquorum none\n', 'policy.text'],
    ['quorum\u00a0none\n', 'policy.line'],
    ['\ufeffquorum none\n', 'policy.line'],
    ['Quorum none\n', 'policy.line'],
    ['quorum\n', 'policy.line'],
    ['quorum none none\n', 'policy.line'],
    ['quorum none # comment\n', 'policy.line'],
    ['quorum w1\n', 'policy.name'],
    [`quorum w1\n${w(1)}`, 'policy.name'],
    ['include other\nquorum none\n', 'policy.line'],
    ['__proto__ x\nquorum none\n', 'policy.line'],
    ['log\nquorum none\n', 'policy.line'],
    [`log ${log(1)} https://a b\nquorum none\n`, 'policy.line'],
    ['log example.com\nquorum none\n', 'policy.key'],
    [`log ${witness(1)}\nquorum none\n`, 'policy.key'],
    [`log ${log(1).replace('log1', 'log2')}\nquorum none\n`, 'policy.key'],
    [`log ${log(1)}\nlog ${log(1)}\nquorum none\n`, 'policy.key'],
    [`log ${log(1)}\nlog ${formatVerifierKey('another/name', 1, publicKey(1)).text}\nquorum none\n`, 'policy.key'],
    [`witness w ${log(1)}\nquorum w\n`, 'policy.key'],
    [`witness ${witness(1)}\nquorum none\n`, 'policy.line'],
    [`witness w ${witness(1)} u u\nquorum none\n`, 'policy.line'],
    [`${w(1)}witness w2 ${formatVerifierKey('another/name', 4, publicKey(1)).text}\nquorum none\n`, 'policy.key'],
    [`${w(1)}witness w1 ${witness(2)}\nquorum none\n`, 'policy.name'],
    [`witness none ${witness(1)}\nquorum none\n`, 'policy.name'],
    [`${w(1)}group w1 all w1\nquorum none\n`, 'policy.name'],
    [`${w(1)}group none all w1\nquorum none\n`, 'policy.name'],
    [`${w(1)}group g all\nquorum none\n`, 'policy.line'],
    [`${w(1)}group g w1\nquorum none\n`, 'policy.line'],
    [`${w(1)}group g All w1\nquorum none\n`, 'policy.line'],
    [`${w(1)}group g 0 w1\nquorum none\n`, 'policy.line'],
    [`${w(1)}group g 2 w1\nquorum none\n`, 'policy.line'],
    [`${w(1)}group g 01 w1\nquorum none\n`, 'policy.line'],
    [`${w(1)}group g +1 w1\nquorum none\n`, 'policy.line'],
    [`${w(1)}group g 1.0 w1\nquorum none\n`, 'policy.line'],
    [`${w(1)}group g 1e0 w1\nquorum none\n`, 'policy.line'],
    [`${w(1)}group g -1 w1\nquorum none\n`, 'policy.line'],
    [`${w(1)}group g all g\nquorum none\n`, 'policy.name'],
    [`${w(1)}group g all none\nquorum none\n`, 'policy.name'],
    [`${w(1)}group g all w1 w1\nquorum g\n`, 'policy.name'],
    [`${w(1)}group g 1 w1 w2\n${w(2)}quorum g\n`, 'policy.name'],
    [`${w(1)}${w(2)}group g all w1\ngroup h all w1 w2\nquorum h\n`, 'policy.name'],
    [`${w(1)}${w(2)}group g all w1\ngroup h all g w2\ngroup i all g\nquorum i\n`, 'policy.name'],
    ['\n'.repeat(10_001), 'policy.limit'],
    [`#${'x'.repeat(2 ** 20)}\n`, 'policy.limit'],
  ]
  it.each(refused.map(([text, code]) => [JSON.stringify(text).slice(0, 120), code, text]))(
    'is not %s (%s)',
    (_, code, text) => {
      expect(() => parsePolicy(text)).toThrow(malformed(code))
    },
  )

  it('names the line that is wrong', () => {
    expect(() => parsePolicy('# a\n\nquorum nobody\n')).toThrow(/^line 3: "nobody"/)
  })

  it('may define a thousand things, however deep, and no more', () => {
    const chain = (length: number) => Array.from({ length }, (_, i) => `group g${i + 1} all g${i}\n`).join('')
    const deep = (length: number) => `quorum none\nwitness g0 ${witness(1)}\n${chain(length)}`
    expect(parsePolicy(deep(999)).groups).toHaveLength(999)
    expect(() => parsePolicy(deep(1000))).toThrow(malformed('policy.limit'))
    const policy = { ...parsePolicy(deep(999)), quorum: 'g999' }
    expect(meetsQuorum(policy, new Set(['g0']))).toBe(true)
    expect(meetsQuorum(policy, new Set())).toBe(false)
  })
})

describe('the lines of a policy', () => {
  it('are numbered from 1 and split at spaces and tabs only', () => {
    expect(policyLines('a\n\n \t\n#c\n  #c\n\tb  c\td \n')).toEqual([
      { number: 1, fields: ['a'] },
      { number: 6, fields: ['b', 'c', 'd'] },
    ])
    expect(policyLines('')).toEqual([])
    expect(policyLines('a\u00a0b\u2003c\u0085d\n')).toEqual([{ number: 1, fields: ['a\u00a0b\u2003c\u0085d'] }])
  })
})

it('meets a quorum exactly when a literal reading of the groups does', () => {
  const random = fc.tuple(
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 4 })), { maxLength: 8 }),
    fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
    fc.nat(),
  )
  const witnesses = Array.from({ length: 8 }, (_, i) => `w${i}`)
  const head = witnesses.map((name, i) => `witness ${name} ${witness(i + 1)}\n`).join('')
  fc.assert(
    fc.property(random, ([shapes, signed, pick]) => {
      const free = [...witnesses]
      const groups: { name: string; threshold: number; members: string[] }[] = []
      for (const [k, n] of shapes) {
        const members = free.splice(0, n)
        if (members.length === 0) break
        const name = `g${groups.length}`
        groups.push({ name, threshold: (k % members.length) + 1, members })
        free.push(name)
      }
      const names = [...witnesses, ...groups.map(group => group.name)]
      const quorum = names[pick % names.length]!
      const lines = groups.map(({ name, threshold, members }) => `group ${name} ${threshold} ${members.join(' ')}\n`)
      const policy = parsePolicy(`${head}${lines.join('')}quorum ${quorum}\n`)
      const cosigned = new Set(witnesses.filter((_, i) => signed[i]))
      const witnessed = (name: string): boolean => {
        const group = groups.find(group => group.name === name)
        return group ? group.members.filter(witnessed).length >= group.threshold : cosigned.has(name)
      }
      expect(meetsQuorum(policy, cosigned)).toBe(witnessed(quorum))
    }),
    { numRuns: 300 },
  )
})
