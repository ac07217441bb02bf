import { realpath } from 'node:fs/promises'
import type { Command } from 'commander'
import { checkDisclosure, discloseFields } from '../client/disclose.js'
import { openSource } from '../client/open.js'
import { readForeignFile } from '../client/read-file.js'
import type { LogSource } from '../client/source.js'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { quote } from '../core/errors.js'
import { DISCLOSURE_BYTES_MAX } from '../core/record/disclosure-form.js'
import type { Path } from '../core/record/index.js'
import { callId } from './call-id.js'
import { type Context, examples, exitCodes } from './command.js'
import { countedSource } from './counted-source.js'
import { UsageError } from './errors.js'
import { parseFieldPath } from './field-path.js'
import { jsonOption, pathOption } from './options.js'
import { renderChecked } from './render/disclosure.js'
import { Progress } from './terminal/progress.js'
import { guard, safe, safeJson } from './terminal/safe.js'
import { shellPath, shellWord } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { writeNew } from './write-new.js'

interface DiscloseOptions {
  readonly member: string
  readonly path?: readonly Path[]
  readonly out?: string
  readonly check?: string
  readonly json?: true
}

export function addDisclose(program: Command, context: Context): void {
  const collect = (typed: string, before: readonly Path[] = []) => [...before, parseFieldPath(typed)]
  program
    .command('disclose')
    .summary('prove a committed value, or some fields of it, to somebody')
    .description(
      'Writes a disclosure: what proves to whoever has the log that a call was made with this value, or with these ' +
        "fields of it. With --check, tells what a disclosure proves. Disclosing needs the log's vault; checking does not.",
    )
    .argument('<target>', 'a log folder, or a JSONL log')
    .argument('<call>', 'the id of the call, or the index of one of its records')
    .requiredOption(
      '--member <name>',
      'args, output, error.message, decision.reason, ...; outcome.args where two have it',
    )
    .option('--path <path>', 'a field to show, such as payment.items.0; can be repeated; default: everything', collect)
    .addOption(pathOption('--out <file>', 'where to write the disclosure; default: standard output'))
    .addOption(pathOption('--check <file>', 'check this disclosure instead').conflicts(['path', 'out']))
    .addOption(jsonOption('with --check, what it proves'))
    .addHelpText(
      'after',
      examples([
        [
          'deedlog disclose audit 3 --member args --path payment.iban --out iban.json',
          'one field, the others withheld',
        ],
        ['deedlog disclose audit 3 --member args --check iban.json', 'what that file proves'],
      ]) + exitCodes('0 done, or it proves what is shown; 1 it proves nothing about this call; 2 could not check.'),
    )
    .action((target: string, call: string, options: DiscloseOptions) => run(target, call, options, context))
}

async function run(target: string, call: string, options: DiscloseOptions, context: Context): Promise<void> {
  const opened = await openSource(target)
  const progress = new Progress(process.stderr, 'reading records')
  const source = countedSource(opened, progress)
  try {
    if (options.check === undefined) await disclose(source, target, call, options, context)
    else await check(source, call, options.check, options, context)
  } finally {
    progress.end()
    await opened.close()
  }
}

async function disclose(
  source: LogSource,
  target: string,
  call: string,
  { member, path = [], out }: DiscloseOptions,
  { terminal }: Context,
): Promise<void> {
  const bytes = await discloseFields(source, callId(call), member, path).catch(error => {
    throw error instanceof RangeError
      ? noSuchField(error, `deedlog show ${shellPath(target)} ${shellWord(call)}`)
      : error
  })
  const text = fromUtf8(bytes)
  if (out !== undefined) {
    await writeNew(out, bytes, 'disclose.out')
    const command = `deedlog disclose ${shellPath(target)} ${shellWord(call)} --member ${shellWord(member)} --check ${shellPath(out)}`
    await terminal.out(`Wrote ${safe(out)}, ${bytes.length} bytes. Whoever has the log checks it with\n  ${command}\n`)
    return
  }
  // In a pipe the bytes as they are: a newline more and it is no disclosure. On a terminal they must not steer it.
  if (terminal.columns === undefined) await terminal.out(text)
  else if (guard(text) === text) await terminal.out(`${text}\n`)
  else
    throw new UsageError('disclose.unprintable', 'the disclosure holds characters that a terminal would obey or hide', {
      expected: '--out <file>, or a pipe',
    })
}

function noSuchField({ message }: RangeError, next: string): UsageError {
  const expected = 'a field that deedlog show lists; JSON for names with dots or digits only: \'["a.b","0"]\''
  return new UsageError('disclose.path', message, { expected, next })
}

async function check(
  source: LogSource,
  call: string,
  file: string,
  { member, json }: DiscloseOptions,
  { terminal }: Context,
): Promise<void> {
  // The user may name the file by a link.
  const bytes = await readForeignFile(await realpath(file).catch(() => file), DISCLOSURE_BYTES_MAX)
  if (bytes === undefined)
    throw new UsageError('disclose.missing', `there is no file at ${quote(file)}`, {
      expected: 'the path of a disclosure',
    })
  const checked = await checkDisclosure(source, callId(call), member, bytes)
  const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }
  await terminal.out(json === true ? `${safeJson(checked, 2)}\n` : renderChecked(checked, look))
}
