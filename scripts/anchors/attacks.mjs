// What an operator, or whoever has the operator's keys, might try, each on a log of its own with the same witnesses and
// the same authority; and who finds it out: the log itself, a witness, a time stamp, an auditor offline, an auditor who
// asks the witnesses.
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readJson } from './cast.mjs'
import { makeLog, policyOf } from './live.mjs'

const YEAR_MS = 31_536_000_000

export const attacks = [
  { name: 'an old copy of the whole folder is put back', run: oldFolder },
  { name: 'an old copy of the private folder is put back', run: oldPrivateFolder },
  { name: 'the log is forked at one size, and the second history is shown to the witnesses', run: forkedInTheOpen },
  { name: 'the log is forked at one size, and the second history is only dated', run: forkedInSecret },
  { name: 'a call of today says that it was made a year ago', run: backdated },
  { name: 'a year of history is invented, cosigned and dated today', run: invented },
  { name: 'the time stamp of another log lies beside this one', run: foreignToken },
  { name: 'an authority that nobody pinned dates the log', run: ownAuthority },
  { name: 'a witness that nobody pinned cosigns the log', run: ownWitness },
]

/** A log with four calls that both witnesses have seen, and a way to look at it. */
async function witnessed(stage, name) {
  const log = await makeLog(stage, name)
  const witnesses = policyOf([stage.w1, stage.w2])
  const record = options => stage.cast.record({ dir: log.dir, witnesses, calls: 2, ...options })
  const verify = async (...more) => {
    const { code, json, stderr } = await stage.verify(log, ...more)
    return { code, stderr, ...summary(json()) }
  }
  // Two runs: the second cites what was cosigned of the first.
  for (const run of [await record(), await record()]) if (run.code !== 0) throw new Error(`${name}: ${run.stderr}`)
  return { ...log, record, verify, asking: () => stage.asking(log).then(withSummary) }
}

const withSummary = ({ code, json }) => ({ code, ...summary(json()) })

function summary({ evidence, findings = [], notExcluded = [], timeline }) {
  return {
    words: evidence?.words ?? [],
    verdict: evidence?.verdict,
    times: evidence?.times,
    anchors: evidence?.anchors,
    codes: findings.map(({ code }) => code),
    notExcluded: notExcluded.map(({ code }) => code),
    calls: timeline?.calls ?? [],
  }
}

/** Replaces a folder by a copy. */
function putBack(copy, dir) {
  rmSync(dir, { recursive: true })
  renameSync(copy, dir)
}

async function oldFolder(stage) {
  const log = await witnessed(stage, 'old-folder')
  cpSync(log.dir, `${log.dir}-old`, { recursive: true })
  await log.record()
  const held = join(stage.cast.folder, 'old-folder-held.checkpoint')
  cpSync(join(log.dir, 'log/checkpoint'), held)
  putBack(`${log.dir}-old`, log.dir)
  const offline = await log.verify()
  const holding = await log.verify('--after', held)
  const asking = await log.asking()
  const goesOn = await log.record({ calls: 1 })
  return {
    checks: [
      ['offline: an old copy looks like the log it was', offline.code, 0],
      ['and the report says so', offline.notExcluded.includes('unseen-tail'), true],
      ['offline, with a checkpoint from before', [holding.code, holding.verdict], [1, 'rolled back']],
      ['asking the witnesses', [asking.code, asking.verdict], [1, 'rolled back']],
      ['the log, when it is gone on with', goesOn.failed, 'log.witness-alarm'],
    ],
    by: {
      log: `${goesOn.failed}: signs nothing more`,
      witness: 'refuses to cosign less than it has',
      offline: `only with a checkpoint from before: ${holding.verdict}`,
      asking: asking.verdict,
    },
    blind: { anchor: 'a time stamp of what was there then stays true', offline: 'not excluded: unseen-tail' },
  }
}

async function oldPrivateFolder(stage) {
  const log = await witnessed(stage, 'old-private')
  cpSync(join(log.dir, 'private'), `${log.dir}-private`, { recursive: true })
  await log.record()
  putBack(`${log.dir}-private`, join(log.dir, 'private'))
  const goesOn = await log.record({ calls: 1, witnesses: undefined })
  return {
    checks: [
      ['the log, when it is gone on with', goesOn.failed, 'log.rolled-back'],
      ['and nothing is harmed', (await log.verify()).code, 0],
    ],
    by: { log: `${goesOn.failed}: does not open` },
  }
}

async function forkedInTheOpen(stage) {
  const log = await witnessed(stage, 'forked')
  const twin = `${log.dir}-twin`
  cpSync(log.dir, twin, { recursive: true })
  await log.record()
  await log.record({ dir: twin, tool: 'another', witnesses: undefined })
  const second = await log.record({ dir: twin, calls: 0 })
  const { json } = await stage.cast.deedlog('witness', 'status', stage.w1.dir, '--json')
  const kept = json().forks.length
  return {
    checks: [
      ['both are of one size', sizeOf(twin), sizeOf(log.dir)],
      ['the log whose second history was shown', second.failed, 'log.witness-alarm'],
      ['the witness keeps the proof', kept > 0, true],
      ['the first history stands', (await log.verify()).code, 0],
    ],
    by: { log: `${second.failed}: signs nothing more`, witness: 'refuses, and keeps both signatures as proof' },
    blind: { anchor: 'whoever dates a hash has seen no log' },
  }
}

const sizeOf = dir => Number(readFileSync(join(dir, 'log/checkpoint'), 'utf8').split('\n')[1])

async function forkedInSecret(stage) {
  const log = await witnessed(stage, 'forked-in-secret')
  const twin = { ...log, dir: `${log.dir}-twin` }
  cpSync(log.dir, twin.dir, { recursive: true })
  await log.record()
  const second = await log.record({ dir: twin.dir, tool: 'another', witnesses: undefined })
  const dated = await stage.date(twin)
  const verify = async (...more) => withSummary(await stage.verify(twin, ...more))
  const [offline, holding] = [await verify(), await verify('--after', join(log.dir, 'log/checkpoint'))]
  const asking = withSummary(await stage.asking(twin))
  return {
    checks: [
      ['two histories can be written', second.failed, undefined],
      ['and both dated', dated, 0],
      [
        'offline: what no witness has seen is named',
        offline.words.some(word => word.startsWith('unwitnessed since')),
        true,
      ],
      ['offline, with the other checkpoint', [holding.code, holding.verdict], [1, 'forked']],
      ['asking the witnesses', [asking.code, asking.verdict], [1, 'forked']],
    ],
    by: {
      offline: `${offline.words.join(', ')}; with the other checkpoint: ${holding.verdict}`,
      asking: asking.verdict,
    },
    blind: { log: 'it was not asked', witness: 'it was not asked', anchor: 'dates both: that says nothing of forks' },
  }
}

async function backdated(stage) {
  const log = await witnessed(stage, 'backdated')
  const record = await log.record({ calls: 1, tool: 'backdated', shiftMs: -YEAR_MS, shift: 'recorder' })
  await log.record()
  const offline = await log.verify()
  const call = offline.calls.find(({ tool }) => tool === 'backdated')
  return {
    checks: [
      ['it can be written', record.failed, undefined],
      ['it says that it was made a year ago', call && age(call.time) > 300, true],
      [
        'the checkpoint that its stream cites was cosigned today',
        call?.after !== undefined && age(call.after) < 1,
        true,
      ],
      ['so it is out of its window', call?.time < call?.after, true],
      ['and the window is closed', call?.before !== undefined, true],
    ],
    by: { offline: `its stream was begun after ${call?.after}; it says ${call?.time}` },
    blind: { log: 'a clock is the word of its machine', anchor: 'says by when, not since when' },
  }
}

const age = time => (Date.now() - Date.parse(time)) / 86_400_000

async function invented(stage) {
  const { cast, w1, w2 } = stage
  const dir = join(cast.folder, 'invented')
  const made = await cast.record({ dir, calls: 20, shiftMs: -YEAR_MS })
  const vkey = /^log (.*)$/m.exec(readFileSync(`${dir}.trust`, 'utf8'))[1]
  for (const witness of [w1, w2]) await witness.learn(vkey)
  const log = { dir, trust: join(cast.folder, 'auditor-of-invented.trust') }
  writeFileSync(log.trust, stage.trustLines(readFileSync(`${dir}.trust`, 'utf8')))
  const today = await cast.record({ dir, calls: 1, witnesses: policyOf([w1, w2]) })
  const dated = await stage.date(log)
  const offline = withSummary(await stage.verify(log))
  const old = offline.calls.filter(({ time }) => age(time) > 300)
  const outside = offline.times?.existed ?? []
  return {
    checks: [
      ['it can be written', [made.failed, today.failed], [undefined, undefined]],
      ['and dated', dated, 0],
      ['its calls say that they are a year old', old.length, 20],
      ['nobody outside says so: all that is known is of today', outside.every(({ time }) => age(time) < 1), true],
      ['so each call has a window that ends today', old.every(({ before }) => before && age(before) < 1), true],
      ['and begins nowhere', old.every(({ after }) => after === undefined), true],
      ['the report says what that leaves', offline.notExcluded.includes('rewritten-before'), true],
    ],
    by: {
      offline: `the first outside time is ${outside[0]?.time}; what is before it is not excluded: rewritten-before`,
    },
    blind: { witness: 'sees hashes, no dates', anchor: 'dated today is what it says, and all it says' },
  }
}

const anchorsOf = dir => readdirSync(join(dir, 'log/anchors')).map(name => join(dir, 'log/anchors', name))

async function foreignToken(stage) {
  const [log, other] = [await witnessed(stage, 'stamped'), await witnessed(stage, 'stamped-too')]
  const dated = [await stage.date(log), await stage.date(other)]
  const before = await log.verify()
  const [path] = anchorsOf(log.dir)
  const { evidence } = readJson(anchorsOf(other.dir)[0])
  writeFileSync(path, JSON.stringify(sorted({ ...readJson(path), evidence })))
  const offline = await log.verify()
  const status = offline.anchors?.byStatus ?? {}
  return {
    checks: [
      ['both were dated', dated, [0, 0]],
      ['its own time stamp counts', before.anchors?.byStatus.counted, 1],
      ['the other one does not', status.counted ?? 0, 0],
      ['and is named', offline.codes.includes('anchor.bad'), true],
    ],
    by: { anchor: 'it is over another hash', offline: 'anchor.bad' },
    blind: { witness: 'has nothing to do with it' },
  }
}

const sorted = object => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))

async function ownAuthority(stage) {
  const log = await witnessed(stage, 'own-authority')
  const own = await stage.cast.authority('pocket')
  const dated = await stage.date(log, own)
  const offline = await log.verify()
  return {
    checks: [
      ['it is dated', dated, 0],
      ['and it does not count', [offline.anchors?.byStatus.counted ?? 0, offline.anchors?.byStatus.unpinned], [0, 1]],
      ['and is named', offline.codes.includes('anchor.unpinned'), true],
    ],
    by: { offline: 'anchor.unpinned' },
    blind: { anchor: 'anybody can be an authority; the trust file says who counts' },
  }
}

async function ownWitness(stage) {
  const own = await stage.cast.witness('pocket-witness')
  const log = await makeLog(stage, 'own-witness', { witnesses: [own] })
  const policy = `witness ${own.line}\nquorum ${own.name}\n`
  const run = await stage.cast.record({ dir: log.dir, calls: 2, witnesses: policy })
  const offline = withSummary(await stage.verify(log))
  return {
    checks: [
      ['it is cosigned', run.failed, undefined],
      ['and it does not count', offline.code, 2],
      ['for the word of those who do is missing', offline.words.includes('unwitnessed since 0'), true],
    ],
    by: { offline: offline.words.join(', ') },
    blind: { witness: 'anybody can be a witness; the trust file says who counts' },
  }
}
