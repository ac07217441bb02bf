import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { quote } from '../core/errors.js'
import { ApproverKey, generateApproverKey } from '../govern/review/approver-key.js'
import { type Context, examples } from './command.js'
import { UsageError } from './errors.js'
import { addKeysChange } from './keys-change.js'
import { addKeysList } from './keys-list.js'
import { addKeysProtect } from './keys-protect.js'
import { jsonOption, wordOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'

interface ApproverOptions {
  readonly as: string
  readonly json?: true
}

export function addKeys(program: Command, context: Context): void {
  const keys = program
    .command('keys')
    .summary('the keys of a log and of approvers: list, add, retire, compromised, protect')
    .description(
      'Shows and changes whose keys count in a log, guards the files they lie in, and makes keys of approvers. The ' +
        'keys of logs and agents are made with the log.',
    )
  addKeysList(keys, context)
  addKeysChange(keys, context)
  addKeysProtect(keys, context)
  keys
    .command('approver')
    .summary('the key of a person who approves calls')
    .description(
      'Makes an Ed25519 key with which one person signs approvals, for deedlog review --key, and shows the line that ' +
        'pins it in an auditor’s trust file. Keep the file where no agent and no recorder can read it.',
    )
    .argument('<file>', 'where the private key goes, PKCS#8 in PEM; it must not be there yet')
    .addOption(wordOption('--as <pseudonym>', 'who the key is of, as in deedlog review --as').makeOptionMandatory())
    .addOption(jsonOption('what was made'))
    .addHelpText('after', examples([['deedlog keys approver r-7.pem --as r-7', 'a key for the approver r-7']]))
    .action((file: string, options: ApproverOptions) => run(file, options, context))
}

async function run(file: string, { as: id, json }: ApproverOptions, { terminal }: Context): Promise<void> {
  const pem = generateApproverKey()
  const trustLine = new ApproverKey(pem, file).trustLine(id)
  try {
    writeFileSync(file, pem, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new UsageError('keys.exists', `there is a file ${quote(file)} already; it was not touched`, {
      expected: 'a path where nothing is yet',
      cause,
    })
  }
  const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }
  await terminal.out(
    json === true
      ? `${safeJson({ file, approver: id, trustLine }, 2)}\n`
      : new Page(look)
          .heading(`Made the key of ${safe(id)}`)
          .fact('file', safe(file))
          .fact('trust file', 'a line for auditors')
          .line(`  ${safe(trustLine)}`)
          .toString(),
  )
}
