#!/usr/bin/env node
// Every attack that this project knows, as a real log on the disk beside its honest twin, held against the built
// verifier and, where there is a Python, against the one in spec/reference that was written from the pages alone.
//
//   npm run attacks                     the table, .proof/attacks/rows.json, and `N passed, 0 failed`
//   npm run attacks -- --break <name>   the same with a fault put into a copy of the verifier: must end in failures
//   npm run attacks -- --mutations      the faults that can be put in
//   npm run attacks -- --honest <n>     random honest logs instead, in process: none may be accused
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const proof = join(root, '.proof/attacks')
const reference = join(root, 'spec/reference/deedlog_verify.py')
const inCi = (process.env.CI ?? '') === 'true'

/** Faults, each an exact text of the built verifier: a fault that fits nothing tests nothing. */
const MUTATIONS = {
  'root-unchecked': {
    file: 'core/verify/evidence.js',
    from: 'else if (equalBytes(tree.root(), checkpoint.root)) {',
    to: 'else if (true) {',
  },
  'log-signature-unchecked': {
    file: 'core/tlog/note.js',
    from: 'if (!verifyEd25519(signature, message, key.publicKey))\n                throw',
    to: 'if (false)\n                throw',
  },
  'record-signature-unchecked': {
    file: 'core/record/signing.js',
    from: "const sig = parsed.json['sig'];",
    to: "const sig = parsed.json['sig'];\n    return isSig(sig);",
  },
  'small-order-keys-accepted': {
    file: 'core/tlog/ed25519.js',
    from: 'return isBelowPrime(y) && !SMALL_ORDER.some(small => small.every((byte, i) => byte === y[i]));',
    to: 'return true;',
  },
  'earlier-checkpoints-ignored': {
    file: 'core/verify/evidence.js',
    from: 'this.#compareHeld(tree, checkpoint);',
    to: '',
  },
  'quorum-ignored': {
    file: 'core/verify/evidence.js',
    from: "return this.#trust === undefined || this.#trust.policy.quorum === 'none' || this.#witnessed !== undefined;",
    to: 'return true;',
  },
  'foreign-streams-counted': {
    file: 'core/verify/reading.js',
    from: "const foreign = this.logId !== '' && !record.logs.some(log => log.id === this.logId);",
    to: 'const foreign = false;',
  },
  'any-operator-counts': {
    file: 'core/verify/identity.js',
    from: 'return (this.#operators.has(identity) || added) && !this.#withdrawn(identity, index);',
    to: 'return true;',
  },
  'sessions-uncounted': {
    file: 'core/verify/reading.js',
    from: 'if (fault === undefined || stream.notUnderstood > 0)',
    to: 'if (true)',
  },
  'supplied-trust-accepted': {
    file: 'client/verify.js',
    from: '(await isSupplied(source, target, path)) ?',
    to: 'false ?',
  },
  'disclosures-unchecked': {
    file: 'core/record/disclosure.js',
    from: "throw new VerificationError('disclosure.mismatch', `the disclosure gives",
    to: "void new VerificationError('disclosure.mismatch', `the disclosure gives",
  },
}

const [flag, value] = process.argv.slice(2)
if (flag === '--mutations') {
  for (const name of Object.keys(MUTATIONS)) console.log(name)
  process.exit(0)
}
if (flag === '--honest' && /^[1-9]\d{0,5}$/.test(value ?? '')) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const env = { ...process.env, HONEST_LOGS: value }
  const ran = spawnSync(process.execPath, [vitest, 'run', 'test/verify/random.test.ts'], {
    cwd: root,
    env,
    stdio: 'inherit',
  })
  process.exit(ran.status ?? 1)
}
if (flag !== undefined && !(flag === '--break' && value in MUTATIONS)) {
  console.error(
    `attacks: ${flag} ${value ?? ''} is unknown\n  expected: --mutations, --honest <n>, or --break with one of ${Object.keys(MUTATIONS).join(', ')}`,
  )
  process.exit(2)
}
if (!existsSync(join(root, 'dist/client/verify.js'))) {
  console.error('attacks: dist/ is missing\n  next: npm run build')
  process.exit(2)
}

const dist = flag === '--break' ? broken(value) : join(root, 'dist')
const { verify } = await import(pathToFileURL(join(dist, 'client/verify.js')))
const { checkDisclosure } = await import(pathToFileURL(join(dist, 'client/disclose.js')))
const { openSource } = await import(pathToFileURL(join(dist, 'client/open.js')))

rmSync(join(proof, 'logs'), { recursive: true, force: true })
const rows = await generate()
const python =
  spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0 && existsSync(reference)
const results = []
for (const row of rows) results.push(await run(row))
// A fault in this verifier is nothing to ask the other one about.
if (flag !== '--break') await inPython(results)
report(results)

/** A copy of the build with one text changed. */
function broken(name) {
  const { file, from, to } = MUTATIONS[name]
  const copy = join(root, '.proof/broken', name)
  rmSync(copy, { recursive: true, force: true })
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true })
  // `#crypto` is an import of the package that the importing file lies in.
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  const path = join(copy, 'dist', file)
  const text = readFileSync(path, 'utf8')
  if (text.split(from).length !== 2) {
    console.error(`attacks: the fault ${name} fits ${text.split(from).length - 1} places in dist/${file}, not one`)
    process.exit(2)
  }
  writeFileSync(
    path,
    text.replace(from, () => to),
  )
  return join(copy, 'dist')
}

/** Writes every log; the generator is the one that the unit tests use, from the sources. */
async function generate() {
  const bundled = join(root, '.proof/attacks/generator.mjs')
  await build({
    stdin: {
      contents: `export { rows } from './rows.js'; export { heldRows } from './rows-held.js'; export { storedRows } from './rows-stored.js'; export { filesOf } from './kit.js'`,
      resolveDir: join(root, 'test/verify'),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    alias: { '#crypto': join(root, 'src/native/crypto.ts') },
    outfile: bundled,
    logLevel: 'error',
  })
  const { rows: treeRows, heldRows, storedRows, filesOf } = await import(pathToFileURL(bundled))
  const written = [...treeRows, ...heldRows].map(row => ({
    row: row.attack,
    held: row.holds,
    undetected: row.undetected,
    notices: row.notices ?? [],
    expected: { exit: row.exit, answers: [row.evidence, row.completeness, row.conduct], codes: row.codes },
    twin: row.twin ?? [],
    hostile: writeTree(row, row.build(true), 'hostile', filesOf),
    honest: writeTree(row, row.build(false), 'honest', filesOf),
  }))
  const stored = storedRows.map(row => ({
    row: row.attack,
    held: row.holds,
    unknownToReference: row.unknownToReference,
    notices: [],
    expected: { exit: row.exit, answers: row.answers, codes: row.codes },
    twin: [],
    hostile: writeStored(row, row.build(true), 'hostile'),
    honest: writeStored(row, row.build(false), 'honest'),
  }))
  return [...written, ...stored]
}

function slug(text) {
  return text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .toLowerCase()
    .slice(0, 80)
}

function put(path, bytes) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
}

/** Entries under a checkpoint: in a folder, or in one file where it is not as many as the checkpoint says. */
function writeTree({ attack }, { entries, checkpoint, holds }, which, filesOf) {
  const place = join(proof, 'logs', slug(attack), which)
  const size = Number(
    Buffer.from(checkpoint ?? [])
      .toString('utf8')
      .split('\n')[1],
  )
  const inFolder = size === entries.length && entries.length > 0
  const target = join(place, inFolder ? 'log' : 'log.jsonl')
  if (inFolder) for (const [path, bytes] of filesOf(entries, checkpoint)) put(join(target, 'log', path), bytes)
  else {
    put(target, Buffer.concat(entries.flatMap(entry => [entry, Buffer.from('\n')])))
    if (checkpoint) put(`${target}.checkpoint`, checkpoint)
  }
  for (const [hash, note] of holds.notes ?? [])
    put(inFolder ? join(target, 'log/notes', hash) : join(`${target}.notes`, hash), note)
  const held = [...(holds.held ?? []), ...(holds.memory ?? []).map(({ note }) => note)]
  for (const [i, note] of held.entries()) put(join(place, `held-${i}.checkpoint`), note)
  return { target, held, ...trustAt(holds.trust, join(place, 'auditor.trust')) }
}

function writeStored({ attack }, { files, trust, supplied, disclosure }, which) {
  const place = join(proof, 'logs', slug(attack), which)
  const target = join(place, 'log')
  if (files) mkdirSync(join(target, 'log'), { recursive: true })
  for (const [path, bytes] of files ?? []) put(join(target, 'log', path), bytes)
  if (disclosure) put(join(place, 'disclosure.json'), disclosure)
  const at = supplied ? join(target, 'from-the-log.trust') : join(place, 'auditor.trust')
  return { target, held: [], disclosure, ...trustAt(trust, at) }
}

function trustAt(text, path) {
  if (text === undefined) return {}
  put(path, text)
  return { trust: path }
}

/** What the built verifier answers: exit code, three verdicts or an error's code, findings. */
async function ask({ target, trust, held, disclosure }) {
  try {
    if (disclosure) {
      const source = await openSource(target)
      await checkDisclosure(source, '2', 'args', disclosure)
      await source.close()
      return { exit: 0, answers: 'discloses', codes: [], notices: [] }
    }
    const report = await verify(target, { ...(trust ? { trust } : { self: true }), held })
    const of = wanted => [...new Set(report.findings.filter(wanted).map(({ code }) => code))].sort()
    return {
      exit: report.exitCode,
      answers: [report.evidence.verdict, report.completeness.verdict, report.conduct.verdict],
      codes: of(({ severity }) => severity !== 'notice'),
      notices: of(({ severity }) => severity === 'notice'),
      notExcluded: report.notExcluded.map(({ code }) => code),
    }
  } catch (error) {
    // As the command line ends: a false claim is evidence, all else could not be checked.
    return {
      exit: error.name === 'VerificationError' ? 1 : 2,
      answers: error.code ?? String(error),
      codes: [],
      notices: [],
    }
  }
}

async function run(row) {
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
  return { ...row, actual, honestAnswer: honest, faults, reference: {} }
}

/** The independent verifier, two at a time. It knows logs and trust files; the rest is skipped by name. */
async function inPython(results) {
  if (!python) return
  const jobs = results.flatMap(result => ['hostile', 'honest'].map(which => ({ result, which })))
  const work = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      const { result, which } = job
      const { target, trust, held, disclosure } = result[which]
      const why = disclosure
        ? 'it reads no disclosures'
        : held.length > 0
          ? 'it compares with no earlier checkpoint'
          : result.unknownToReference
      if (why) {
        result.reference = { skipped: why }
        continue
      }
      const status = await exitOf('python3', [reference, target, ...(trust ? ['--trust', trust] : ['--self'])])
      result.reference[which] = status
      const own = which === 'hostile' ? result.actual.exit : result.honestAnswer.exit
      if (status !== own) result.faults.push(`spec/reference ends with ${status} on the ${which} log, not with ${own}`)
    }
  }
  await Promise.all([work(), work()])
}

function exitOf(command, args) {
  return new Promise(done => {
    const child = spawn(command, args, { stdio: 'ignore', timeout: 60_000 })
    child.on('error', () => done(-1)).on('exit', status => done(status ?? -1))
  })
}

function report(results) {
  const cell = (text, width) => (text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width))
  const answer = ({ exit, answers }) => `${exit}  ${typeof answers === 'string' ? answers : answers.join(' / ')}`
  const second = ({ skipped, hostile }) => (skipped ? '-' : hostile === undefined ? '' : String(hostile))
  console.log(`${cell('ATTACK', 62)} ${cell('HELD', 34)} ${cell('REF', 4)}EXIT, EVIDENCE / COMPLETENESS / CONDUCT`)
  for (const result of results) {
    const mark = result.undetected ? `  (not excluded: ${result.undetected})` : ''
    console.log(
      `${cell(result.row, 62)} ${cell(result.held, 34)} ${cell(second(result.reference), 4)}${answer(result.actual)}${mark}`,
    )
    for (const fault of result.faults) console.log(`    FAILED: ${fault}`)
  }
  const logOf = ({ hostile }) => relative(root, hostile.target)
  const kept = results.map(
    ({ row, held, undetected, expected, actual, honestAnswer, reference: second, faults, ...logs }) => ({
      row,
      held,
      ...(undetected ? { undetected } : {}),
      expected,
      actual,
      honest: honestAnswer,
      reference: second,
      faults,
      log: logOf(logs),
    }),
  )
  put(join(proof, 'rows.json'), `${JSON.stringify(kept, undefined, 2)}\n`)
  const skipped = results.filter(result => result.reference.skipped)
  if (flag === '--break') console.log(`\nwith the fault ${value}`)
  else if (python) {
    console.log(`\nspec/reference was asked about ${results.length - skipped.length} rows; skipped ${skipped.length}:`)
    for (const {
      row,
      reference: { skipped: why },
    } of skipped)
      console.log(`  ${row}: ${why}`)
  } else console.log('\nSKIPPED: spec/reference was asked about no row: there is no Python 3.11 here')
  // Where nobody reads a warning, a verifier that was not asked is a failure.
  const unasked = inCi && !python && flag !== '--break' ? results.length : 0
  const failed = results.filter(result => result.faults.length > 0).length + unasked
  console.log(`\n${relative(process.cwd(), join(proof, 'rows.json')) || 'rows.json'}: every row with its log`)
  console.log(`${results.length + unasked - failed} passed, ${failed} failed`)
  process.exit(failed > 0 ? 1 : 0)
}
