import { builtinModules } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The rooms, from the bottom up: a room may import itself and the rooms named here. ARCHITECTURE.md draws this. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'core/errors': [],
  'core/crypto': [],
  native: ['core/crypto'],
  'core/bytes': ['core/errors'],
  'core/tlog': ['core/errors', 'core/bytes', '#crypto'],
  'core/record': ['core/errors', 'core/bytes', 'core/tlog', '#crypto'],
  'core/anchor': ['core/errors', 'core/bytes', 'core/tlog', 'core/record', '#crypto'],
  'core/verify': ['core/errors', 'core/bytes', 'core/tlog', 'core/record', 'core/anchor', '#crypto'],
  log: ['core', '#crypto'],
  govern: ['core'],
  recorder: ['core', 'log', 'govern', '#crypto'],
  publish: ['core', 'log', '#crypto'],
  client: ['core', 'log', '#crypto'],
  adapters: ['core', 'log', 'govern', 'recorder'],
  testing: ['core', 'log', 'client'],
  witness: ['core', 'log', '#crypto'],
  server: ['core', 'log', 'govern', 'recorder', 'publish', 'client', '#crypto'],
  cli: ['core', 'log', 'govern', 'recorder', 'publish', 'client', 'witness', 'adapters'],
  index: ['core', 'log', 'govern', 'recorder', 'publish', 'client'],
}

/** Packages each room may use; `node:` modules are listed as `node:*`. */
const MAY_USE: Record<string, readonly string[]> = {
  'core/crypto': ['@noble/curves', '@noble/hashes', '@noble/post-quantum'],
  native: ['node:*'],
  log: ['node:*', 'fs-native-extensions'],
  govern: ['node:*', 'yaml', '@microsoft/agent-governance-sdk'],
  recorder: ['node:*'],
  publish: ['node:*', 'viem'],
  client: ['node:*'],
  adapters: ['node:*', '@google/adk'],
  testing: ['node:*', '@google/adk'],
  witness: ['node:*'],
  server: ['node:*'],
  cli: ['node:*', 'commander'],
}

interface Import {
  readonly from: string
  readonly to: string
}

const imports: Import[] = []
let modules = 0

beforeAll(async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/**/*.ts'],
    outdir: 'unused',
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    external: ['#crypto'],
    packages: 'external',
    logLevel: 'silent',
  })
  for (const [path, input] of Object.entries(metafile.inputs)) {
    if (!path.startsWith('src/') || isTest(path)) continue
    modules++
    for (const { path: to, external } of input.imports)
      imports.push({ from: path, to: external ? to : relative(root, `${root}/${to}`) })
  }
})

describe('the rooms', () => {
  it('are seen: more than forty modules and their imports', () => {
    expect(modules).toBeGreaterThan(40)
    expect(imports.length).toBeGreaterThan(modules)
  })

  it('import only downwards', () => {
    const wrong = imports
      .filter(({ to }) => to.startsWith('src/') || to === '#crypto')
      .filter(({ from, to }) => !allowed(room(from), to === '#crypto' ? to : room(to)))
    expect(wrong).toEqual([])
  })

  it('use only the packages they are allowed', () => {
    const wrong = imports
      .filter(({ to }) => !to.startsWith('src/') && !to.startsWith('#'))
      .filter(({ from, to }) => !(MAY_USE[room(from)] ?? []).includes(packageOf(to)))
    expect(wrong).toEqual([])
  })

  it('leave no file of theirs to a stranger: nothing imports a test or a test kit', () => {
    expect(imports.filter(({ to }) => to.startsWith('src/') && isTest(to))).toEqual([])
  })
})

const isTest = (path: string): boolean => /\.test\.ts$|testkit\.ts$/.test(path)

function room(path: string): string {
  const parts = path.replace(/^src\//, '').split('/')
  if (parts[0] === 'core') return parts.length === 2 ? 'core/errors' : `core/${parts[1]}`
  return parts.length === 1 ? 'index' : parts[0]!
}

function allowed(from: string, to: string): boolean {
  if (from === to) return true
  const may = MAY_IMPORT[from]
  if (!may) throw new Error(`the room ${from} is not drawn in this test`)
  return may.some(name => to === name || to.startsWith(`${name}/`))
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return 'node:*'
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
