import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  ANCHOR_SELECTOR,
  hex,
  parseEvmEvidence,
  REGISTRY_ADDRESS,
  verifyEvmEvidence,
} from '../../../src/core/anchor/index.js'
import { toHex } from '../../../src/core/bytes/hex.js'
import { type Anchor, type AnchoredCheckpoint, checkpointToAnchor, type Progress } from '../../../src/publish/anchor.js'
import { type EvmOptions, evm } from '../../../src/publish/evm.js'
import { keySigner } from '../../../src/publish/evm-key.js'
import { parseResume } from '../../../src/publish/evm-resume.js'
import { noteOf } from '../../../src/publish/testkit.js'
import { ANVIL, Anvil, OTHER, PAYER_KEY, TWIN_CODE, TWIN_CODE_HASH } from './anvil.js'
import { LyingNode } from './node.js'

const KEY = 'EVM_TEST_KEY'
const PAYER = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'
let chain: Anvil
let node: LyingNode
let size = 1

beforeAll(async () => {
  process.env[KEY] = PAYER_KEY
  if (!ANVIL) return
  chain = await Anvil.start()
  node = await LyingNode.start(chain.url)
})
afterEach(async () => {
  if (!node) return
  node.lie = undefined
  node.asked.length = 0
  await chain.call('evm_setAutomine', true)
  await chain.call('anvil_setCode', hex(REGISTRY_ADDRESS), TWIN_CODE)
})
afterAll(async () => {
  delete process.env[KEY]
  await node?.close()
  await chain?.stop()
})

const make = (options: Partial<EvmOptions> = {}): Anchor =>
  evm({ chain: 'base', rpc: node.url, signer: { env: KEY }, codeHash: TWIN_CODE_HASH, ...options })

const next = (): AnchoredCheckpoint => checkpointToAnchor(noteOf(size++))

const attempt = (nowMs = Date.now()) => ({
  signal: new AbortController().signal,
  nowMs,
  random: (length: number) => new Uint8Array(length).fill(7),
})

/** Goes on, mining a block each time, until it is anchored. */
async function finish(anchor: Anchor, checkpoint: AnchoredCheckpoint, from?: Progress): Promise<Uint8Array> {
  let progress = from ?? (await anchor.submit(checkpoint, attempt()))
  for (let polls = 0; polls < 12; polls++) {
    if (progress.state === 'anchored') return progress.evidence
    if (progress.state !== 'pending') throw new Error(progress.state)
    progress = await anchor.poll!(checkpoint, progress.resume, attempt())
    await chain.mine()
  }
  throw new Error(`not anchored: ${'detail' in progress ? progress.detail : progress.state}`)
}

function detailOf(progress: Progress): string | undefined {
  return 'detail' in progress ? progress.detail : undefined
}

function resumeOf(progress: Progress): Uint8Array {
  if (progress.state !== 'pending') throw new Error(`${progress.state}, not pending`)
  return progress.resume
}

const anchorData = ({ digest }: AnchoredCheckpoint): string => hex(ANCHOR_SELECTOR) + toHex(digest)

describe.skipIf(!ANVIL)('a registry in a chain', () => {
  it('anchors a checkpoint with one transaction, and the block’s hash proves it', async () => {
    const checkpoint = next()
    const evidence = await finish(make(), checkpoint)
    const anchor = verifyEvmEvidence(evidence, checkpoint.digest)
    expect(anchor).toMatchObject({ chainId: 8453, registry: REGISTRY_ADDRESS, isProven: true })
    expect(hex(anchor.anchoredBy)).toBe(PAYER)
    expect(anchor.gas?.used).toBeLessThan(24_000)
    const block = await chain.call<{ hash: string; timestamp: string }>(
      'eth_getBlockByNumber',
      `0x${anchor.blockNumber.toString(16)}`,
      false,
    )
    expect(hex(anchor.blockHash)).toBe(block.hash)
    expect(anchor.seconds).toBe(Number(block.timestamp))
  })

  it('sends nothing before what it will send is kept', async () => {
    const checkpoint = next()
    const anchor = make()
    const signed = await anchor.submit(checkpoint, attempt())
    expect(node.asked).not.toContain('eth_sendRawTransaction')
    // A crash here, and another process that goes on with what was kept: the same transaction.
    const { hash } = parseResume(resumeOf(signed)).signed[0]!
    const evidence = await finish(make(), checkpoint, signed)
    expect(hex(parseEvmEvidence(evidence).tx)).toBe(hash)
  })

  it('waits for finality, and says in which block it stands', async () => {
    const checkpoint = next()
    const anchor = make()
    const sent = await anchor.poll!(checkpoint, resumeOf(await anchor.submit(checkpoint, attempt())), attempt())
    expect(detailOf(sent)).toMatch(/sent; in no block/)
    await chain.mine()
    const included = await anchor.poll!(checkpoint, resumeOf(sent), attempt())
    expect(detailOf(included)).toMatch(/in block \d+; waits for it to be finalized/)
    await chain.mine(2)
    expect((await anchor.poll!(checkpoint, resumeOf(included), attempt())).state).toBe('anchored')
  })

  it.each([['safe' as const], [3]])('counts blocks when finality is %s', async finality => {
    const checkpoint = next()
    const evidence = await finish(make({ finality }), checkpoint)
    expect(verifyEvmEvidence(evidence, checkpoint.digest).isProven).toBe(true)
  })

  it('proves its receipt among hundreds in one block', async () => {
    await chain.call('evm_setAutomine', false)
    const checkpoint = next()
    const anchor = make()
    for (let i = 0; i < 150; i++)
      await chain.call('eth_sendTransaction', { from: OTHER, to: OTHER, value: '0x1', gas: '0x5208' })
    const sent = await anchor.poll!(checkpoint, resumeOf(await anchor.submit(checkpoint, attempt())), attempt())
    await chain.mine(3)
    const evidence = await finish(anchor, checkpoint, sent)
    const { proof } = parseEvmEvidence(evidence)
    expect(proof?.nodes.length).toBeGreaterThan(1)
    expect(verifyEvmEvidence(evidence, checkpoint.digest).isProven).toBe(true)
  })
})

describe.skipIf(!ANVIL)('what is refused before anything is paid', () => {
  it('a node of another chain', async () => {
    await expect(make({ chain: 'ink' }).submit(next(), attempt())).rejects.toMatchObject({ code: 'evm.chain' })
  })

  it('an address without code, where a transaction would succeed and say nothing', async () => {
    await chain.call('anvil_setCode', hex(REGISTRY_ADDRESS), '0x')
    await expect(make().submit(next(), attempt())).rejects.toMatchObject({ code: 'evm.code' })
  })

  it('another contract at the address', async () => {
    await chain.call('anvil_setCode', hex(REGISTRY_ADDRESS), `${TWIN_CODE}00`)
    await expect(make().submit(next(), attempt())).rejects.toMatchObject({ code: 'evm.code' })
    await expect(make({ codeHash: new Uint8Array(32) }).submit(next(), attempt())).rejects.toMatchObject({
      code: 'evm.code',
    })
  })

  it('a price above what may be paid, also when the node makes it up', async () => {
    await expect(make({ maxCostWei: 1000n }).submit(next(), attempt())).rejects.toMatchObject({
      code: 'evm.price',
      retryable: true,
    })
    node.lie = async (method, _, ask) =>
      method === 'eth_maxPriorityFeePerGas' ? { ...(await ask()), result: `0x${'f'.repeat(20)}` } : undefined
    await expect(make().submit(next(), attempt())).rejects.toMatchObject({ code: 'evm.price' })
  })

  it('a chain that changes between signing and sending', async () => {
    const checkpoint = next()
    const anchor = make()
    const signed = await anchor.submit(checkpoint, attempt())
    node.lie = async (method, _, ask) => (method === 'eth_chainId' ? { ...(await ask()), result: '0x1' } : undefined)
    await expect(anchor.poll!(checkpoint, resumeOf(signed), attempt())).rejects.toMatchObject({ code: 'evm.chain' })
    expect(node.asked).not.toContain('eth_sendRawTransaction')
  })
})

/** A receipt of our own transaction, altered by the node on its way. */
async function withReceipt(change: (receipt: Record<string, unknown>) => Record<string, unknown>): Promise<Progress> {
  const checkpoint = next()
  const anchor = make()
  const sent = await anchor.poll!(checkpoint, resumeOf(await anchor.submit(checkpoint, attempt())), attempt())
  await chain.mine(4)
  node.lie = async (method, _, ask) => {
    if (method !== 'eth_getTransactionReceipt') return undefined
    const answer = await ask()
    return answer['result'] ? { ...answer, result: change(answer['result'] as Record<string, unknown>) } : answer
  }
  return anchor.poll!(checkpoint, resumeOf(sent), attempt())
}

type Events = readonly Record<string, unknown>[]
const changeEvent = (change: Record<string, unknown>) =>
  withReceipt(receipt => ({
    ...receipt,
    logs: (receipt['logs'] as Events).map(event => ({ ...event, ...change })),
  }))

describe.skipIf(!ANVIL)('what is no anchor', () => {
  it('a look-alike: the same event, from another address', async () => {
    await expect(changeEvent({ address: `0x${'5'.repeat(40)}` })).rejects.toMatchObject({ code: 'evm.event' })
  })

  it('a contract that looks the same, called in our name in the real chain', async () => {
    const twin = `0x${'77'.repeat(20)}`
    await chain.call('anvil_setCode', twin, TWIN_CODE)
    const checkpoint = next()
    const receipt = await chain.transact(PAYER, twin, anchorData(checkpoint))
    await chain.mine(4)
    const anchor = make()
    // Its nonce is used by that transaction, and no registry has the event: it is signed anew, and no more.
    const signed = await anchor.submit(checkpoint, attempt())
    const resume = parseResume(resumeOf(signed))
    const forged = { ...resume, signed: [{ ...resume.signed[0]!, hash: receipt['transactionHash'] as string }] }
    const bytes = new TextEncoder().encode(
      JSON.stringify({ ...forged, maxFee: String(forged.maxFee), tip: String(forged.tip) }),
    )
    await expect(anchor.poll!(checkpoint, bytes, attempt())).rejects.toMatchObject({ code: 'evm.event' })
  })

  it('an event of another kind, of another digest, or that was removed', async () => {
    await expect(changeEvent({ topics: [`0x${'1'.repeat(64)}`] })).rejects.toMatchObject({ code: 'evm.event' })
    await expect(changeEvent({ removed: true })).rejects.toMatchObject({ code: 'evm.event' })
    await expect(changeEvent({ data: '0x' })).rejects.toMatchObject({ code: 'evm.event' })
  })

  it('an event whose time is not that of its block', async () => {
    await expect(changeEvent({ data: `0x${'0'.repeat(63)}1` })).rejects.toMatchObject({ code: 'evm.time' })
  })

  it('a transaction that was reverted', async () => {
    await expect(withReceipt(receipt => ({ ...receipt, status: '0x0' }))).rejects.toMatchObject({
      code: 'evm.reverted',
    })
  })

  it('one in a block that is not part of the chain', async () => {
    const progress = await withReceipt(receipt => ({ ...receipt, blockHash: `0x${'9'.repeat(64)}` }))
    expect(progress.state).toBe('pending')
  })

  it('one whose block the node cannot prove is kept without a proof', async () => {
    const checkpoint = next()
    node.lie = async (method, _, ask) =>
      method === 'eth_getBlockReceipts' ? { ...(await ask()), result: [] } : undefined
    const evidence = await finish(make(), checkpoint)
    expect(verifyEvmEvidence(evidence, checkpoint.digest).isProven).toBe(false)
  })
})

describe.skipIf(!ANVIL)('a chain that changes', () => {
  it('drops the block: the same transaction is sent again, and anchored in another', async () => {
    const checkpoint = next()
    const anchor = make()
    const sent = await anchor.poll!(checkpoint, resumeOf(await anchor.submit(checkpoint, attempt())), attempt())
    const { hash } = parseResume(resumeOf(sent)).signed[0]!
    await chain.mine()
    const included = await anchor.poll!(checkpoint, resumeOf(sent), attempt())
    expect(detailOf(included)).toMatch(/in block/)
    await chain.call('anvil_reorg', 2, [])
    await chain.call('anvil_dropTransaction', hash).catch(() => undefined)
    expect(await chain.call('eth_getTransactionReceipt', hash)).toBeNull()
    const evidence = await finish(anchor, checkpoint, included)
    expect(hex(parseEvmEvidence(evidence).tx)).toBe(hash)
  })

  it('moves the transaction to another block: the evidence is of that one', async () => {
    const checkpoint = next()
    const anchor = make()
    const sent = await anchor.poll!(checkpoint, resumeOf(await anchor.submit(checkpoint, attempt())), attempt())
    const { raw, hash } = parseResume(resumeOf(sent)).signed[0]!
    const before = await chain.receipt(hash)
    await chain.mine()
    await chain.call('anvil_reorg', 2, [[raw, 1]])
    const after = await chain.receipt(hash)
    expect(after['blockHash']).not.toBe(before['blockHash'])
    const evidence = await finish(anchor, checkpoint, sent)
    expect(hex(parseEvmEvidence(evidence).blockHash)).toBe(after['blockHash'])
  })

  it('has the nonce taken by another transaction: it is signed anew', async () => {
    const checkpoint = next()
    const anchor = make()
    const signed = await anchor.submit(checkpoint, attempt())
    await chain.transact(PAYER, OTHER, '0x')
    const evidence = await finish(anchor, checkpoint, signed)
    const { hash } = parseResume(resumeOf(signed)).signed[0]!
    expect(hex(parseEvmEvidence(evidence).tx)).not.toBe(hash)
  })

  it('has the digest anchored by somebody else: that dates it, and nothing more is paid', async () => {
    const checkpoint = next()
    const anchor = make()
    const signed = await anchor.submit(checkpoint, attempt())
    await chain.transact(PAYER, OTHER, '0x')
    await chain.transact(OTHER, hex(REGISTRY_ADDRESS), anchorData(checkpoint))
    const evidence = await finish(anchor, checkpoint, signed)
    expect(hex(verifyEvmEvidence(evidence, checkpoint.digest).anchoredBy)).toBe(OTHER)
  })

  it('is dear for a while: with the same nonce a higher price is signed, and one of the two is mined', async () => {
    await chain.call('evm_setAutomine', false)
    const checkpoint = next()
    const anchor = make({ replaceAfterMs: 1000 })
    const sent = await anchor.poll!(checkpoint, resumeOf(await anchor.submit(checkpoint, attempt())), attempt())
    const later = await anchor.poll!(checkpoint, resumeOf(sent), attempt(Date.now() + 2000))
    expect(detailOf(later)).toMatch(/higher price/)
    const { signed, nonce, maxFee } = parseResume(resumeOf(later))
    expect(signed).toHaveLength(2)
    expect(nonce).toBe(parseResume(resumeOf(sent)).nonce)
    expect(maxFee).toBeGreaterThan(parseResume(resumeOf(sent)).maxFee)
    const again = await anchor.poll!(checkpoint, resumeOf(later), attempt())
    await chain.call('evm_setAutomine', true)
    await chain.mine(3)
    const evidence = await finish(anchor, checkpoint, again)
    expect(signed.map(({ hash }) => hash)).toContain(hex(parseEvmEvidence(evidence).tx))
  })
})

describe.skipIf(!ANVIL)('a node that cannot be relied on', () => {
  it('is behind: nothing is signed twice, and it is anchored when the node has caught up', async () => {
    const checkpoint = next()
    const anchor = make()
    const sent = await anchor.poll!(checkpoint, resumeOf(await anchor.submit(checkpoint, attempt())), attempt())
    node.lie = async (method, _, ask) =>
      method === 'eth_getTransactionReceipt' || method === 'eth_getLogs'
        ? { ...(await ask()), result: method === 'eth_getLogs' ? [] : null }
        : undefined
    const behind = await anchor.poll!(checkpoint, resumeOf(sent), attempt())
    expect(detailOf(behind)).toMatch(/not to be seen/)
    node.lie = undefined
    const evidence = await finish(anchor, checkpoint, behind)
    const { hash } = parseResume(resumeOf(sent)).signed[0]!
    expect(hex(parseEvmEvidence(evidence).tx)).toBe(hash)
  })

  it.each<[string, Record<string, unknown> | string | undefined]>([
    ['an error that quotes the key', { error: { code: -32000, message: `bad key SECRET-API-KEY ${PAYER_KEY}` } }],
    ['a page', '<html>SECRET-API-KEY</html>'],
    ['another id', { jsonrpc: '2.0', id: 99, result: '0x2105' }],
    ['null', 'null'],
    ['a number that is none', { result: 8453 }],
    ['an error that is a text', { error: 'no' }],
    ['no end', undefined],
  ])('answers %s: refused, and no secret is in the message', async (_, answer) => {
    node.lie = async (_method, _params, ask, response) => {
      if (answer === undefined) {
        const chunk = Buffer.alloc(1024 * 1024, 0x20)
        const push = (): void => {
          while (!response.destroyed && response.write(chunk)) {}
        }
        response.on('drain', push)
        push()
        return 'handled'
      }
      if (typeof answer !== 'string') return { id: (await ask())['id'], ...answer }
      response.end(answer)
      return 'handled'
    }
    const refused = await make()
      .submit(next(), attempt())
      .then(
        () => undefined,
        (error: Error & { code: string }) => error,
      )
    expect(refused?.code).toBe('evm.rpc')
    expect(`${refused?.message} ${refused}`).not.toMatch(/SECRET|ac0974be/i)
  })

  it('says that the account cannot pay', async () => {
    const signer = await keySigner({ env: KEY })
    await chain.call('anvil_setBalance', PAYER, '0x1')
    const anchor = make({ signer })
    const checkpoint = next()
    const tried = anchor
      .submit(checkpoint, attempt())
      .then(progress => anchor.poll!(checkpoint, resumeOf(progress), attempt()))
    await expect(tried).rejects.toMatchObject({ code: 'evm.rpc', message: expect.stringMatching(/cannot pay/) })
    await chain.call('anvil_setBalance', PAYER, '0x21e19e0c9bab2400000')
  })
})
