import { guard } from '../src/core/bytes/visible.js'

/*
 * The only way onto the page. Text is set as text, never as markup, and every text goes through `guard`: what is
 * invisible or reorders its neighbours is shown as an escape. Foreign words reach text and a few harmless attributes.
 */

export type Child = Node | string | number | undefined | false | readonly Child[]

/** Attributes that cannot load, run or style anything. */
type Attribute =
  | 'aria-activedescendant'
  | 'aria-busy'
  | 'aria-colcount'
  | 'aria-colindex'
  | 'aria-controls'
  | 'aria-describedby'
  | 'aria-expanded'
  | 'aria-hidden'
  | 'aria-label'
  | 'aria-labelledby'
  | 'aria-live'
  | 'aria-rowcount'
  | 'aria-rowindex'
  | 'aria-selected'
  | 'aria-sort'
  | 'class'
  | 'datetime'
  | 'disabled'
  | 'for'
  | 'id'
  | 'max'
  | 'name'
  | 'open'
  | 'role'
  | 'scope'
  | 'tabindex'
  | 'type'
  | 'value'
  | 'data-code'
  | 'data-index'

export type Attributes = { readonly [name in Attribute]?: string | number | undefined }

/** A new element with attributes and children; strings become text. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) element.setAttribute(name, guard(`${value}`))
  append(element, children)
  return element
}

/** Puts other children in the place of all that an element has. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren()
  append(element, children)
}

/** Adds children behind those that an element has. */
export function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === undefined || child === false) continue
    if (child instanceof Node) element.append(child)
    else if (typeof child === 'object') append(element, child)
    else element.append(document.createTextNode(guard(`${child}`)))
  }
}

/** Text of several lines, as it stands but for what is not to be seen. */
const lines = (text: string): string =>
  text
    .split('\n')
    .map(line => guard(line))
    .join('\n')

/** A block of such text that can be scrolled by keyboard. `label` says what it is to those who cannot see it. */
export function block(text: string, label: string): HTMLElement {
  const pre = h('pre', { tabindex: 0, role: 'region', 'aria-label': label })
  // Not through `h`, which would show line feeds as escapes.
  pre.append(document.createTextNode(lines(text)))
  return pre
}

/** The element with an id, which the page is known to have. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (!element) throw new Error(`the page has no element ${id}`)
  return element
}

/** A button. */
export function button(label: Child, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = h('button', { type: 'button', ...attributes }, label)
  element.addEventListener('click', act)
  return element
}

/**
 * A long list, a portion at a time: what is not asked for is not on the page.
 *
 * @param item  Makes the element of one.
 */
export function portions<Item>(
  list: HTMLElement,
  items: readonly Item[],
  item: (item: Item) => Node,
  { first, what }: { readonly first: number; readonly what: string },
): HTMLElement {
  let shown = 0
  const more = button('', () => {
    const focus = shown
    show(shown + first)
    const next = list.children[focus]
    if (next instanceof HTMLElement) {
      next.tabIndex = -1
      next.focus()
    }
  })
  const show = (to: number): void => {
    for (; shown < Math.min(to, items.length); shown++) list.append(item(items[shown]!))
    const left = items.length - shown
    more.hidden = left === 0
    fill(more, `Show ${Math.min(left, first)} more of ${left.toLocaleString('en-US')} ${what}`)
  }
  show(first)
  return h('div', {}, list, more)
}
