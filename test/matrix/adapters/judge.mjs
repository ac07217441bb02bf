// Compares what a row left behind with what it had to leave.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { readLog } from '../adk/read-log.mjs'

export async function judge(row, { host, said, end, ran, stderr, dir, cli }) {
  const log = join(dir, 'log')
  const expected = { end: row.phase === 'kill' ? 'SIGKILL' : 0, ran: row.ran }
  const actual = { end, ran }
  if (said) {
    Object.assign(expected, { threw: row.threw ?? false, stray: [] })
    actual.threw = row.threw && said.threw?.includes(row.threw) ? row.threw : (said.threw ?? false)
    actual.stray = said.stray
    if (row.shown) {
      expected.shown = row.shown
      actual.shown = said.result?.includes(row.shown) ? row.shown : said.result
    }
    if (row.phase !== 'down') {
      expected.errors = row.errors ?? []
      actual.errors = said.errors
    }
  }
  if (row.coverage) {
    expected.coverage = host.covered
    actual.coverage = said?.coverage
  }
  if (row.calls && existsSync(log)) {
    const found = await readLog(log)
    const { unordered } = row
    expected.calls = unordered ? sorted(row.calls) : row.calls
    // Only what the row names is compared.
    const calls = unordered ? sorted(found.calls) : found.calls
    actual.calls = calls.map((call, i) => pick(call, Object.keys(row.calls[i] ?? call)))
    expected.evidence = 'self-consistent'
    actual.evidence = found.evidence
    expected.findings = row.findings ?? usualFindings(row)
    actual.findings = found.findings
    // The command and the library are of one mind.
    expected.exit = found.exit
    actual.exit = cli(log)
  } else if (row.calls) {
    expected.calls = row.calls
    actual.calls = undefined
  }
  const differs = Object.keys(expected).filter(member => !isDeepStrictEqual(expected[member], actual[member]))
  return { passed: differs.length === 0, differs, expected, actual: { ...actual, said, stderr } }
}

const usualFindings = ({ phase }) => (phase === 'kill' ? ['call.unknown'] : [])

const pick = (object, members) => Object.fromEntries(members.map(name => [name, object[name]]))

const sorted = calls => calls.toSorted((a, b) => (a.tool < b.tool ? -1 : 1))
