// Reads a log back as an auditor with its vault would: every record, every disclosure checked against its commitment.
// Always with the build of the work tree, whatever build wrote the log.
import { openSource } from '../../../dist/client/open.js'
import { verify } from '../../../dist/client/verify.js'
import { commitmentsOf, parseDisclosureSet, parseRecord, verifyDisclosure } from '../../../dist/core/record/index.js'

/**
 * @returns {Promise<{ exit: number, evidence: string, findings: string[], calls: object[], other: object }>}
 *   the calls of the log in the order of their intents, with their values opened
 */
export async function readLog(target) {
  const rows = await readRows(target)
  const report = await verify(target, { self: true })
  const ended = rows.filter(({ record }) => record.type === 'stream.end')
  return {
    exit: report.exitCode,
    evidence: report.evidence.verdict,
    findings: [
      ...new Set(report.findings.filter(({ severity }) => severity !== 'notice').map(({ code }) => code)),
    ].sort(),
    calls: rows.filter(({ record }) => record.type === 'intent').map(intent => callOf(intent, rows)),
    other: {
      unseen: rows.flatMap(({ record }) => (record.type === 'coverage' && record.unseen) || []),
      unwrapped: rows.flatMap(({ record }) =>
        ((record.type === 'coverage' && record.tools) || [])
          .filter(tool => tool.wrapped === 'no')
          .map(({ name }) => name),
      ),
      detail: rows.flatMap(({ record, values }) =>
        record.type === 'coverage' && record.detail ? [values.detail] : [],
      ),
      losses: rows.flatMap(({ record }) => (record.type === 'loss' ? [`${record.reason} ${record.count ?? '?'}`] : [])),
      streams: rows.filter(({ record }) => record.type === 'stream.start').length,
      counted: ended.reduce((sum, { record }) => sum + record.calls, 0),
      pending: ended.reduce((sum, { record }) => sum + record.pending, 0),
    },
  }
}

async function readRows(target) {
  const source = await openSource(target)
  const rows = []
  try {
    for await (const { index, record: bytes } of source.entries()) {
      const parsed = parseRecord(bytes)
      if (!parsed.understood) throw new Error(`entry ${index} is not understood: ${parsed.why}`)
      const kept = await source.disclosures(index)
      const values = {}
      const disclosures = kept ? parseDisclosureSet(kept) : new Map()
      for (const [member, commitment] of commitmentsOf(parsed.record)) {
        const disclosure = disclosures.get(member)
        if (!disclosure) throw new Error(`entry ${index}: no disclosure of ${member}`)
        values[member] = verifyDisclosure(disclosure, commitment).value
      }
      rows.push({ index, leaf: parsed.leaf, record: parsed.record, values })
    }
  } finally {
    await source.close()
  }
  return rows
}

const FLAGS = ['unmediated', 'belated', 'tier', 'attempt']

function callOf({ leaf, record, values }, rows) {
  const its = rows.filter(row => row.record.intent === leaf)
  const outcomes = its.filter(row => row.record.type === 'outcome')
  const newest = outcomes.at(-1)
  const parent = record.parent && rows.find(row => row.leaf === record.parent)
  const flags = FLAGS.filter(flag => record[flag] !== undefined)
  const merged = Object.assign({}, ...outcomes.map(row => row.values))
  const ran = newest && newest.record.executed !== 'no'
  return clean({
    tool: record.tool.name === '?' ? `?${values.toolName}` : record.tool.name,
    verdict: record.decision.verdict,
    rule: record.decision.rule,
    review: its.find(row => row.record.type === 'review')?.record.verdict,
    outcomes: outcomes.map(({ record }) => `${record.status}/${record.executed}${record.late ? ' late' : ''}`),
    flags: flags.length > 0 ? flags.map(flag => (record[flag] === true ? flag : `${flag}=${record[flag]}`)) : undefined,
    parent: parent?.record.tool.name,
    args: values.args,
    // The outcome repeats the arguments only where they are others.
    executedArgs: ran ? (merged.args ?? values.args) : undefined,
    output: merged.output,
    visible: merged.visible,
    error: newest?.record.error && clean({ name: newest.record.error.name, message: merged['error.message'] }),
  })
}

const clean = object => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
