import { keccak256 } from '#crypto'
import { ANCHOR_SELECTOR, hex, join } from '../core/anchor/index.js'
import { fromHex } from '../core/bytes/hex.js'
import { isDeedlogError, UnavailableError } from '../core/errors.js'
import type { EvmSigner } from './evm-key.js'
import { type EvmResume, SIGNED_MAX, type Signed } from './evm-resume.js'
import { type EvmRpc, RpcRefusal, readObject, readQuantity, readSafe } from './evm-rpc.js'

/** For whom, and at most at what price, transactions are made. */
export interface Sending {
  readonly chainId: number
  /** 20 bytes. */
  readonly registry: Uint8Array
  readonly signer: EvmSigner
  /** Most that one anchor may cost, in wei, what a rollup takes for the chain below it left out. */
  readonly maxCostWei: bigint
}

// The event takes some 24,000; what is not used is not paid. Arbitrum counts the cost of the chain below in gas as well.
const GAS_MIN = 30_000n
const GAS_MAX = 5_000_000n

/** Makes and signs the transaction, with the next nonce of the account. Nothing is sent. */
export async function plan(rpc: EvmRpc, sending: Sending, digest: Uint8Array, nowMs: number): Promise<EvmResume> {
  const { signer } = sending
  const nonce = readSafe(await rpc.call('eth_getTransactionCount', signer.address, 'pending'), 'the nonce')
  const { maxFee, tip, head } = await prices(rpc)
  const signed = await sign(rpc, sending, digest, { nonce, maxFee, tip })
  return { nonce, signed: [signed], maxFee, tip, signedMs: nowMs, fromBlock: head, missed: 0 }
}

/** The same at the price of now, and at least an eighth more: nodes take less for no replacement. */
export async function replan(
  rpc: EvmRpc,
  sending: Sending,
  digest: Uint8Array,
  resume: EvmResume,
  nowMs: number,
): Promise<EvmResume> {
  const now = await prices(rpc)
  const maxFee = larger(now.maxFee, raised(resume.maxFee))
  const tip = larger(now.tip, raised(resume.tip))
  const signed = await sign(rpc, sending, digest, { nonce: resume.nonce, maxFee, tip })
  return { ...resume, signed: [...resume.signed, signed].slice(-SIGNED_MAX), maxFee, tip, signedMs: nowMs }
}

const raised = (wei: bigint): bigint => (wei * 9n) / 8n + 1n
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)

/**
 * Sends what was signed; the same bytes as often as wanted. That a node knows it already, or that its nonce is used, is no failure:
 * whether it came into the chain, the chain says.
 */
export async function send(rpc: EvmRpc, { raw }: Signed): Promise<void> {
  try {
    await rpc.call('eth_sendRawTransaction', raw)
  } catch (error) {
    if (error instanceof RpcRefusal && (error.reason === 'known' || error.reason === 'nonce')) return
    throw error
  }
}

interface Prices {
  readonly maxFee: bigint
  readonly tip: bigint
  /** Number of the newest block. */
  readonly head: number
}

async function prices(rpc: EvmRpc): Promise<Prices> {
  const block = readObject(await rpc.call('eth_getBlockByNumber', 'latest', false), 'the newest block')
  const base = readQuantity(block['baseFeePerGas'], 'the base fee')
  const tip = await rpc.quantity('eth_maxPriorityFeePerGas').catch(error => {
    // Chains with one sequencer take none, and some of their nodes do not know the question.
    if (error instanceof RpcRefusal) return 0n
    throw error
  })
  // The base fee may rise by an eighth a block: this stays good for about six of them.
  return { maxFee: 2n * base + tip, tip, head: readSafe(block['number'], 'the number of the newest block') }
}

async function sign(
  rpc: EvmRpc,
  { chainId, registry, signer, maxCostWei }: Sending,
  digest: Uint8Array,
  { nonce, maxFee, tip }: { readonly nonce: number; readonly maxFee: bigint; readonly tip: bigint },
): Promise<Signed> {
  const to = hex(registry) as `0x${string}`
  const data = hex(join([ANCHOR_SELECTOR, digest])) as `0x${string}`
  const estimate = await rpc.quantity('eth_estimateGas', { from: signer.address, to, data })
  const gas = larger((estimate * 5n) / 4n, GAS_MIN)
  // The price is the node's word, and a node may be anybody's.
  if (gas > GAS_MAX || gas * maxFee > maxCostWei)
    throw new UnavailableError('evm.price', `an anchor may cost up to ${gas * maxFee} wei now`, {
      retryable: true,
      expected: `at most ${maxCostWei} wei; it is tried again when it is cheaper`,
    })
  let raw: string
  try {
    raw = await signer.signTransaction({
      type: 'eip1559',
      chainId,
      nonce,
      to,
      data,
      gas,
      maxFeePerGas: maxFee,
      maxPriorityFeePerGas: tip,
    })
  } catch (error) {
    if (isDeedlogError(error)) throw error
    // Words of a library or a key service: they may quote what they were given.
    throw new UnavailableError('evm.sign', 'the signer of transactions failed', { retryable: true })
  }
  if (!/^0x([0-9a-f]{2}){1,4096}$/.test(raw)) throw new TypeError('the signer answered with no transaction')
  return { raw, hash: hex(keccak256(fromHex(raw.slice(2)))) }
}
