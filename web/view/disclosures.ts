import type { BundleDisclosed } from '../../src/core/verify/index.js'
import { button, type Child, h, portions } from '../dom.js'
import { number, pathText } from '../plain.js'
import type { DisclosureShown, Result } from '../protocol.js'
import type { OpenCall } from './findings.js'
import { disclosed } from './values.js'

/** What was disclosed, whether it is what was committed to, and what stayed closed. */
export function disclosures({ report, disclosures: brought }: Result, open: OpenCall): Child {
  const inBundle = report.bundle?.disclosures ?? []
  if (inBundle.length + brought.length === 0)
    return h(
      'p',
      {},
      'None was brought. The log holds hashes of arguments and outputs, not the values; whoever keeps a value can disclose it, whole or in part, and this page checks that it is the one.',
    )
  return [
    brought.length > 0 &&
      portions(h('ul', { class: 'cards' }), brought, each => file(each, open), { first: 20, what: 'disclosures' }),
    inBundle.length > 0 &&
      portions(h('ul', { class: 'cards' }), inBundle, each => bundled(each, open), { first: 20, what: 'disclosures' }),
  ]
}

const file = ({ name, place, holds, why, value, fields, withheld }: DisclosureShown, open: OpenCall): HTMLElement =>
  h(
    'li',
    { class: holds ? 'passed' : 'failed' },
    h('p', {}, h('strong', {}, name), place && `: ${place.member} of the ${place.type}, entry ${number(place.index)}`),
    holds
      ? fields
        ? disclosed({ fields, withheld: withheld ?? [] })
        : value !== undefined && disclosed({ value })
      : h('p', {}, h('strong', {}, 'Does not hold: '), why),
    place &&
      h(
        'p',
        {},
        button('Show this call', () => open(place.index), { class: 'link' }),
      ),
  )

const bundled = ({ index, member, holds, why, shown, withheld }: BundleDisclosed, open: OpenCall): HTMLElement =>
  h(
    'li',
    { class: holds ? 'passed' : 'failed' },
    h(
      'p',
      {},
      h('strong', {}, `${member} of entry ${number(index)}`),
      holds ? ' is what was committed to' : ' does not hold',
    ),
    why !== undefined && h('p', {}, why),
    holds && h('p', {}, shown ? `Shown: ${shown.map(pathText).join(', ') || 'nothing'}` : 'Shown: all of it'),
    withheld && withheld.length > 0 && h('p', {}, `Withheld or erased: ${withheld.map(pathText).join(', ')}`),
    h(
      'p',
      {},
      button('Show this call', () => open(index), { class: 'link' }),
    ),
  )
