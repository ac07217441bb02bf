import type { CallDetail, CallRecord } from '../../client/calls.js'
import { fromUtf8 } from '../../core/bytes/utf8.js'
import type { Disclosed } from '../../core/record/index.js'
import { safe } from '../terminal/safe.js'
import { type Look, Page } from './page.js'
import { renderRecord } from './record.js'

/** A call for a person: what became of it, who says so, then each of its records. */
export function renderCall({ row, stream, records }: CallDetail, look: Look): string {
  const { start } = stream
  const page = new Page(look)
    .heading(`Call ${safe(row.call)}`)
    .fact('tool', safe(row.tool) + (row.server === undefined ? '' : ` of server ${safe(row.server)}`))
    .fact('agent', safe(row.agent) + (start.agent.name === undefined ? '' : ` (${safe(start.agent.name)})`))
    .fact('decision', decision(row))
    .fact('status', row.status + (row.executed === undefined ? '' : `; executed: ${row.executed}`))
    .fact('exceptions', row.exceptions.length === 0 ? 'none' : row.exceptions.map(safe).join(', '), ifAny(row, look))
    .value('stream', safe(row.stream))
    .fact('recorded by', recorder(start))
  if (row.session !== undefined) page.fact('session', `${safe(row.session.id)}, call ${row.session.n} of it, from 0`)
  for (const { index, leaf, json, disclosed, proof } of records)
    renderRecord(page, { index, leaf, json, disclosed, standing: standing(proof) })
  return page.line('').line('Times are the word of the recorder.').toString()
}

function decision({ verdict, rule, policy }: CallDetail['row']): string {
  const by = [
    ...(rule === undefined ? [] : [`rule ${safe(rule)}`]),
    ...(policy === undefined ? [] : [`policy ${safe(policy)}`]),
  ]
  return verdict + (by.length === 0 ? '' : `, by ${by.join(' of ')}`)
}

function recorder({ recorder: by, host, observer, custody }: CallDetail['stream']['start']): string {
  return [
    `${safe(by.name)} ${safe(by.version)}`,
    ...(host === undefined ? [] : [`in ${safe(host.framework)} ${safe(host.version)}`]),
    ...(observer === undefined ? [] : [`observer: ${observer}`]),
    ...(custody === undefined ? [] : [`keys: ${custody}`]),
  ].join(', ')
}

const ifAny = ({ exceptions }: CallDetail['row'], { paint }: Look): ((text: string) => string) =>
  exceptions.length > 0 ? paint.warn : text => text

const standing = (proof: Uint8Array | undefined): string =>
  proof === undefined
    ? 'not under a signed checkpoint yet'
    : 'under the signed checkpoint; its inclusion proof was checked'

/** A call for a program; what `show --json` prints of each. */
export const callJson = ({ row, stream, records }: CallDetail) => ({
  ...row,
  start: stream.start,
  records: records.map(recordJson),
})

const recordJson = ({ index, leaf, json, disclosed, proof }: CallRecord) => ({
  index,
  leaf,
  record: json,
  disclosed: Object.fromEntries([...disclosed].map(([path, what]) => [path, disclosedJson(what)])),
  // C2SP tlog-proof, as it stands in a .tlog-proof file.
  ...(proof === undefined ? {} : { proof: fromUtf8(proof) }),
})

const disclosedJson = (what: Disclosed | string) => (typeof what === 'string' ? { refused: what } : what)
