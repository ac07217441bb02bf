import { lstat, readFile } from 'node:fs/promises'
import { quote, UnavailableError } from '../core/errors.js'

/** A transaction that is to be signed (EIP-1559). */
export interface EvmTransaction {
  readonly type: 'eip1559'
  readonly chainId: number
  readonly nonce: number
  readonly to: `0x${string}`
  readonly data: `0x${string}`
  readonly gas: bigint
  readonly maxFeePerGas: bigint
  readonly maxPriorityFeePerGas: bigint
}

/** Whoever signs transactions: an account of viem is one, and so is a few lines around a key service. */
export interface EvmSigner {
  readonly address: `0x${string}`
  /** The signed transaction, as it is sent. */
  signTransaction(transaction: EvmTransaction): Promise<`0x${string}`>
}

/** Where the key lies: never in the configuration itself. */
export type EvmKey =
  /** Name of an environment variable that holds it. */
  | { readonly env: string }
  /** Path of a file that holds it, which nobody else may read (0600). */
  | { readonly file: string }

// A key is 66 characters, and perhaps a newline.
const FILE_BYTES_MAX = 128

/**
 * A signer for a key of this machine. The key is 64 hex digits, with or without `0x`. No message ever shows it.
 *
 * @throws {UnavailableError} `evm.key` when there is none, it is none, or others may read its file; `evm.viem` when viem,
 *   which signs, is not installed
 */
export async function keySigner(key: EvmKey): Promise<EvmSigner> {
  const text = 'env' in key ? fromEnvironment(key.env) : await fromFile(key.file)
  const digits = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text.trim())?.[1]
  if (digits === undefined)
    throw refused(`what ${whereOf(key)} holds is no private key`, '64 hex digits, with or without 0x')
  const { privateKeyToAccount } = await viemAccounts()
  try {
    const account = privateKeyToAccount(`0x${digits}`)
    return {
      address: account.address,
      signTransaction: transaction => account.signTransaction(transaction),
    }
  } catch {
    // Not every number is a key; the library's words are not passed on, since they may quote it.
    throw refused(`what ${whereOf(key)} holds is no private key`, 'a number from 1 to the order of secp256k1')
  }
}

async function viemAccounts(): Promise<typeof import('viem/accounts')> {
  try {
    return await import('viem/accounts')
  } catch (cause) {
    throw new UnavailableError('evm.viem', 'transactions are signed with viem, which is not installed', {
      cause,
      expected: 'npm install viem',
    })
  }
}

function fromEnvironment(name: string): string {
  const text = process.env[name]
  if (text === undefined || text === '') throw refused(`${quote(name)} is not set`, 'a private key in that variable')
  return text
}

async function fromFile(path: string): Promise<string> {
  let found: Awaited<ReturnType<typeof lstat>>
  try {
    found = await lstat(path)
  } catch {
    throw refused(`there is no key file at ${quote(path)}`, 'a file with a private key')
  }
  if (!found.isFile()) throw refused(`${quote(path)} is no regular file`, 'the file itself, not a link to it')
  // Windows has other rights, and says 0666 of every file.
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    throw refused(`others may read ${quote(path)}, or write it`, `chmod 600`)
  if (found.size > FILE_BYTES_MAX) throw refused(`${quote(path)} is too long for a key`, 'a file with a private key')
  return readFile(path, 'latin1')
}

const whereOf = (key: EvmKey): string => ('env' in key ? `the variable ${quote(key.env)}` : quote(key.file))

const refused = (why: string, expected: string): UnavailableError => new UnavailableError('evm.key', why, { expected })
