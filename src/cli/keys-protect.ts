import type { Command } from 'commander'
import { layoutOf } from '../log/operator.js'
import { FileKeys } from '../log/stores/file-keys.js'
import { realWorld } from '../log/world.js'
import { type Context, examples } from './command.js'
import { UsageError } from './errors.js'
import { jsonOption } from './options.js'
import { newPassphrase } from './passphrase.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'

/** `deedlog keys protect|unprotect`: the key files of a log under a passphrase, or not. */
export function addKeysProtect(keys: Command, context: Context): void {
  keys
    .command('protect')
    .summary('put the key files of a log under a passphrase')
    .description(
      'Writes every key file of the log anew, encrypted (PKCS#8, PBKDF2 with 600,000 rounds of HMAC-SHA-256, ' +
        'AES-256). The passphrase is that of DEEDLOG_PASSPHRASE or --passphrase-file, or is asked for at the terminal. ' +
        'Whoever writes the log needs it from then on, and new keys are under it too. Copies of the old files stay as ' +
        'they are, and blocks of them may stay on the disk: make new keys if others had them.',
    )
    .argument('<dir>', 'a log folder, or a JSONL log, with its private folder')
    .addOption(jsonOption('what was done'))
    .addHelpText('after', examples([['deedlog keys protect audit', 'asks for a passphrase twice']]))
    .action((target: string, { json }: { json?: true }) => run(target, true, json, context))
  keys
    .command('unprotect')
    .summary('take the passphrase off again')
    .description('Writes every key file of the log anew, without a passphrase: only permissions guard it then.')
    .argument('<dir>', 'a log folder, or a JSONL log, with its private folder')
    .addOption(jsonOption('what was done'))
    .action((target: string, { json }: { json?: true }) => run(target, false, json, context))
}

async function run(target: string, protect: boolean, json: true | undefined, { terminal }: Context): Promise<void> {
  const keys = new FileKeys(realWorld.disk, await layoutOf(realWorld, target))
  if ((await keys.isProtected()) === protect)
    throw new UsageError(
      'keys.protected',
      `the keys of ${target} are ${protect ? 'under a passphrase' : 'under none'}`,
      {
        expected: protect ? 'keys without one; unprotect and protect change it' : 'keys under one',
        next: `deedlog keys ${protect ? 'unprotect' : 'list'} ${shellPath(target)}`,
      },
    )
  const files = await keys.rewrite(protect ? await newPassphrase() : undefined)
  const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }
  await terminal.out(
    json === true
      ? `${safeJson({ target, protected: protect, files: files.length }, 2)}\n`
      : new Page(look)
          .heading(
            protect ? `The keys of ${safe(target)} are under a passphrase` : `The keys of ${safe(target)} are open`,
          )
          .fact('files', `${files.length}, written anew`)
          .fact('guarded by', protect ? 'the passphrase, and permissions' : 'permissions alone')
          .toString(),
  )
}
