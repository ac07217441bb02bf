import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { isDeedlogError, MalformedError } from '../errors.js'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.js'
import { cosignatureMessage, encodeCosignature, verifyCosignatures } from './cosignature.js'
import { verifyCheckpoint } from './log-signature.js'
import { leafHash } from './merkle.js'
import { formatNote, formatSignatureLine, parseNote, parseSignatureLine, signNote, verifyNote } from './note.js'
import { meetsQuorum, parsePolicy } from './policy.js'
import { formatTlogProof, parseTlogProof, verifyTlogProof } from './proof.js'
import { builtTree, entryAt, path, treeHash } from './testkit.js'
import { parseTilePath, tilePath } from './tile.js'
import { ALGORITHM, formatVerifierKey, parseVerifierKey } from './vkey.js'

/*
 * Good texts, spoilt a little. A parser refuses with an error of ours or returns what formats to the very bytes it
 * read; it never throws anything else, and never reads two texts as one value.
 */

const tree = builtTree()
const seed = new Uint8Array(32).fill(1)
const logKey = formatVerifierKey('example.com/log', ALGORITHM.ed25519, ed25519PublicKey(seed))
const witnessKey = formatVerifierKey('witness.example/w', ALGORITHM.cosignature, ed25519PublicKey(seed))
const checkpointText = formatCheckpoint({ origin: logKey.name, size: 300, root: treeHash(tree, 0, 300) })
const signed = parseNote(signNote(checkpointText, logKey, message => ed25519Sign(message, seed)))
const cosigned = formatNote(checkpointText, [
  ...signed.signatures,
  { ...witnessKey, signature: encodeCosignature(7, ed25519Sign(cosignatureMessage(checkpointText, 7), seed)) },
])
const plainNote = signNote('a\n\nb\n', logKey, message => ed25519Sign(message, seed))
const proof = formatTlogProof({
  index: 299,
  proof: path(tree, 299, 0, 300),
  checkpoint: cosigned,
  extra: Uint8Array.of(1, 2),
})
const policy = `# comment\nlog ${logKey.text} https://log.example/\nwitness a ${witnessKey.text}\n\tgroup g 1 a\nquorum g\n`

// What breaks parsers: separators, other spaces and digits, numbers, padding, marks that decoders drop.
const SCRAPS = [
  '\n',
  '\n\n',
  '\r',
  '\t',
  ' ',
  '  ',
  '\0',
  '\u007f',
  '\u0085',
  '\u00a0',
  '\u2003',
  '\u2028',
  '\ufeff',
  '\u2014 ',
  '- ',
  '+',
  '=',
  '==',
  '/',
  '-',
  '_',
  '0',
  '00',
  '9007199254740992',
  '-1',
  '1e3',
  '0x',
  '.',
  'A',
  'AAAA',
  '#',
  'none',
  'all',
  'x001/',
  '.p/',
  '__proto__',
  '٧',
  'é',
  '\u{1f4dc}',
].map(toUtf8)

const edit = fc.oneof(
  fc.record({ at: fc.nat(), cut: fc.nat(3), put: fc.constantFrom(...SCRAPS) }),
  fc.record({ at: fc.nat(), cut: fc.nat(40), put: fc.constant(new Uint8Array(0)) }),
  fc.record({ at: fc.nat(), cut: fc.constant(1), put: fc.uint8Array({ minLength: 1, maxLength: 2 }) }),
  // A piece of the text itself, somewhere else.
  fc.record({ at: fc.nat(), cut: fc.nat(2), from: fc.nat(), length: fc.nat(60) }),
)

const spoiltFrom = (...good: readonly Uint8Array[]) =>
  fc.tuple(fc.constantFrom(...good), fc.array(edit, { minLength: 0, maxLength: 3 })).map(([bytes, edits]) =>
    edits.reduce((bytes, edit) => {
      const at = edit.at % (bytes.length + 1)
      const put = 'put' in edit ? edit.put : bytes.slice(edit.from % (bytes.length + 1)).slice(0, edit.length)
      return Uint8Array.of(...bytes.subarray(0, at), ...put, ...bytes.subarray(at + edit.cut))
    }, bytes),
  )

/** `run`, or undefined where it refuses; anything but an error of ours fails the test. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    expect(error.code).toMatch(/^[a-z0-9]+(\.[a-z]+)*$/)
    return undefined
  }
}

const RUNS = { numRuns: 4000 }

describe('hostile bytes', () => {
  it('as notes: refused, or formatted to the same bytes; good only if nothing that was signed changed', () => {
    fc.assert(
      fc.property(spoiltFrom(cosigned, plainNote), bytes => {
        const note = attempt(() => parseNote(bytes))
        if (!note) return
        expect(formatNote(note.text, note.signatures)).toEqual(bytes)
        for (const signature of note.signatures) expect(formatSignatureLine(signature)).toBe(signature.line)
        const signers = attempt(() => verifyNote(note, [logKey]))
        if (signers) expect([checkpointText, 'a\n\nb\n']).toContain(note.text)
        attempt(() => verifyCosignatures(note, [witnessKey]))
        const checkpoint = attempt(() => verifyCheckpoint(note, [logKey]))
        if (checkpoint) expect(note.text).toBe(checkpointText)
      }),
      RUNS,
    )
  })

  it('as signature lines', () => {
    fc.assert(
      fc.property(spoiltFrom(...signed.signatures.map(({ line }) => toUtf8(line))), bytes => {
        const line = attempt(() => fromUtf8(bytes))
        const signature = line === undefined ? undefined : attempt(() => parseSignatureLine(line))
        if (signature) expect(formatSignatureLine(signature)).toBe(line)
      }),
      RUNS,
    )
  })

  it('as checkpoints', () => {
    fc.assert(
      fc.property(spoiltFrom(toUtf8(checkpointText), toUtf8(`${checkpointText}ext\n`)), bytes => {
        const text = attempt(() => fromUtf8(bytes))
        const checkpoint = text === undefined ? undefined : attempt(() => parseCheckpoint(text))
        if (checkpoint) expect(formatCheckpoint(checkpoint)).toBe(text)
      }),
      RUNS,
    )
  })

  it('as verifier keys', () => {
    fc.assert(
      fc.property(spoiltFrom(toUtf8(logKey.text), toUtf8(witnessKey.text)), bytes => {
        const text = attempt(() => fromUtf8(bytes))
        const key = text === undefined ? undefined : attempt(() => parseVerifierKey(text))
        if (key) {
          expect(key.text).toBe(text)
          expect(formatVerifierKey(key.name, key.algorithm, key.publicKey)).toEqual(key)
        }
      }),
      RUNS,
    )
  })

  it('as proofs: refused, or formatted to the same bytes; good only for the entry that is there', () => {
    fc.assert(
      fc.property(spoiltFrom(proof), bytes => {
        const parsed = attempt(() => parseTlogProof(bytes))
        if (!parsed) return
        expect(formatTlogProof(parsed)).toEqual(bytes)
        const checkpoint = attempt(() => verifyTlogProof(parsed, leafHash(entryAt(299)), [logKey]))
        if (checkpoint) expect(parsed.index).toBe(299)
        expect(attempt(() => verifyTlogProof(parsed, leafHash(entryAt(298)), [logKey]))).toBeUndefined()
      }),
      RUNS,
    )
  })

  it('as policies', () => {
    fc.assert(
      fc.property(spoiltFrom(toUtf8(policy)), bytes => {
        const text = attempt(() => fromUtf8(bytes))
        const parsed = text === undefined ? undefined : attempt(() => parsePolicy(text))
        if (!parsed) return
        meetsQuorum(parsed, new Set(['a']))
        // No edit makes a policy with witnesses pass without any of them, unless it says so.
        if (meetsQuorum(parsed, new Set())) expect(parsed.quorum).toBe('none')
      }),
      RUNS,
    )
  })

  it('as tile paths', () => {
    const paths = ['tile/0/x001/x234/067', 'tile/entries/000.p/1', 'tile/63/999.p/255'].map(toUtf8)
    fc.assert(
      fc.property(spoiltFrom(...paths), bytes => {
        const text = attempt(() => fromUtf8(bytes))
        const id = text === undefined ? undefined : attempt(() => parseTilePath(text))
        if (id) expect(tilePath(id)).toBe(text)
      }),
      RUNS,
    )
  })

  it('of no sort at all', () => {
    const anything = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'binary' }).map(toUtf8))
    fc.assert(
      fc.property(anything, bytes => {
        expect(attempt(() => parseNote(bytes))).toBeUndefined()
        expect(attempt(() => parseTlogProof(bytes))).toBeUndefined()
      }),
    )
    // Lone surrogates reach the parsers of texts, which are given JavaScript strings.
    for (const text of ['\ud800', '\ud800\n', `\ud800\n1\n${'A'.repeat(43)}=\n`, `a+00000000+\ud800`]) {
      attempt(() => parseVerifierKey(text))
      attempt(() => parsePolicy(text))
      attempt(() => parseTilePath(text))
      attempt(() => parseSignatureLine(text))
      expect(attempt(() => parseCheckpoint(text))).toBeUndefined()
    }
  })
})

describe('large hostile input is refused quickly', () => {
  // Each would take minutes if a pattern backtracked or a loop were quadratic.
  const long = 2 ** 20
  it.each([
    ['slashes in a tile path', () => parseTilePath(`tile/0/${'x000/'.repeat(long)}000`)],
    ['digits in a size', () => parseCheckpoint(`o\n${'1'.repeat(long)}\nAAAA\n`)],
    ['base64 in a root', () => parseCheckpoint(`o\n1\n${'A'.repeat(4 * long)}\n`)],
    ['lines in a checkpoint', () => parseCheckpoint('x\n'.repeat(long))],
    ['newlines in a note', () => parseNote(toUtf8('\n'.repeat(long)))],
    ['spaces in a signature line', () => parseNote(toUtf8(`a\n\n— ${' '.repeat(long - 100)}\n`))],
    ['a long name in a note', () => parseNote(toUtf8(`a\n\n— ${'a'.repeat(long - 100)}\n`))],
    ['spaces in a policy', () => parsePolicy(`${' \t'.repeat(long / 2 - 1)}x\n`)],
    ['fields in a policy', () => parsePolicy(`${'a '.repeat(long / 2 - 1)}\n`)],
    ['members of a group', () => parsePolicy(`group g all ${'a '.repeat(long / 4)}\n`)],
    ['plus signs in a verifier key', () => parseVerifierKey('+'.repeat(long))],
    [
      'hashes in a proof',
      () => parseTlogProof(toUtf8(`c2sp.org/tlog-proof@v1\nindex 0\n${`${'A'.repeat(43)}=\n`.repeat(20_000)}\n`)),
    ],
  ])('%s', (_, run) => {
    expect(run).toThrow(MalformedError)
  })
})
