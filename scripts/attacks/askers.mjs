// Who is asked about a log: the built verifier in this process, the command, the independent verifier, the page. Each
// answers with {exit, answers, codes}: the exit code; the three verdicts, or the code of what kept a report from being
// made; and the codes of the findings that are no notices, sorted.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const TIMEOUT_MS = 60_000
/** Disclosures of the table are of the arguments of the call at this index. */
const DISCLOSED_INDEX = '2'

/** Of one build; `dist` may be a broken copy. */
export async function inProcess(dist) {
  const { verify } = await import(pathToFileURL(join(dist, 'client/verify.js')))
  const { checkDisclosure } = await import(pathToFileURL(join(dist, 'client/disclose.js')))
  const { openSource } = await import(pathToFileURL(join(dist, 'client/open.js')))
  return async ({ target, trust, held, disclosure }) => {
    try {
      if (disclosure) {
        const source = await openSource(target)
        try {
          await checkDisclosure(source, DISCLOSED_INDEX, 'args', readFileSync(disclosure))
        } finally {
          await source.close()
        }
        return { exit: 0, answers: 'discloses', codes: [], notices: [] }
      }
      const notes = held.map(path => readFileSync(path))
      return ofReport(await verify(target, { ...(trust ? { trust } : { self: true }), held: notes }))
    } catch (error) {
      // As the command line ends: a false claim is evidence, all else could not be checked.
      const exit = error.name === 'VerificationError' ? 1 : 2
      return { exit, answers: error.code ?? String(error), codes: [], notices: [] }
    }
  }
}

const codesOf = (report, wanted) => [...new Set(report.findings.filter(wanted).map(({ code }) => code))].sort()

const ofReport = report => ({
  exit: report.exitCode,
  answers: [report.evidence.verdict, report.completeness.verdict, report.conduct.verdict],
  codes: codesOf(report, ({ severity }) => severity !== 'notice'),
  notices: codesOf(report, ({ severity }) => severity === 'notice'),
  notExcluded: (report.notExcluded ?? []).map(({ code }) => code),
})

/** `deedlog verify`, or `deedlog disclose --check`, as somebody types it. */
export function onCommandLine(root, { target, trust, held, disclosure }) {
  const main = join(root, 'dist/cli/main.js')
  const whose = trust ? ['--trust', trust] : ['--self']
  const after = held.flatMap(path => ['--after', path])
  const words = disclosure
    ? ['disclose', target, DISCLOSED_INDEX, '--member', 'args', '--check', disclosure, '--json']
    : ['verify', target, ...whose, ...after, '--no-memory', '--json']
  return asked(process.execPath, [main, ...words], disclosure !== undefined)
}

/** The verifier in spec/reference, which was written from the pages alone. */
export function inPython(root, { target, trust, held, disclosure }) {
  const whose = trust ? ['--trust', trust] : ['--self']
  const after = held.flatMap(path => ['--after', path])
  const shown = disclosure ? ['--disclosure', DISCLOSED_INDEX, 'args', disclosure] : []
  const script = join(root, 'spec/reference/deedlog_verify.py')
  return asked('python3', [script, target, ...whose, ...after, ...shown], disclosure !== undefined)
}

function asked(command, words, exitOnly) {
  return new Promise(done => {
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS })
    const [out, err] = [[], []]
    child.stdout.on('data', chunk => out.push(chunk))
    child.stderr.on('data', chunk => err.push(chunk))
    child.on('error', error => done({ exit: -1, answers: error.message, codes: [] }))
    child.on('close', status => done(read(status ?? -1, Buffer.concat(out), Buffer.concat(err), exitOnly)))
  })
}

function read(exit, out, err, exitOnly) {
  if (String(err).includes('Traceback')) return { exit: -1, answers: String(err), codes: [] }
  try {
    const report = exitOnly ? undefined : JSON.parse(out)
    if (report?.evidence) return { ...ofReport(report), exit }
  } catch {
    // No report was made: the exit code says why.
  }
  return { exit, answers: 'no report', codes: [] }
}

/** Whether two have said the same of a log. Who could make no report says so by the exit code. */
export function agree(a, b) {
  if (a.exit !== b.exit) return false
  if (typeof a.answers === 'string' || typeof b.answers === 'string')
    return typeof a.answers === 'string' && typeof b.answers === 'string'
  return JSON.stringify([a.answers, named(a.codes)]) === JSON.stringify([b.answers, named(b.codes)])
}

// Which entries of a bundle that cannot be split are named besides is left to the verifier (spec/report.md).
const named = codes => (codes.includes('entries.unreadable') ? codes.filter(code => code !== 'entry.altered') : codes)
