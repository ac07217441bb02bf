import { sha256, sha256Hex } from '#crypto'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import {
  canonicalize,
  commit,
  discloseInFull,
  discloseInPart,
  type Json,
  type Path,
  splitFields,
} from '../../src/core/record/index.js'
import { hex } from './record-kit.js'
import type { VectorCase, VectorFile } from './record-vectors.js'

/** Commitments, fields, and disclosures with every refusal. */
export const commitmentVectors = (): [string, VectorFile][] => [...commitments(), ...disclosures()]

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i)

const PAYMENT: Json = { payment: { iban: 'DE1', amount: 5, items: [{ a: 1 }, { a: 2 }] }, note: 'x' }
const list = (length: number, item: Json = 1): Json[] => new Array(length).fill(item)

function commitments(): [string, VectorFile][] {
  const of = (name: string, e: Json): VectorCase => {
    const { root, size } = commit(e, KEY)
    return { name, key: hex(KEY), e: canonicalize(e), paths: splitFields(e).paths, root, size }
  }
  const file = (about: string, cases: VectorCase[]): VectorFile => ({ about, section: '6', kind: 'commitment', cases })
  return [
    [
      'commitment/known-answers',
      {
        ...file('The table of section 10.', [
          of('5', 5),
          of('a name that is empty', { '': 5 }),
          of('{}', {}),
          of('two names', { amount: 5, to: 'acme' }),
          of('nested', PAYMENT),
        ]),
        section: '10',
      },
    ],
    [
      'commitment/fields',
      file('Which fields a value has, and in what order.', [
        of('null', null),
        of('an empty array', []),
        of('an array of one', [1]),
        of('an object with an index for a name', { 0: 1 }),
        of('empty containers are not split', { a: {}, b: [], c: [[], {}] }),
        of('a tag is not split', { $date: 1 }),
        of('tags inside', { a: { $map: [[1, 2]] }, b: [{ $undefined: true }] }),
        of('a name that E escaped is no tag', { $$date: { x: 1 } }),
        of('an ill-formed name is no tag', { '$utf16:d800': { x: 1 } }),
        of('names ascend by UTF-16', { '\uffff': 1, '\u{10000}': 2, 10: 3, 9: 4 }),
        of('__proto__', JSON.parse('{"__proto__":{"a":1}}') as Json),
        of('64 fields', list(64)),
        of('65 are not split', list(65)),
        of('64 after the second step', { a: list(32), b: list(32) }),
        of('the second step would make 65', { a: list(32), b: list(33) }),
        of('all at once: one that is too large keeps its neighbours whole', { a: [1], b: list(64) }),
        of('a level above is split though a level below is not', {
          a: { x: { p: list(60), q: 1 }, y: [[1], [2]] },
          b: 5,
        }),
        of('deep', { a: [{ b: [{ c: [1, { d: 2 }] }] }] }),
      ]),
    ],
    [
      'commitment/size',
      file('Sizes are powers of two from 256, so that lengths tell little.', [
        of('true', true),
        of('false', false),
        of('256 bytes', 'x'.repeat(254)),
        of('257 bytes', 'x'.repeat(255)),
        of('bytes, not characters', 'é'.repeat(200)),
        of('1024 bytes', 'x'.repeat(1022)),
        of('1025 bytes', 'x'.repeat(1023)),
      ]),
    ],
  ]
}

interface Part {
  salt: string
  paths: Json[]
  fields: { [name: string]: Json }[]
}

function disclosures(): [string, VectorFile][] {
  const commitment = (e: Json): Json => commit(e, KEY) as unknown as Json
  const full = (
    name: string,
    e: Json,
    expect = 'ok',
    against: Json = commitment(e),
    change?: (d: { [n: string]: Json }) => void,
  ): VectorCase => {
    const disclosure = { ...(discloseInFull(e, KEY) as unknown as { [n: string]: Json }) }
    change?.(disclosure)
    return {
      name,
      disclosure: canonicalize(disclosure),
      commitment: against,
      expect,
      ...(expect === 'ok' ? { value: canonicalize(e) } : {}),
    }
  }
  const part = (name: string, e: Json, shown: Path[], expect = 'ok', change?: (d: Part) => void): VectorCase => {
    const disclosure = JSON.parse(canonicalize(discloseInPart(e, KEY, shown) as unknown as Json)) as Part
    change?.(disclosure)
    const fields = disclosure.fields
    return {
      name,
      disclosure: canonicalize(disclosure as unknown as Json),
      commitment: commitment(e),
      expect,
      ...(expect === 'ok'
        ? {
            shown: disclosure.paths.filter((_, i) => 'salt' in fields[i]!),
            withheld: disclosure.paths.filter((_, i) => 'digest' in fields[i]!),
          }
        : {}),
    }
  }
  /** A disclosure of anything at all with a commitment that it does give: only the reader's refusals stand in the way. */
  const forged = (
    name: string,
    paths: Json[],
    values: Json[],
    expect = 'malformed',
    withheld: number[] = [],
  ): VectorCase => {
    const salt = new Uint8Array(32).fill(8)
    const digest = (value: Json): Uint8Array => sha256(concat(salt, toUtf8(canonicalize(value))))
    const digests = [digest(paths), ...values.map(digest)]
    const root = sha256Hex(concat(toUtf8('deedlog/v1 fields\n'), ...digests))
    const bin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
    const fields = values.map((value, i) =>
      withheld.includes(i) ? { digest: bin(digests[i + 1]!) } : { salt: bin(salt), value },
    )
    return {
      name,
      disclosure: canonicalize({ salt: bin(salt), paths, fields }),
      commitment: { root, scheme: 'f1', size: 256 },
      expect,
      ...(expect === 'ok'
        ? {
            shown: paths.filter((_, i) => !withheld.includes(i)),
            withheld: paths.filter((_, i) => withheld.includes(i)),
          }
        : {}),
    }
  }
  const file = (about: string, cases: VectorCase[]): VectorFile => ({ about, section: '6', kind: 'disclosure', cases })
  const set = (name: string, value: Json) => (d: { [n: string]: Json }) => {
    d[name] = value
  }
  const short = Buffer.alloc(31).toString('base64')
  const field = (i: number, member: string, value: Json) => (d: Part) => {
    d.fields[i]![member] = value
  }
  return [
    [
      'disclosure/in-full',
      file('A disclosure in full proves the value and its size.', [
        full('a number', 5),
        full('an object', PAYMENT),
        full('a value of E', { $number: '-0' }),
        full('null', null),
        full('more than 64 fields', list(65)),
        full('a string of ten thousand', 'x'.repeat(10_000)),
        full('the deepest value', JSON.parse(`${'['.repeat(194)}${']'.repeat(194)}`) as Json),
      ]),
    ],
    [
      'disclosure/in-part',
      file('A disclosure in part proves the fields it shows, and all names.', [
        part('one field', PAYMENT, [['payment', 'iban']]),
        part('a container’s fields', PAYMENT, [['payment', 'items']]),
        part('none', PAYMENT, []),
        part('all', PAYMENT, [[]]),
        part('a tag', { when: { $date: 5 }, who: 'x' }, [['when']]),
        part('what was not split because there was too much, all shown', { a: list(32), b: list(33) }, [[]]),
        part('what was not split, the other withheld', { a: [1, 2], b: list(64) }, [['a']]),
        part('empty containers', { a: {}, b: [] }, [['a']]),
        part('64 fields', list(64), [[63]]),
      ]),
    ],
    [
      'disclosure/of-something-else',
      file('Any change to what is shown gives another root, and a size that is wrong is refused too.', [
        full('another value', 5, 'mismatch', commitment(6)),
        full('another name', { a: 1 }, 'mismatch', commitment({ b: 1 })),
        full('5 for {"":5}', 5, 'mismatch', commitment({ '': 5 })),
        full('an array for an object', [1], 'mismatch', commitment({ 0: 1 })),
        full('"1" for 1', '1', 'mismatch', commitment(1)),
        full('another key', 5, 'mismatch', commitment(5), set('key', Buffer.alloc(32, 9).toString('base64'))),
        full('another size', 5, 'mismatch', { ...(commitment(5) as { [n: string]: Json }), size: 512 }),
        part('another field', PAYMENT, [['note']], 'mismatch', d => {
          d.fields[0]!['value'] = 'y'
        }),
        part(
          'another salt of a field',
          PAYMENT,
          [['note']],
          'mismatch',
          field(0, 'salt', Buffer.alloc(32, 9).toString('base64')),
        ),
        part(
          'another digest',
          PAYMENT,
          [['note']],
          'mismatch',
          field(1, 'digest', Buffer.alloc(32, 9).toString('base64')),
        ),
        part('another salt of the paths', PAYMENT, [['note']], 'mismatch', d => {
          d.salt = Buffer.alloc(32, 9).toString('base64')
        }),
        part('two values swapped', { a: 1, b: 2 }, [[]], 'mismatch', d => void d.fields.reverse()),
        part('a name changed', { a: 1, b: 2 }, [[]], 'mismatch', d => {
          d.paths[1] = ['c']
        }),
      ]),
    ],
    [
      'disclosure/salt-of-another-length',
      file(
        'Salt and value are hashed one after the other: a salt that is longer or shorter moves bytes between them.',
        [
          full('a key of 31 bytes', 5, 'malformed', commitment(5), set('key', short)),
          full('a key that is no base64', 5, 'malformed', commitment(5), set('key', 'x'.repeat(44))),
          full(
            'a key with unused bits',
            5,
            'malformed',
            commitment(5),
            set('key', `${Buffer.from(KEY).toString('base64').slice(0, -2)}9=`),
          ),
          part('a salt of 31 bytes', PAYMENT, [['note']], 'malformed', field(0, 'salt', short)),
          part(
            'a salt of 33 bytes',
            PAYMENT,
            [['note']],
            'malformed',
            field(0, 'salt', Buffer.alloc(33).toString('base64')),
          ),
          part('a salt of the paths of 31 bytes', PAYMENT, [['note']], 'malformed', d => {
            d.salt = short
          }),
          part('a digest of 31 bytes', PAYMENT, [['note']], 'malformed', field(1, 'digest', short)),
          part('a digest that is a number', PAYMENT, [['note']], 'malformed', field(1, 'digest', 5)),
        ],
      ),
    ],
    [
      'disclosure/other-members',
      file('A member more or less is refused: nothing in a disclosure is ignored.', [
        full('a third member', 5, 'malformed', commitment(5), set('note', 'x')),
        full('no value', 5, 'malformed', commitment(5), d => void delete d['value']),
        full('no key', 5, 'malformed', commitment(5), d => void delete d['key']),
        full(
          'both forms',
          5,
          'malformed',
          commitment(5),
          d => void Object.assign(d, { salt: d['key'], paths: [['a']], fields: [] }),
        ),
        part(
          'a field with both forms',
          PAYMENT,
          [['note']],
          'malformed',
          field(0, 'digest', Buffer.alloc(32).toString('base64')),
        ),
        part('a field with neither', PAYMENT, [['note']], 'malformed', d => {
          d.fields[1] = {}
        }),
        part('a field with salt alone', PAYMENT, [['note']], 'malformed', d => void delete d.fields[0]!['value']),
        part('a field with one more member', PAYMENT, [['note']], 'malformed', field(0, 'name', 'note')),
        part('a field too few', PAYMENT, [['note']], 'malformed', d => void d.fields.pop()),
        part('a field too many', PAYMENT, [['note']], 'malformed', d => void d.fields.push(d.fields[1]!)),
        part('fields that are no list', PAYMENT, [['note']], 'malformed', d => void Object.assign(d, { fields: 5 })),
        { name: 'an array', disclosure: '[]', commitment: commitment(5), expect: 'malformed' },
        {
          name: 'not canonical',
          disclosure: `{"value":5,"key":"${Buffer.from(KEY).toString('base64')}"}`,
          commitment: commitment(5),
          expect: 'malformed',
        },
        {
          name: 'a value 195 levels deep',
          disclosure: `{"key":"${Buffer.from(KEY).toString('base64')}","value":${'['.repeat(195)}${']'.repeat(195)}}`,
          commitment: commitment(5),
          expect: 'malformed',
        },
      ]),
    ],
    [
      'disclosure/one-name-two-values',
      file('The committer chose a list of paths that no value has; every digest is right.', [
        forged('a path twice', [['a'], ['a']], [1, 2]),
        forged('a path and a path below it', [['a'], ['a', 'b']], [1, 2]),
        forged('a path below another, first', [['a', 'b'], ['a']], [1, 2]),
        forged('descending names', [['b'], ['a']], [1, 2]),
        forged('descending indexes', [[1], [0]], [1, 2]),
        forged('an index left out', [[0], [2]], [1, 2]),
        forged('no index 0', [[1]], [1]),
        forged(
          'indexes sorted as strings',
          [...Array(11).keys()].map(i => [i]).sort((a, b) => (`${a}` < `${b}` ? -1 : 1)),
          list(11),
        ),
        forged('an index and a name in one place', [[0], ['a']], [1, 2]),
        forged(
          'an index and a name in one place below',
          [
            ['x', 0],
            ['x', 'a'],
          ],
          [1, 2],
        ),
        forged('no path', [], []),
        forged(
          '65 paths',
          [...Array(65).keys()].map(i => [i]),
          list(65),
        ),
        forged('a negative index', [[-1]], [1]),
        forged('an index with a fraction', [[0.5]], [1]),
        forged('a path that is a string', ['a'], [1]),
        forged('a path with null', [[null]], [1]),
        forged('a path with a list', [[['a']]], [1]),
        forged('a whole value in part', [[]], [5]),
        forged('a tag’s name', [['$date']], [5]),
        forged('a tag’s name below', [['a', '$map']], [5]),
        forged('a dollar alone', [['$']], [5]),
        forged('containers interleaved', [['a', 'x'], ['b'], ['a', 'y']], [1, 2, 3]),
        forged('paths that are right', [['a'], ['b', 0], ['b', 1]], [1, 2, 3], 'ok'),
        forged('escaped names are right', [['$$date'], ['$utf16:d800']], [1, 2], 'ok'),
      ]),
    ],
    [
      'disclosure/not-split',
      file('The committer stopped splitting where the rule goes on; every digest is right.', [
        forged('a value at a lesser length', [['a'], ['b', 'c']], [[1], 2]),
        forged('a value at the greatest length', [['a'], ['b']], [[1], 2]),
        forged('two of them, 64 fields in all', [['a'], ['b']], [list(32), list(32)]),
        forged('two of them, 65 fields in all', [['a'], ['b']], [list(32), list(33)], 'ok'),
        forged('one, and another of that length is withheld', [['a'], ['b']], [[1], 2], 'ok', [1]),
        forged('one, and only a lesser length is withheld', [['a'], ['b', 'c']], [1, [2]], 'malformed', [0]),
        forged('a tag is no container', [['a'], ['b']], [{ $map: [] }, 2], 'ok'),
        forged('an escaped name is one', [['a'], ['b']], [{ $$map: 1 }, 2]),
        forged('empty containers are not split', [['a'], ['b']], [{}, []], 'ok'),
      ]),
    ],
  ]
}

const concat = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))
