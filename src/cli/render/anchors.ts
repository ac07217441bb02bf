import type { AnchorStatus, AnchorSummary, AnchorsAnswer } from '../../core/verify/index.js'
import { safe } from '../terminal/safe.js'
import type { Page } from './page.js'

/** What an anchor of each status is worth, in words. */
const WORDS: Readonly<Record<AnchorStatus, string>> = {
  counted: 'dates this log',
  unpinned: 'not counted, nobody vouches for who made it',
  lookup: 'one fact is left to look up',
  bad: 'FALSE, or of something else',
  disputed: 'of a tree that this log never had',
  beyond: 'of a larger tree than is shown',
  unknown: 'not checked',
  unreadable: 'cannot be read',
  pending: 'waits, as the keeper says',
  failed: 'not made, as the keeper says',
  skipped: 'left out, as the keeper says',
}

// The newest of each status: what is older is dated by them as well.
const SHOWN_MAX = 8

/** What lies beside the log to date it: how many of each status, and the newest. */
export function renderAnchors(page: Page, { total, byStatus, listed }: AnchorsAnswer): void {
  const counts = Object.entries(byStatus).map(([status, count]) => `${count} ${status}`)
  page.fact('anchors', `${total}: ${counts.join(', ')}`)
  for (const anchor of listed.slice(-SHOWN_MAX)) renderAnchor(page, anchor)
}

function renderAnchor(page: Page, { kind, name, size, status, time, by, detail, lookUp }: AnchorSummary): void {
  const when = time === undefined ? '' : ` existed by ${safe(time)}`
  const who = by === undefined ? `${safe(kind)} ${safe(name)}` : safe(by)
  page.item('    ', `size ${size}${when}, ${who}: ${WORDS[status]}`)
  if (detail !== undefined && status !== 'counted') page.item('      ', safe(detail))
  if (lookUp !== undefined) page.item('      ', `look up: ${safe(lookUp)}`)
}
