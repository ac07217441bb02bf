import { MalformedError } from '../../errors.js'

/*
 * DER, X.690 §10, as far as time stamps and their certificates need it: tag numbers below 31, definite lengths in
 * their shortest form, nothing behind the last value. Nothing here recurses: depth is that of the grammar that reads.
 */

/** Identifier octets that are read here. X.690 §8.1.2. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** Of a context-specific tag: primitive, or holding values. */
export const context = (number: number, constructed = true): number => (constructed ? 0xa0 : 0x80) + number

/** One value as it stands in the bytes. */
export interface DerValue {
  readonly tag: number
  /** What is in it, without tag and length; a view. */
  readonly content: Uint8Array
  /** With tag and length; a view. */
  readonly whole: Uint8Array
}

/** Bounds every list that is read: certificates, attributes, extensions, names. */
const VALUES_MAX = 1024
/** Longest DER that is looked at. */
const DER_BYTES_MAX = 131_072

/** Reads the values in some bytes, one after the other. */
export class DerReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    if (bytes.length > DER_BYTES_MAX) throw notDer(`${bytes.length} bytes are too many`)
    this.#bytes = bytes
  }

  /** A reader of what is in the next value, which must have this tag. */
  static inside(value: DerValue): DerReader {
    return new DerReader(value.content)
  }

  get isDone(): boolean {
    return this.#at === this.#bytes.length
  }

  /** The tag of the next value; undefined at the end. */
  get next(): number | undefined {
    return this.#bytes[this.#at]
  }

  /** @throws {MalformedError} `der` unless the next value is there, has this tag and is DER */
  read(tag: number): DerValue {
    const bytes = this.#bytes
    const at = this.#at
    if (bytes[at] !== tag) throw notDer(`tag ${bytes[at] ?? 'none'} where ${tag} belongs`)
    const first = bytes[at + 1]
    if (first === undefined) throw notDer('a length is cut off')
    let start = at + 2
    let length = first
    if (first >= 0x80) {
      // 0x80 is the indefinite length of BER; more than three bytes are longer than anything that is read.
      const count = first - 0x80
      if (count === 0 || count > 3 || start + count > bytes.length) throw notDer('a length is indefinite or cut off')
      length = 0
      for (let i = 0; i < count; i++) length = length * 256 + bytes[start++]!
      if (length < 0x80 || length < 256 ** (count - 1)) throw notDer('a length is not in its shortest form')
    }
    const end = start + length
    if (end > bytes.length) throw notDer('a value is cut off')
    this.#at = end
    return { tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) }
  }

  optional(tag: number): DerValue | undefined {
    return this.next === tag ? this.read(tag) : undefined
  }

  /** The next value, whatever it is. */
  any(): DerValue {
    const { next } = this
    if (next === undefined || (next & 0x1f) === 0x1f) throw notDer('no value, or a tag of several bytes')
    return this.read(next)
  }

  sequence(): DerReader {
    return DerReader.inside(this.read(TAG.sequence))
  }

  /** All values up to the end. */
  rest(): DerValue[] {
    const values: DerValue[] = []
    while (!this.isDone) {
      if (values.length === VALUES_MAX) throw notDer(`more than ${VALUES_MAX} values in one`)
      values.push(this.any())
    }
    return values
  }

  /** @throws {MalformedError} `der` for trailing bytes */
  end(): void {
    if (!this.isDone) throw notDer(`${this.#bytes.length - this.#at} bytes too many`)
  }

  /** An integer's content: two's complement, its shortest form. X.690 §8.3.2. */
  integer(tag: number = TAG.integer): Uint8Array {
    const { content } = this.read(tag)
    const [first, second] = content
    if (first === undefined) throw notDer('an integer of no bytes')
    if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
      throw notDer('an integer is not in its shortest form')
    return content
  }

  /** A small integer from 0. */
  number(tag: number = TAG.integer): number {
    const content = this.integer(tag)
    if (content.length > 6 || content[0]! >= 0x80) throw notDer('an integer is negative or too large')
    return content.reduce((value, byte) => value * 256 + byte, 0)
  }

  boolean(): boolean {
    const { content } = this.read(TAG.boolean)
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
      throw notDer('a boolean is neither 00 nor ff')
    return content[0] === 0xff
  }

  octets(tag: number = TAG.octetString): Uint8Array {
    return this.read(tag).content
  }

  /** The bytes of a bit string that has whole bytes. */
  bits(): Uint8Array {
    const { content } = this.read(TAG.bitString)
    if (content[0] !== 0) throw notDer('a bit string does not have whole bytes')
    return content.subarray(1)
  }

  /** Which bits of a list of named bits are set, the first being 0. X.690 §11.2: no zero bit at the end. */
  namedBits(): ReadonlySet<number> {
    const { content } = this.read(TAG.bitString)
    const unused = content[0] ?? 8
    const last = content[content.length - 1] ?? 0
    const isEmpty = content.length === 1
    if (unused > 7 || content.length > 5 || (isEmpty ? unused !== 0 : last % 2 ** (unused + 1) !== 2 ** unused))
      throw notDer('a list of bits is not in its shortest form')
    const set = new Set<number>()
    for (let bit = 0; bit < (content.length - 1) * 8; bit++)
      if ((content[1 + Math.floor(bit / 8)]! & (0x80 >> (bit % 8))) !== 0) set.add(bit)
    return set
  }

  /** An object identifier in its dotted form. */
  oid(tag: number = TAG.oid): string {
    return decodeOid(this.read(tag).content)
  }
}

/** What reads all of `bytes`: one value of this tag, and nothing behind it. */
export function readAll(bytes: Uint8Array, tag: number = TAG.sequence): DerValue {
  const reader = new DerReader(bytes)
  const value = reader.read(tag)
  reader.end()
  return value
}

const OID_BYTES_MAX = 64

function decodeOid(content: Uint8Array): string {
  if (content.length === 0 || content.length > OID_BYTES_MAX) throw notDer('an object identifier is empty or too long')
  const arcs: bigint[] = []
  let arc = 0n
  let begins = true
  for (const byte of content) {
    if (begins && byte === 0x80) throw notDer('an object identifier is not in its shortest form')
    arc = arc * 128n + BigInt(byte & 0x7f)
    begins = byte < 0x80
    if (!begins) continue
    arcs.push(arc)
    arc = 0n
  }
  if (!begins) throw notDer('an object identifier is cut off')
  const first = arcs.shift()!
  const root = first < 80n ? first / 40n : 2n
  return [root, first - root * 40n, ...arcs].join('.')
}

/** An error for bytes that are not the DER of what was expected. */
export const notDer = (why: string): MalformedError =>
  new MalformedError('der', `the bytes are not in DER: ${why}`, {
    expected: 'definite, shortest lengths; nothing behind',
  })
