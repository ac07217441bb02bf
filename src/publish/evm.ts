import { keccak256 } from '#crypto'
import {
  type AnchorMode,
  CHAINS,
  hex,
  isAnchorName,
  REGISTRY_ADDRESS,
  REGISTRY_CODE_HASH,
} from '../core/anchor/index.js'
import { equalBytes } from '../core/bytes/equal.js'
import { quote, VerificationError } from '../core/errors.js'
import type { Anchor, AnchoredCheckpoint, Attempt, Progress } from './anchor.js'
import { anchorings, evidenceOf, examine, type Found } from './evm-found.js'
import { type EvmKey, type EvmSigner, keySigner } from './evm-key.js'
import { type EvmResume, formatResume, parseResume, SIGNED_MAX } from './evm-resume.js'
import { EvmRpc, RpcRefusal, readHexBytes, readSafe } from './evm-rpc.js'
import { plan, replan, type Sending, send } from './evm-send.js'

/** When an anchor counts as being in the chain for good: what the chain calls so, or so many blocks above it. */
export type Finality = 'finalized' | 'safe' | number

/** A registry of anchors in a chain. */
export interface EvmOptions {
  /** A chain that has the registry, `base`, `arbitrum-one` or `ink`; or the id (EIP-155) of another. */
  readonly chain: string | number
  /** A node of that chain, `http:` or `https:`. It may hold a secret, and is never shown whole. */
  readonly rpc: string
  /** Who signs and pays, or where the key lies. */
  readonly signer: EvmSigner | EvmKey
  /** The operator's word for it. Lowercase letters, digits, hyphens. Default: the name of the chain. */
  readonly name?: string
  /** Default `queue`. */
  readonly mode?: AnchorMode
  /** Default `finalized`: on rollups, a quarter to half an hour. */
  readonly finality?: Finality
  /** Address of the registry, 20 bytes. Default: where it lies on all chains that have it. */
  readonly registry?: Uint8Array
  /** Keccak-256 of the code that must be there, 32 bytes. Default: that of the registry. */
  readonly codeHash?: Uint8Array
  /** Most that one anchor may cost in wei. Default 10^15, a thousandth of an ether. */
  readonly maxCostWei?: bigint
  /** After so long a transaction that is not in the chain is sent again at a higher price, in milliseconds. Default 600,000. */
  readonly replaceAfterMs?: number
  readonly timeoutMs?: number
}

/**
 * An anchor that has a registry in a chain emit the digest of a checkpoint: one transaction, however many records it
 * covers. The transaction is signed first and kept, then sent, so that after a crash the same one is sent again; the event
 * counts when the block that has it is final, and is part of the chain still.
 *
 * @throws {TypeError} for options that are none
 * @see spec/anchors.md, "Chains"
 */
export function evm(options: EvmOptions): Anchor {
  const { chainId, chainName } = chainOf(options.chain)
  const { name = chainName, mode = 'queue', timeoutMs, finality = 'finalized' } = options
  if (!isAnchorName(name))
    throw new TypeError(`the anchor's name ${quote(name)} is not lowercase letters, digits, hyphens`)
  if (finality !== 'finalized' && finality !== 'safe' && !(Number.isSafeInteger(finality) && finality >= 1))
    throw new TypeError('finality is "finalized", "safe" or a number of blocks, from 1')
  const registry = options.registry ?? REGISTRY_ADDRESS
  const codeHash = options.codeHash ?? REGISTRY_CODE_HASH
  if (registry.length !== 20 || codeHash.length !== 32)
    throw new TypeError('a registry has an address of 20 bytes and a hash of its code of 32')
  const registryAnchor = new RegistryAnchor({
    url: addressOf(options.rpc),
    chainId,
    registry,
    codeHash,
    finality,
    signer: options.signer,
    maxCostWei: options.maxCostWei ?? MAX_COST_WEI,
    replaceAfterMs: options.replaceAfterMs ?? REPLACE_AFTER_MS,
  })
  return {
    kind: 'evm',
    name,
    mode,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    submit: (checkpoint, attempt) => registryAnchor.submit(checkpoint, attempt),
    poll: (checkpoint, resume, attempt) => registryAnchor.poll(checkpoint, resume, attempt),
  }
}

const MAX_COST_WEI = 10n ** 15n
const REPLACE_AFTER_MS = 600_000
// Blocks of rollups come every second or two; finality comes after a quarter of an hour.
const INCLUDED_AFTER_MS = 5_000
const FINAL_AFTER_MS = 120_000
// A node behind another one may not have what that one has. After so many looks what is missing is taken as missing.
const MISSED_MAX = 3

interface Place {
  readonly url: URL
  readonly chainId: number
  readonly registry: Uint8Array
  readonly codeHash: Uint8Array
  readonly finality: Finality
  readonly signer: EvmSigner | EvmKey
  readonly maxCostWei: bigint
  readonly replaceAfterMs: number
}

class RegistryAnchor {
  readonly #place: Place
  #signer: Promise<EvmSigner> | undefined

  constructor(place: Place) {
    this.#place = place
  }

  /** Signs a transaction. Nothing leaves before it is kept. */
  async submit({ digest }: AnchoredCheckpoint, { signal, nowMs }: Attempt): Promise<Progress> {
    const rpc = new EvmRpc(this.#place.url, signal)
    await this.#checkPlace(rpc)
    return pending(await plan(rpc, await this.#sending(), digest, nowMs), 'signed, not sent yet', 0)
  }

  async poll({ digest }: AnchoredCheckpoint, kept: Uint8Array, { signal, nowMs }: Attempt): Promise<Progress> {
    const rpc = new EvmRpc(this.#place.url, signal)
    const resume = parseResume(kept)
    // Each time: behind one address there may be another node now, of another chain.
    await this.#checkPlace(rpc)
    // Before the receipt is asked for: a block that is read after it can only be nearer to its end.
    const finalBlock = await this.#finalBlock(rpc)
    const hashes = resume.signed.map(({ hash }) => hash).reverse()
    for (const hash of hashes) {
      const found = await this.#find(rpc, hash, digest)
      if (found) return this.#settle(rpc, found, digest, resume, finalBlock)
    }
    return this.#goOn(rpc, digest, resume, nowMs, finalBlock)
  }

  /** The event in a transaction; undefined when it is in no block, or in one that is not part of the chain any more. */
  async #find(rpc: EvmRpc, hash: string, digest: Uint8Array): Promise<Found | undefined> {
    const receipt = await rpc.find('eth_getTransactionReceipt', hash)
    return receipt && (await examine(rpc, receipt, this.#place.registry, digest))
  }

  async #settle(
    rpc: EvmRpc,
    found: Found,
    digest: Uint8Array,
    resume: EvmResume,
    finalBlock: number,
  ): Promise<Progress> {
    if (found.blockNumber > finalBlock) {
      const { finality } = this.#place
      const wanted = typeof finality === 'number' ? `${finality} blocks above it` : `it to be ${finality}`
      return pending({ ...resume, missed: 0 }, `in block ${found.blockNumber}; waits for ${wanted}`, FINAL_AFTER_MS)
    }
    return { state: 'anchored', evidence: await evidenceOf(rpc, this.#place.chainId, found, digest) }
  }

  /** None of what was signed is in the chain: it was not sent yet, or waits, or vanished with a block, or was replaced. */
  async #goOn(
    rpc: EvmRpc,
    digest: Uint8Array,
    resume: EvmResume,
    nowMs: number,
    finalBlock: number,
  ): Promise<Progress> {
    const sending = await this.#sending()
    const used = readSafe(await rpc.call('eth_getTransactionCount', sending.signer.address, 'latest'), 'the nonce')
    if (used > resume.nonce) return this.#replaced(rpc, digest, resume, nowMs, finalBlock)
    const isLate = Math.abs(nowMs - resume.signedMs) >= this.#place.replaceAfterMs
    if (isLate && resume.signed.length < SIGNED_MAX)
      return pending(await replan(rpc, sending, digest, resume, nowMs), 'signed again at a higher price', 0)
    try {
      await send(rpc, resume.signed.at(-1)!)
    } catch (error) {
      // The price has risen since it was signed. What has been kept is sent, so the new one is kept first.
      if (!(error instanceof RpcRefusal) || error.reason !== 'price' || resume.signed.length >= SIGNED_MAX) throw error
      return pending(await replan(rpc, sending, digest, resume, nowMs), 'signed again at a higher price', 0)
    }
    return pending({ ...resume, missed: 0 }, 'sent; in no block yet', INCLUDED_AFTER_MS)
  }

  /** The nonce is used, and none of ours shows: another transaction took it, or this node is behind. */
  async #replaced(
    rpc: EvmRpc,
    digest: Uint8Array,
    resume: EvmResume,
    nowMs: number,
    finalBlock: number,
  ): Promise<Progress> {
    // Whoever anchored it: an event dates the checkpoint, whoever paid.
    for (const hash of await anchorings(rpc, this.#place.registry, digest, resume.fromBlock)) {
      const found = await this.#find(rpc, hash, digest)
      if (found) return this.#settle(rpc, found, digest, resume, finalBlock)
    }
    const missed = resume.missed + 1
    if (missed < MISSED_MAX)
      return pending({ ...resume, missed }, 'its nonce is used, and its event is not to be seen', INCLUDED_AFTER_MS)
    const fresh = await plan(rpc, await this.#sending(), digest, nowMs)
    return pending(fresh, 'another transaction took its nonce; signed anew', 0)
  }

  /**
   * That this is the chain that is meant, and that the registry is there: anything else would take the money and say yes.
   * @throws {VerificationError} `evm.chain`, `evm.code`
   */
  async #checkPlace(rpc: EvmRpc): Promise<void> {
    const { chainId, registry, codeHash } = this.#place
    const found = await rpc.quantity('eth_chainId')
    if (found !== BigInt(chainId))
      throw new VerificationError('evm.chain', `the node is of chain ${found}`, { expected: String(chainId) })
    const code = readHexBytes(await rpc.call('eth_getCode', hex(registry), 'latest'), 'the code of the registry')
    if (code.length === 0)
      throw new VerificationError('evm.code', `there is no contract at ${hex(registry)} on chain ${chainId}`)
    if (!equalBytes(keccak256(code), codeHash))
      throw new VerificationError('evm.code', `the contract at ${hex(registry)} is another one`, {
        expected: `code with hash ${hex(codeHash)}`,
      })
  }

  /** Number of the newest block that counts as final. */
  async #finalBlock(rpc: EvmRpc): Promise<number> {
    const { finality } = this.#place
    if (typeof finality === 'number')
      return readSafe(await rpc.call('eth_blockNumber'), 'the number of the newest block') - finality
    const block = await rpc.find('eth_getBlockByNumber', finality, false)
    // A young chain has none yet.
    return block ? readSafe(block['number'], 'the number of a block') : -1
  }

  async #sending(): Promise<Sending> {
    const { chainId, registry, signer, maxCostWei } = this.#place
    this.#signer ??= 'signTransaction' in signer ? Promise.resolve(signer) : keySigner(signer)
    try {
      return { chainId, registry, maxCostWei, signer: await this.#signer }
    } catch (error) {
      // A key that was not there may be there the next time.
      this.#signer = undefined
      throw error
    }
  }
}

const pending = (resume: EvmResume, detail: string, afterMs: number): Progress => ({
  state: 'pending',
  resume: formatResume(resume),
  detail,
  afterMs,
})

function chainOf(chain: string | number): { readonly chainId: number; readonly chainName: string } {
  if (typeof chain === 'number') {
    if (!Number.isSafeInteger(chain) || chain < 1) throw new TypeError('a chain id is a whole number from 1')
    const known = CHAINS.find(({ chainId }) => chainId === chain)
    return { chainId: chain, chainName: known?.name ?? `chain-${chain}` }
  }
  const known = CHAINS.find(({ name }) => name === chain)
  if (!known)
    throw new TypeError(`${quote(chain)} is none of ${CHAINS.map(({ name }) => name).join(', ')}, nor a chain id`)
  return { chainId: known.chainId, chainName: known.name }
}

function addressOf(url: string): URL {
  let address: URL
  try {
    address = new URL(url)
  } catch {
    // Its text may hold a key.
    throw new TypeError('the address of a node is no URL')
  }
  if (address.protocol !== 'http:' && address.protocol !== 'https:')
    throw new TypeError(`the address of a node is of ${quote(address.protocol)}, not http: or https:`)
  if (address.username !== '' || address.password !== '')
    throw new TypeError('the address of a node holds a user name or password, which fetch does not send')
  return address
}
