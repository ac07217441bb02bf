// What every host's rows are made with: a recorder, rules, and tools that leave a file behind when they run.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The rules of all rows, by the tool's name. */
const VERDICTS = {
  forbidden: { verdict: 'deny', policy: 'matrix', rule: 'never', reason: 'never' },
  ask: { verdict: 'review', policy: 'matrix', rule: 'ask' },
  askAndDecline: { verdict: 'review', policy: 'matrix', rule: 'ask' },
}
const ALLOW = { verdict: 'allow', policy: 'matrix', rule: 'rest' }

/** @param phase  `up`, `down` (nothing can be written) or `kill` (the tool `die` ends the process) */
export async function makeKit({ dist, dir, phase, info }) {
  const load = path => import(pathToFileURL(join(dist, path)))
  const { files, Recorder } = await load('index.js')
  const errors = []
  const backend = phase === 'down' ? broken : files(join(dir, 'log'))
  const recorder = new Recorder({
    ...info,
    backend,
    agent: { id: 'did:example:matrix' },
    evaluator: { evaluate: ({ tool }) => VERDICTS[tool.split('__').at(-1)] ?? ALLOW },
    approver: { ask: async ({ tool }) => ({ approved: tool === 'ask', by: 'someone', channel: 'callback' }) },
    onError: error => errors.push(error.code ?? error.message),
  })
  let runs = 0
  const ran = name => writeFileSync(join(dir, 'ran', `${String(runs++).padStart(3, '0')}-${name}`), '')
  return { recorder, errors, ran, tools: toolsOf(ran), load, sleep }
}

// A log that cannot be written, from the first record on.
const broken = {
  append: () => Promise.reject(Object.assign(new Error('the disk is gone'), { code: 'EIO' })),
  flush: async () => {},
  close: async () => {},
}

/** The body of each tool: `(args, signal) => output`. `add` has a second argument with a default of 7. */
function toolsOf(ran) {
  let failures = 0
  return {
    add({ a, b }) {
      ran('add')
      return { sum: a + b }
    },
    boom() {
      ran('boom')
      throw new RangeError('boom')
    },
    flaky({ a }) {
      ran('flaky')
      if (failures++ === 0) throw new Error('not yet')
      return { a }
    },
    report() {
      ran('report')
      return { isError: true, text: 'no such order' }
    },
    forbidden() {
      ran('forbidden')
      return 'done'
    },
    ask() {
      ran('ask')
      return 'done'
    },
    askAndDecline() {
      ran('askAndDecline')
      return 'done'
    },
    /** Goes on after an abort, and does its work all the same. */
    async stubborn(_, { onStart, until }) {
      ran('stubborn')
      onStart()
      await until
      ran('stubborn-late')
      return 'late'
    },
    die() {
      ran('die')
      process.kill(process.pid, 'SIGKILL')
      return sleep(60_000)
    },
  }
}

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
