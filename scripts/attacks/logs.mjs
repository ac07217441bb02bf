// The logs of the table of attacks, written to the disk by the generator that the unit tests use, from the sources.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/** Bundles what the sources under test/ export, so that Node can import it. */
async function imported(root, contents, name) {
  const outfile = join(root, '.proof/attacks', name)
  await build({
    stdin: { contents, resolveDir: join(root, 'test') },
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

const GENERATOR = `
  export { rows } from './verify/rows.js'
  export { heldRows } from './verify/rows-held.js'
  export { tableRows } from './verify/rows-table.js'
  export { storedRows } from './verify/rows-stored.js'
  export { disclosedRows } from './verify/rows-disclosed.js'
  export { prunedRows } from './verify/rows-pruned.js'
  export { bundleRows } from './verify/rows-bundle.js'
  export { putTree, putStored } from './verify/stored-kit.js'
`

const slug = text =>
  text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .toLowerCase()
    .slice(0, 80)

/** Every row with its two logs below `.proof/attacks/logs`, and what is expected of them. */
export async function writeLogs(root) {
  const logs = join(root, '.proof/attacks/logs')
  rmSync(logs, { recursive: true, force: true })
  const made = await imported(root, GENERATOR, 'generator.mjs')
  const seen = new Set()
  const place = (attack, which) => join(logs, slug(attack), which)
  const row = (told, answers, put) => {
    if (seen.has(slug(told.attack))) throw new Error(`two rows would lie in ${slug(told.attack)}`)
    seen.add(slug(told.attack))
    return {
      row: told.attack,
      held: told.holds,
      undetected: told.undetected,
      notices: told.notices ?? [],
      expected: { exit: told.exit, answers, codes: told.codes },
      twin: told.twin ?? [],
      hostile: put(true, place(told.attack, 'hostile')),
      honest: put(false, place(told.attack, 'honest')),
    }
  }
  const trees = [...made.rows, ...made.heldRows, ...made.tableRows]
  const stored = [...made.storedRows, ...made.disclosedRows, ...made.prunedRows, ...made.bundleRows]
  return [
    ...trees.map(told =>
      row(told, [told.evidence, told.completeness, told.conduct], (attacked, to) => made.putTree(told, attacked, to)),
    ),
    ...stored.map(told => row(told, told.answers, (attacked, to) => made.putStored(told.build(attacked), to))),
  ]
}

/** What drives the auditor's page in a browser. */
export const pageBrowser = root =>
  imported(root, `export { PageBrowser, findChromium } from './page/browser.js'`, 'page-browser.mjs')
