import { createContext, runInContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalize, parseJson, VALUE_DEPTH_MAX } from './canonical.js'
import { CAPTURE_BYTES_MAX, CONTAINERS_MAX, capture, TOO_LARGE } from './capture.js'
import type { Json } from './types.js'

const foreign = createContext({})
const elsewhere = (code: string): unknown => runInContext(code, foreign)

const text = (value: unknown): string => canonicalize(capture(value))

describe('E leaves JSON as it is', () => {
  it('for any JSON without names in $ and not too deep', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), value => {
        const json = JSON.parse(JSON.stringify(value), (_, v) => (Object.is(v, -0) ? 0 : v)) as Json
        fc.pre(!JSON.stringify(json).includes('"$') && !/\\ud[89a-f]/.test(JSON.stringify(json)))
        expect(text(json)).toBe(canonicalize(json))
      }),
    )
  })

  it('whatever the names, __proto__ among them', () => {
    expect(text(JSON.parse('{"__proto__":{"a":1},"constructor":2,"toJSON":3}'))).toBe(
      '{"__proto__":{"a":1},"constructor":2,"toJSON":3}',
    )
    expect(Object.getPrototypeOf(capture(JSON.parse('{"__proto__":null}')))).toBe(Object.prototype)
  })
})

describe('E of what JSON lacks', () => {
  class Point {
    x = 1
    get y() {
      throw new Error('never run')
    }
    toJSON() {
      throw new Error('never run')
    }
  }
  const cyclic: { self?: unknown; list: unknown[] } = { list: [] }
  cyclic.self = cyclic
  cyclic.list.push(cyclic, cyclic.list)

  it.each<[string, unknown, string]>([
    ['-0', -0, '{"$number":"-0"}'],
    ['NaN', Number.NaN, '{"$number":"NaN"}'],
    ['Infinity', Number.POSITIVE_INFINITY, '{"$number":"Infinity"}'],
    ['-Infinity', Number.NEGATIVE_INFINITY, '{"$number":"-Infinity"}'],
    ['a bigint', -(2n ** 70n), '{"$bigint":"-1180591620717411303424"}'],
    ['undefined', undefined, '{"$undefined":true}'],
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    ['an array hole', [1, , 2], '[1,{"$undefined":true},2]'],
    ['a lone surrogate', 'a\ud800', '{"$utf16":"0061d800"}'],
    ['a name with one', { '\udc00': 1 }, '{"$utf16:dc00":1}'],
    ['a name in $ with one', { '$\udc00': 1 }, '{"$utf16:0024dc00":1}'],
    ['a name in $', { $date: 1 }, '{"$$date":1}'],
    ['a name in $utf16:', { '$utf16:dc00': 1 }, '{"$$utf16:dc00":1}'],
    ['a name in $$', { $$: 1, $: 2 }, '{"$$":2,"$$$":1}'],
    ['an ArrayBuffer', new Uint8Array([1, 2, 3]).buffer, '{"$bytes":"AQID"}'],
    ['a SharedArrayBuffer', new SharedArrayBuffer(1), '{"$bytes":"AA=="}'],
    ['a view of part of a buffer', new Uint8Array([1, 2, 3]).subarray(1), '{"$bytes":"AgM="}'],
    ['a DataView', new DataView(new Uint8Array([1, 2, 3]).buffer, 2), '{"$bytes":"Aw=="}'],
    ['a Buffer', Buffer.from('hi'), '{"$bytes":"aGk="}'],
    ['a Float64Array', new Float64Array(1), '{"$bytes":"AAAAAAAAAAA="}'],
    ['a Date', new Date(86_400_000), '{"$date":86400000}'],
    ['a Date before 1970', new Date(-1), '{"$date":-1}'],
    ['an invalid Date', new Date(Number.NaN), '{"$date":"invalid"}'],
    ['an Error', Object.assign(new RangeError('no'), { code: 7 }), '{"$error":"no"}'],
    ['an Error without message', new Error(), '{"$error":""}'],
    ['an Error whose message is no string', Object.assign(new Error('x'), { message: 7 }), '{"$error":""}'],
    ['an Error whose message is an accessor', withAccessor(new Error('x'), 'message'), '{"$error":""}'],
    ['an Error with a lone surrogate', new Error('\ud800'), '{"$error":{"$utf16":"d800"}}'],
    ['an AggregateError', new AggregateError([new Error('in')], 'out'), '{"$error":"out"}'],
    ['a DOMException', new DOMException('gone', 'AbortError'), '{"$error":""}'],
    ['what only inherits from Error', Object.create(Error.prototype), '{}'],
    ['a Map', new Map<unknown, unknown>([[{ a: 1 }, undefined]]), '{"$map":[[{"a":1},{"$undefined":true}]]}'],
    ['a Set', new Set([1, '1', new Set()]), '{"$set":[1,"1",{"$set":[]}]}'],
    ['a class instance', new Point(), '{"x":1}'],
    ['an accessor', withAccessor({ b: 2 }, 'a'), '{"a":{"$opaque":"accessor"},"b":2}'],
    ['an accessor in an array', withAccessor([0], '0'), '[{"$opaque":"accessor"}]'],
    ['a symbol', Symbol('s'), '{"$opaque":"symbol"}'],
    ['a function', () => 1, '{"$opaque":"function"}'],
    ['a class', Point, '{"$opaque":"function"}'],
    ['symbol names', { [Symbol('s')]: 1 }, '{}'],
    ['what is not enumerable', Object.defineProperty({}, 'a', { value: 1 }), '{}'],
    ['names of an array', Object.assign([1], { a: 1 }), '[1]'],
    ['no prototype', Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    ['a boxed string', new String('ab'), '{"0":"a","1":"b"}'],
    ['a RegExp', /x/, '{}'],
    ['a Promise', Promise.resolve(1), '{}'],
    ['a WeakMap', new WeakMap(), '{}'],
    ['arguments', argumentsOf(1, 2), '{"0":1,"1":2}'],
    ['cycles', cyclic, '{"list":[{"$up":2},{"$up":1}],"self":{"$up":1}}'],
    ['one object twice', [cyclic.list[9], ...twice({ a: 1 })], '[{"$undefined":true},{"a":1},{"a":1}]'],
    ['a revoked Proxy', revoked({}), '{"$opaque":"threw"}'],
    ['a revoked Proxy of an array', revoked([]), '{"$opaque":"threw"}'],
    ['a Proxy of a Map', new Proxy(new Map([[1, 2]]), {}), '{}'],
    ['a Proxy of an object', new Proxy({ a: [1] }, {}), '{"a":[1]}'],
    ['a Proxy of an array', new Proxy([1, 2], {}), '[1,2]'],
    ['a detached buffer', detached(new ArrayBuffer(8)), '{"$opaque":"threw"}'],
    ['a view of one', detachedView(v => new Uint8Array(v)), '{"$opaque":"threw"}'],
    ['a DataView of one', detachedView(v => new DataView(v)), '{"$opaque":"threw"}'],
    ['a view that its buffer no longer reaches', shrunk(), '{"$opaque":"threw"}'],
    ['a Map with another prototype', Object.setPrototypeOf(new Map([[1, 2]]), Array.prototype), '{"$map":[[1,2]]}'],
    ['a Map with a plain prototype', Object.setPrototypeOf(new Map([[1, 2]]), Object.prototype), '{"$map":[[1,2]]}'],
    ['a Date with none', Object.setPrototypeOf(new Date(5), null), '{"$date":5}'],
    ['an Error with none', Object.setPrototypeOf(new Error('e'), null), '{"$error":"e"}'],
    ['a liar by toStringTag', { [Symbol.toStringTag]: 'Map', a: 1 }, '{"a":1}'],
    ['a Date with a toStringTag', Object.assign(new Date(5), { [Symbol.toStringTag]: 'x' }), '{"$date":5}'],
  ])('%s', (_, value, expected) => {
    expect(text(value)).toBe(expected)
  })

  it.each<[string, string]>([
    ['new Date(7)', '{"$date":7}'],
    ['new Map([["a", new Set([1])]])', '{"$map":[["a",{"$set":[1]}]]}'],
    ['new TypeError("t")', '{"$error":"t"}'],
    ['new Uint16Array([1])', '{"$bytes":"AQA="}'],
    ['new ArrayBuffer(1)', '{"$bytes":"AA=="}'],
    ['new SharedArrayBuffer(1)', '{"$bytes":"AA=="}'],
    ['new DataView(new ArrayBuffer(1))', '{"$bytes":"AA=="}'],
    ['({ a: [1, null], b: undefined })', '{"a":[1,null],"b":{"$undefined":true}}'],
    ['[]', '[]'],
    ['({})', '{}'],
  ])('%s of another realm', (code, expected) => {
    expect(text(elsewhere(code))).toBe(expected)
  })

  it('keeps accessors and toJSON of prototypes unrun, and the input as it was', () => {
    const value = Object.freeze({ a: Object.freeze([1, Object.freeze(new Point())]) })
    expect(text(value)).toBe('{"a":[1,{"x":1}]}')
    const shared = { n: 1 }
    const captured = capture({ shared }) as { shared: { n: number } }
    shared.n = 2
    expect(captured.shared.n).toBe(1)
  })
})

describe('hostile Proxies', () => {
  const boom = () => {
    throw new Error('trap')
  }
  it.each<[string, unknown, string]>([
    ['whose names throw', new Proxy({ a: 1 }, { ownKeys: boom }), '{"$opaque":"threw"}'],
    ['whose prototype throws', new Proxy({ a: 1 }, { getPrototypeOf: boom }), '{"$opaque":"threw"}'],
    ['whose has throws', new Proxy({ a: 1 }, { has: boom }), '{"$opaque":"threw"}'],
    ['whose get throws', new Proxy({ a: 1 }, { get: boom }), '{"$opaque":"threw"}'],
    ['whose properties throw', new Proxy({ a: 1 }, { getOwnPropertyDescriptor: boom }), '{"$opaque":"threw"}'],
    ['whose items throw', itemsThrow(), '[{"$opaque":"threw"}]'],
    ['that throw undefined', new Proxy({}, { ownKeys: () => raise(undefined) }), '{"$opaque":"threw"}'],
  ])('%s', (_, proxy, expected) => {
    expect(text(proxy)).toBe(expected)
    expect(text([proxy, 1])).toBe(`[${expected},1]`)
  })

  it('that are containers without end are cut by depth', () => {
    const endless = (): object =>
      new Proxy(
        {},
        {
          ownKeys: () => ['a'],
          getOwnPropertyDescriptor: () => ({ value: endless(), enumerable: true, configurable: true }),
        },
      )
    let at = capture(endless())
    let depth = 0
    for (; (at as { a?: Json }).a !== undefined; depth++) at = (at as { a: Json }).a
    expect([depth, at]).toEqual([64, { $opaque: 'depth' }])
  })

  it.each([2 ** 32, -1, 1.5, Number.NaN, 'x', undefined])('that give the length %s', length => {
    const liar = new Proxy([1], {
      getOwnPropertyDescriptor: (target, name) =>
        name === 'length'
          ? { value: length, writable: true, enumerable: false, configurable: false }
          : Reflect.getOwnPropertyDescriptor(target, name),
    })
    expect(text(liar)).toBe('{"$opaque":"threw"}')
  })
})

describe('bounds', () => {
  const nest = (levels: number, wrap: (inner: unknown) => unknown, inner: unknown = 'in'): unknown => {
    let value = inner
    for (let i = 0; i < levels; i++) value = wrap(value)
    return value
  }

  it('shows 64 containers inside each other and not the 65th', () => {
    expect(text(nest(64, v => [v]))).toBe(`${'['.repeat(64)}"in"${']'.repeat(64)}`)
    expect(text(nest(65, v => [v]))).toBe(`${'['.repeat(64)}{"$opaque":"depth"}${']'.repeat(64)}`)
    expect(text(nest(65, v => ({ v }), new Date(1)))).toContain('{"$opaque":"depth"}')
    // No containers: a Date and an Error are shown inside 64 others.
    expect(text(nest(64, v => [v], new Date(1)))).toContain('{"$date":1}')
  })

  it('nests no deeper than a reader takes', () => {
    const deepest = canonicalize(capture(nest(64, v => new Map([[1, v]]), new Error('\ud800'))))
    const limits = { what: 'value', bytesMax: 1e6, recordValues: false }
    const bytes = new TextEncoder().encode(deepest)
    expect(canonicalize(parseJson(bytes, { ...limits, depthMax: VALUE_DEPTH_MAX }))).toBe(deepest)
    expect(() => parseJson(bytes, { ...limits, depthMax: VALUE_DEPTH_MAX - 1 })).toThrow('nests deeper')
  })

  it('tests $up before depth', () => {
    const inner: unknown[] = []
    inner.push(inner)
    expect(text(nest(63, v => [v], inner))).toBe(`${'['.repeat(64)}{"$up":1}${']'.repeat(64)}`)
  })

  it('gives up on what has no end of JSON, quickly and as a whole', () => {
    const sparse: unknown[] = []
    sparse.length = 2 ** 32 - 1
    let doubling: unknown = 'x'
    for (let i = 0; i < 63; i++) doubling = [doubling, doubling]
    for (const value of [
      sparse,
      { a: [sparse] },
      doubling,
      new Array(2 ** 24),
      1n << 100_000_000n,
      'x'.repeat(2 ** 24),
    ])
      expect(capture({ value })).toBe(TOO_LARGE)
    expect(CAPTURE_BYTES_MAX).toBe(2 ** 24)
  })

  it('never gives up on what fits', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
        value => {
          const full = capture(value)
          const { length } = new TextEncoder().encode(canonicalize(full))
          expect(canonicalize(capture(value, length))).toBe(canonicalize(full))
        },
      ),
    )
  })

  it('takes ten megabytes of string and of bytes', () => {
    const long = 'aé\u0001'.repeat(3_500_000)
    expect(capture(long)).toBe(long)
    expect((capture(new Uint8Array(10_000_000)) as { $bytes: string }).$bytes.length).toBe(13_333_336)
  })

  it('does not throw with hardly any stack left', () => {
    let results = 0
    const dive = (): void => {
      try {
        dive()
      } catch {
        // Every frame on the way back up tries, the first with nothing left.
        if (results++ < 50) JSON.stringify(safely(() => capture({ a: [{ b: new Map([[1, new Error('x')]]) }] })))
      }
    }
    expect(dive).not.toThrow()
  })
})

it('gives JSON for anything and never throws', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withBoxedValues: true,
        withDate: true,
        withMap: true,
        withNullPrototype: true,
        withObjectString: true,
        withSet: true,
        withSparseArray: true,
        withTypedArray: true,
        withUnicodeString: false,
        key: fc.oneof(fc.string(), fc.constantFrom('__proto__', '$', '$date', '\ud800', '$utf16:')),
      }),
      value => {
        const json = capture(value)
        const again = JSON.parse(canonicalize(json)) as Json
        expect(canonicalize(again)).toBe(canonicalize(json))
      },
    ),
    { numRuns: 500 },
  )
})

describe('containers that come again and again', () => {
  const many = () => Array.from({ length: 300 }, () => [])

  it('are looked into once, not as often as the bytes allow', () => {
    let looks = 0
    const counted = <T extends object>(target: T) =>
      new Proxy(target, {
        getOwnPropertyDescriptor: (of, name) => {
          looks++
          return Reflect.getOwnPropertyDescriptor(of, name)
        },
      })
    const top: unknown[] = []
    const dags: readonly [number, (value: unknown) => unknown][] = [
      [60, twice],
      [200, twice],
      [60, value => ({ a: value, b: value })],
      [30, value => new Map([[value, value]])],
      [30, value => [[value], { a: value }, value]],
      [60, value => [value, value, top]],
    ]
    for (const [levels, hold] of dags) {
      looks = 0
      let value: unknown = counted([1])
      for (let i = 0; i < levels; i++) {
        const held = hold(value)
        value = Array.isArray(held) ? counted(held) : held
      }
      top.splice(0, 1, value)
      expect(capture(top)).toEqual(TOO_LARGE)
      expect(looks).toBeLessThan(5000)
    }
  })

  it('look as they would without any memory, rings and depth included', () => {
    const graph = fc.array(fc.array(fc.nat(6), { maxLength: 3 }), { minLength: 7, maxLength: 7 })
    fc.assert(
      fc.property(graph, fc.nat(70), (edges, depth) => {
        const nodes: unknown[][] = edges.map(() => [])
        for (const [from, list] of edges.entries()) for (const to of list) nodes[from]!.push(nodes[to])
        let deep: unknown[] = nodes[1]!
        for (let i = 0; i < depth; i++) deep = [deep]
        const value = [...many(), nodes[0]!, nodes[1]!, [nodes[2]!, nodes[0]!], deep, deep]
        expect(capture(value)).toEqual(listsOf(value))
      }),
      { numRuns: 500 },
    )
  })

  it('count with all their bytes', () => {
    const shared = ['x'.repeat(100)]
    const value = [...many(), ...Array.from({ length: 10 }, () => shared)]
    const { length } = canonicalize(capture(value))
    expect(capture(value, length)).not.toEqual(TOO_LARGE)
    expect(capture(value, 1200)).toEqual(TOO_LARGE)
  })
})

function withAccessor<T extends object>(object: T, name: string): T {
  return Object.defineProperty(object, name, {
    get() {
      throw new Error('never run')
    },
    enumerable: true,
    configurable: true,
  })
}

function argumentsOf(..._: unknown[]): unknown {
  // biome-ignore lint/complexity/noArguments: the object itself is what is tested
  return arguments
}

/** E of nested lists, without any memory of what came before. */
function listsOf(list: readonly unknown[], around: readonly unknown[] = []): Json {
  const at = around.lastIndexOf(list)
  if (at >= 0) return { $up: around.length - at }
  if (around.length >= CONTAINERS_MAX) return { $opaque: 'depth' }
  return list.map(item => listsOf(item as unknown[], [...around, list]))
}

function twice(value: unknown): unknown[] {
  return [value, value]
}

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

function detached(buffer: ArrayBuffer): ArrayBuffer {
  structuredClone(buffer, { transfer: [buffer] })
  return buffer
}

function detachedView(make: (buffer: ArrayBuffer) => unknown): unknown {
  const buffer = new ArrayBuffer(8)
  const view = make(buffer)
  detached(buffer)
  return view
}

function shrunk(): unknown {
  // ES2024, which the compiler's library does not know yet.
  const Resizable = ArrayBuffer as unknown as new (
    length: number,
    options: object,
  ) => ArrayBuffer & { resize(n: number): void }
  const buffer = new Resizable(8, { maxByteLength: 8 })
  const view = new Uint8Array(buffer, 4, 4)
  buffer.resize(2)
  return view
}

function itemsThrow(): unknown {
  return new Proxy([1], {
    getOwnPropertyDescriptor: (target, name) =>
      name === 'length' ? Reflect.getOwnPropertyDescriptor(target, name) : raise(new Error('trap')),
  })
}

function raise(error: unknown): never {
  throw error
}

function safely<T>(run: () => T): T | undefined {
  return run()
}
