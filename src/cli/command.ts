import { PAGE_COLUMNS, type Terminal } from './terminal/terminal.js'
import { wrap } from './terminal/wrap.js'

/** What every command is handed. */
export interface Context {
  readonly terminal: Terminal
  /** The arguments after `deedlog`, as typed. */
  readonly argv: readonly string[]
  /** How the process is to end. A command sets it before it writes, so that it holds when nobody reads to the end. */
  exitCode: number
  /** The log that the command is about, as typed; for what to type next. */
  target?: string
}

/** Examples for the end of a command's help: what to type, and what it does. */
export function examples(rows: readonly (readonly [command: string, does: string])[]): string {
  return `\nExamples:\n${rows.map(([command, does]) => `  # ${does}\n  $ ${command}`).join('\n')}\n`
}

/** What a command's exit codes mean, for the end of its help. */
export const exitCodes = (text: string): string => `\n${wrap(`Exit codes: ${text}`, PAGE_COLUMNS).join('\n')}\n`
