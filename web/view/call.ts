import { button, type Child, fill, h } from '../dom.js'
import { instant, number, plain, RECORD_TYPES, STATUSES, VERDICTS } from '../plain.js'
import type { CallShown, CommitmentShown, RecordShown, Refusal } from '../protocol.js'
import { closed, code, facts } from './parts.js'
import { disclosed, value } from './values.js'

/** The dialogue that shows one call. */
export class CallDialogue {
  readonly element = h('dialog', { 'aria-labelledby': 'call-title' })
  /** Whether the records were found to be those that were signed. */
  proven = false

  /** Opens it on a call; focus goes in, and comes back when it is closed. */
  show(shown: CallShown | Refusal): void {
    const close = button('Close', () => this.element.close(), { class: 'close' })
    const title = 'call' in shown ? `Call of ${shown.call.tool}` : 'This call cannot be shown'
    fill(
      this.element,
      h('header', {}, h('h2', { id: 'call-title', tabindex: -1 }, title), close),
      'call' in shown ? this.#body(shown) : h('p', {}, shown.message),
    )
    if (!this.element.open) this.element.showModal()
    document.getElementById('call-title')?.focus()
  }

  #body({ call, records, window }: CallShown): Child {
    const by = [
      ...(call.rule === undefined ? [] : [`rule “${call.rule}”`]),
      ...(call.policy === undefined ? [] : [`policy “${call.policy}”`]),
    ]
    return [
      !this.proven &&
        h(
          'p',
          { class: 'banner' },
          'The records here are not proven to be those that were signed. This is what they say now.',
        ),
      facts(
        ['Tool', call.tool, call.server !== undefined && ` of server “${call.server}”`],
        ['Agent', call.agent],
        ['Decision', plain(VERDICTS, call.verdict), by.length > 0 && `, by ${by.join(' of ')}`],
        [
          'What became of it',
          plain(STATUSES, call.status),
          call.executed !== undefined && `; the tool ran: ${call.executed}`,
        ],
        ['Exceptions', call.exceptions.length === 0 ? 'none' : call.exceptions.flatMap(each => [code(each), ' '])],
        ['Time', `${instant(call.time)}, by the recorder’s clock`],
        ['Time, by outsiders', windowWords(window)],
        call.session && ['Session', code(call.session.id), `, call ${number(call.session.n)} of it, from 0`],
        ['Call id', code(call.call)],
        ['Stream', code(call.stream)],
      ),
      h('h3', {}, `Its ${records.length === 1 ? 'record' : 'records'}`),
      h('ol', { class: 'records' }, records.map(record)),
    ]
  }
}

function windowWords({ after, before }: CallShown['window']): string {
  if (after === undefined && before === undefined) return 'nobody outside has said when'
  return [
    ...(after === undefined ? [] : [`made after ${instant(after)}`]),
    ...(before === undefined ? [] : [`existed at ${instant(before)}`]),
  ].join(', ')
}

const record = ({ index, leaf, type, json, commitments, time }: RecordShown): HTMLElement =>
  h(
    'li',
    {},
    h('h4', {}, type === '' ? 'A record that is not understood' : plain(RECORD_TYPES, type)),
    h('p', { class: 'quiet' }, `Entry ${number(index)}${time === '' ? '' : `, ${instant(time)}`}`),
    commitments.length > 0 && h('ul', { class: 'commitments' }, commitments.map(commitment)),
    closed(
      'The record itself',
      value(json, `Record of entry ${index}`),
      h('p', { class: 'quiet' }, 'Leaf hash ', code(leaf)),
    ),
  )

const commitment = ({ member, root, disclosed: proved, from }: CommitmentShown): HTMLElement =>
  h(
    'li',
    { class: typeof proved === 'string' ? 'failed' : proved ? 'passed' : 'closed' },
    h('p', {}, h('strong', {}, MEMBERS[member] ?? member), ' ', code(member)),
    proved === undefined
      ? h('p', {}, 'Not shown: the record holds only its hash, ', code(root))
      : typeof proved === 'string'
        ? h('p', {}, `What was brought for it does not hold: ${proved}`)
        : disclosed(proved),
    from !== undefined && h('p', { class: 'quiet' }, `From ${from}.`),
  )

const MEMBERS: Readonly<Record<string, string>> = {
  args: 'Arguments',
  output: 'Output',
  visible: 'What the model saw of it',
  'decision.reason': 'Reason of the decision',
  'error.message': 'Error message',
  principal: 'On whose behalf',
  toolName: 'Name of the tool, as it was called',
  evidence: 'Evidence of the settlement',
  detail: 'Detail',
}
