import type { Report, TimelineCall } from '../../core/verify/report.js'
import { pathText } from './disclosure.js'
import { queryText } from './exported.js'
import { htmlTable, text } from './html-text.js'
import { count } from './page.js'

/*
 * Sections of the page of a report that only some reports have: the calls one by one, and what a bundle shows.
 */

/** Every call in the order of the log, with what was decided, what became of it, and when it was made. */
export function timelineSection({ timeline, range, evidence }: Report): string {
  if (!timeline) return '<p>Not asked for.</p>'
  const told = range
    ? `<p>Calls${range.since === undefined ? '' : ` since ${text(range.since)}`}${range.until === undefined ? '' : ` until ${text(range.until)}`}, by the recorders’ clocks: ${count(range.calls, 'call')}. ${
        range.exceptionsElsewhere === 0
          ? 'No exception was found about other calls.'
          : `${count(range.exceptionsElsewhere, 'exception')} about other calls ${range.exceptionsElsewhere === 1 ? 'is' : 'are'} not in this report.`
      }</p>`
    : ''
  if (timeline.calls.length === 0) return `${told}<p>No call.</p>`
  const rows = timeline.calls.map(call => [
    String(call.index),
    text(call.time),
    windowText(call),
    `${text(call.tool)}<br><small>${text(call.agent)}</small>`,
    `${text(call.verdict)}${call.rule === undefined ? '' : `<br><small>${text(call.rule)}</small>`}`,
    `${text(call.status)}${call.executed === undefined ? '' : `<br><small>executed: ${text(call.executed)}</small>`}`,
    call.exceptions.map(code => `<span class="exception">${text(code)}</span>`).join('<br>'),
  ])
  const head = [
    'Entry',
    'Recorder’s time',
    'Made, by outside evidence',
    'Tool, agent',
    'Decision',
    'Outcome',
    'Exceptions',
  ]
  const more = timeline.more === 0 ? '' : `<p>${count(timeline.more, 'more call')}: deedlog list shows all.</p>`
  const none = evidence.times ? '' : '<p>Nobody outside has said when; the times are the recorders’ own.</p>'
  return `${told}${none}${htmlTable(head, rows)}${more}`
}

function windowText({ after, before }: TimelineCall): string {
  if (after === undefined && before === undefined) return '<small>not known</small>'
  return `${after === undefined ? '' : `after ${text(after)}<br>`}${before === undefined ? 'open' : `before ${text(before)}`}`
}

/** What a bundle was asked for, and what it shows. */
export function bundleSection({ bundle }: Report): string {
  if (!bundle) return ''
  const { query, made, entries, calls, sessions, disclosures, anchors, files, notes } = bundle
  const facts: readonly (readonly [string, string])[] = [
    ['asked for', text(queryText(query))],
    ['made', made === undefined ? 'not said when' : `${text(made)}, by the word of whoever made it`],
    ['shown', `${entries.shown} of ${count(entries.of, 'record')}; the others by hashes only`],
    ['calls', `${calls.asked} asked for and shown; ${calls.others} others in part, and not judged`],
    ['besides', `${count(notes, 'note')}, ${count(files.length, 'file')} of rules, ${count(anchors.length, 'anchor')}`],
  ]
  const list = facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')
  const counted = sessions.map(({ session, shown, calls: all, ended }) => [
    `<code>${text(session)}</code>`,
    `${shown} of ${ended ? '' : 'at least '}${all}`,
    ended ? 'its end is shown' : 'its end is not shown',
  ])
  const opened = disclosures.map(({ index, member, holds, why, shown, withheld }) => [
    `${text(member)} of entry ${index}`,
    holds
      ? shown
        ? shown.map(path => text(pathText(path))).join(', ') || 'nothing'
        : 'in full'
      : '<strong>proves nothing</strong>',
    holds ? (withheld ?? []).map(path => text(pathText(path))).join(', ') : text(why ?? ''),
  ])
  return [
    `<dl>${list}</dl>`,
    ...(counted.length === 0 ? [] : [htmlTable(['Session', 'Calls shown', ''], counted)]),
    ...(opened.length === 0 ? [] : [htmlTable(['Disclosed', 'Shown', 'Withheld or erased'], opened)]),
  ].join('\n')
}
