import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { UnavailableError } from '../core/errors.js'
import { type Context, examples } from './command.js'
import { jsonOption, pathOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { sha256 } from './verifier-digest.js'
import { writeNew } from './write-new.js'

interface PageOptions {
  readonly out: string
  readonly json?: true
}

/** Where the build puts the page: beside the folder of this file. */
const BUILT = new URL('../page/verifier.html', import.meta.url)

export function addPage(program: Command, context: Context): void {
  program
    .command('page')
    .summary('the verifier as one HTML file, for auditors without a terminal')
    .description(
      'Writes the auditor’s page: one file that verifies logs, bundles and proofs in a browser, offline, with the code ' +
        'that verify runs. Prints its SHA-256, so that whoever gets the file can find out whether it is this one.',
    )
    .addOption(pathOption('-o, --out <file>', 'where to write it; nothing may be there').makeOptionMandatory())
    .addOption(jsonOption('path, digest and length'))
    .addHelpText('after', examples([['deedlog page -o verifier.html', 'write the page; open it with any browser']]))
    .action((options: PageOptions) => run(options, context))
}

/**
 * @throws {UnavailableError} `page.missing` where the program was built without it
 * @throws {UsageError} `page.out`
 */
async function run({ out, json }: PageOptions, { terminal }: Context): Promise<void> {
  const bytes = await readFile(BUILT).catch(cause => {
    throw new UnavailableError('page.missing', 'this copy of the program was built without the page', {
      expected: 'an installed package, or a build with npm run build',
      cause,
    })
  })
  await writeNew(out, bytes, 'page.out')
  const digest = sha256(bytes)
  if (json === true) {
    await terminal.out(`${safeJson({ out, sha256: digest, bytes: bytes.length })}\n`)
    return
  }
  // The name as a person types it, whatever folder it lies in there.
  const name = shellPath(basename(out))
  await terminal.out(
    new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })
      .heading(`Wrote ${safe(out)}`)
      .value('SHA-256', digest)
      .fact('compare', 'tell this digest to whoever gets the file, another way than the file; they find it again with')
      .line(`      sha256sum ${name}                      on Linux`)
      .line(`      shasum -a 256 ${name}                  on macOS`)
      .line(`      certutil -hashfile ${name} SHA256      on Windows`)
      .toString(),
  )
}
