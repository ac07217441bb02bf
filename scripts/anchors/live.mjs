// A log that records all the time, cosigned by two witnesses and dated by an authority, and what its auditor holds.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { kill, until } from './cast.mjs'

/** The lines of a policy, or of a trust file, that ask both witnesses. */
export const policyOf = witnesses =>
  [
    ...witnesses.map(({ line }) => `witness ${line}`),
    `group both all ${witnesses.map(({ name }) => name).join(' ')}`,
    'quorum both',
    '',
  ].join('\n')

/**
 * Makes a log that the witnesses know.
 * @returns its folder, and the trust file of its auditor, which is not the operator's
 */
export async function makeLog({ cast, w1, w2, authority }, name, { witnesses = [w1, w2] } = {}) {
  const dir = join(cast.folder, name)
  const made = await cast.deedlog(
    'init',
    dir,
    '--agent',
    'did:example:clerk',
    '--origin',
    `example.com/${name}`,
    '--json',
  )
  if (made.code !== 0) throw new Error(`init: ${made.stderr}`)
  const { keys } = made.json()
  for (const witness of witnesses) await witness.learn(keys.log)
  const trust = join(cast.folder, `auditor-of-${name}.trust`)
  // Theirs, from elsewhere: what the operator says of the log, and whom the auditor counts besides.
  const own = readFileSync(`${dir}.trust`, 'utf8').replace(/^quorum none\n/m, '')
  writeFileSync(trust, `${own}${policyOf([w1, w2])}${authority.line}\n`)
  return { dir, trust, vkey: keys.log, name }
}

/** A log with a recorder that does not stop. */
export class Live {
  constructor(stage, log) {
    Object.assign(this, stage, log)
    this.recorders = []
  }

  begin() {
    const { cast, dir, w1, w2, authority } = this
    this.recorder = cast.recorder({
      dir,
      agent: 'did:example:clerk',
      witnesses: policyOf([w1, w2]),
      tsa: { name: authority.name, url: authority.url },
    })
    this.recorders.push(this.recorder)
  }

  /** Every call that was acknowledged, by any of the recorders. */
  calls() {
    return this.recorders.flatMap(recorder => recorder.calls())
  }

  /** Largest size that both witnesses have cosigned. */
  witnessed() {
    const rounds = this.recorders.flatMap(({ events }) => events.flatMap(each => each.round ?? []))
    return Math.max(0, ...rounds.filter(({ quorum }) => quorum).map(({ size }) => size))
  }

  /** Records under the newest checkpoint. */
  async size() {
    return Number(readFileSync(join(this.dir, 'log/checkpoint'), 'utf8').split('\n')[1])
  }

  /** How many acknowledged calls the log never shows: a checkpoint covers them a moment after they are acknowledged. */
  async lost() {
    const acknowledged = this.calls()
    let missing = acknowledged
    await until(async () => {
      const { json } = await this.cast.deedlog('list', this.dir, '--json')
      const shown = new Set((json().calls ?? []).map(({ call }) => call))
      missing = acknowledged.filter(call => !shown.has(call))
      return missing.length === 0
    }, 10)
    return missing.length
  }

  /** Nothing more is recorded, what was is cosigned and dated, and everybody outside is gone. */
  async end() {
    await this.recorder.stop()
    await this.date(this)
    for (const { process } of [this.w1, this.w2, this.authority]) await kill(process)
  }
}
