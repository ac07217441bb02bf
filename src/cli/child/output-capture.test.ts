import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OutputCapture } from './output-capture.js'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function capture(bytesMax: number, ...chunks: Uint8Array[]) {
  const output = new OutputCapture(bytesMax)
  for (const chunk of chunks) output.add(chunk)
  return output.finish()
}

describe('OutputCapture', () => {
  it('keeps text as text', () => {
    const bytes = Buffer.from('\ufeffhällo\n')
    expect(capture(100, bytes)).toEqual({ text: '\ufeffhällo\n', length: bytes.length, sha256: sha256(bytes) })
  })

  it('keeps what is no text as bytes', () => {
    const bytes = Uint8Array.of(0x68, 0xff)
    expect(capture(100, bytes)).toEqual({ bytes: Buffer.from(bytes), length: 2, sha256: sha256(bytes) })
  })

  it('marks what it cut, counts and hashes all of it, and never cuts through a character', () => {
    const bytes = Buffer.from('ab€cd')
    expect(capture(4, bytes)).toEqual({ text: 'ab', length: 7, sha256: sha256(bytes), truncated: true })
    expect(capture(0, bytes)).toEqual({ text: '', length: 7, sha256: sha256(bytes), truncated: true })
  })

  it('does not take an incomplete character at the end of everything for text', () => {
    expect(capture(100, Uint8Array.of(0x61, 0xe2, 0x82)).bytes).toEqual(Buffer.of(0x61, 0xe2, 0x82))
  })

  it('gives the same whatever the chunks are', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), fc.integer({ min: 0, max: 60 }), (chunks, bytesMax) => {
        expect(capture(bytesMax, ...chunks)).toEqual(capture(bytesMax, Buffer.concat(chunks)))
      }),
    )
  })
})
