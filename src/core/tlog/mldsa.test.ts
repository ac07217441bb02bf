import { describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign, mldsa44PublicKey, mldsa44Sign } from '#crypto'
import { toHex } from '../bytes/hex.js'
import { formatCheckpoint } from './checkpoint.js'
import { encodeCosignature, treeMessage, verifyCosignatures } from './cosignature.js'
import { verifyCheckpoint } from './log-signature.js'
import { formatNote, parseNote } from './note.js'
import { ALGORITHM, formatVerifierKey, parseVerifierKey, type VerifierKey } from './vkey.js'

const seed = new Uint8Array(32).fill(5)
const witness = formatVerifierKey('witness.example/w1', ALGORITHM.mldsa44, mldsa44PublicKey(seed))
const checkpoint = { origin: 'example.com/deeds', size: 2 ** 40 + 3, root: new Uint8Array(32).fill(9) }
const text = formatCheckpoint(checkpoint)
const SECONDS = 1_764_064_800

const line = (key: VerifierKey, seconds: number, about = checkpoint, name = key.name) => ({
  name: key.name,
  keyId: key.keyId,
  signature: encodeCosignature(seconds, mldsa44Sign(treeMessage(name, seconds, about), seed)),
})
const noteOf = (...lines: Parameters<typeof formatNote>[1]) => parseNote(formatNote(text, lines))

describe('an ML-DSA-44 cosignature', () => {
  it('signs the message that the specification lays out, byte for byte', () => {
    const message = treeMessage('w', 258, { origin: 'ab', size: 3, root: new Uint8Array(32).fill(0xcc) })
    expect(toHex(message)).toBe(
      // "subtree/v1" LF NUL, name, timestamp, origin, start, end, hash
      `737562747265652f76310a00${'0177'}${'0000000000000102'}${'026162'}${'0000000000000000'}${'0000000000000003'}${'cc'.repeat(32)}`,
    )
  })

  it('verifies, and says when', () => {
    expect(verifyCosignatures(noteOf(line(witness, SECONDS)), [witness])).toEqual([{ key: witness, seconds: SECONDS }])
  })

  it('is of one tree, one time and one cosigner', () => {
    const others = [
      line(witness, SECONDS, { ...checkpoint, size: checkpoint.size + 1 }),
      line(witness, SECONDS, { ...checkpoint, origin: 'example.org/deeds' }),
      line(witness, SECONDS, checkpoint, 'witness.example/w2'),
      { ...line(witness, SECONDS), signature: line(witness, SECONDS + 1).signature.with(7, SECONDS % 256) },
    ]
    for (const other of others)
      expect(() => verifyCosignatures(noteOf(other), [witness])).toThrow(
        expect.objectContaining({ code: 'cosignature' }),
      )
  })

  it('is refused with any bit of it changed, and with any other length', () => {
    const good = line(witness, SECONDS)
    for (let at = 0; at < good.signature.length; at += 97)
      expect(() =>
        verifyCosignatures(noteOf({ ...good, signature: good.signature.with(at, good.signature[at]! ^ 1) }), [witness]),
      ).toThrow(expect.objectContaining({ code: expect.stringMatching(/^cosignature/) }))
    for (const signature of [good.signature.slice(1), good.signature.slice(0, 72)])
      expect(() => verifyCosignatures(noteOf({ ...good, signature }), [witness])).toThrow(
        expect.objectContaining({ code: 'cosignature.length' }),
      )
  })

  it('bounds no time when it names none', () => {
    expect(verifyCosignatures(noteOf(line(witness, 0)), [witness])).toEqual([])
  })
})

describe('a log that also signs with ML-DSA-44', () => {
  const pinned = formatVerifierKey(checkpoint.origin, ALGORITHM.mldsa44, mldsa44PublicKey(seed))
  const classic = formatVerifierKey(checkpoint.origin, ALGORITHM.ed25519, ed25519PublicKey(seed))
  const classicLine = {
    name: classic.name,
    keyId: classic.keyId,
    signature: ed25519Sign(new TextEncoder().encode(text), seed),
  }

  it('satisfies an auditor who pins that key alone, with or without a time', () => {
    for (const seconds of [SECONDS, 0])
      expect(verifyCheckpoint(noteOf(classicLine, line(pinned, seconds)), [pinned]).size).toBe(checkpoint.size)
    expect(parseVerifierKey(pinned.text)).toEqual(pinned)
  })

  it('satisfies nobody with one signature while the other of a pinned key is bad', () => {
    const bad = { ...classicLine, signature: classicLine.signature.with(3, classicLine.signature[3]! ^ 1) }
    expect(() => verifyCheckpoint(noteOf(bad, line(pinned, SECONDS)), [pinned, classic])).toThrow(
      expect.objectContaining({ code: 'note.signature' }),
    )
    const badLine = line(pinned, SECONDS, { ...checkpoint, size: 5 })
    expect(() => verifyCheckpoint(noteOf(classicLine, badLine), [pinned, classic])).toThrow(
      expect.objectContaining({ code: 'cosignature' }),
    )
  })

  it('does not satisfy an auditor who pins a key that has not signed', () => {
    expect(() => verifyCheckpoint(noteOf(classicLine), [pinned])).toThrow(
      expect.objectContaining({ code: 'note.unsigned' }),
    )
    expect(() => verifyCheckpoint(noteOf(line(pinned, SECONDS)), [classic])).toThrow(
      expect.objectContaining({ code: 'note.unsigned' }),
    )
  })
})
