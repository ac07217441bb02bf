import { MalformedError } from '../../errors.js'

/*
 * Recursive Length Prefix, the encoding of Ethereum's headers, receipts and tries: byte strings and lists of them.
 * Ethereum Yellow Paper, appendix B.
 */

export type Rlp = Uint8Array | readonly Rlp[]

// A log in the list of a receipt lies four deep, a node inside a node of a trie at most three more.
const DEPTH_MAX = 8

/**
 * Reads one item. Each value has one encoding: the shortest; and nothing may follow it.
 * @throws {MalformedError} `evm.rlp`
 */
export function decodeRlp(bytes: Uint8Array): Rlp {
  const { item, end } = readItem(bytes, 0, bytes.length, 1)
  if (end !== bytes.length) throw broken(`${bytes.length - end} bytes follow the end`)
  return item
}

interface Read {
  readonly item: Rlp
  readonly end: number
}

/** One item from `at`, of bytes that end at `limit`. Every step moves on by a byte: the bytes bound the work. */
function readItem(bytes: Uint8Array, at: number, limit: number, depth: number): Read {
  if (at >= limit) throw broken('it ends early')
  const first = bytes[at]!
  if (first < 0x80) return { item: bytes.subarray(at, at + 1), end: at + 1 }
  const isList = first >= 0xc0
  const { start, end } = extent(bytes, at, limit, first - (isList ? 0xc0 : 0x80))
  if (!isList) {
    if (end - start === 1 && bytes[start]! < 0x80) throw broken('a byte below 0x80 is its own encoding')
    return { item: bytes.subarray(start, end), end }
  }
  if (depth > DEPTH_MAX) throw broken(`lists are nested more than ${DEPTH_MAX} deep`)
  const list: Rlp[] = []
  for (let next = start; next < end; ) {
    const read = readItem(bytes, next, end, depth + 1)
    list.push(read.item)
    next = read.end
  }
  return { item: list, end }
}

/** Where the content of an item lies whose first byte says `code`, 0 to 63, past its kind. */
function extent(bytes: Uint8Array, at: number, limit: number, code: number): { start: number; end: number } {
  let length = code
  let start = at + 1
  if (code > SHORT_MAX) {
    const digits = code - SHORT_MAX
    // Four bytes of length are 4 GiB: more than any input here.
    if (digits > 4 || start + digits > limit) throw broken('a length is longer than what is there')
    if (bytes[start] === 0) throw broken('a length begins with a zero')
    length = 0
    for (let i = 0; i < digits; i++) length = length * 256 + bytes[start + i]!
    if (length <= SHORT_MAX) throw broken('a short length is written as a long one')
    start += digits
  }
  if (length > limit - start) throw broken('an item is longer than what is there')
  return { start, end: start + length }
}

const SHORT_MAX = 55

/** The encoding of an item. */
export function encodeRlp(item: Rlp): Uint8Array {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && item[0]! < 0x80) return item.slice()
    return join([prefix(item.length, 0x80), item])
  }
  const parts = (item as readonly Rlp[]).map(encodeRlp)
  return join([
    prefix(
      parts.reduce((sum, part) => sum + part.length, 0),
      0xc0,
    ),
    ...parts,
  ])
}

function prefix(length: number, kind: number): Uint8Array {
  if (length <= SHORT_MAX) return new Uint8Array([kind + length])
  const digits = rlpInteger(BigInt(length))
  return new Uint8Array([kind + SHORT_MAX + digits.length, ...digits])
}

/** The bytes of an integer from 0: big-endian without leading zeros; 0 has none. */
export function rlpInteger(value: bigint): Uint8Array {
  const digits: number[] = []
  for (let rest = value; rest > 0n; rest >>= 8n) digits.unshift(Number(rest & 0xffn))
  return new Uint8Array(digits)
}

/**
 * A safe integer in its one form.
 * @throws {MalformedError} `evm.rlp`
 */
export function readInteger(item: Rlp | undefined, what: string): number {
  if (!(item instanceof Uint8Array) || item.length > 7 || item[0] === 0) throw broken(`${what} is no number`)
  const value = item.reduce((sum, byte) => sum * 256 + byte, 0)
  if (!Number.isSafeInteger(value)) throw broken(`${what} is larger than 2^53-1`)
  return value
}

/** @throws {MalformedError} `evm.rlp` unless it is `length` bytes */
export function readBytes(item: Rlp | undefined, length: number, what: string): Uint8Array {
  if (!(item instanceof Uint8Array) || item.length !== length) throw broken(`${what} is not ${length} bytes`)
  return item
}

/** @throws {MalformedError} `evm.rlp` unless it is a list */
export function readList(item: Rlp | undefined, what: string): readonly Rlp[] {
  if (item === undefined || item instanceof Uint8Array) throw broken(`${what} is no list`)
  return item
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

const broken = (why: string): MalformedError =>
  new MalformedError('evm.rlp', `these bytes are no RLP of what they should be: ${why}`, {
    expected: 'one item, lengths in their shortest form',
  })
