import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { keccak256 } from '#crypto'
import { hex, REGISTRY_ADDRESS } from '../../../src/core/anchor/index.js'
import { fromHex } from '../../../src/core/bytes/hex.js'

const PLATFORMS: Record<string, string> = {
  'linux x64': 'linux-amd64',
  'linux arm64': 'linux-arm64',
  'darwin x64': 'darwin-amd64',
  'darwin arm64': 'darwin-arm64',
}

/** The program of the local chain; undefined where the package has none for this machine. */
function anvilPath(): string | undefined {
  const platform = PLATFORMS[`${process.platform} ${process.arch}`]
  if (platform === undefined) return undefined
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json'))
    const path = join(dirname(require.resolve(`@foundry-rs/anvil-${platform}/package.json`)), 'bin/anvil')
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

export const ANVIL = anvilPath()
if (!ANVIL) {
  const why = 'no anvil for this machine: what happens in a chain is NOT tested (npm install brings it)'
  if (process.env['CI'] && PLATFORMS[`${process.platform} ${process.arch}`]) throw new Error(why)
  console.warn(why)
}

const contract = JSON.parse(
  readFileSync(new URL('../../../contracts/anchor-registry.json', import.meta.url), 'utf8'),
) as { readonly runtimeCode: string; readonly initCode: string }

/** Our own registry, which emits the same event as the one at that address elsewhere. */
export const TWIN_CODE = contract.runtimeCode
export const TWIN_CODE_HASH = keccak256(fromHex(TWIN_CODE.slice(2)))

/** The first account of every anvil, which has money. Its key is public. */
export const PAYER_KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
export const OTHER = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8'

/** A chain on this machine. */
export class Anvil {
  readonly url: string
  readonly #child: ChildProcess
  #id = 0

  private constructor(url: string, child: ChildProcess) {
    this.url = url
    this.#child = child
  }

  /** With our registry at its address. `finalized` is the second block below the newest. */
  static async start(chainId = 8453): Promise<Anvil> {
    const port = await freePort()
    const flags = ['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(chainId)]
    const child = spawn(ANVIL!, [...flags, '--silent', '--slots-in-an-epoch', '1'], { stdio: 'ignore' })
    process.once('exit', () => child.kill('SIGKILL'))
    const anvil = new Anvil(`http://127.0.0.1:${port}`, child)
    for (let tries = 0; ; tries++) {
      try {
        await anvil.call('eth_chainId')
        break
      } catch (error) {
        if (tries > 400 || child.exitCode !== null) throw error
        await new Promise(done => setTimeout(done, 25))
      }
    }
    await anvil.call('anvil_setCode', hex(REGISTRY_ADDRESS), TWIN_CODE)
    return anvil
  }

  async call<T = unknown>(method: string, ...params: readonly unknown[]): Promise<T> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++this.#id, method, params })
    const response = await fetch(this.url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    const { result, error } = (await response.json()) as { result: T; error?: { message: string } }
    if (error) throw new Error(`${method}: ${error.message}`)
    return result
  }

  mine(blocks = 1): Promise<unknown> {
    return this.call('anvil_mine', `0x${blocks.toString(16)}`)
  }

  /** A transaction of an account of anvil's, mined; its receipt. */
  async transact(from: string, to: string | undefined, data: string): Promise<Record<string, unknown>> {
    const transaction = { from, data, gas: '0xf4240', ...(to === undefined ? {} : { to }) }
    return this.receipt(await this.call<string>('eth_sendTransaction', transaction))
  }

  /** The receipt of a transaction, which is there a moment after it was sent. */
  async receipt(hash: string): Promise<Record<string, unknown>> {
    for (let tries = 0; tries < 1000; tries++) {
      const receipt = await this.call<Record<string, unknown> | null>('eth_getTransactionReceipt', hash)
      if (receipt) return receipt
      await new Promise(done => setTimeout(done, 10))
    }
    throw new Error('no receipt')
  }

  async stop(): Promise<void> {
    const ended = new Promise(done => this.#child.once('exit', done))
    this.#child.kill('SIGKILL')
    await ended
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise(done => server.close(done))
  return port
}
