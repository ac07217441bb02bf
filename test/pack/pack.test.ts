import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a new user does: an empty folder, the packed tarball, the README's own words. */
describe('the package in an empty folder', () => {
  let folder: string
  const files: string[] = []

  beforeAll(() => {
    if (!existsSync(join(root, 'dist/index.js'))) throw new Error('dist/ is missing: run `npm run build` first')
    folder = mkdtempSync(join(tmpdir(), 'deedlog-pack-'))
    const packed = npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder)
    const [{ filename, files: listed }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }]
    files.push(...listed.map(file => file.path))
    writeFileSync(join(folder, 'package.json'), '{ "name": "newcomer", "private": true, "type": "module" }\n')
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>
    }
    const others = ['@google/adk', 'zod', 'typescript', '@types/node'].map(name => `${name}@${devDependencies[name]}`)
    npm(folder, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', filename, ...others)
  }, 240_000)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('ships the build, the specification and the licence, and no tests, sources or test parts', () => {
    expect(files).toContain('dist/index.js')
    expect(files).toContain('dist/index.d.ts')
    expect(files).toContain('spec/record.md')
    expect(files).toContain('LICENSE')
    expect(files.filter(path => /\.test\.|testkit|^src\/|^test\/|node_modules/.test(path))).toEqual([])
  })

  it('brings in no package with an install script and stays small', () => {
    const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dependencies?: Record<string, string>; hasInstallScript?: boolean }>
    }
    const ours = reach(lock.packages, 'node_modules/deedlog')
    expect(ours.length).toBeGreaterThan(4)
    expect(ours.length).toBeLessThan(20)
    expect(ours.filter(path => lock.packages[path]?.hasInstallScript)).toEqual([])
  })

  it("runs the README's ADK example, and its log verifies by the README's command", () => {
    writeFileSync(join(folder, 'example.mjs'), readmeExample())
    const ran = spawnSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' })
    expect(ran.stderr).not.toMatch(/\n\s+at /)
    expect(ran.status).toBe(0)
    expect(ran.stdout).toContain('refund')
    const listed = npx(folder, 'list', './audit', '--json')
    expect(JSON.parse(listed.stdout).calls).toMatchObject([{ tool: 'refund', status: 'succeeded' }])
    const verified = npx(folder, 'verify', './audit', '--trust', './audit.trust')
    expect(verified.stdout + verified.stderr).toContain('Not excluded')
    expect(verified.status).toBe(0)
  }, 60_000)

  it("type-checks the README's example under strict NodeNext", () => {
    writeFileSync(join(folder, 'example.ts'), readmeExample())
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--skipLibCheck']
    const tsc = [join(folder, 'node_modules/typescript/bin/tsc'), ...options, '--types', 'node', 'example.ts']
    const ran = spawnSync(process.execPath, tsc, { cwd: folder, encoding: 'utf8' })
    expect(ran.stdout).toBe('')
    expect(ran.status).toBe(0)
  }, 60_000)

  it('loads from ESM and from CommonJS, every subpath', () => {
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }
    const subpaths = Object.keys(exports)
      .filter(path => !path.endsWith('.json'))
      .map(path => path.replace('.', 'deedlog'))
    expect(subpaths).toContain('deedlog/verify')
    for (const subpath of subpaths) {
      const esm = `import * as m from '${subpath}'; if (Object.keys(m).length === 0) throw new Error('empty')`
      expect(node(folder, '--input-type=module', '-e', esm)).toEqual({ status: 0, stderr: '' })
      const cjs = `if (Object.keys(require('${subpath}')).length === 0) throw new Error('empty')`
      const required = node(folder, '--input-type=commonjs', '-e', cjs)
      // Node 20 and 22 say that `require` of a module is experimental; nothing else may be said.
      expect(required.stderr.replace(/^.*(ExperimentalWarning|--trace-warnings).*\n/gm, '')).toBe('')
      expect(required.status).toBe(0)
    }
  }, 120_000)

  it('loads the verifier without any host and without the writer', () => {
    const code = `import 'deedlog/verify'
      const loaded = process.moduleLoadList ?? []
      if (loaded.some(name => /adk|agent-governance/.test(name))) throw new Error('a host was loaded')`
    expect(node(folder, '--input-type=module', '-e', code).status).toBe(0)
  })

  const readmeExample = (): string => {
    const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)]
    const example = blocks.map(block => block[1]!).find(block => block.includes('InMemoryRunner'))
    if (!example) throw new Error('README.md has no ADK example')
    return example
  }
})

const npm = (cwd: string, ...args: string[]): string =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

const npx = (cwd: string, ...args: string[]) =>
  spawnSync(process.execPath, [join(cwd, 'node_modules/deedlog/dist/cli/main.js'), ...args], { cwd, encoding: 'utf8' })

function node(cwd: string, ...args: string[]): { status: number | null; stderr: string } {
  const ran = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  return { status: ran.status, stderr: ran.stderr }
}

/** Every package that installing `from` brings in, itself included; optional peers are not followed. */
function reach(packages: Record<string, { dependencies?: Record<string, string> }>, from: string): string[] {
  const seen = new Set([from])
  for (const path of seen)
    for (const name of Object.keys(packages[path]?.dependencies ?? {}))
      for (const candidate of [`${path}/node_modules/${name}`, `node_modules/${name}`])
        if (packages[candidate]) {
          seen.add(candidate)
          break
        }
  return [...seen]
}
