import { ID } from './record-kit.js'
import type { VectorCase, VectorFile } from './record-vectors.js'

/** Canonical JSON, the formats of members, and E. */
export const bytesVectors = (): [string, VectorFile][] => [...json(), ...formats(), ...captures()]

const ok = (name: string, text: string, as: 'record' | 'value' = 'record'): VectorCase => ({
  name,
  as,
  text,
  expect: 'ok',
})
const bad = (name: string, text: string, as: 'record' | 'value' = 'record'): VectorCase => ({
  name,
  as,
  text,
  expect: 'malformed',
})
const badHex = (name: string, hex: string): VectorCase => ({ name, as: 'record', hex, expect: 'malformed' })

function json(): [string, VectorFile][] {
  const file = (about: string, cases: VectorCase[]): VectorFile => ({ about, section: '1', kind: 'json', cases })
  const nest = (levels: number, inner: string): string => '{"a":'.repeat(levels) + inner + '}'.repeat(levels)
  return [
    [
      'json/canonical',
      file('Texts that are their own RFC 8785 form. `as` is what may be in them: a record’s values or E’s.', [
        ok('empty object', '{}'),
        ok('names ascend', '{"":1,"A":2,"a":3,"aa":4}'),
        ok('names that look like indexes ascend as strings', '{"!":0,"1":1,"10":2,"2":3}'),
        ok('UTF-16 order is not code point order', '{"\u{10000}":1,"\uffff":2}'),
        ok('__proto__ is a name like any other', '{"__proto__":{"__proto__":1},"constructor":2}'),
        ok('short escapes', '{"a":"\\b\\t\\n\\f\\r\\"\\\\"}'),
        ok('other controls in lower case', '{"a":"\\u0000\\u001f"}'),
        ok('everything else as it is', '{"a":"/\u007f\u0080\u2028\u2029é\u{1f600}"}'),
        ok('an escaped backslash before ud800', '{"a":"\\\\ud800"}'),
        ok('the largest integers', '{"a":[9007199254740991,-9007199254740991,0]}'),
        ok('eight levels', nest(8, '1')),
        ok('eight levels of arrays in a record', '{"a":[[[[[[[1]]]]]]]}'),
        ok('the longest record', `{"a":"${'x'.repeat(16_384 - 8)}"}`),
        ok('null', 'null', 'value'),
        ok(
          'fractions and exponents as ECMAScript prints them',
          '[0.1,1.5,1e+21,1e-7,5e-324,1.7976931348623157e+308]',
          'value',
        ),
        ok('where exponents begin', '[100000000000000000000,0.000001,123456789012345680000]', 'value'),
        ok('large integers', '[9007199254740992,-9007199254740994]', 'value'),
        ok('a string', '"x"', 'value'),
        ok('194 levels', `${'['.repeat(194)}${']'.repeat(194)}`, 'value'),
      ]),
    ],
    [
      'json/one-value-two-texts',
      file(
        'A second text of a value would be a second leaf hash of a record. Each of these differs from its own canonical form.',
        [
          bad('repeated name', '{"a":1,"a":1}'),
          bad('repeated name, spelled by an escape', '{"a":1,"\\u0061":2}'),
          bad('repeated __proto__', '{"__proto__":1,"__proto__":1}'),
          bad('names descend', '{"b":1,"a":2}'),
          bad('names in code point order', '{"\uffff":1,"\u{10000}":2}'),
          bad('index-like names in numeric order', '{"2":1,"10":2}'),
          bad('index-like names before others', '{"1":1,"!":2}'),
          bad('names descend inside', '{"a":[{"b":1,"a":2}]}'),
          bad('space after a colon', '{"a": 1}'),
          bad('newline at the end', '{}\n'),
          bad('space before', ' {}'),
          bad('byte-order mark', '\ufeff{}'),
          bad('escaped slash', '{"a":"\\/"}'),
          bad('escaped letter', '{"a":"\\u0061"}'),
          bad('escape in upper case', '{"a":"\\u001F"}'),
          bad('long escape of a short one', '{"a":"\\u000a"}'),
          bad('escaped DEL', '{"a":"\\u007f"}'),
          bad('surrogate pair escaped', '{"a":"\\ud83d\\ude00"}'),
          bad('-0', '{"a":-0}'),
          bad('1.0', '{"a":1.0}'),
          bad('1e2', '{"a":1e2}'),
          bad('fraction that is not shortest', '[0.10]', 'value'),
          bad('-0 of E', '[-0]', 'value'),
          bad('exponent without sign', '[1e21]', 'value'),
          bad('exponent in upper case', '[1E+21]', 'value'),
          bad('digits beyond the double', '[0.1000000000000000055511151231257827]', 'value'),
          bad('overflow', '[1e400]', 'value'),
        ],
      ),
    ],
    [
      'json/not-json',
      file('Bytes that are no JSON text at all, most of which some parser takes.', [
        badHex('nothing', ''),
        bad('comma at the end of an object', '{"a":1,}'),
        bad('comma at the end of an array', '{"a":[1,]}'),
        bad('comment', '{}//'),
        bad('single quotes', "{'a':1}"),
        bad('no quotes', '{a:1}'),
        bad('plus', '{"a":+1}'),
        bad('leading zero', '{"a":01}'),
        bad('hexadecimal', '{"a":0x1}'),
        bad('NaN', '{"a":NaN}'),
        bad('Infinity', '[Infinity]', 'value'),
        bad('True', '{"a":True}'),
        bad('two values', '{}{}'),
        bad('unterminated', '{"a":"'),
        bad('control character in a string', '{"a":"\u0001"}'),
        bad('only open brackets', '['.repeat(16_384)),
        badHex('overlong UTF-8', '7b2261223a22c0af227d'),
        badHex('surrogate in UTF-8', '7b2261223a22eda080227d'),
        badHex('UTF-8 cut off', '7b2261223a22f09f98227d'),
        badHex('beyond U+10FFFF', '7b2261223a22f4908080227d'),
        badHex('byte-order mark', 'efbbbf7b7d'),
        badHex('UTF-16', 'fffe7b007d00'),
        badHex('zero bytes', '000000000000'),
      ]),
    ],
    [
      'json/values-no-record-has',
      file('Canonical, and still not for a record.', [
        bad('null', '{"a":null}'),
        bad('fraction', '{"a":1.5}'),
        bad('integer beyond 2^53-1', '{"a":9007199254740992}'),
        bad('integer below -(2^53-1)', '{"a":-9007199254740992}'),
        bad('exponent', '{"a":1e+21}'),
        bad('lone high surrogate', '{"a":"\\ud800"}'),
        bad('lone low surrogate', '{"a":"\\udc00"}'),
        bad('surrogates the wrong way round', '{"a":"\\udc00\\ud800"}'),
        bad('lone surrogate in a name', '{"\\ud800":1}'),
        bad('lone surrogate in a value of E', '["\\ud800"]', 'value'),
        bad('nine levels', nest(9, '1')),
        bad('nine levels, the last empty', nest(8, '{}')),
        bad('nine levels of arrays', '{"a":[[[[[[[[]]]]]]]]}'),
        bad('one byte too long', `{"a":"${'x'.repeat(16_384 - 7)}"}`),
        bad('too long in bytes, not in characters', `{"a":"${'é'.repeat(8_189)}"}`),
        bad('195 levels of a value', `${'['.repeat(195)}${']'.repeat(195)}`, 'value'),
      ]),
    ],
  ]
}

function formats(): [string, VectorFile][] {
  const file = (about: string, format: string, good: string[], wrong: string[]): VectorFile => ({
    about,
    section: '1',
    kind: 'format',
    cases: [
      ...good.map(value => ({ name: short(value), format, value, expect: true })),
      ...wrong.map(value => ({ name: short(value), format, value, expect: false })),
    ],
  })
  const short = (value: string): string => (value.length > 60 ? `${value.slice(0, 40)}... (${value.length})` : value)
  const base64 = (length: number): string => Buffer.alloc(length, 7).toString('base64')
  return [
    [
      'format/time',
      file(
        'A time is one instant that exists, in one spelling.',
        'time',
        [
          '2000-01-01T00:00:00.000Z',
          '2999-12-31T23:59:59.999Z',
          '2024-02-29T12:00:00.000Z',
          '2000-02-29T00:00:00.000Z',
          '2400-02-29T00:00:00.000Z',
        ],
        [
          '1999-12-31T23:59:59.999Z',
          '3000-01-01T00:00:00.000Z',
          '2026-02-29T00:00:00.000Z',
          '2100-02-29T00:00:00.000Z',
          '2026-04-31T00:00:00.000Z',
          '2026-00-01T00:00:00.000Z',
          '2026-13-01T00:00:00.000Z',
          '2026-01-00T00:00:00.000Z',
          '2026-01-32T00:00:00.000Z',
          '2026-01-01T24:00:00.000Z',
          '2026-01-01T00:60:00.000Z',
          '2026-12-31T23:59:60.000Z',
          '2026-01-01T00:00:00Z',
          '2026-01-01T00:00:00.00Z',
          '2026-01-01T00:00:00.0000Z',
          '2026-01-01T00:00:00.000+00:00',
          '2026-01-01t00:00:00.000z',
          '2026-01-01 00:00:00.000Z',
          '+002026-01-01T00:00:00.000Z',
          '2026-01-01T00:00:00.000Z\n',
          '２026-01-01T00:00:00.000Z',
          '',
        ],
      ),
    ],
    [
      'format/id',
      file(
        'A ULID in one spelling: 26 digits of Crockford’s alphabet in upper case, at most 128 bits.',
        'id',
        [`${ID}0`, '00000000000000000000000000', '7ZZZZZZZZZZZZZZZZZZZZZZZZZ'],
        [
          '8ZZZZZZZZZZZZZZZZZZZZZZZZZ',
          `${ID}`,
          `${ID}00`,
          `${ID}I`,
          `${ID}L`,
          `${ID}O`,
          `${ID}U`,
          `${ID}a`,
          `${ID}0\n`,
          '',
        ],
      ),
    ],
    [
      'format/word',
      file(
        'A word can be the key name of a note: printable ASCII without space and plus.',
        'word',
        ['a', '!', '~', 'did:example:shop', '"\\', 'x'.repeat(255)],
        ['', 'a b', 'a+b', 'é', '\u007f', '\t', 'a\n', '\u00a0', 'x'.repeat(256)],
      ),
    ],
    [
      'format/text',
      file(
        'A text is 1 to 255 bytes as it stands between the quotes, and cannot move a terminal’s cursor.',
        'text',
        [
          'a',
          ' ',
          '?',
          'é'.repeat(127),
          '\u{1f600}'.repeat(63),
          '"'.repeat(127),
          `${'\\'.repeat(127)}x`,
          '\u2028',
          '\u202e',
          'x'.repeat(255),
        ],
        [
          '',
          'x'.repeat(256),
          'é'.repeat(128),
          '\u{1f600}'.repeat(64),
          '"'.repeat(128),
          '\u0000',
          'a\n',
          '\u001b[2J',
          '\u007f',
          '\u0085',
          '\u009b2J',
        ],
      ),
    ],
    [
      'format/hash',
      file(
        'A hash is 64 lowercase digits.',
        'hash',
        ['0'.repeat(64), 'f'.repeat(64)],
        ['', 'f'.repeat(63), 'f'.repeat(65), 'F'.repeat(64), `${'0'.repeat(63)}g`, `${'0'.repeat(64)}\n`],
      ),
    ],
    [
      'format/sig',
      file(
        'A signature has 64 bytes and one base64 text. Most decoders take all of the others too.',
        'sig',
        [base64(64)],
        [
          '',
          base64(63),
          base64(65),
          base64(64).replace('==', ''),
          `${base64(64)}\n`,
          ` ${base64(64)}`,
          base64(64).replace(/.==$/, 'x=='),
          `${base64(64).slice(0, -4)}Bx==`,
          base64(64).replace('B', '-'),
          base64(64).replace('B', '_'),
          `${base64(64).slice(0, 40)}\n${base64(64).slice(40)}`,
          `${base64(64).slice(0, 4)}==${base64(64).slice(6)}`,
        ],
      ),
    ],
    [
      'format/key',
      file(
        'A key has 33 bytes, the first of them 0x01.',
        'key',
        [Buffer.concat([Buffer.from([1]), Buffer.alloc(32, 9)]).toString('base64')],
        [
          '',
          Buffer.alloc(32, 1).toString('base64'),
          Buffer.alloc(34, 1).toString('base64'),
          ...[0, 2, 4, 6, 255].map(byte =>
            Buffer.concat([Buffer.from([byte]), Buffer.alloc(32, 9)]).toString('base64'),
          ),
        ],
      ),
    ],
  ]
}

function captures(): [string, VectorFile][] {
  const file = (about: string, pairs: readonly (readonly [js: string, e: string])[]): VectorFile => ({
    about,
    section: '6',
    kind: 'capture',
    cases: pairs.map(([js, e]) => ({ name: js, js, e })),
  })
  return [
    [
      'capture/values',
      file('E of ECMAScript expressions, as the text of C(e).', [
        ['null', 'null'],
        ['[true, "x", 1.5, 1e21]', '[true,"x",1.5,1e+21]'],
        [
          '[-0, NaN, Infinity, -Infinity]',
          '[{"$number":"-0"},{"$number":"NaN"},{"$number":"Infinity"},{"$number":"-Infinity"}]',
        ],
        ['-(2n ** 64n)', '{"$bigint":"-18446744073709551616"}'],
        ['undefined', '{"$undefined":true}'],
        ['[1, , 2]', '[1,{"$undefined":true},2]'],
        ['"a\\ud800"', '{"$utf16":"0061d800"}'],
        ['new Uint8Array([1, 2, 3]).buffer', '{"$bytes":"AQID"}'],
        ['new Uint16Array(new Uint8Array([1, 2, 3, 4]).buffer, 2)', '{"$bytes":"AwQ="}'],
        ['new DataView(new ArrayBuffer(2), 1)', '{"$bytes":"AA=="}'],
        ['new Date(-1)', '{"$date":-1}'],
        ['new Date(NaN)', '{"$date":"invalid"}'],
        ['Object.assign(new TypeError("no"), { code: 7 })', '{"$error":"no"}'],
        ['new Error("\\ud800")', '{"$error":{"$utf16":"d800"}}'],
        ['new Error()', '{"$error":""}'],
        ['new Map([["b", 1], [{ a: 1 }, undefined]])', '{"$map":[["b",1],[{"a":1},{"$undefined":true}]]}'],
        ['new Set([1, "1", new Set()])', '{"$set":[1,"1",{"$set":[]}]}'],
        ['(() => { const o = { l: [] }; o.l.push(o, o.l); return o })()', '{"l":[{"$up":2},{"$up":1}]}'],
        ['(() => { const m = new Map(); m.set("m", m); return [m] })()', '[{"$map":[["m",{"$up":1}]]}]'],
        ['(() => { const o = {}; return [o, o] })()', '[{},{}]'],
        ['[Symbol("s"), () => 1, class {}]', '[{"$opaque":"symbol"},{"$opaque":"function"},{"$opaque":"function"}]'],
        ['({ get a() { throw 1 }, b: 2 })', '{"a":{"$opaque":"accessor"},"b":2}'],
        ['({ toJSON() { throw 1 } })', '{"toJSON":{"$opaque":"function"}}'],
        ['Object.defineProperty({}, "hidden", { value: 1 })', '{}'],
        ['({ [Symbol("s")]: 1 })', '{}'],
        ['Object.assign([1], { named: 2 })', '[1]'],
        ['new (class { x = 1; get y() { throw 1 } })()', '{"x":1}'],
        ['[/x/, new WeakMap(), Promise.resolve(1), new Boolean(true)]', '[{},{},{},{}]'],
      ]),
    ],
    [
      'capture/names-and-tags',
      file('A value cannot pass for a tag, nor a name for another: names in $ get one more.', [
        ['({ $date: 1 })', '{"$$date":1}'],
        ['({ $: 1, $$: 2, $$$: 3 })', '{"$$":1,"$$$":2,"$$$$":3}'],
        ['({ "$utf16:d800": 1 })', '{"$$utf16:d800":1}'],
        ['({ "\\ud800": 1 })', '{"$utf16:d800":1}'],
        ['({ "$\\ud800": 1 })', '{"$utf16:0024d800":1}'],
        ['({ "a$": 1 })', '{"a$":1}'],
        ['JSON.parse(\'{"__proto__":{"a":1}}\')', '{"__proto__":{"a":1}}'],
        ['({ [Symbol.toStringTag]: "Map", a: 1 })', '{"a":1}'],
      ]),
    ],
    [
      'capture/what-throws-or-lies',
      file('Code of the value’s own that throws stops nothing: what could not be looked at is opaque.', [
        ['(() => { const p = Proxy.revocable({}, {}); p.revoke(); return [p.proxy] })()', '[{"$opaque":"threw"}]'],
        ['new Proxy({}, { ownKeys() { throw 1 } })', '{"$opaque":"threw"}'],
        [
          'new Proxy([1], { getOwnPropertyDescriptor(t, n) { if (n === "0") throw 1; return Reflect.getOwnPropertyDescriptor(t, n) } })',
          '[{"$opaque":"threw"}]',
        ],
        [
          'new Proxy([], { getOwnPropertyDescriptor(t, n) { return { value: 2 ** 40, writable: true } } })',
          '{"$opaque":"threw"}',
        ],
        ['new Proxy(new Map([[1, 2]]), {})', '{}'],
        ['new Proxy([1, 2], {})', '[1,2]'],
        [
          '(() => { const b = new ArrayBuffer(8); const v = new Uint8Array(b); structuredClone(b, { transfer: [b] }); return [b, v] })()',
          '[{"$opaque":"threw"},{"$opaque":"threw"}]',
        ],
        ['Object.setPrototypeOf(new Map([[1, 2]]), null)', '{"$map":[[1,2]]}'],
        ['Object.setPrototypeOf(new Date(5), Array.prototype)', '{"$date":5}'],
        ['Object.create(Error.prototype)', '{}'],
      ]),
    ],
    [
      'capture/depth',
      file('A container inside 64 others is opaque; $up is tested first; Dates and errors are no containers.', [
        [
          '(() => { let v = 1; for (let i = 0; i < 64; i++) v = [v]; return v })()',
          `${'['.repeat(64)}1${']'.repeat(64)}`,
        ],
        [
          '(() => { let v = 1; for (let i = 0; i < 65; i++) v = [v]; return v })()',
          `${'['.repeat(64)}{"$opaque":"depth"}${']'.repeat(64)}`,
        ],
        [
          '(() => { let v = new Date(1); for (let i = 0; i < 64; i++) v = [v]; return v })()',
          `${'['.repeat(64)}{"$date":1}${']'.repeat(64)}`,
        ],
        [
          '(() => { let v = []; v.push(v); for (let i = 0; i < 63; i++) v = [v]; return v })()',
          `${'['.repeat(64)}{"$up":1}${']'.repeat(64)}`,
        ],
        [
          '(() => { let v = 1; for (let i = 0; i < 65; i++) v = new Map([[0, v]]); return v })()',
          `${'{"$map":[[0,'.repeat(64)}{"$opaque":"depth"}${']]}'.repeat(64)}`,
        ],
      ]),
    ],
  ]
}
