import type { Area, Report, Severity } from '../../src/core/verify/index.js'
import { answersOf, EXIT_WORDS, QUESTIONS, says, worstIn } from '../../src/core/verify/words.js'
import { h } from '../dom.js'
import { EVIDENCE_MEANINGS } from '../plain.js'
import type { Refusal, Result } from '../protocol.js'

const AREAS: readonly (readonly [Area, string])[] = [
  ['evidence', 'Evidence'],
  ['completeness', 'Completeness'],
  ['conduct', 'Conduct'],
]

/** How an answer is coloured, and what is said in words to those who see no colour. */
const TONES: Readonly<Record<Severity, readonly [tone: string, words: string]>> = {
  against: ['bad', 'speaks against it'],
  unknown: ['warn', 'not settled'],
  exception: ['warn', 'look closer'],
  notice: ['good', 'nothing against it was found'],
}

/** The three answers of a report, in the words of the command line, and what they come to. */
export function answers({ report }: Result): HTMLElement {
  const words = answersOf(report)
  return h(
    'div',
    { class: 'answers' },
    AREAS.map(([area, name]) => {
      const [tone, said] = TONES[toneOf(report, area)]
      const alone = area === 'evidence' && tone === 'good' && report.evidence.verdict === 'self-consistent'
      return h(
        'section',
        { class: `answer ${tone}`, 'aria-labelledby': `answer-${area}` },
        h('h3', { id: `answer-${area}` }, name),
        h('p', { class: 'question' }, QUESTIONS[area]),
        h('p', { class: 'verdict', id: `verdict-${area}` }, words[area]),
        h('p', { class: 'tone' }, said, alone && ', and no outsider vouches for it'),
      )
    }),
  )
}

/** The words of the first answer, explained: they are the report's own, and not everybody's. */
export function evidenceWords({ report }: Result): HTMLElement {
  const { verdict, words } = report.evidence
  const all = [...new Set([verdict, ...words])]
  const explained = all.flatMap(word => {
    const meaning = EVIDENCE_MEANINGS.find(([begins]) => word.startsWith(begins))
    return meaning && !all.some(longer => says(longer, word)) ? [[word, meaning[1]] as const] : []
  })
  return h(
    'dl',
    { class: 'words' },
    explained.map(([word, means]) => h('div', {}, h('dt', {}, word), h('dd', { class: 'quiet' }, means))),
  )
}

/** An answer that could not be given is nothing good, also where nobody found anything. */
function toneOf(report: Report, area: Area): Severity {
  const worst = worstIn(report.findings, area)
  return worst === 'notice' && report[area].verdict === 'could not check' ? 'unknown' : worst
}

/** One sentence over all three. */
export const overall = ({ exitCode }: Report): HTMLElement => {
  const words = EXIT_WORDS[exitCode]
  return h(
    'p',
    { class: 'overall', id: 'overall' },
    `${words[0]!.toUpperCase()}${words.slice(1)}. `,
    h('span', { class: 'quiet' }, `(The command line would end with ${exitCode}.)`),
  )
}

/** What is said where no report could be made. */
export const refused = ({ code, message, expected, exitCode }: Refusal): HTMLElement =>
  h(
    'div',
    { class: `answer ${exitCode === 1 ? 'bad' : 'warn'}` },
    h('p', { class: 'verdict', id: 'refusal' }, `This could not be read: ${message}`),
    expected !== undefined && h('p', {}, `Expected: ${expected}.`),
    h(
      'p',
      { class: 'quiet' },
      exitCode === 1
        ? 'What was brought makes a claim that is false.'
        : 'This accuses nobody: nothing was checked, and nothing is known about the log.',
      ' ',
      h('code', {}, code),
    ),
  )
