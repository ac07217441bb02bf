// At the end everybody outside is gone, and an auditor looks at the log with nothing but its folder and a trust file.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const offline = [{ name: 'everybody is gone, and an auditor looks at the log', run: auditor }]

async function auditor(live) {
  const { cast, dir, trust, authority } = live
  const { code, json, stdout } = await cast.deedlog('verify', dir, '--trust', trust, '--no-memory', '--json')
  const report = json()
  const text = (await cast.deedlog('verify', dir, '--trust', trust, '--no-memory')).stdout
  writeFileSync(join(cast.folder, '../report.json'), stdout)
  writeFileSync(join(cast.folder, '../report.txt'), text)
  const { evidence, timeline, size } = report
  const keys = evidence.keys.filter(({ role, trusted }) => role === 'witness' && trusted).length
  const counted = evidence.anchors.listed.filter(({ status }) => status === 'counted')
  const { existed, made } = evidence.times
  const widths = windows(timeline.calls)
  const open = report.findings.filter(({ severity }) => severity !== 'notice').map(finding => finding.code)
  const short = text.replace(/\s+/g, ' ')
  return {
    checks: [
      ['the evidence holds', evidence.verdict, 'intact'],
      ['nothing is open but what a killed recorder was at', open.filter(each => each !== 'call.unknown'), []],
      ['and the exit code says so', code, open.length > 0 ? 3 : 0],
      ['to the last record', evidence.words, [`intact to ${size}`]],
      ['cosigned by both witnesses', keys, 2],
      ['the cosignatures say when', existed.at(-1)?.size, size],
      [
        'time stamps count, each with its time',
        counted.length > 0 && counted.every(({ time, by }) => time && by),
        true,
      ],
      ['and they are of the authority that is pinned', counted.every(({ name }) => name === authority.name), true],
      ['streams cite what was cosigned', made.length > 0, true],
      ['calls have a window with two ends', widths.length > 0, true],
      ['no window ends before it begins', widths.every(width => width >= 0), true],
      ['no acknowledged call is missing', await live.lost(), 0],
      ['the report names the witnesses', [live.w1, live.w2].every(({ vkey }) => text.includes(vkey)), true],
      [
        'and the authority, with its time',
        /existed by \d{4}-\d\d-\d\dT[^,]*, time-stamp authority local/.test(short),
        true,
      ],
      ['and the widths of the windows', /windows [^;]* wide, from \d+ records?/.test(short), true],
    ],
    by: {
      offline: `${evidence.words.join(', ')}; ${counted.length} time stamps counted; windows of ${span(widths)}`,
    },
  }
}

/** Seconds between the two outside times of each call that has both. */
const windows = calls =>
  calls
    .filter(({ after, before }) => after && before)
    .map(({ after, before }) => (Date.parse(before) - Date.parse(after)) / 1000)

const span = widths => (widths.length === 0 ? 'none' : `${Math.min(...widths)} to ${Math.max(...widths)} s`)
