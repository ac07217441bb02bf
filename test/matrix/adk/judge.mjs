// Compares what a row left behind with what it had to leave.
import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { readLog } from './read-log.mjs'

/** After a run with a log that works. */
export async function judgeUp(row, said, log) {
  const found = row.empty ? await nothing(log) : await readLog(log)
  const actual = {
    calls: without(found.calls, row.ignore, row.unordered),
    exit: found.exit,
    evidence: found.evidence,
    findings: found.findings,
    other: pick(found.other),
    ran: [...said.ran].sort(),
    ...(row.result && { result: said.result }),
    ...(said.threw && { threw: said.threw }),
    ...(said.stray && { stray: said.stray }),
    errors: row.errors === 'any' ? 'any' : said.errors,
  }
  const expected = {
    calls: without(row.calls, row.ignore, row.unordered),
    exit: row.exit,
    evidence: row.empty ? 'could not check' : 'self-consistent',
    findings: row.findings,
    other: { ...NOTHING_ELSE, counted: row.calls.length, pending: row.calls.filter(isUnfinished).length, ...row.other },
    ran: row.ran,
    ...(row.result && { result: row.expected }),
    errors: row.errors ?? [],
  }
  if (row.empty) {
    actual.exit = expected.exit
    expected.other = actual.other
  } else if (row.calls.some(call => 'executedArgs' in call && call.executedArgs === undefined))
    expected.calls = without(row.calls.map(clean), row.ignore, row.unordered)
  return verdict(expected, actual)
}

/** After a run with a log that cannot be written: no body of a tool may have been entered. */
export function judgeDown(row, said) {
  const expected = { ran: row.down ?? [] }
  return verdict(expected, { ran: [...said.ran].sort(), ...(said.threw && !row.throws && { threw: said.threw }) })
}

/**
 * After a process that was killed in the middle, and one more call by another process: the log is whole, what ran has
 * its intent, and nobody has made up how the call in the middle ended.
 */
export async function judgeKill(row, said, log) {
  const found = await readLog(log)
  const died = said.ran.at(-1)
  // The call whose body the process died in: the newest of its tool.
  const last = found.calls.filter(({ tool }) => tool === died).at(-1)
  const actual = {
    end: said.end,
    evidence: found.evidence,
    against: found.exit === 1 || found.exit === 2,
    afterwards: found.calls.filter(({ tool }) => tool === 'after-the-crash').map(({ outcomes }) => outcomes.join()),
    intents:
      row.unannounced === true ||
      said.ran.every(name => count(found.calls, name) >= said.ran.filter(each => each === name).length),
    invented: last && !row.handsOver ? last.outcomes.filter(outcome => outcome !== 'unknown/unknown') : [],
  }
  const expected = {
    end: row.dies ?? 'SIGKILL',
    evidence: 'self-consistent',
    against: false,
    afterwards: ['succeeded/yes'],
    intents: true,
    invented: [],
  }
  return verdict(expected, actual)
}

const count = (calls, name) => calls.filter(({ tool }) => tool === name).length

const NOTHING_ELSE = { unseen: [], unwrapped: [], detail: [], losses: [], streams: 1 }

// Declared always: what no recorder in ADK can see.
const ALWAYS = ['adk.code-execution', 'adk.model-built-in', 'adk.remote-agent']

function pick(other) {
  const missing = ALWAYS.filter(word => !other.unseen.includes(word))
  return {
    ...other,
    unseen: [
      ...missing.map(word => `missing: ${word}`),
      ...new Set(other.unseen.filter(word => !ALWAYS.includes(word))),
    ],
    unwrapped: [...new Set(other.unwrapped)],
  }
}

function without(calls, ignore = [], unordered = false) {
  const kept = calls.map(call =>
    Object.fromEntries(
      Object.entries(call)
        .filter(([name]) => !ignore.includes(name))
        .sort(),
    ),
  )
  return unordered ? kept.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : kept
}

/** Neither over nor with a final outcome: what `stream.end` counts as pending. */
function isUnfinished({ verdict, review, outcomes }) {
  const last = outcomes.at(-1)
  if (last === undefined) return verdict !== 'deny' && review !== 'rejected'
  return ['pending', 'cancelled', 'timed_out', 'unknown'].includes(last.split('/')[0])
}

const clean = object => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))

/** Where nothing was to be recorded there is no log at all. */
const nothing = async log =>
  existsSync(log)
    ? readLog(log)
    : { calls: [], evidence: 'could not check', findings: [], other: { unseen: [], unwrapped: [] } }

function verdict(expected, actual) {
  const differs = Object.keys({ ...expected, ...actual }).filter(
    name => !isDeepStrictEqual(expected[name], actual[name]),
  )
  return { passed: differs.length === 0, differs, expected, actual }
}
