#!/usr/bin/env node
// Every attack that this project knows, as real files on the disk beside their honest twin, held against the built
// verifier, the command, the auditor's page in a browser, and the verifier in spec/reference that was written from the
// pages alone. All must say the same, and tell the attack from its twin, or name it among what they do not exclude.
//
//   npm run attacks                     the table, .proof/attacks/rows.json, and `N passed, 0 failed`
//   npm run attacks -- --break <name>   the same with a fault put into a copy of the verifier: must end in failures
//   npm run attacks -- --mutations      the faults that can be put in
//   npm run attacks -- --honest <n>     random honest logs instead, in process: none may be accused
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { agree, inProcess, inPython, onCommandLine } from './attacks/askers.mjs'
import { broken, FAULTS } from './attacks/faults.mjs'
import { pageBrowser, writeLogs } from './attacks/logs.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const proof = join(root, '.proof/attacks')
const inCi = (process.env.CI ?? '') === 'true'
/** Of the honest twins, which are alike, the page and the reference are asked about one in so many. */
const TWINS_ASKED = 8

const [flag, value] = process.argv.slice(2)
if (flag === '--mutations') {
  for (const name of Object.keys(FAULTS)) console.log(name)
  process.exit(0)
}
if (flag === '--honest' && /^[1-9]\d{0,5}$/.test(value ?? '')) honestLogs(value)
if (flag !== undefined && !(flag === '--break' && value in FAULTS)) {
  console.error(
    `attacks: ${flag} ${value ?? ''} is unknown\n  expected: --mutations, --honest <n>, or --break with one of ${Object.keys(FAULTS).join(', ')}`,
  )
  process.exit(2)
}
if (!existsSync(join(root, 'dist/client/verify.js'))) {
  console.error('attacks: dist/ is missing\n  next: npm run build')
  process.exit(2)
}

const ask = await inProcess(flag === '--break' ? broken(root, value) : join(root, 'dist'))
const rows = await writeLogs(root)
const results = []
for (const row of rows) results.push(await judge(row))
// A fault in this verifier is nothing to ask the others about.
const missing = flag === '--break' ? [] : await askTheOthers(results)
report(results, missing)

function honestLogs(number) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const tests = ['test/verify/random.test.ts', 'test/verify/honest-kinds.test.ts']
  const env = { ...process.env, HONEST_LOGS: number }
  const ran = spawnSync(process.execPath, [vitest, 'run', ...tests], { cwd: root, env, stdio: 'inherit' })
  if (ran.status === 0) console.log(`${number} random honest logs, and ${number} erased from or pruned: none accused`)
  process.exit(ran.status ?? 1)
}

/** What this verifier says of a row, against what is expected. */
async function judge(row) {
  const [actual, honest] = [await ask(row.hostile), await ask(row.honest)]
  const faults = []
  const same = (what, a, b) => {
    if (JSON.stringify(a) !== JSON.stringify(b))
      faults.push(`${what}: ${JSON.stringify(a)}, expected ${JSON.stringify(b)}`)
  }
  same('exit', actual.exit, row.expected.exit)
  same('answers', actual.answers, row.expected.answers)
  if (row.expected.codes) same('codes', actual.codes, [...row.expected.codes].sort())
  for (const notice of row.notices) if (!actual.notices.includes(notice)) faults.push(`no notice ${notice}`)
  same('codes of the honest twin', honest.codes, [...row.twin].sort())
  same('exit of the honest twin', honest.exit, row.twin.length > 0 ? 3 : 0)
  if (row.undetected) {
    if (!actual.notExcluded?.includes(row.undetected))
      faults.push(`${row.undetected} is not among what is not excluded`)
  } else if (JSON.stringify(actual) === JSON.stringify(honest)) faults.push('the honest twin gets the same answer')
  return { ...row, actual, honestAnswer: honest, faults, command: {}, reference: {}, page: {} }
}

/** Asks the command, the reference and the page, and returns which of them are not here, in words. */
async function askTheOthers(results) {
  const python = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0
  const { PageBrowser, findChromium } = await pageBrowser(root)
  const chromium = findChromium()
  const jobs = results.flatMap((result, n) => [
    { result, which: 'hostile', who: 'command', run: onCommandLine },
    ...(python ? asked(n).map(which => ({ result, which, who: 'reference', run: inPython })) : []),
  ])
  const work = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift())
      held(job.result, job.who, job.which, await job.run(root, job.result[job.which]))
  }
  const inPage = async () => {
    if (chromium !== undefined) await askThePage(results, PageBrowser, chromium)
  }
  await Promise.all([work(), work(), inPage()])
  return [
    ...(python ? [] : ['the reference (spec/reference): there is no Python 3.11 here']),
    ...(chromium === undefined ? ['the page: no Chromium was found, set DEEDLOG_CHROMIUM or install one'] : []),
  ]
}

function asked(n) {
  return n % TWINS_ASKED === 0 ? ['hostile', 'honest'] : ['hostile']
}

function own(result, which) {
  return which === 'hostile' ? result.actual : result.honestAnswer
}

function told({ exit, answers, codes }) {
  return JSON.stringify([exit, answers, codes])
}

function held(result, who, which, answer) {
  result[who][which] = answer
  if (!agree(own(result, which), answer))
    result.faults.push(`the ${who} says of the ${which} one ${told(answer)}, not ${told(own(result, which))}`)
}

/** One browser for all rows, with the page as it is built from these sources. */
async function askThePage(results, PageBrowser, chromium) {
  const { writePage } = await import('./build-page.mjs')
  const html = join(proof, 'verifier.html')
  await writePage(html)
  const browser = await PageBrowser.launch(html, chromium)
  try {
    for (const [n, result] of results.entries())
      for (const which of asked(n)) {
        const { brought, disclosure } = result[which]
        if (!brought) {
          result.page[which] = 'there is nothing to bring to a page'
          continue
        }
        try {
          inThePage(result, which, await browser.verify(brought), disclosure !== undefined)
        } catch (error) {
          result.faults.push(`the page gave no answer on the ${which} one: ${error.message}`)
        }
      }
  } finally {
    await browser.close()
  }
}

function inThePage(result, which, answer, isDisclosure) {
  const expected = own(result, which)
  if (isDisclosure) {
    // The page shows each disclosure beside the report on the log, which is as good as it was.
    result.page[which] = { exit: answer.disclosures[0] ? 0 : expected.exit, answers: answer.disclosures }
    if (answer.disclosures.length !== 1 || answer.disclosures[0] !== (expected.exit === 0))
      result.faults.push(`the page says of the ${which} disclosure ${JSON.stringify(answer.disclosures)}`)
    return
  }
  const notices = new Set(expected.notices)
  held(result, 'page', which, { ...answer, codes: answer.codes.filter(code => !notices.has(code)) })
}

function report(results, missing) {
  const cell = (text, width) => (text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width))
  const exit = answer => (answer === undefined ? ' ' : typeof answer === 'string' ? '-' : String(answer.exit))
  const words = ({ answers }) => (typeof answers === 'string' ? answers : answers.join(' / '))
  console.log(`${cell('ATTACK', 66)} ${cell('HELD', 34)} CLI PAGE REF  EVIDENCE / COMPLETENESS / CONDUCT`)
  for (const result of results) {
    const { row, held: holds, undetected, command, page, reference, actual, faults } = result
    const mark = undetected ? `  (not excluded: ${undetected})` : ''
    const columns = `${exit(command.hostile).padEnd(3)} ${exit(page.hostile).padEnd(4)} ${exit(reference.hostile).padEnd(4)}`
    console.log(`${cell(row, 66)} ${cell(holds, 34)} ${columns} ${words(actual)}${mark}`)
    for (const fault of faults) console.log(`    FAILED: ${fault}`)
  }
  const kept = results.map(({ row, held: holds, undetected, expected, faults, hostile, ...answers }) => ({
    row,
    held: holds,
    ...(undetected ? { undetected } : {}),
    expected,
    actual: answers.actual,
    honest: answers.honestAnswer,
    command: answers.command,
    page: answers.page,
    reference: answers.reference,
    faults,
    log: relative(root, hostile.target),
  }))
  mkdirSync(dirname(join(proof, 'rows.json')), { recursive: true })
  writeFileSync(join(proof, 'rows.json'), `${JSON.stringify(kept, undefined, 2)}\n`)
  if (flag === '--break') console.log(`\nwith the fault ${value}`)
  for (const who of missing) console.log(`\n*** NOT ASKED ABOUT ANY ROW: ${who}`)
  // Where nobody reads a warning, somebody who was not asked is a failure.
  const failed = inCi && missing.length > 0 ? results.length : results.filter(({ faults }) => faults.length > 0).length
  console.log(`\n${relative(process.cwd(), join(proof, 'rows.json')) || 'rows.json'}: every row with its log`)
  console.log(`${results.length - failed} passed, ${failed} failed`)
  rmSync(join(root, '.proof/broken'), { recursive: true, force: true })
  process.exit(failed > 0 ? 1 : 0)
}
