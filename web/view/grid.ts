import { type Child, fill, h } from '../dom.js'
import type { CallRow } from '../protocol.js'

export interface Column {
  readonly name: string
  readonly label: string
  readonly cell: (row: CallRow) => Child
}

interface Host {
  /** Rows `from` up to, not including, `to`, and how many there are in all. */
  rows(from: number, to: number): Promise<{ readonly rows: readonly CallRow[]; readonly total: number }>
  open(row: CallRow): void
  sort(column: string): void
  counted(total: number): void
}

// Browsers draw no element that is much higher. Beyond it a pixel of scrolling stands for more than a pixel.
const HEIGHT_MAX_PX = 8_000_000
const SPARE_ROWS = 6

/**
 * A grid of any number of rows of which only those in sight are on the page. To a screen reader it is one grid with
 * all of them: it knows each row's number, and one row is the active one, which the arrow keys move.
 */
export class CallGrid {
  readonly element: HTMLElement
  readonly #columns: readonly Column[]
  readonly #host: Host
  readonly #heads: readonly HTMLElement[]
  readonly #body = h('div', { class: 'rows', role: 'rowgroup' })
  readonly #spacer = h('div', { class: 'spacer', role: 'presentation' })
  #total = 0
  #active = 0
  #rowHeight = 44
  #rows: readonly CallRow[] = []
  #from = 0
  /** The newest question: answers to older ones come too late. */
  #asked = 0
  #drawing = false

  constructor(columns: readonly Column[], host: Host) {
    this.#columns = columns
    this.#host = host
    this.#heads = columns.map(({ name, label }, i) => {
      const head = h(
        'div',
        { role: 'columnheader', class: `sortable ${name}`, 'aria-colindex': i + 1, 'aria-sort': 'none' },
        label,
      )
      head.addEventListener('click', () => host.sort(name))
      return head
    })
    this.element = h(
      'div',
      {
        class: 'grid',
        role: 'grid',
        tabindex: 0,
        'aria-label': 'Calls',
        'aria-describedby': 'grid-help',
        'aria-colcount': columns.length,
        'aria-rowcount': 1,
      },
      h(
        'div',
        { class: 'head', role: 'rowgroup' },
        h('div', { role: 'row', class: 'row', 'aria-rowindex': 1 }, this.#heads),
      ),
      this.#spacer,
    )
    this.#spacer.append(this.#body)
    this.#spacer.setAttribute('role', 'presentation')
    this.element.addEventListener('scroll', () => this.#schedule(), { passive: true })
    this.element.addEventListener('keydown', event => this.#key(event))
    this.element.addEventListener('focus', () => this.#mark())
    new ResizeObserver(() => this.#schedule()).observe(this.element)
  }

  /** Shows by which column the rows are sorted. */
  sorted(column: string, descending: boolean): void {
    for (const [i, { name }] of this.#columns.entries())
      this.#heads[i]!.setAttribute('aria-sort', name !== column ? 'none' : descending ? 'descending' : 'ascending')
  }

  /** Begins at the top, with other rows. */
  async reset(): Promise<void> {
    this.#active = 0
    this.element.scrollTop = 0
    await this.#draw()
  }

  #schedule(): void {
    if (this.#drawing) return
    this.#drawing = true
    requestAnimationFrame(() => {
      this.#drawing = false
      void this.#draw()
    })
  }

  get #height(): number {
    return Math.min(this.#total * this.#rowHeight, HEIGHT_MAX_PX)
  }

  /** Height that rows can be seen in, below the head. */
  get #view(): number {
    return Math.max(this.element.clientHeight - this.#heads[0]!.offsetHeight, this.#rowHeight)
  }

  get #perPage(): number {
    return Math.max(1, Math.floor(this.#view / this.#rowHeight))
  }

  /** The first row in sight, with the part of it that is not. */
  get #top(): number {
    const scrollable = this.#height - this.#view
    if (scrollable <= 0) return 0
    const rows = this.#total - this.#view / this.#rowHeight
    return Math.min(Math.max((this.element.scrollTop / scrollable) * rows, 0), rows)
  }

  async #draw(): Promise<void> {
    const asked = ++this.#asked
    const first = Math.max(Math.floor(this.#top) - SPARE_ROWS, 0)
    const { rows, total } = await this.#host.rows(first, first + this.#perPage + 2 * SPARE_ROWS + 1)
    if (asked !== this.#asked) return
    const counted = total !== this.#total || this.element.getAttribute('aria-rowcount') === '1'
    this.#total = total
    this.#rows = rows
    this.#from = first
    this.element.setAttribute('aria-rowcount', `${total + 1}`)
    if (counted) this.#host.counted(total)
    fill(
      this.#body,
      rows.map((row, i) => this.#row(row, first + i)),
    )
    this.#rowHeight = (this.#body.firstElementChild as HTMLElement | null)?.offsetHeight || this.#rowHeight
    this.#spacer.style.height = `${this.#height}px`
    // Where a pixel stands for more than one, rows are placed from what is in sight.
    const top = this.#top
    this.#body.style.transform = `translateY(${this.element.scrollTop - (top - first) * this.#rowHeight}px)`
    this.#mark()
  }

  #row(row: CallRow, position: number): HTMLElement {
    const element = h(
      'div',
      {
        id: `call-row-${position}`,
        role: 'row',
        class: row.exceptions.length > 0 ? 'row exceptional' : 'row',
        'aria-rowindex': position + 2,
        'data-index': row.index,
      },
      this.#columns.map(({ name, cell }, i) =>
        h('div', { role: 'gridcell', class: name, 'aria-colindex': i + 1 }, cell(row)),
      ),
    )
    element.addEventListener('click', () => {
      this.#active = position
      this.#mark()
      this.#host.open(row)
    })
    return element
  }

  /** Marks the active row, and tells whoever cannot see it. */
  #mark(): void {
    for (const row of this.#body.children) row.classList.remove('active')
    const row = this.#body.children[this.#active - this.#from]
    row?.classList.add('active')
    if (row) this.element.setAttribute('aria-activedescendant', row.id)
    else this.element.removeAttribute('aria-activedescendant')
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    const to = this.#target(event.key)
    if (to !== undefined) {
      event.preventDefault()
      this.#moveTo(Math.min(Math.max(to, 0), this.#total - 1))
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      const row = this.#rows[this.#active - this.#from]
      if (row) this.#host.open(row)
    }
  }

  #target(key: string): number | undefined {
    if (key === 'ArrowDown') return this.#active + 1
    if (key === 'ArrowUp') return this.#active - 1
    if (key === 'PageDown') return this.#active + this.#perPage
    if (key === 'PageUp') return this.#active - this.#perPage
    if (key === 'Home') return 0
    return key === 'End' ? this.#total - 1 : undefined
  }

  #moveTo(position: number): void {
    this.#active = position
    const top = this.#top
    const fits = this.#view / this.#rowHeight
    if (position < top) this.#scrollTo(position)
    else if (position + 1 > top + fits) this.#scrollTo(position + 1 - fits)
    this.#mark()
    this.#schedule()
  }

  #scrollTo(row: number): void {
    const rows = this.#total - this.#view / this.#rowHeight
    this.element.scrollTop = rows <= 0 ? 0 : (row / rows) * (this.#height - this.#view)
  }
}
