#!/usr/bin/env node
// Builds the auditor's page: one HTML file with its style, its script and, inside that, the worker that verifies. The
// same sources give the same bytes: nothing of this machine, and no time, goes in.
//
//   node scripts/build-page.mjs <file>
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = path => readFileSync(join(root, path), 'utf8')

/** The page, and how many bytes of it are script. */
export async function buildPage() {
  const worker = await bundle('web/worker/main.ts', {})
  const script = await bundle('web/main.ts', { WORKER_SOURCE: JSON.stringify(worker) })
  // The page is text inside of text: nothing may end an element early.
  if (/<\/(?:script|style)/i.test(script)) throw new Error('the script of the page would end itself')
  const style = read('web/style.css')
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    'worker-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types deedlog-worker',
  ].join('; ')
  const { version } = JSON.parse(read('package.json'))
  const parts = { policy, style, script, version, licences: licences() }
  const template = read('web/page.template')
  for (const name of Object.keys(parts))
    if (!template.includes(`{{${name}}}`)) throw new Error(`the template of the page has no place for its ${name}`)
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name])
}

async function bundle(entry, define) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    // The names of files stand in the page: they must not say where a linked folder really lies.
    preserveSymlinks: true,
    conditions: ['browser'],
    format: 'iife',
    target: 'es2022',
    charset: 'ascii',
    legalComments: 'none',
    minifySyntax: true,
    alias: { '#crypto': join(root, 'src/core/crypto/pure.ts') },
    define,
    logLevel: 'error',
  })
  const foreign = Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(each => each.external))
  if (foreign.length > 0) throw new Error(`${entry} imports ${foreign.map(each => each.path).join(', ')}`)
  return outputFiles[0].text
}

const hashOf = text => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Whose code is in it, by their own words. Two dashes would end the comment that they stand in. */
function licences() {
  return ['@noble/hashes', '@noble/curves']
    .map(name => `${name}\n${read(`node_modules/${name}/LICENSE`).trim()}`)
    .join('\n\n')
    .replaceAll('--', '- -')
}

/** Writes the page and returns its SHA-256. */
export async function writePage(path) {
  const page = await buildPage()
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, page)
  return createHash('sha256').update(page).digest('hex')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = process.argv[2]
  if (path === undefined) {
    console.error('build-page: no file was named\n  next: node scripts/build-page.mjs verifier.html')
    process.exit(2)
  }
  console.log(`${await writePage(path)}  ${path}`)
}
