import { guard } from '../terminal/safe.js'

/*
 * How text gets into a page of a report: every stranger's word goes through `text`.
 */

// What is longer is for a program: `--json` has all of it.
const ROWS_MAX = 1000

/** A stranger's or our words in a page: controls and characters that reorder or hide are shown, then markup escaped. */
export const text = (words: string): string =>
  guard(words)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')

/** Cells are markup already. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const body = rows.slice(0, ROWS_MAX).map(cells => `<tr>${cells.map(cell => `<td>${cell}</td>`).join('')}</tr>`)
  const rest = rows.length > ROWS_MAX ? `<p>And ${rows.length - ROWS_MAX} more, all of them with --json.</p>` : ''
  return `<table><thead><tr>${head.map(title => `<th scope="col">${text(title)}</th>`).join('')}</tr></thead>\n<tbody>${body.join('\n')}</tbody></table>${rest}`
}
