import { CommanderError } from 'commander'
import { DeedlogError, isDeedlogError } from '../core/errors.js'
import type { Paint } from './terminal/paint.js'
import { guard, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { hang } from './terminal/wrap.js'

/** The command line itself is wrong, or leaves open what only its writer can say. Exit 2. */
export class UsageError extends DeedlogError {
  override readonly name = 'UsageError'
  /** A command to type next. */
  readonly next: string | undefined

  constructor(code: string, message: string, options: { expected?: string; next?: string; cause?: unknown } = {}) {
    super(code, message, options)
    this.next = options.next
  }
}

/** An error as a person or a program is told of it. */
export interface Explained {
  readonly code: string
  readonly message: string
  readonly expected: string
  readonly next: string
  /** 1 where the error is evidence against the log; 2 where nothing could be checked or done. */
  readonly exitCode: 1 | 2
}

/**
 * What any thrown value means to the person at the terminal.
 *
 * @param command  The command that was running, for the hint: `verify`; empty before one was recognized.
 * @param target   The log it was about, as typed.
 */
export function explain(error: unknown, command: string, target?: string): Explained {
  const help = `deedlog ${command === '' ? '' : `${command} `}--help`
  if (error instanceof UsageError)
    return {
      ...told(error),
      expected: error.expected ?? `what ${help} describes`,
      next: error.next ?? help,
      exitCode: 2,
    }
  if (error instanceof CommanderError) return fromCommander(error, help)
  // A false claim is evidence. Bytes that do not parse accuse nobody, and a disk or a lock even less.
  if (isDeedlogError(error)) {
    const exitCode = error.name === 'VerificationError' ? 1 : 2
    return {
      ...told(error),
      expected: error.expected ?? EXPECTED[error.name] ?? '',
      next: nextFor(error.code, target) ?? help,
      exitCode,
    }
  }
  const system = error as { code?: unknown; syscall?: unknown }
  if (error instanceof Error && typeof system.code === 'string' && typeof system.syscall === 'string')
    return {
      code: `system.${system.code.toLowerCase()}`,
      message: error.message,
      expected: 'a file system that can be read, and written where a log is written',
      next: help,
      exitCode: 2,
    }
  return {
    code: 'internal',
    message: `this is a bug in deedlog: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
    expected: 'a sentence about your input instead of this one',
    next: 'DEEDLOG_DEBUG=1 deedlog … shows where; please report it',
    exitCode: 2,
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  MalformedError: 'bytes in the form that spec/record.md and the C2SP tlog specifications describe',
  VerificationError: 'a claim that the bytes bear out',
  UnavailableError: 'a log that can be reached, and that nobody else is writing',
  HaltedError: 'a log whose last writer knew what it had saved: open it again',
}

/** The command that helps with an error of the rooms below, which do not know the command line. */
function nextFor(code: string, target: string | undefined): string | undefined {
  const verb = NEXT.get(code)
  return verb === undefined || target === undefined
    ? undefined
    : // As a function: in a replacement string `$'` would stand for what follows, and take the quotes apart.
      `deedlog ${verb.replace('<target>', () => shellPath(target))}`
}

const NEXT: ReadonlyMap<string, string> = new Map([
  ['log.missing', 'init <target>'],
  ['log.exists', 'list <target>'],
  ['target.missing', 'init <target>'],
  ['entries.unproven', 'verify <target> --self'],
  ['source.entries-missing', 'verify <target> --self'],
  ['call.unknown', 'list <target>'],
  ['review.unknown', 'review <target>'],
])

const told = ({ code, message }: DeedlogError): { code: string; message: string } => ({ code, message })

const COMMANDS_HELP =
  'one of init, exec, mcp, hook, list, show, disclose, prove, export, page, sample, coverage, verify, trust, review, keys, settle, continue, import, prune'

const COMMANDER_CODES: Readonly<Record<string, readonly [code: string, expected: string]>> = {
  'commander.unknownCommand': ['usage.command', COMMANDS_HELP],
  'commander.unknownOption': [
    'usage.option',
    'only options that the command has; a path beginning with - goes after --',
  ],
  'commander.missingArgument': ['usage.argument', 'every argument that the usage line shows in <angle brackets>'],
  'commander.excessArguments': [
    'usage.argument',
    'no more arguments than the usage line shows; quote names with spaces',
  ],
  'commander.optionMissingArgument': ['usage.value', 'a value after the option'],
  'commander.missingMandatoryOptionValue': ['usage.option', 'the option that the command cannot do without'],
  'commander.invalidArgument': ['usage.value', 'a value of the form that the help describes'],
  'commander.conflictingOption': ['usage.conflict', 'one of the two options'],
  'commander.help': ['usage.command', COMMANDS_HELP],
}

function fromCommander(error: CommanderError, next: string): Explained {
  const [code, expected] = COMMANDER_CODES[error.code] ?? ['usage', `what ${next} describes`]
  const message = error.code === 'commander.help' ? 'no command was named' : error.message.replace(/^error: /, '')
  return { code, message: message.replaceAll('\n', ' '), expected, next, exitCode: 2 }
}

/** The error for people: what is wrong, what would be right, what to type. At most `columns` wide. */
export function renderError(error: Explained, paint: Paint, columns: number): string {
  const lines = [
    ...hang('error: ', `${guard(error.message)} [${guard(error.code)}]`, columns),
    ...(error.expected === '' ? [] : hang('  expected: ', guard(error.expected), columns)),
    // Never wrapped: it is there to be copied.
    `  next:     ${guard(error.next)}`,
  ]
  return `${lines.join('\n').replace(/^error:/, paint.bad('error:'))}\n`
}

/** The error for programs, one line: `{"error":{"code","message","expected","next"}}`. */
export const errorJson = ({ code, message, expected, next }: Explained): string =>
  `${safeJson({ error: { code, message, expected, next } })}\n`
