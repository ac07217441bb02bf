import type { AnchorSummary, AnchorsAnswer } from '../../core/verify/index.js'
import { ANCHOR_WORDS, anchorCounts } from '../../core/verify/words.js'
import { safe } from '../terminal/safe.js'
import type { Page } from './page.js'

// The newest: what is older is dated by them as well.
const SHOWN_MAX = 8

/** What lies beside the log to date it: how many of each status, and the newest. */
export function renderAnchors(page: Page, anchors: AnchorsAnswer): void {
  page.fact('anchors', anchorCounts(anchors))
  // What was left out for a later one says nothing by itself, and would hide that one.
  for (const anchor of anchors.listed.filter(({ status }) => status !== 'skipped').slice(-SHOWN_MAX))
    renderAnchor(page, anchor)
}

function renderAnchor(page: Page, { kind, name, size, status, time, by, detail, lookUp }: AnchorSummary): void {
  const when = time === undefined ? '' : ` existed by ${safe(time)}`
  const who = by === undefined ? `${safe(kind)} ${safe(name)}` : safe(by)
  page.item('    ', `size ${size}${when}, ${who}: ${ANCHOR_WORDS[status]}`)
  if (detail !== undefined && status !== 'counted') page.item('      ', safe(detail))
  if (lookUp !== undefined) page.item('      ', `look up: ${safe(lookUp)}`)
}
