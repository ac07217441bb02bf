import { fromHex } from '../core/bytes/hex.js'
import type { Anchor } from './anchor.js'
import type { AnchorEntry } from './anchor-config.js'
import { evm, type Finality } from './evm.js'
import type { EvmKey } from './evm-key.js'

/**
 * An entry of a chain: `chain`, `rpc`, `key` (`{"env": name}` or `{"file": path}`), and where wanted `finality`,
 * `maxCostWei` (decimal, as a text), `registry` and `codeHash` (`0x` and hex). A key itself has no place in it.
 *
 * @throws {TypeError} for an option that is none; {MalformedError} `hex`
 */
export function chainOf({
  name,
  mode,
  chain,
  rpc,
  key,
  finality,
  maxCostWei,
  registry,
  codeHash,
}: AnchorEntry): Anchor {
  if (typeof chain !== 'string' && typeof chain !== 'number') throw new TypeError('it has no chain')
  if (typeof rpc !== 'string') throw new TypeError('it has no rpc')
  return evm({
    chain,
    rpc,
    name,
    signer: keyOf(key),
    ...(mode === undefined ? {} : { mode }),
    ...(finality === undefined ? {} : { finality: finality as Finality }),
    ...(maxCostWei === undefined ? {} : { maxCostWei: weiOf(maxCostWei) }),
    ...(registry === undefined ? {} : { registry: bytesOf(registry, 'registry') }),
    ...(codeHash === undefined ? {} : { codeHash: bytesOf(codeHash, 'codeHash') }),
  })
}

function keyOf(key: unknown): EvmKey {
  const { env, file } = (typeof key === 'object' && key !== null ? key : {}) as { env?: unknown; file?: unknown }
  // Not shown: it may be the key itself.
  if ((typeof env === 'string') === (typeof file === 'string'))
    throw new TypeError('its key is neither {"env": <variable>} nor {"file": <path>}')
  return typeof env === 'string' ? { env } : { file: file as string }
}

function weiOf(value: unknown): bigint {
  if (typeof value !== 'string' || !/^[1-9]\d{0,30}$/.test(value))
    throw new TypeError('maxCostWei is no decimal number, written as a text')
  return BigInt(value)
}

function bytesOf(value: unknown, what: string): Uint8Array {
  if (typeof value !== 'string' || !value.startsWith('0x')) throw new TypeError(`${what} is not 0x and hex`)
  return fromHex(value.slice(2).toLowerCase())
}
