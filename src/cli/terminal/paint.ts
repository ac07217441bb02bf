/** Colours that carry no meaning of their own: every word they touch says the same without them. */
export interface Paint {
  good(text: string): string
  bad(text: string): string
  warn(text: string): string
  strong(text: string): string
  faint(text: string): string
}

const code =
  (on: number, off: number) =>
  (text: string): string =>
    `\x1b[${on}m${text}\x1b[${off}m`

const COLOURED: Paint = {
  good: code(32, 39),
  bad: code(31, 39),
  warn: code(33, 39),
  strong: code(1, 22),
  faint: code(2, 22),
}

const same = (text: string): string => text

export const PLAIN: Paint = { good: same, bad: same, warn: same, strong: same, faint: same }

/** Colours for a terminal that wants them: never in a pipe, nor with NO_COLOR (no-color.org) or TERM=dumb. */
export const paintFor = (isTty: boolean, env: Readonly<Record<string, string | undefined>>): Paint =>
  isTty && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb' ? COLOURED : PLAIN
