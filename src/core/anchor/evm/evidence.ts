import { fromBase64, toBase64 } from '../../bytes/base64.js'
import { fromHex, toHex } from '../../bytes/hex.js'
import { MalformedError, quote } from '../../errors.js'
import { canonicalBytes, isBin, isInt, type Json, parseJson } from '../../record/index.js'
import { EVIDENCE_BYTES_MAX } from '../file.js'
import type { EvmEvent } from './block.js'
import { NODES_MAX } from './trie.js'

/**
 * What is kept of an anchor in a chain.
 * @see spec/anchors.md, "Chains"
 */
export interface EvmEvidence {
  /** EIP-155. */
  readonly chainId: number
  /** Hash of the transaction, 32 bytes: a pointer, not proven. */
  readonly tx: Uint8Array
  readonly blockNumber: number
  /** 32 bytes. */
  readonly blockHash: Uint8Array
  /** The event, with the address of the registry. */
  readonly event: EvmEvent
  /** Position of the event among those of its transaction. */
  readonly eventIndex: number
  /** What proves the event under the hash of the block; absent when the chain's node did not give it. */
  readonly proof?: EvmProof
  /** What it cost, by the word of the chain's node. */
  readonly gas?: EvmGas
}

export interface EvmProof {
  /** RLP: its hash is the hash of the block. */
  readonly header: Uint8Array
  /** Position of the transaction in the block. */
  readonly position: number
  /** From the root of the receipts to the receipt; 1 to 9. */
  readonly nodes: readonly Uint8Array[]
}

export interface EvmGas {
  /** Units of gas. */
  readonly used: number
  /** What was paid in all, in wei, decimal; with what a rollup takes for the chain below it, where its node says that. */
  readonly wei?: string
}

/** RFC 8785 JSON. @throws {RangeError} when it is longer than an anchor's evidence may be */
export function formatEvmEvidence(evidence: EvmEvidence): Uint8Array {
  const { chainId, tx, blockNumber, blockHash, event, eventIndex, proof, gas } = evidence
  const bytes = canonicalBytes({
    v: 1,
    chain: chainId,
    tx: hex(tx),
    block: { number: blockNumber, hash: hex(blockHash) },
    event: {
      address: hex(event.address),
      data: hex(event.data),
      index: eventIndex,
      topics: event.topics.map(hex),
    },
    ...(proof
      ? { proof: { header: toBase64(proof.header), position: proof.position, nodes: proof.nodes.map(toBase64) } }
      : {}),
    ...(gas ? { gas: { ...gas } } : {}),
  })
  if (bytes.length > EVIDENCE_BYTES_MAX) throw new RangeError(`the evidence has ${bytes.length} bytes`)
  return bytes
}

/**
 * Members that are not known are passed over.
 * @throws {MalformedError} `evm-evidence.*` when it is not strict JSON, `evm.evidence` when a member is not what it must be
 */
export function parseEvmEvidence(bytes: Uint8Array): EvmEvidence {
  const json = parseJson(bytes, {
    what: 'evm-evidence',
    bytesMax: EVIDENCE_BYTES_MAX,
    depthMax: 8,
    recordValues: true,
  })
  const own = membersOf(json, 'it')
  if (own('v') !== 1) throw broken(`v is ${quote(own('v'))}`)
  const block = membersOf(own('block'), 'block')
  const event = membersOf(own('event'), 'event')
  const proof = own('proof')
  const gas = own('gas')
  return {
    chainId: int(own('chain'), 'chain'),
    tx: hexBytes(own('tx'), 32, 'tx'),
    blockNumber: int(block('number'), 'block.number'),
    blockHash: hexBytes(block('hash'), 32, 'block.hash'),
    event: {
      address: hexBytes(event('address'), 20, 'event.address'),
      topics: list(event('topics'), TOPICS_MAX, 'event.topics').map(topic => hexBytes(topic, 32, 'event.topics')),
      data: hexBytes(event('data'), 32, 'event.data'),
    },
    eventIndex: int(event('index'), 'event.index'),
    ...(proof === undefined ? {} : { proof: readProof(proof) }),
    ...(gas === undefined ? {} : { gas: readGas(gas) }),
  }
}

const TOPICS_MAX = 4

function readProof(json: Json): EvmProof {
  const own = membersOf(json, 'proof')
  return {
    header: bin(own('header'), 'proof.header'),
    position: int(own('position'), 'proof.position'),
    nodes: list(own('nodes'), NODES_MAX, 'proof.nodes').map(node => bin(node, 'proof.nodes')),
  }
}

function readGas(json: Json): EvmGas {
  const own = membersOf(json, 'gas')
  const wei = own('wei')
  if (wei !== undefined && (typeof wei !== 'string' || !/^(0|[1-9]\d{0,77})$/.test(wei)))
    throw broken('gas.wei is no decimal number')
  return { used: int(own('used'), 'gas.used'), ...(wei === undefined ? {} : { wei }) }
}

/** `0x` and lowercase hex, as chains write bytes. */
export const hex = (bytes: Uint8Array): string => `0x${toHex(bytes)}`

function membersOf(json: Json | undefined, what: string): (name: string) => Json | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw broken(`${what} is no object`)
  return name => (Object.hasOwn(json, name) ? (json as { readonly [name: string]: Json })[name] : undefined)
}

function int(value: Json | undefined, what: string): number {
  if (!isInt(value)) throw broken(`${what} is ${quote(value)}`)
  return value
}

function hexBytes(value: Json | undefined, length: number, what: string): Uint8Array {
  if (typeof value !== 'string' || value.length !== 2 + 2 * length || !/^0x[0-9a-f]+$/.test(value))
    throw broken(`${what} is not 0x and ${length} bytes in lowercase hex`)
  return fromHex(value.slice(2))
}

function bin(value: Json | undefined, what: string): Uint8Array {
  if (!isBin(value) || value === '') throw broken(`${what} is no base64`)
  return fromBase64(value)
}

function list(value: Json | undefined, most: number, what: string): readonly Json[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > most)
    throw broken(`${what} is no list of 1 to ${most}`)
  return value
}

const broken = (why: string): MalformedError =>
  new MalformedError('evm.evidence', `this is no evidence of a chain: ${why}`, {
    expected: 'chain, tx, block, event, and where there is one, proof',
  })
