import { type Child, h } from '../dom.js'

/** A section with a heading that can be jumped to. */
export const section = (id: string, title: string, ...children: readonly Child[]): HTMLElement =>
  h('section', { id, 'aria-labelledby': `${id}-title` }, h('h2', { id: `${id}-title`, tabindex: -1 }, title), children)

/** Names with what they stand for. */
export const facts = (
  ...rows: readonly (readonly [label: string, ...value: Child[]] | false | undefined)[]
): HTMLElement =>
  h(
    'dl',
    { class: 'facts' },
    rows.flatMap(row => (row ? [h('div', {}, h('dt', {}, row[0]), h('dd', {}, row.slice(1) as Child[]))] : [])),
  )

export const code = (text: string): HTMLElement => h('code', {}, text)

/** A table that can be scrolled sideways where the window is narrow. */
export function table(label: string, head: readonly string[], rows: readonly (readonly Child[])[]): HTMLElement {
  return h(
    'div',
    { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': label },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          head.map(title => h('th', { scope: 'col' }, title)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map(cells =>
          h(
            'tr',
            {},
            cells.map(cell => h('td', {}, cell)),
          ),
        ),
      ),
    ),
  )
}

/** Something that most readers need not see, closed until it is asked for. */
export const closed = (summary: Child, ...children: readonly Child[]): HTMLElement =>
  h('details', {}, h('summary', {}, summary), children)
