import { type TimesAnswer, windowOf } from '../../core/verify/index.js'
import { safe } from '../terminal/safe.js'
import { count, type Page } from './page.js'

/**
 * By when records existed, and how wide the windows are in which they were made, by outside evidence. One by one they
 * stand in `--json` and on paper.
 */
export function renderTimes(page: Page, times: TimesAnswer): void {
  const newest = times.existed.at(-1)
  if (newest) page.fact('existed', `the first ${count(newest.size, 'record')} by ${safe(newest.time)}`)
  const { made } = times
  if (made.length === 0) {
    page.fact('windows', 'without a beginning: no record cites a note that was cosigned')
    return
  }
  const widths = made.flatMap(({ stream, index, time }) => {
    const { before } = windowOf(times, stream, index)
    return before === undefined ? [] : [Math.round((Date.parse(before) - Date.parse(time)) / 1000)]
  })
  const open = made.length - widths.length
  const citing = count(widths.length, 'record that cites', 'records that cite')
  const closed = widths.length === 0 ? [] : [`${range(widths)} wide, from ${citing} a cosigned note`]
  page.fact('windows', [...closed, ...(open > 0 ? [`${open} without an end`] : [])].join('; '))
}

function range(widths: readonly number[]): string {
  let [least, most] = [Number.POSITIVE_INFINITY, 0]
  for (const width of widths) {
    least = Math.min(least, width)
    most = Math.max(most, width)
  }
  return least === most ? `${most} s` : `${least} to ${most} s`
}
