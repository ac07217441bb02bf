import { realpath } from 'node:fs/promises'
import type { Command } from 'commander'
import { TRUST_BYTES_MAX } from '../client/claimed-keys.js'
import { readForeignFile } from '../client/read-file.js'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { quote, UnavailableError } from '../core/errors.js'
import { formatPolicy, parseTrust, type Trust } from '../core/verify/index.js'
import { type Context, examples } from './command.js'
import { UsageError } from './errors.js'
import { jsonOption } from './options.js'
import { gapsOf, renderTrust, trustJson } from './render/trust.js'
import { safeJson } from './terminal/safe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'

interface JsonOption {
  readonly json?: true
}

/** `deedlog trust show|check|export`: what a trust file says before anything is verified under it. */
export function addTrust(program: Command, context: Context): void {
  const { terminal } = context
  const look = () => ({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })
  const trust = program
    .command('trust')
    .summary('what a trust file says: show, check, export')
    .description('Reads a trust file as verify does, and says whose word it takes and what it leaves open.')
    .addHelpText(
      'after',
      examples([
        ['deedlog trust show audit.trust', 'whose signatures it accepts'],
        ['deedlog trust check audit.trust', 'what it leaves open'],
        ['deedlog trust export audit.trust --tlog-policy', 'the part that other transparency log tools read'],
      ]),
    )
  trust
    .command('show')
    .summary('whose signatures a trust file accepts')
    .argument('<file>', 'a trust file, or a plain C2SP tlog-policy')
    .addOption(jsonOption('the file'))
    .action(async (file: string, { json }: JsonOption) => {
      const read = await readTrustFile(file)
      await terminal.out(json === true ? `${safeJson(trustJson(read), 2)}\n` : renderTrust(file, read, look()))
    })
  trust
    .command('check')
    .summary('whether a trust file can be used, and what it leaves open')
    .argument('<file>', 'a trust file, or a plain C2SP tlog-policy')
    .addOption(jsonOption('what it leaves open'))
    .action(async (file: string, { json }: JsonOption) => {
      const open = gapsOf(await readTrustFile(file))
      await terminal.out(
        json === true
          ? `${safeJson({ usable: true, open }, 2)}\n`
          : `It can be used. ${open.length === 0 ? 'It leaves nothing open that it could settle.' : 'It leaves open:'}\n${open.map(({ text }) => `  - ${text}\n`).join('')}`,
      )
    })
  trust
    .command('export')
    .summary('the part of a trust file that other tools read')
    .argument('<file>', 'a trust file')
    .option('--tlog-policy', 'as a C2SP tlog-policy; the only form there is')
    .action(async (file: string, { tlogPolicy }: { tlogPolicy?: true }) => {
      if (tlogPolicy !== true)
        throw new UsageError('usage.option', 'it was not said what to export the file as', {
          expected: '--tlog-policy',
        })
      await terminal.out(formatPolicy((await readTrustFile(file)).policy))
    })
}

async function readTrustFile(path: string): Promise<Trust> {
  // An auditor's own file may be reached by a link.
  const bytes = await readForeignFile(await realpath(path).catch(() => path), TRUST_BYTES_MAX)
  if (!bytes)
    throw new UnavailableError('trust.missing', `there is no trust file at ${quote(path)}`, {
      expected: 'the path of a trust file; deedlog init writes one beside each new log',
    })
  return parseTrust(fromUtf8(bytes))
}
