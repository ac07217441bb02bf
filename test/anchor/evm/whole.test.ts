import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verify } from '../../../src/client/verify.js'
import { hex, parseAnchorFile, parseEvmEvidence, REGISTRY_ADDRESS } from '../../../src/core/anchor/index.js'
import { realWorld } from '../../../src/log/world.js'
import { anchorsOf, readAnchorConfig, writeAnchorConfig } from '../../../src/publish/anchor-config.js'
import { AnchorRunner } from '../../../src/publish/anchor-runner.js'
import { type AnchoredLog, anchoredLog } from '../kit.js'
import { ANVIL, Anvil, PAYER_KEY, TWIN_CODE_HASH } from './anvil.js'

describe.skipIf(!ANVIL)('a log anchored in a chain', () => {
  let chain: Anvil
  let own: AnchoredLog

  beforeAll(async () => {
    chain = await Anvil.start()
    own = await anchoredLog('files')
    await own.record(5)
  })
  afterAll(async () => {
    await own?.log.close()
    await rm(join(own.target, '..'), { recursive: true, force: true })
    await chain?.stop()
  })

  it('is dated by one transaction, of which one fact is left to look up; looked up, it counts', async () => {
    const keyFile = join(own.target, '..', 'payer.key')
    await writeFile(keyFile, PAYER_KEY, { mode: 0o600 })
    await writeAnchorConfig(realWorld, own.layout, {
      anchors: [
        {
          kind: 'evm',
          name: 'base',
          chain: 'base',
          rpc: `${chain.url}/?key=KEY-OF-THE-NODE`,
          key: { file: keyFile },
          codeHash: hex(TWIN_CODE_HASH),
        },
      ],
    })
    const anchors = anchorsOf(await readAnchorConfig(realWorld, own.layout))
    const { signal } = new AbortController()
    let note: Uint8Array | undefined = await own.note()
    for (let rounds = 0; rounds < 8; rounds++) {
      // A new runner each time: nothing is remembered but what the disk has.
      await new AnchorRunner(realWorld, own.layout, anchors).round({ note, all: true, signal })
      note = undefined
      await chain.mine()
    }
    const names = await readdir(own.layout.anchors)
    expect(names).toHaveLength(1)
    const file = await readFile(join(own.layout.anchors, names[0]!))
    expect(parseAnchorFile(new Uint8Array(file))).toMatchObject({ state: 'anchored' })
    expect(file.toString()).not.toMatch(/KEY-OF-THE-NODE|ac0974be/)
    const { blockHash, blockNumber } = parseEvmEvidence(parseAnchorFile(new Uint8Array(file)).evidence!)

    const trust = join(own.target, '..', 'chain.trust')
    const lines = `${await readFile(own.layout.trustFile, 'utf8')}chain base 8453 ${hex(REGISTRY_ADDRESS)}\n`
    await writeFile(trust, lines)
    const offline = await verify(own.target, { trust })
    expect(offline.evidence.anchors).toMatchObject({ byStatus: { lookup: 1 } })
    expect(offline.evidence.anchors?.listed[0]?.lookUp).toBe(
      `whether block ${blockNumber} of chain 8453 ("base") is ${hex(blockHash)}, and final`,
    )
    expect(offline.evidence.words).toContain('undated since 0')

    await writeFile(trust, `${lines}block base ${hex(blockHash)}\n`)
    const looked = await verify(own.target, { trust })
    expect(looked.evidence.anchors).toMatchObject({ byStatus: { counted: 1 } })
    expect(looked.evidence.words).not.toContain('undated since 0')
    expect(looked.exitCode).toBe(offline.exitCode)
    expect((await stat(`${own.layout.privateFolder}/anchor-queue.json`)).mode & 0o077).toBe(0)
  })
})
