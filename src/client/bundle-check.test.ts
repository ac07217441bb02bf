import { expect, test } from 'vitest'
import { TestStream } from '../../test/contract/log-streams.js'
import { toUtf8 } from '../core/bytes/utf8.js'
import { parseRecord } from '../core/record/index.js'
import { encodeBundle, fullTileRoot, hashTile, leafHash } from '../core/tlog/index.js'
import { checkBundle, entriesOf } from './bundle-check.js'

const stream = new TestStream([{ id: 'a'.repeat(64), origin: 'example.com/log' }])
const records = (count: number, last: string[] = []): Uint8Array[] => [
  ...stream.batch(count).map(({ record }) => record),
  ...last.map(toUtf8),
]

test.each([
  ['honest ones', records(3)],
  ['ones that are not understood', records(1, ['{"type":"later","v":2}', '{}', '{"__proto__":{"seq":1}}'])],
  ['names and texts beyond ASCII', records(1, ['{"v":1,"ä":"\u2028😀"}'])],
])('records come out of another thread as this one would have made them: %s', (_, bundle) => {
  const checked = structuredClone(checkBundle(encodeBundle(bundle), bundle.length)!)
  const entries = entriesOf(checked)
  expect(entries.map(({ parsed }) => ({ ...parsed, bytes: [...parsed.bytes] }))).toEqual(
    bundle.map(record => ({ ...parseRecord(record), bytes: [...record] })),
  )
  expect(entries.map(({ leaf }) => [...leaf])).toEqual(bundle.map(record => [...leafHash(record)]))
})

test.each([
  ['no JSON', '{"v":1'],
  ['JSON that is not canonical', '{"v":1, "a":2}'],
  ['no object', '1'],
  ['two records for one', '{"v":1},{"v":1}'],
  ['nothing', ''],
])('a bundle with an entry that is %s is left to the thread that judges', (_, entry) => {
  const bundle = records(1, [entry])
  expect(checkBundle(encodeBundle(bundle), bundle.length)).toBeUndefined()
})

test('a bundle that is not whole is left to the thread that judges', () => {
  const bytes = encodeBundle(records(2))
  expect(checkBundle(bytes, 3)).toBeUndefined()
  expect(checkBundle(bytes.subarray(0, -1), 2)).toBeUndefined()
})

test('gives the root of a full bundle only when its tile holds just these leaves', () => {
  const bundle = records(256)
  const tile = hashTile(bundle.map(leafHash))
  const bytes = encodeBundle(bundle)
  expect(checkBundle(bytes, 256, tile)?.root).toEqual(fullTileRoot(bundle.map(leafHash)))
  const other = tile.slice()
  other[8191]! ^= 1
  expect(checkBundle(bytes, 256, other)?.root).toBeUndefined()
  expect(checkBundle(bytes, 256)?.root).toBeUndefined()
})
