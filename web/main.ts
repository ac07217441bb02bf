import { append, button, byId, type Child, fill, h } from './dom.js'
import { Engine } from './engine.js'
import { fromDrop, fromInput } from './incoming.js'
import { number } from './plain.js'
import type { Asked, Refusal, Result } from './protocol.js'
import { type Item, nameOf, select } from './selection.js'
import { refused } from './view/answers.js'
import { result } from './view/result.js'

/*
 * The page: takes files, hands them to a worker, shows what comes of it. Nothing here decides anything.
 */

let items: Item[] = []
let engine: Engine | undefined

const list = byId('chosen')
const verify = byId('verify') as HTMLButtonElement
const self = byId('self') as HTMLInputElement
const status = byId('status')

function add(more: readonly Item[]): void {
  const names = new Set(more.map(nameOf))
  // The same once more is meant to replace what it was.
  items = [...items.filter(item => !names.has(nameOf(item))), ...more]
  showChosen()
}

const chosen = (): ReturnType<typeof select> => select(items, self.checked)

function showChosen(): void {
  const { asked, uses } = chosen()
  fill(
    list,
    uses.map(({ item, name, as, used }) =>
      h(
        'li',
        { class: used ? 'used' : 'unused' },
        h(
          'span',
          {},
          h('strong', { class: used ? undefined : 'struck' }, name),
          h('br'),
          h('span', { class: 'quiet' }, as),
        ),
        button(
          'Remove',
          () => {
            items = items.filter(each => each !== item)
            showChosen()
            byId('files').focus()
          },
          { 'aria-label': `Remove ${name}` },
        ),
      ),
    ),
  )
  verify.disabled = asked === undefined
  fill(byId('trust-note'), trustNote(asked))
}

function trustNote(asked: Asked | undefined): string {
  if (!asked) return ''
  if (asked.trust) return 'Did this trust file come to you another way than the log? If not, it proves nothing.'
  return asked.self
    ? 'Nobody outside will be asked. The best answer is then “self-consistent”: the log does not contradict itself.'
    : 'No trust file yet: the log can be read, but the answer will be that it could not be checked whose it is.'
}

async function start(): Promise<void> {
  const { asked } = chosen()
  if (!asked) return
  engine?.stop()
  show('busy')
  byId('busy-title').focus()
  const bar = byId('progress') as HTMLProgressElement
  bar.removeAttribute('value')
  fill(byId('progress-text'), 'Starting')
  const told = announcer()
  const current = new Engine((done, total, what) => {
    if (total !== undefined && total > 0) {
      bar.max = total
      bar.value = done
    }
    fill(
      byId('progress-text'),
      `${what}${done > 0 ? `: ${number(done)}${total === undefined ? '' : ` of ${number(total)}`}` : ''}`,
    )
    told(done, total)
  })
  engine = current
  const outcome = await current.verify(asked)
  // Stopped, or asked for something else meanwhile.
  if (engine !== current) return
  finish(outcome, current)
}

/** Tells a screen reader of progress at each quarter, not at each record. */
function announcer(): (done: number, total: number | undefined) => void {
  let quarter = 0
  return (done, total) => {
    const now = total === undefined || total === 0 ? 0 : Math.floor((4 * done) / total)
    if (now <= quarter || now > 3) return
    quarter = now
    fill(status, `${25 * now} percent of the records read`)
  }
}

function finish(outcome: Result | Refusal, current: Engine): void {
  const ends = 'report' in outcome
  const place = byId('result')
  const pieces = ends
    ? result(outcome, current, again)
    : [
        () => [
          h('h2', { id: 'result-title', tabindex: -1 }, 'Nothing was verified'),
          refused(outcome),
          h('p', { class: 'actions' }, button('Choose other files', again)),
        ],
      ]
  fill(place, pieces[0]?.())
  show('result')
  void rest(place, pieces.slice(1), current)
  fill(status, ends ? 'The report is ready' : 'Nothing was verified')
  byId('result-title').focus()
  // For programs that drive this page, tests of it among them.
  Object.defineProperty(globalThis, 'deedlogResult', { value: outcome, configurable: true })
}

/** Draws what is further down, a piece at a time. */
async function rest(place: HTMLElement, pieces: readonly (() => Child)[], current: Engine): Promise<void> {
  place.setAttribute('aria-busy', 'true')
  for (const piece of pieces) {
    await new Promise(done => setTimeout(done))
    // Somebody has asked for something else meanwhile.
    if (engine !== current) return
    append(place, [piece()])
  }
  place.removeAttribute('aria-busy')
}

function again(): void {
  engine?.stop()
  engine = undefined
  show('choose')
  fill(byId('result'))
  fill(status, '')
  Object.defineProperty(globalThis, 'deedlogResult', { value: undefined, configurable: true })
  byId('choose-title').focus()
}

function show(part: 'choose' | 'busy' | 'result'): void {
  for (const id of ['choose', 'busy', 'result']) byId(id).hidden = id !== part
  window.scrollTo(0, 0)
}

function input(id: string): void {
  const element = byId(id) as HTMLInputElement
  element.addEventListener('change', () => {
    const { files } = element
    if (!files) return
    void fromInput(files).then(more => {
      add(more)
      // So that choosing the same file again is a change too.
      element.value = ''
    })
  })
}

for (const id of ['files', 'folder']) input(id)
self.addEventListener('change', showChosen)
verify.addEventListener('click', () => void start())
byId('stop').addEventListener('click', again)

const zone = document.documentElement
zone.addEventListener('dragover', event => {
  event.preventDefault()
  byId('drop').classList.add('over')
})
zone.addEventListener('dragleave', event => {
  if (event.relatedTarget === null) byId('drop').classList.remove('over')
})
zone.addEventListener('drop', event => {
  event.preventDefault()
  byId('drop').classList.remove('over')
  if (!event.dataTransfer || byId('choose').hidden) return
  void fromDrop(event.dataTransfer).then(add)
})

showChosen()
