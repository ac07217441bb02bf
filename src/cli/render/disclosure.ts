import type { CommittedMember } from '../../client/disclose.js'
import type { Disclosed, Path } from '../../core/record/index.js'
import type { Json } from '../../core/record/types.js'
import { safe, safeJson } from '../terminal/safe.js'
import { type Look, Page } from './page.js'

// A disclosed value may be long, and a person reads its beginning.
const VALUE_LINES_MAX = 40

/** Adds what a disclosure proved to a page, indented below what it is about; a string says why it proved nothing. */
export function addDisclosed(page: Page, disclosed: Disclosed | string): void {
  if (typeof disclosed === 'string') page.item(INDENT, safe(disclosed))
  else if ('value' in disclosed) addValue(page, 'disclosed in full: ', disclosed.value)
  else {
    for (const { path, value } of disclosed.fields) addValue(page, `disclosed at ${pathText(path)}: `, value)
    if (disclosed.withheld.length > 0)
      page.item(INDENT, `withheld or erased: ${disclosed.withheld.map(pathText).join(', ')}`)
  }
}

/** What `disclose --check` found. */
export function renderChecked(
  { member, index, commitment, disclosed }: CommittedMember & { readonly disclosed: Disclosed },
  look: Look,
): string {
  const page = new Page(look)
    .heading(`The disclosure holds: entry ${index} committed to this`)
    .fact(safe(member), 'commitment with the root')
    .line(INDENT + safe(commitment.root))
  addDisclosed(page, disclosed)
  return page.item('  ', 'Whose log this is, and whether it is whole, is the question of deedlog verify.').toString()
}

/** What belongs to a fact stands below it. */
export const INDENT = ' '.repeat(16)

function addValue(page: Page, label: string, value: Json): void {
  const lines = safeJson(value, 2).split('\n')
  for (const [i, line] of lines.slice(0, VALUE_LINES_MAX).entries())
    page.line(`${INDENT}${i === 0 ? label : ''}${line}`)
  if (lines.length > VALUE_LINES_MAX)
    page.line(`${INDENT}… and ${lines.length - VALUE_LINES_MAX} more lines, all of them with --json`)
}

/** A field's path as `--path` takes it: `payment.items.0`, and as JSON where a name would not read back. */
export function pathText(path: Path): string {
  const simple = path.every(step => typeof step === 'number' || /^[A-Za-z_$][A-Za-z0-9_$-]*$/.test(step))
  return simple ? path.join('.') : safeJson(path)
}
