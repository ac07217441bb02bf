import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type AnchorMode, CERTIFICATE_BYTES_MAX, CHAINS, parseCertificate } from '../core/anchor/index.js'
import { toBase64 } from '../core/bytes/base64.js'
import type { AnchorEntry } from '../publish/anchor-config.js'
import { UsageError } from './errors.js'

/** What `anchor add` was told. */
export interface AddOptions {
  readonly name?: string
  readonly mode?: AnchorMode
  readonly tsa?: string
  readonly policy?: string
  readonly root?: readonly string[]
  readonly chain?: string
  readonly rpc?: string
  readonly keyEnv?: string
  readonly keyFile?: string
  readonly finality?: string
  readonly maxCostWei?: string
  readonly trails?: string
  readonly apiKeyEnv?: string
}

/**
 * The entry of the configuration that was asked for. Secrets are named by where they lie.
 * @throws {UsageError} `usage.option`
 */
export async function entryOf(options: AddOptions): Promise<AnchorEntry> {
  const { name, mode } = options
  const asked = await askedFor(options)
  if (name === undefined) throw new UsageError('usage.option', 'it has no name', { expected: '--name <name>' })
  return { ...asked, name, ...(mode === undefined ? {} : { mode }) }
}

type Asked = { readonly kind: string; readonly [option: string]: unknown }

async function askedFor(options: AddOptions): Promise<Asked> {
  const { tsa, chain, trails } = options
  const asked = [tsa, chain, trails].filter(each => each !== undefined)
  if (asked.length !== 1)
    throw new UsageError('usage.option', asked.length === 0 ? 'whom to ask was not said' : 'one anchor at a time', {
      expected: '--tsa <url>, --chain <chain> or --trails <url>, and --name <name>',
    })
  if (tsa !== undefined) {
    const roots = await Promise.all((options.root ?? []).map(readCertificate))
    const { policy } = options
    return {
      kind: 'rfc3161',
      url: tsa,
      ...(policy === undefined ? {} : { policy }),
      ...(roots.length === 0 ? {} : { roots }),
    }
  }
  if (trails !== undefined) {
    const { apiKeyEnv } = options
    return { kind: 'mycelium', url: trails, ...(apiKeyEnv === undefined ? {} : { apiKeyEnv }) }
  }
  return { kind: 'evm', ...chainEntry(chain!, options) }
}

function chainEntry(chain: string, { rpc, keyEnv, keyFile, finality, maxCostWei }: AddOptions) {
  if (rpc === undefined || (keyEnv === undefined) === (keyFile === undefined))
    throw new UsageError('usage.option', 'which node to ask, or who signs, was not said', {
      expected: '--rpc <url>, and --key-env <variable> or --key-file <file>',
    })
  return {
    chain: CHAINS.some(({ name }) => name === chain) ? chain : numberOr(chain),
    rpc,
    key: keyEnv === undefined ? { file: resolve(keyFile!) } : { env: keyEnv },
    ...(finality === undefined ? {} : { finality: numberOr(finality) }),
    ...(maxCostWei === undefined ? {} : { maxCostWei }),
  }
}

/** What is no number is refused where it is used. */
const numberOr = (text: string): string | number => (/^[1-9]\d{0,15}$/.test(text) ? Number(text) : text)

/** A certificate as base64 of its DER. */
async function readCertificate(path: string): Promise<string> {
  const bytes = await readFile(path)
  const text = bytes.subarray(0, 2 * CERTIFICATE_BYTES_MAX).toString('latin1')
  const pem = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(text)?.[1]
  const der = new Uint8Array(pem === undefined ? bytes : Buffer.from(pem, 'base64'))
  return toBase64(parseCertificate(der).der)
}
