import { type Child, h } from '../dom.js'
import { number } from '../plain.js'
import type { TimeBin } from '../protocol.js'
import { closed, table } from './parts.js'

const KINDS = [
  ['exception', 'with an exception'],
  ['notRun', 'refused, or not run'],
  ['open', 'without a final outcome'],
  ['ran', 'ran, final outcome'],
] as const

const [WIDTH, HEIGHT] = [960, 120]
const NS = 'http://www.w3.org/2000/svg'

/** Calls over time as bars, and the same in words and as a table. */
export function timeline(bins: readonly TimeBin[]): Child {
  const [first, last] = [bins[0], bins.at(-1)]
  const title = h('h3', {}, 'By the recorders’ clocks')
  if (!first || !last) return [title, h('p', {}, 'There is no call to show.')]
  const total = (bin: TimeBin) => bin.exception + bin.notRun + bin.open + bin.ran
  const most = Math.max(...bins.map(total))
  const summary = `${number(bins.reduce((sum, bin) => sum + total(bin), 0))} calls from ${time(first.from)} to ${time(last.to)}, at most ${number(most)} in one bar.`
  return [
    title,
    h('p', {}, `${summary} These are the recorders’ own clocks, and no evidence of time.`),
    h('div', { class: 'chart' }, chart(bins, most, summary)),
    h(
      'ul',
      { class: 'legend' },
      KINDS.map(([kind, words]) => h('li', {}, h('span', { class: `swatch ${kind}`, 'aria-hidden': 'true' }), words)),
    ),
    closed(
      'The same as a table',
      table(
        'Calls over time',
        ['From', ...KINDS.map(([, words]) => words)],
        bins.filter(bin => total(bin) > 0).map(bin => [time(bin.from), ...KINDS.map(([kind]) => number(bin[kind]))]),
      ),
    ),
  ]
}

function chart(bins: readonly TimeBin[], most: number, label: string): SVGElement {
  const svg = shape('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', preserveAspectRatio: 'none' })
  svg.setAttribute('aria-label', label)
  const width = Math.min(WIDTH / bins.length, 40)
  for (const [i, bin] of bins.entries()) {
    let y = HEIGHT
    for (const [kind] of KINDS) {
      if (bin[kind] === 0) continue
      // A single exception among thousands of calls must still be seen.
      const height = Math.max((bin[kind] / most) * (HEIGHT - 8), 3)
      y = Math.max(y - height, 0)
      svg.append(shape('rect', { class: kind, x: i * width + 1, y, width: Math.max(width - 2, 1), height }))
    }
  }
  return svg
}

function shape(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(NS, name) as SVGElement
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, `${value}`)
  return element
}

const time = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 19)
