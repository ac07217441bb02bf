import { AssertionError } from 'node:assert'
import { type LogCoverage, surveyCoverage } from '../client/coverage.js'
import { openSource } from '../client/open.js'
import type { LogSource } from '../client/source.js'
import type { AuditBackend } from '../log/backend.js'

/** What a test expects of the coverage of its agents. */
export interface ExpectedCoverage {
  /**
   * The tools there are, all of them: each has to be declared as wrapped, or to have been called. A tool that is not
   * in this list has come to an agent without its test.
   */
  readonly tools: readonly string[]
  /** Those of them that the test made calls of. */
  readonly called?: readonly string[]
  /** Kinds of calls that may go unseen, such as `adk.code-execution`; left out, any may. */
  readonly unseen?: readonly string[]
}

/**
 * Asserts that a log covers what it should: no tool that passes the recorder by, none that nobody thought of, no call
 * that could not have been held back, nothing lost. What it cannot see is what never reached a recorder.
 *
 * @example
 * await recorder.flush()
 * await assertCoverage(backend, { tools: ['refund', 'read_file'], called: ['refund'] })
 *
 * @param target  The path of a log, or the backend that recorded, still open: `memory()`, `files()`, `jsonl()`, or an
 *   open log. What it has taken is signed first.
 * @throws {AssertionError} with a line for each difference
 * @throws {TypeError} a backend that cannot be read back
 * @throws what reading the log throws
 */
export async function assertCoverage(target: string | AuditBackend, expected: ExpectedCoverage): Promise<void> {
  const source = typeof target === 'string' ? await openSource(target) : await backendSource(target)
  let coverage: LogCoverage
  try {
    coverage = await surveyCoverage(source)
  } finally {
    await source.close()
  }
  const differences = differencesOf(coverage, expected)
  if (differences.length === 0) return
  throw new AssertionError({
    message: `the log does not cover what it should:\n${differences.map(line => `  - ${line}`).join('\n')}`,
    actual: actualOf(coverage),
    expected,
    operator: 'assertCoverage',
  })
}

function differencesOf({ tools, unseen, missed }: LogCoverage, expected: ExpectedCoverage): string[] {
  const found = new Map(tools.map(row => [row.tool, row]))
  const called = new Set(tools.filter(({ calls }) => calls > 0).map(({ tool }) => tool))
  const wanted = new Set(expected.tools)
  const may = expected.unseen && new Set(expected.unseen)
  return [
    ...[...wanted].filter(name => !found.has(name)).map(name => `${show(name)} was neither declared nor called`),
    ...[...new Set(expected.called)].filter(name => !called.has(name)).map(name => `${show(name)} was never called`),
    ...[...found.keys()]
      .filter(name => name !== UNKNOWN && !wanted.has(name))
      .map(name => `${show(name)} is there, and is not expected`),
    ...unseen.filter(({ kind }) => may && !may.has(kind)).map(({ kind }) => `calls of kind ${show(kind)} go unseen`),
    ...missed.map(({ message }) => message),
  ]
}

// What a model calls by a name that no tool has is recorded under this one; nobody can expect it.
const UNKNOWN = '?'

const show = (name: string): string => JSON.stringify(name)

/** In the form of what was expected, so that a test runner can show the two side by side. */
function actualOf({ tools, unseen }: LogCoverage): ExpectedCoverage {
  return {
    tools: [...new Set(tools.map(({ tool }) => tool))],
    called: [...new Set(tools.filter(({ calls }) => calls > 0).map(({ tool }) => tool))],
    unseen: unseen.map(({ kind }) => kind),
  }
}

type Readable = AuditBackend & Pick<LogSource, 'entries'>

const isReadable = (backend: AuditBackend): backend is Readable =>
  typeof (backend as Partial<Readable>).entries === 'function'

async function backendSource(backend: AuditBackend): Promise<LogSource> {
  if (!isReadable(backend))
    throw new TypeError('only a log can be read back: memory(), files(), jsonl(), or what openLog() gives')
  await backend.flush()
  return {
    kind: 'bundle',
    name: 'the log of this test',
    checkpoint: async () => backend.head?.(),
    entries: range => backend.entries(range),
    suppliedTrust: [],
    close: async () => {},
  }
}
