// A chain on this machine (anvil) and a service of Mycelium Trails that answers as the real one was seen to: what they
// date, what is left to look up, and what does not pass for an anchor.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { readJson } from './cast.mjs'
import { makeLog, policyOf } from './live.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const ROUNDS_MAX = 10

export const chains = [
  { name: 'a chain dates the log, and one fact is left to look up', run: stage => onChain(stage, anchored) },
  { name: 'the chain is reorganised under the transaction', run: stage => onChain(stage, reorganised) },
  { name: 'a look-alike contract is at the address of the registry', run: stage => onChain(stage, lookAlike) },
  { name: 'a service of trails writes the checkpoint down', run: trails },
]

/** The players that the tests have, from the sources. */
async function players() {
  // As far from the root as the tests are: they find the contract from where they lie.
  const outfile = join(root, '.proof/anchors-kit/bundle/players.mjs')
  await build({
    stdin: {
      contents: `export * from './evm/anvil.js'; export { TrailsStub } from './mycelium/stub.js'; export { hex, REGISTRY_ADDRESS } from '../../src/core/anchor/index.js'`,
      resolveDir: join(root, 'test/anchor'),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    alias: { '#crypto': join(root, 'src/native/crypto.ts') },
    outfile,
    logLevel: 'error',
  })
  return import(pathToFileURL(outfile))
}

let loaded
const kit = () => {
  loaded ??= players()
  return loaded
}

let made = 0

/** A log with calls that both witnesses have seen, and a chain of its own. */
async function onChain(stage, row) {
  const { Anvil, ANVIL, PAYER_KEY, TWIN_CODE, TWIN_CODE_HASH, hex, REGISTRY_ADDRESS } = await kit()
  if (!ANVIL) return { checks: [['there is a program for a local chain (anvil)', false, true]], by: {} }
  const log = await recorded(stage, `chained-${++made}`)
  const chain = await Anvil.start()
  try {
    const keyFile = join(stage.cast.folder, `payer-${made}.key`)
    writeFileSync(keyFile, PAYER_KEY, { mode: 0o600 })
    const entry = { kind: 'evm', name: 'base', chain: 'base', rpc: chain.url, key: { file: keyFile } }
    const config = { anchors: [{ ...entry, codeHash: hex(TWIN_CODE_HASH) }] }
    writeFileSync(join(log.dir, 'private/anchors.json'), JSON.stringify(config), { mode: 0o600 })
    const lines = `${readFileSync(log.trust, 'utf8')}chain base 8453 ${hex(REGISTRY_ADDRESS)}\n`
    const verify = async (more = '') => {
      writeFileSync(log.trust, lines + more)
      return (await stage.verify(log)).json().evidence.anchors
    }
    const round = async () => (await stage.cast.deedlog('anchor', log.dir, '--now', '--json')).json()
    return await row({ ...log, chain, verify, round, hex, REGISTRY_ADDRESS, TWIN_CODE, PAYER_KEY })
  } finally {
    await chain.stop()
  }
}

async function recorded(stage, name) {
  const log = await makeLog(stage, name)
  const { code, stderr } = await stage.cast.record({
    dir: log.dir,
    witnesses: policyOf([stage.w1, stage.w2]),
    calls: 4,
  })
  if (code !== 0) throw new Error(`${name}: ${stderr}`)
  return log
}

const filesOf = dir => {
  mkdirSync(join(dir, 'log/anchors'), { recursive: true })
  return readdirSync(join(dir, 'log/anchors')).map(name => readJson(join(dir, 'log/anchors', name)))
}

const isAnchored = dir => filesOf(dir).some(({ state }) => state === 'anchored')

/** Rounds and blocks, until it is final. */
async function finish({ dir, chain, round }) {
  for (let rounds = 0; rounds < ROUNDS_MAX && !isAnchored(dir); rounds++) {
    await round()
    await chain.mine()
  }
  return isAnchored(dir)
}

async function judged({ verify }) {
  const before = await verify()
  const fact = before.listed[0]?.lookUp ?? ''
  const [, hash] = /is (0x[0-9a-f]{64})/.exec(fact) ?? []
  const after = hash && (await verify(`block base ${hash}\n`))
  return { before, after, fact, hash }
}

async function anchored(log) {
  const done = await finish(log)
  const { before, after, fact } = await judged(log)
  const receipts = await log.chain.call('eth_getLogs', { fromBlock: '0x0', address: log.hex(log.REGISTRY_ADDRESS) })
  return {
    checks: [
      ['it is anchored', done, true],
      ['by one transaction for all its records', receipts.length, 1],
      ['offline: one fact is left to look up', [before.byStatus.lookup, before.byStatus.counted ?? 0], [1, 0]],
      ['which block of which chain', /^whether block \d+ of chain 8453 .* and final$/.test(fact), true],
      ['looked up, it counts', after?.byStatus.counted, 1],
    ],
    by: { anchor: 'dates it by the block’s time', offline: `look up ${fact}` },
  }
}

async function reorganised(log) {
  await log.round()
  await log.chain.mine()
  const [event] = await log.chain.call('eth_getLogs', { fromBlock: '0x0', address: log.hex(log.REGISTRY_ADDRESS) })
  await log.chain.call('anvil_reorg', 2, [])
  const done = await finish(log)
  const { after, hash } = await judged(log)
  const block = hash && (await log.chain.call('eth_getBlockByHash', hash, false))
  const height = block && (await log.chain.call('eth_getBlockByNumber', block.number, false))
  return {
    checks: [
      ['it was in a block', event !== undefined, true],
      ['it is anchored all the same', done, true],
      ['not by the block that is gone', hash === event?.blockHash, false],
      ['but by one that is there', height?.hash, hash],
      ['and, looked up, that counts', after?.byStatus.counted, 1],
    ],
    by: { anchor: 'is sent again, and waits for a block that is final' },
  }
}

async function lookAlike(log) {
  await log.chain.call('anvil_setCode', log.hex(log.REGISTRY_ADDRESS), `${log.TWIN_CODE}00`)
  const { results } = await log.round()
  const sent = await log.chain.call('eth_blockNumber')
  return {
    checks: [
      ['the log does not ask it', results.at(-1)?.code, 'evm.code'],
      ['nothing is paid', sent, '0x0'],
      ['and nothing counts', isAnchored(log.dir), false],
    ],
    by: { log: 'evm.code: other code than was pinned' },
  }
}

async function trails(stage) {
  const { TrailsStub } = await kit()
  const log = await recorded(stage, 'trailed')
  const service = await TrailsStub.start()
  try {
    await stage.cast.deedlog('anchor', 'add', log.dir, '--trails', service.url, '--name', 'trails')
    await stage.cast.deedlog('anchor', log.dir, '--now')
    const written = service.trails.length
    for (const trail of service.trails)
      Object.assign(trail, { anchor_status: 'anchored', tx_hash: `0x${'ab'.repeat(32)}` })
    await stage.cast.deedlog('anchor', log.dir, '--now')
    const { anchors } = (await stage.verify(log)).json().evidence
    const [shown] = anchors.listed
    return {
      checks: [
        ['one trail for the checkpoint', written, 1],
        ['it is a third party’s record', shown?.status === 'counted', false],
        ['and the report says what is left to look up', typeof shown?.lookUp, 'string'],
      ],
      by: { offline: `a third party’s record; look up ${shown?.lookUp}` },
      blind: { anchor: 'the word of the service, until the chain has been looked at' },
    }
  } finally {
    await service.close()
  }
}
