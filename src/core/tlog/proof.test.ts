import { describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { toBase64 } from '../bytes/base64.js'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { formatCheckpoint } from './checkpoint.js'
import { leafHash } from './merkle.js'
import { signNote } from './note.js'
import { EXTRA_BYTES_MAX, formatTlogProof, parseTlogProof, type TlogProof, verifyTlogProof } from './proof.js'
import { builtTree, entryAt, path, treeHash } from './testkit.js'
import { ALGORITHM, formatVerifierKey } from './vkey.js'

const malformed = (code: string) => expect.objectContaining({ name: 'MalformedError', code })
const evidence = (code: string) => expect.objectContaining({ name: 'VerificationError', code })

const tree = builtTree()
const seed = new Uint8Array(32).fill(1)
const key = formatVerifierKey('example.com/log', ALGORITHM.ed25519, ed25519PublicKey(seed))
const checkpointAt = (size: number, origin = key.name) =>
  signNote(formatCheckpoint({ origin, size, root: treeHash(tree, 0, size) }), { ...key, name: key.name }, message =>
    ed25519Sign(message, seed),
  )
const proofOf = (index: number, size: number): TlogProof => ({
  index,
  proof: path(tree, index, 0, size),
  checkpoint: checkpointAt(size),
})

const proof = proofOf(4, 7)
const text = fromUtf8(formatTlogProof(proof))
const hash = toBase64(new Uint8Array(32))

describe('a tlog-proof', () => {
  it('has the lines of its specification', () => {
    expect(text).toBe(
      `c2sp.org/tlog-proof@v1\nindex 4\n${proof.proof.map(hash => `${toBase64(hash)}\n`).join('')}\n${fromUtf8(proof.checkpoint)}`,
    )
    expect(parseTlogProof(toUtf8(text))).toEqual(proof)
  })

  it('of a tree of one entry has no hashes', () => {
    const one = proofOf(0, 1)
    expect(fromUtf8(formatTlogProof(one))).toBe(`c2sp.org/tlog-proof@v1\nindex 0\n\n${fromUtf8(one.checkpoint)}`)
    expect(parseTlogProof(formatTlogProof(one))).toEqual(one)
  })

  it('carries extra data of 1 to 48,000 bytes in a line that a 64 KiB reader takes', () => {
    for (const length of [1, 2, 3, EXTRA_BYTES_MAX]) {
      const extra = new Uint8Array(length).fill(7)
      const bytes = formatTlogProof({ ...proof, extra })
      expect(parseTlogProof(bytes)).toEqual({ ...proof, extra })
      expect(
        Math.max(
          ...fromUtf8(bytes)
            .split('\n')
            .map(line => line.length),
        ),
      ).toBeLessThan(65_536)
    }
    expect(() => formatTlogProof({ ...proof, extra: new Uint8Array(EXTRA_BYTES_MAX + 1) })).toThrow(RangeError)
    expect(() => formatTlogProof({ ...proof, extra: new Uint8Array(0) })).toThrow(RangeError)
  })

  const refused: [string, string][] = [
    ['', 'proof.syntax'],
    ['\n\n', 'proof.syntax'],
    [text.replace('@v1', '@v2'), 'proof.syntax'],
    [text.replace('@v1', '@v1 '), 'proof.syntax'],
    [text.slice(text.indexOf('index')), 'proof.syntax'],
    [`\ufeff${text}`, 'proof.syntax'],
    [`\n${text}`, 'proof.syntax'],
    [text.replaceAll('\n', '\r\n'), 'proof.syntax'],
    [text.replace('index 4\n', ''), 'proof.syntax'],
    [text.replace('index 4', 'index 04'), 'proof.syntax'],
    [text.replace('index 4', 'index +4'), 'proof.syntax'],
    [text.replace('index 4', 'index -4'), 'proof.syntax'],
    [text.replace('index 4', 'index 4e0'), 'proof.syntax'],
    [text.replace('index 4', 'index 4.0'), 'proof.syntax'],
    [text.replace('index 4', 'index  4'), 'proof.syntax'],
    [text.replace('index 4', 'index\t4'), 'proof.syntax'],
    [text.replace('index 4', 'index'), 'proof.syntax'],
    [text.replace('index 4', 'index '), 'proof.syntax'],
    [text.replace('index 4', 'Index 4'), 'proof.syntax'],
    [text.replace('index 4', 'index 9007199254740992'), 'proof.syntax'],
    [text.replace('index 4', 'index 4\nindex 4'), 'proof.syntax'],
    [text.replace('index 4', 'extra \nindex 4'), 'proof.syntax'],
    [text.replace('index 4', 'extra\nindex 4'), 'proof.syntax'],
    [text.replace('index 4', 'extra AB==\nindex 4'), 'proof.syntax'],
    [text.replace('index 4', 'extra AA\nindex 4'), 'proof.syntax'],
    [text.replace('index 4', 'extra AA==\nextra AA==\nindex 4'), 'proof.syntax'],
    [text.replace('index 4', 'index 4\nextra AA=='), 'proof.syntax'],
    [text.replace('index 4', `extra ${toBase64(new Uint8Array(EXTRA_BYTES_MAX + 1))}\nindex 4`), 'proof.syntax'],
    [text.replace('index 4', `extra ${'A'.repeat(70_000)}\nindex 4`), 'proof.syntax'],
    [text.replace('index 4', 'index 4\nAAAA'), 'proof.syntax'],
    [text.replace('index 4', `index 4\n${hash.slice(0, -1)}`), 'proof.syntax'],
    [text.replace('index 4', `index 4\n ${hash}`), 'proof.syntax'],
    [text.replace('index 4', `index 4\n${hash} ${hash}`), 'proof.syntax'],
    [text.replace('index 4', `index 4\n${`${hash}\n`.repeat(54)}`).replace('=\n\n', '=\n'), 'proof.syntax'],
    [text.replace('index 4', 'index 4\n'), 'checkpoint.lines'],
    [text.replace('\n\n', '\n'), 'proof.syntax'],
    [text.replace('\n\n', '\n\n\n'), 'checkpoint.lines'],
    [text.slice(0, text.indexOf('\n\n') + 2), 'note.separator'],
    [text.slice(0, -1), 'note.signatures'],
    [text.replace('\n7\n', '\n07\n'), 'checkpoint.size'],
    ['x'.repeat(2_000_000), 'proof.syntax'],
  ]
  it.each(refused.map(([text, code]) => [JSON.stringify(text).slice(0, 120), code, text]))(
    'is not %s (%s)',
    (_, code, text) => {
      expect(() => parseTlogProof(toUtf8(text))).toThrow(malformed(code))
    },
  )

  it('is written only when it can be read again', () => {
    for (const bad of [
      { index: -1 },
      { index: 2 ** 53 },
      { proof: [new Uint8Array(31)] },
      { proof: Array.from({ length: 54 }, () => new Uint8Array(32)) },
    ])
      expect(() => formatTlogProof({ ...proof, ...bad })).toThrow(RangeError)
    expect(() => formatTlogProof({ ...proof, checkpoint: toUtf8('x') })).toThrow(malformed('note.separator'))
  })

  it('may have 53 hashes', () => {
    const long = { ...proof, proof: Array.from({ length: 53 }, (_, i) => new Uint8Array(32).fill(i)) }
    expect(parseTlogProof(formatTlogProof(long))).toEqual(long)
  })
})

describe('verifying a tlog-proof', () => {
  const leaf = leafHash(entryAt(4))

  it('gives the checkpoint that covers the entry', () => {
    expect(verifyTlogProof(proof, leaf, [key])).toEqual({ origin: key.name, size: 7, root: treeHash(tree, 0, 7) })
    for (let size = 1; size < 20; size++)
      for (let index = 0; index < size; index++) verifyTlogProof(proofOf(index, size), leafHash(entryAt(index)), [key])
  })

  it('refuses another entry, index, proof, checkpoint, or log', () => {
    const refuse = (changed: Partial<TlogProof>, code: string, keys = [key], of = leaf) =>
      expect(() => verifyTlogProof({ ...proof, ...changed }, of, keys)).toThrow(expect.objectContaining({ code }))
    refuse({}, 'inclusion', [key], leafHash(entryAt(5)))
    refuse({ index: 5 }, 'inclusion')
    refuse({ index: 6 }, 'proof.length')
    refuse({ index: 7 }, 'proof.index')
    refuse({ proof: proof.proof.slice(1) }, 'proof.length')
    refuse({ proof: [...proof.proof, proof.proof[0]!] }, 'proof.length')
    refuse({ proof: proof.proof.toReversed() }, 'inclusion')
    refuse({ checkpoint: checkpointAt(8) }, 'inclusion')
    refuse({ checkpoint: checkpointAt(0) }, 'proof.index')
    refuse({ checkpoint: toUtf8(fromUtf8(proof.checkpoint).replace('\n7\n', '\n8\n')) }, 'note.signature')
    refuse({}, 'checkpoint.origin', [])
    refuse({}, 'checkpoint.origin', [formatVerifierKey('example.com/other', 1, key.publicKey)])
    refuse({}, 'note.unsigned', [formatVerifierKey(key.name, 1, ed25519PublicKey(new Uint8Array(32)))])
    refuse({ checkpoint: checkpointAt(7, 'example.com/other') }, 'checkpoint.origin')
    expect(() =>
      verifyTlogProof(proof, leaf, [formatVerifierKey(key.name, ALGORITHM.cosignature, key.publicKey)]),
    ).toThrow(evidence('note.unsigned'))
  })

  it('gives extra data no weight', () => {
    expect(verifyTlogProof({ ...proof, extra: toUtf8('anything') }, leaf, [key]).size).toBe(7)
  })
})
