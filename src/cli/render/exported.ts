import type { BundleAnswer, Report } from '../../core/verify/report.js'
import { guard, safe } from '../terminal/safe.js'
import { shellPath } from '../terminal/shell-word.js'
import { pathText } from './disclosure.js'
import { count, type Look, Page } from './page.js'

/** What `deedlog export` says of the bundle that it wrote. */
export function renderExported(
  report: Report,
  { out, bytes, ...look }: Look & { readonly out: string; readonly bytes: number },
): string {
  const page = new Page(look).heading(`Wrote ${safe(out)}: ${count(bytes, 'byte')}`)
  renderBundle(page, report.bundle!)
  const unknown = report.findings.filter(({ severity, area }) => severity === 'unknown' && area !== 'evidence')
  for (const { message } of unknown.slice(0, FINDINGS_MAX)) page.item('  not known: ', guard(message))
  if (unknown.length > FINDINGS_MAX)
    page.line(`  … and ${count(unknown.length - FINDINGS_MAX, 'more thing')} not known`)
  return page
    .line('')
    .line('  Whoever receives it verifies it with a trust file from elsewhere:')
    .line(`    deedlog verify ${shellPath(out)} --trust <file>`)
    .toString()
}

const FINDINGS_MAX = 10
// What is longer is for a program.
const ROWS_MAX = 20

/** What a bundle shows, and what it was asked for. */
export function renderBundle(page: Page, bundle: BundleAnswer): void {
  const { query, made, entries, calls, sessions, disclosures, anchors, files, notes } = bundle
  page
    .value('asked for', queryText(query))
    .fact('made', made === undefined ? 'not said when' : `${safe(made)}, by the word of whoever made it`)
    .fact(
      'shown',
      `${entries.shown.toLocaleString('en-US')} of ${count(entries.of, 'record')}; the others by hashes only`,
    )
    .fact('calls', `${calls.asked} asked for and shown; ${calls.others} others in part, and not judged`)
  for (const { session, shown, calls: all, ended } of sessions.slice(0, ROWS_MAX))
    page.fact(
      'session',
      `${safe(session)}: ${shown} of ${ended ? '' : 'at least '}${count(all, 'call')} shown${ended ? '' : ', its end is not'}`,
    )
  if (sessions.length > ROWS_MAX) page.line(`  … and ${count(sessions.length - ROWS_MAX, 'more session')}`)
  for (const { index, member, holds, why, shown, withheld } of disclosures.slice(0, ROWS_MAX))
    page.fact(
      'disclosed',
      `${safe(member)} of entry ${index}: ${
        !holds
          ? `PROVES NOTHING, ${guard(why ?? '')}`
          : shown === undefined
            ? 'in full'
            : `${shown.map(pathText).join(', ') || 'nothing'}; withheld or erased: ${withheld?.map(pathText).join(', ') || 'nothing'}`
      }`,
    )
  if (disclosures.length > ROWS_MAX) page.line(`  … and ${count(disclosures.length - ROWS_MAX, 'more disclosure')}`)
  if (disclosures.length === 0) page.fact('disclosed', 'nothing: values are shown as commitments only')
  page.fact(
    'besides',
    `${count(notes, 'note')}, ${count(files.length, 'file')} of rules, ${count(anchors.length, 'anchor')}`,
  )
}

/** A query in words. */
export function queryText(query: BundleAnswer['query']): string {
  if ('all' in query) return 'all'
  const some = (what: string, ids: readonly string[]) =>
    `${what} ${ids.slice(0, 3).map(safe).join(', ')}${ids.length > 3 ? ` and ${ids.length - 3} more` : ''}`
  if ('calls' in query) return some('call', query.calls)
  if ('sessions' in query) return some('session', query.sessions)
  const { since, until } = query
  return `calls${since === undefined ? '' : ` since ${safe(since)}`}${until === undefined ? '' : ` until ${safe(until)}`}`
}
