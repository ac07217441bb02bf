import { type Report, windowOf } from '../../src/core/verify/index.js'
import { ANCHOR_WORDS, anchorCounts, keyStanding } from '../../src/core/verify/words.js'
import { type Child, h, portions } from '../dom.js'
import { count, duration, instant, number } from '../plain.js'
import type { Result } from '../protocol.js'
import { code, facts, table } from './parts.js'

/** Which log this is, and whose word everything rests on. */
export function theLog({ report, trust, supplied }: Result): Child {
  const { evidence } = report
  return [
    facts(
      ['Log', report.origin === '' ? 'no name could be read' : code(report.origin)],
      [
        'Size',
        report.bundle
          ? `${count(report.size, 'record')} under the signed checkpoint, of which ${number(report.bundle.entries.shown)} are shown here`
          : `${count(report.size, 'record')} under the signed checkpoint, ${number(evidence.records)} read`,
      ],
      ['Trust', trustWords(report, trust)],
      supplied.length > 0 && [
        'Not counted',
        `The folder brings ${supplied.map(name => `“${name}”`).join(', ')} along. A trust file that comes with the log counts as none.`,
      ],
      ...(evidence.keys.length === 0
        ? [['Signed by', 'nobody whose signature could be checked'] as const]
        : evidence.keys.map(
            ({ vkey, role, trusted }) =>
              [
                'Signed by',
                `${role === 'log' ? 'the log' : 'a witness'}, ${keyStanding(trusted, evidence.trust)}: `,
                code(vkey),
              ] as const,
          )),
    ),
    h('p', { class: 'quiet' }, 'To compare with what somebody else found:'),
    facts(
      ['Log id', report.logId === '' ? 'no first entry could be read' : code(report.logId)],
      ['Root of the tree', code(report.root)],
      trust && ['Trust file, SHA-256', code(trust.digest)],
    ),
  ]
}

function trustWords({ evidence }: Report, trust: Result['trust']): Child {
  if (evidence.trust === 'file' && trust) return `the trust file “${trust.name}” that you brought`
  return evidence.trust === 'self'
    ? 'nobody outside: the log was held against its own word only, as you asked'
    : 'nobody: no trust file was brought, so it is not known whose log this is'
}

/** When, as outsiders say it. */
export const times = (result: Result): Child => [
  h('h3', {}, 'By outside evidence'),
  cosigned(result),
  anchors(result.report),
]

// The newest: what is older is dated by them as well.
const ANCHORS_SHOWN = 8

function anchors({ evidence: { anchors: all } }: Report): Child {
  if (!all) return false
  return [
    h('p', {}, `Anchors: ${anchorCounts(all)}.`),
    h(
      'ul',
      { class: 'cards' },
      all.listed
        .slice(-ANCHORS_SHOWN)
        .map(({ kind, name, size, status, time, by, detail, lookUp }) =>
          h(
            'li',
            {},
            h('p', {}, h('strong', {}, by ?? `${kind} ${name}`), `: ${ANCHOR_WORDS[status]}`),
            h(
              'p',
              {},
              `The first ${count(size, 'entry', 'entries')}${time === undefined ? '' : ` existed by ${instant(time)}, as it says`}.`,
            ),
            detail !== undefined && h('p', { class: 'quiet' }, detail),
            lookUp !== undefined && h('p', {}, `Left to look up: ${lookUp}`),
          ),
        ),
    ),
  ]
}

function cosigned({ report, cut }: Result): Child {
  const { times: known } = report.evidence
  if (!known)
    return h(
      'p',
      {},
      'No witness has said when anything was recorded. All times in records are what the recorders’ own clocks said.',
    )
  const agents = new Map(report.completeness.streams.map(({ id, agent }) => [id, agent]))
  const made = known.made.map(({ stream, index, time }): Child[] => {
    const { before } = windowOf(known, stream, index)
    const width = before === undefined ? 'open' : duration(Date.parse(before) - Date.parse(time))
    return [
      `${agents.get(stream) ?? `${stream.slice(0, 16)}…`}, from entry ${number(index)} on`,
      `made after ${instant(time)}`,
      width,
    ]
  })
  const existed = known.existed.map(({ size, time }): Child[] => [
    `entries below ${number(size)}`,
    `existed at ${instant(time)}`,
    '',
  ])
  const more = cut.existed - existed.length + cut.made - made.length
  return [
    h('p', {}, 'By the cosignatures of the witnesses whom the trust file asks for, and by anchors that count:'),
    table(
      'When, by outside evidence',
      ['Records', 'Time', 'Width of the window'],
      [...existed.slice(-20), ...made.slice(0, 40)],
    ),
    more + Math.max(0, existed.length - 20) + Math.max(0, made.length - 40) > 0 &&
      h('p', { class: 'quiet' }, 'More such statements are in the saved report.'),
  ]
}

/** What a bundle shows of its log, and why that is what was asked for. */
export function bundle({ report }: Result): Child {
  const { bundle: about } = report
  if (!about) return false
  return facts(
    ['Asked for', queryWords(about.query)],
    about.made !== undefined && ['Made', `${instant(about.made)}, by the word of whoever made it`],
    [
      'Entries shown',
      `${number(about.entries.shown)} of ${number(about.entries.of)}; of the others only hashes are here`,
    ],
    ['Calls', `${number(about.calls.asked)} that were asked for, ${number(about.calls.others)} others`],
    ...about.sessions
      .slice(0, 50)
      .map(
        ({ session, shown, calls, ended }) =>
          [
            'Session',
            code(session),
            `: ${number(shown)} of ${ended ? '' : 'at least '}${number(calls)} calls shown${ended ? ', and its end' : ''}`,
          ] as const,
      ),
    about.anchors.length > 0 && [
      'Anchors',
      `${about.anchors.length}: ${[...new Set(about.anchors.map(({ kind }) => kind))].join(', ')}`,
    ],
    about.files.length > 0 && ['Rule files', `${about.files.length}, each named by a record`],
  )
}

function queryWords(query: NonNullable<Report['bundle']>['query']): string {
  if ('all' in query) return 'everything'
  if ('calls' in query)
    return `${count(query.calls.length, 'call')}: ${query.calls.slice(0, 5).join(', ')}${query.calls.length > 5 ? ', …' : ''}`
  if ('sessions' in query)
    return `${count(query.sessions.length, 'session')}: ${query.sessions.slice(0, 5).join(', ')}${query.sessions.length > 5 ? ', …' : ''}`
  const [since, until] = [query.since, query.until]
  return [
    'calls',
    ...(since === undefined ? [] : [`since ${instant(since)}`]),
    ...(until === undefined ? [] : [`until ${instant(until)}`]),
  ].join(' ')
}

/** Who wrote: the runs of recorders, and how sure it is whose they were. */
export function streams({ report, cut }: Result): Child {
  const { streams: all } = report.completeness
  if (all.length === 0) return h('p', {}, 'None.')
  const list = h('ul', { class: 'cards' })
  return [
    h(
      'p',
      { class: 'quiet' },
      'A stream is one run of one recorder. The identity says how it is known whose run it was.',
    ),
    portions(
      list,
      all,
      ({ agent, role, state, identity, records, calls, first, id, notShown }) =>
        h(
          'li',
          {},
          h('p', {}, h('strong', {}, agent), role === 'operator' && ' (operator)'),
          h(
            'p',
            {},
            `${state}, identity ${identity}; ${count(records, 'record')}, ${count(calls, 'call')}, from entry ${number(first)} on`,
            notShown !== undefined && `; ${count(notShown, 'record')} not shown`,
          ),
          h('p', { class: 'quiet' }, code(id)),
        ),
      { first: 10, what: 'streams' },
    ),
    cut.streams > all.length &&
      h(
        'p',
        { class: 'quiet' },
        `The log has ${number(cut.streams)} streams; the first ${number(all.length)} are here.`,
      ),
  ]
}

/** What decided. */
export function rules({ report }: Result): Child {
  const { rules: all } = report.conduct
  if (all.length === 0) return h('p', {}, 'No record names any rules.')
  return portions(
    h('ul', { class: 'cards' }),
    all,
    ({ engine, files, decisions, index, id }) =>
      h(
        'li',
        {},
        h(
          'p',
          {},
          h('strong', {}, engine),
          `: ${count(decisions, 'decision')}, on record since entry ${number(index)}`,
        ),
        h(
          'ul',
          {},
          files.map(({ name, digest }) => h('li', {}, `${name} `, code(digest))),
        ),
        h('p', { class: 'quiet' }, code(id)),
      ),
    { first: 10, what: 'sets of rules' },
  )
}
