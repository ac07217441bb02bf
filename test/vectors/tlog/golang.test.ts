import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '../../../src/core/bytes/base64.js'
import { concatBytes } from '../../../src/core/bytes/equal.js'
import { fromHex } from '../../../src/core/bytes/hex.js'
import { toUtf8 } from '../../../src/core/bytes/utf8.js'
import * as pure from '../../../src/core/crypto/pure.js'
import { isDeedlogError } from '../../../src/core/errors.js'
import {
  ALGORITHM,
  Frontier,
  formatVerifierKey,
  fullTileRoot,
  hashTile,
  isEd25519Key,
  leafHash,
  meetsQuorum,
  type NodeId,
  nodeInTile,
  parseCheckpoint,
  parseNote,
  parsePolicy,
  parseTilePath,
  parseTlogProof,
  parseVerifierKey,
  planConsistency,
  planInclusion,
  rootPlan,
  signNote,
  tileForNode,
  tilePath,
  tilesBetween,
  verifyConsistency,
  verifyCosignatures,
  verifyEd25519,
  verifyInclusion,
  verifyNote,
  verifyTlogProof,
} from '../../../src/core/tlog/index.js'
import * as native from '../../../src/native/crypto.js'

/* What Go's libraries say (make/main.go), and where we say something else on purpose. */

const read = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'))

describe('trees of golang.org/x/mod/sumdb/tlog', () => {
  const trees: {
    roots: { size: number; root: string }[]
    inclusion: { size: number; index: number; proof: string[] }[]
    consistency: { size1: number; size2: number; proof: string[] }[]
    tiles: { path: string; sha256: string }[]
    paths: { level: number; index: number; width: number; path: string }[]
    newTiles: { from: number; to: number; paths: string[] }[]
    far: {
      roots: { size: number; root: string }[]
      inclusion: { a: number; b: number; hashes: number; sha256: string }[]
      consistency: { a: number; b: number; hashes: number; sha256: string }[]
    }
  } = read('trees')
  const SIZE = 70_000
  const leafOf = (index: number) => leafHash(toUtf8(`entry ${index}`))
  const tiles = buildTiles(SIZE)
  const lookUp = (node: NodeId) => {
    const id = tileForNode(node, SIZE)
    return nodeInTile(node, id, tiles.get(tilePath(id))!)
  }
  const rootAt = new Map(trees.roots.map(({ size, root }) => [size, fromBase64(root)]))

  it('are there', () => {
    expect(trees.roots.length).toBeGreaterThan(40)
    expect(trees.inclusion.length).toBeGreaterThan(350)
    expect(trees.consistency.length).toBeGreaterThan(300)
    expect(trees.tiles.length).toBeGreaterThan(5)
    expect(trees.newTiles.length).toBeGreaterThan(100)
    expect(trees.far.inclusion.length).toBeGreaterThan(200)
  })

  it('have our roots', () => {
    const frontier = Frontier.empty()
    for (const { size, root } of trees.roots) {
      while (frontier.size < size) frontier.append(leafOf(frontier.size))
      expect(toBase64(frontier.root()), `size ${size}`).toBe(root)
      expect(rootPlan(size).fold(rootPlan(size).nodes.map(lookUp)).map(toBase64)).toEqual([root])
    }
  })

  it('have our inclusion proofs', () => {
    for (const { size, index, proof } of trees.inclusion) {
      const plan = planInclusion(index, size)
      expect(plan.fold(plan.nodes.map(lookUp)).map(toBase64), `${index} in ${size}`).toEqual(proof)
      verifyInclusion(index, size, leafOf(index), proof.map(fromBase64), rootAt.get(size)!)
    }
  })

  it('have our consistency proofs', () => {
    for (const { size1, size2, proof } of trees.consistency) {
      const plan = planConsistency(size1, size2)
      expect(plan.fold(plan.nodes.map(lookUp)).map(toBase64), `${size1} and ${size2}`).toEqual(proof)
      verifyConsistency(size1, size2, rootAt.get(size1)!, rootAt.get(size2)!, proof.map(fromBase64))
    }
  })

  it('have our tiles', () => {
    for (const { path, sha256 } of trees.tiles) expect(native.sha256Hex(tiles.get(path)!), path).toBe(sha256)
  })

  it('have our tile paths', () => {
    for (const { path, ...id } of trees.paths) {
      expect(tilePath(id)).toBe(path)
      expect(parseTilePath(path)).toEqual(id)
    }
  })

  it('grow by the tiles that we write', () => {
    for (const { from, to, paths } of trees.newTiles) {
      const ours = tilesBetween(from, to)
      expect(ours.filter(({ level }) => level !== 'entries').map(tilePath), `${from} to ${to}`).toEqual(paths)
      const bundles = ours.filter(({ level }) => level === 'entries')
      expect(bundles.map(({ index, width }) => tilePath({ level: 0, index, width }))).toEqual(
        paths.filter(path => path.startsWith('tile/0/')),
      )
    }
  })

  it('have our plans at sizes that cannot be built', () => {
    const imagined = ({ level, index }: NodeId) => native.sha256(toUtf8(`node ${level} ${index}`))
    const brief = (plan: ReturnType<typeof rootPlan>) => {
      const hashes = plan.fold(plan.nodes.map(imagined))
      return { hashes: hashes.length, sha256: native.sha256Hex(concatBytes(...hashes)) }
    }
    for (const { size, root } of trees.far.roots)
      expect(rootPlan(size).fold(rootPlan(size).nodes.map(imagined)).map(toBase64), `size ${size}`).toEqual([root])
    for (const { a, b, ...expected } of trees.far.inclusion)
      expect(brief(planInclusion(a, b)), `${a} in ${b}`).toEqual(expected)
    for (const { a, b, ...expected } of trees.far.consistency)
      expect(brief(planConsistency(a, b)), `${a} and ${b}`).toEqual(expected)
  })

  /** All hash tiles of the tree at its last size, full and partial, by path, hashed up from the entries. */
  function buildTiles(size: number): Map<string, Uint8Array> {
    const tiles = new Map<string, Uint8Array>()
    let hashes = Array.from({ length: size }, (_, index) => leafOf(index))
    for (let level = 0; hashes.length > 0; level++) {
      const above: Uint8Array[] = []
      for (let index = 0; index * 256 < hashes.length; index++) {
        const inTile = hashes.slice(index * 256, (index + 1) * 256)
        tiles.set(tilePath({ level, index, width: inTile.length }), hashTile(inTile))
        if (inTile.length === 256) above.push(fullTileRoot(inTile))
      }
      hashes = above
    }
    return tiles
  }
})

describe('verdicts of golang.org/x/mod/sumdb/note', () => {
  const notes: {
    verifierKeys: { name: string; text: string; accept: boolean }[]
    notes: { name: string; note: string; keys: string[]; verdict: string; signers: string[] }[]
    checkpoints: { name: string; text: string; accept: boolean }[]
  } = read('notes')

  const accepts = (run: () => unknown): boolean => {
    try {
      run()
      return true
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      return false
    }
  }

  // Each line here is a sentence of spec/tlog.md.
  const OTHERWISE: Record<string, string> = {
    'ID in uppercase': 'one form for each key: lowercase',
    'name with a control character': 'such a name can stand in no note',
    'newline in the base64': "Go's decoder drops newlines",
    'newline at the end': "Go's decoder drops newlines",
    'type 4, a cosigner': 'we know cosigner keys',
    'key of small order': 'anybody can sign',
    'key with y above the prime': 'a second form of another key',
  }

  it.each(notes.verifierKeys.map(c => [c.name, c] as const))('on a verifier key: %s', (name, { text, accept }) => {
    expect(accepts(() => parseVerifierKey(text))).toBe(name in OTHERWISE ? !accept : accept)
  })

  const NOTE_OTHERWISE: Record<string, string> = {
    'known signature repeated, the second bad': 'bad signature', // Go never looks at the second.
    'base64 with unused bits set': 'malformed', // Go's decoder ignores those bits.
  }

  it.each(notes.notes.map(c => [c.name, c] as const))('on a note: %s', (name, { note, keys, verdict, signers }) => {
    const expected = NOTE_OTHERWISE[name] ?? verdict
    const [said, who] = judge(fromBase64(note), keys)
    expect(said).toBe(expected)
    if (said === 'verified') expect(who).toEqual(signers)
  })

  it('writes the bytes that Go signed', () => {
    const seed = new Uint8Array(32).fill(1)
    const { note, keys } = notes.notes.find(({ name }) => name === 'good')!
    const key = parseVerifierKey(keys[0]!)
    expect(formatVerifierKey(key.name, ALGORITHM.ed25519, native.ed25519PublicKey(seed))).toEqual(key)
    const { text } = parseNote(fromBase64(note))
    expect(toBase64(signNote(text, key, message => native.ed25519Sign(message, seed)))).toBe(note)
  })

  function judge(bytes: Uint8Array, keys: string[]): [string, string[]] {
    try {
      return ['verified', verifyNote(parseNote(bytes), keys.map(parseVerifierKey)).map(key => key.name)]
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      const words: Record<string, string> = { 'note.signature': 'bad signature', 'note.unsigned': 'unsigned' }
      return [words[error.code] ?? 'malformed', []]
    }
  }

  const CHECKPOINT_OTHERWISE = new Set([
    'size 9007199254740992', // Above 2^53-1, a double is no longer exact.
    'size 9223372036854775807',
    'root NWAZGAMChESyMgGKwEf9tWHAnCOnpodsheCLXk1I6fN=', // Unused bits are set.
    'empty extension line', // "Extension lines, if any, MUST be non-empty": Go reads three lines only.
    'extension line without newline',
  ])

  it.each(notes.checkpoints.map(c => [c.name, c] as const))('on a checkpoint: %s', (name, { text, accept }) => {
    expect(accepts(() => parseCheckpoint(text))).toBe(CHECKPOINT_OTHERWISE.has(name) ? !accept : accept)
  })
})

describe("verdicts of Go's crypto/ed25519", () => {
  const cases: {
    name: string
    publicKey: string
    message: string
    signature: string
    accept: boolean
    weakKey: boolean
  }[] = read('ed25519')

  it.each(cases.map(c => [c.name, c] as const))('%s', (_, c) => {
    const [signature, message, key] = [fromHex(c.signature), fromHex(c.message), fromHex(c.publicKey)]
    // Both implementations agree with Go on the equation, weak keys included.
    expect(native.ed25519Equation(signature, message, key)).toBe(c.accept)
    expect(pure.ed25519Equation(signature, message, key)).toBe(c.accept)
    expect(isEd25519Key(key)).toBe(!c.weakKey)
    expect(verifyEd25519(signature, message, key)).toBe(c.accept && !c.weakKey)
  })

  it('are many, of every kind', () => {
    expect(cases.length).toBeGreaterThan(200)
    for (const weakKey of [true, false])
      for (const accept of [true, false])
        expect(cases.filter(c => c.weakKey === weakKey && c.accept === accept).length).toBeGreaterThan(10)
  })
})

describe('verdicts of filippo.io/torchwood on witnessed proofs', () => {
  const cases: { name: string; policy: string; index: number; proof: string; accept: boolean }[] = read('proofs')

  // Where we refuse what torchwood takes; spec/tlog.md has the reasons.
  const OTHERWISE: Record<string, string> = {
    'index with a leading zero': 'proof.syntax',
    'index with a sign': 'proof.syntax',
    'unused bits set in a hash': 'proof.syntax',
    'comment after a definition': 'policy.line',
    'last line without newline': 'policy.text',
    'carriage returns in the policy': 'policy.text',
    'threshold with a sign': 'policy.line',
  }

  /** 'accepted', 'no quorum' or the code of the error. */
  function judge(policyText: string, bytes: Uint8Array, leaf: Uint8Array): string {
    try {
      const policy = parsePolicy(policyText)
      const proof = parseTlogProof(bytes)
      verifyTlogProof(
        proof,
        leaf,
        policy.logs.map(({ key }) => key),
      )
      const cosignatures = verifyCosignatures(
        parseNote(proof.checkpoint),
        policy.witnesses.map(({ key }) => key),
      )
      const cosigned = policy.witnesses.filter(({ key }) => cosignatures.some(cosignature => cosignature.key === key))
      return meetsQuorum(policy, new Set(cosigned.map(({ name }) => name))) ? 'accepted' : 'no quorum'
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      return error.code
    }
  }

  it.each(cases.map(c => [c.name, c] as const))('%s', (name, { policy, proof, index, accept }) => {
    const verdict = judge(policy, fromBase64(proof), leafHash(toUtf8(`entry ${index}`)))
    if (name in OTHERWISE) expect([verdict, accept]).toEqual([OTHERWISE[name], true])
    else expect(verdict === 'accepted', verdict).toBe(accept)
  })
})
