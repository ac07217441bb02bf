#!/usr/bin/env node
// Compiles contracts/AnchorRegistry.sol into contracts/anchor-registry.json: the code that runs, with the digest of the
// source and the compiler that it was made with. `--check` writes nothing and ends with 1 when the file is not of this source.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const at = path => new URL(`../contracts/${path}`, import.meta.url)
const source = readFileSync(at('AnchorRegistry.sol'), 'utf8')
// The compiler is CommonJS of several megabytes: loaded when it is wanted.
const solc = createRequire(import.meta.url)('solc')

const settings = {
  optimizer: { enabled: true, runs: 1_000_000 },
  evmVersion: 'shanghai',
  // No hash of the sources behind the code: the same source gives the same code, whatever it is called.
  metadata: { bytecodeHash: 'none', appendCBOR: false },
  outputSelection: { '*': { '*': ['evm.deployedBytecode.object', 'evm.bytecode.object'] } },
}
const input = { language: 'Solidity', sources: { 'AnchorRegistry.sol': { content: source } }, settings }
const output = JSON.parse(solc.compile(JSON.stringify(input)))
for (const { formattedMessage } of output.errors ?? []) console.error(formattedMessage)
const compiled = output.contracts?.['AnchorRegistry.sol']?.AnchorRegistry?.evm
if (!compiled) process.exit(1)

const { outputSelection, ...kept } = settings
const text = `${JSON.stringify(
  {
    source: 'AnchorRegistry.sol',
    sourceSha256: createHash('sha256').update(source).digest('hex'),
    compiler: `solc ${solc.version()}`,
    settings: kept,
    initCode: `0x${compiled.bytecode.object}`,
    runtimeCode: `0x${compiled.deployedBytecode.object}`,
  },
  null,
  2,
)}\n`
const file = at('anchor-registry.json')
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') === text) process.exit(0)
  console.error('contracts/anchor-registry.json is not what contracts/AnchorRegistry.sol gives: npm run contract')
  process.exit(1)
}
writeFileSync(file, text)
console.log(`${(compiled.deployedBytecode.object.length / 2).toString()} bytes`)
