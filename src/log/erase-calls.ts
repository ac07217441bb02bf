import { sha256Hex } from '#crypto'
import { isDeedlogError, MalformedError } from '../core/errors.js'
import type { Signer } from './backend.js'
import { reading } from './disk-error.js'
import type { Erased } from './erase.js'
import { type ErasedField, encodePlan } from './erase-plan.js'
import { openLogIn } from './index.js'
import { layoutOf, operatorOf, operatorStream } from './operator.js'
import { SharedLog } from './shared-log.js'
import type { World } from './world.js'

/** A call whose disclosures go. */
export interface CallToErase {
  /** Leaf hash of its intent. */
  readonly intent: string
  /** Index and leaf hash of each of its records that has disclosures. */
  readonly records: readonly (readonly [index: number, leaf: string])[]
}

export interface EraseOptions {
  /** Why, a word: it stands in the log for good. */
  readonly basis: string
  /** Only these fields; absent: everything. */
  readonly field?: ErasedField
  readonly recorder: { readonly name: string; readonly version: string }
  /** Signs for the operator. Default: the key in the log's private folder. */
  readonly operator?: Signer
}

/**
 * Destroys the disclosures of calls in every file of a log that holds them, and appends erasure records that say so.
 * Through the process that holds the log, if one does. When this resolves, both are durable.
 *
 * @throws {UnavailableError} `erase.held` when a call is under legal hold: nothing of its part was erased
 * @throws {MalformedError} `erase.field`
 */
export async function eraseCalls(
  world: World,
  target: string,
  calls: readonly CallToErase[],
  { basis, field, recorder, operator }: EraseOptions,
): Promise<Erased> {
  const layout = await layoutOf(world, target)
  const signer = operator ?? (await operatorOf(world, layout))
  const document = await reading(layout.retention, world.disk.readFile(layout.retention))
  const log = new SharedLog(world, layout.target, { create: false }, layout.kind, openLogIn)
  const done: Erased[] = []
  try {
    // In parts: each is planned, recorded and destroyed before the next, and rewrites only the files that hold it.
    for (const part of partsOf(calls)) {
      const records = part.flatMap(call => call.records).sort(([a], [b]) => a - b)
      if (records.length === 0) continue
      const erasures = chunks(part, INTENTS_MAX).map(some => ({
        type: 'erasure',
        intents: some.map(({ intent }) => intent),
        basis,
      }))
      const config = document ? { config: sha256Hex(document) } : {}
      const batch = await operatorStream(world, signer, await log.logs(), erasures, recorder, await log.head(), config)
      done.push(await log.erase(encodePlan({ batch, records, ...(field ? { field } : {}) })))
    }
  } catch (error) {
    if (done.length === 0 || !isDeedlogError(error)) throw error
    throw new MalformedError('erase.part', `a part of the calls was erased, and then: ${error.message}`, {
      cause: error,
      expected: 'the same command again: what is erased stays so',
    })
  } finally {
    await log.close()
  }
  return {
    erasures: done.flatMap(({ erasures }) => erasures),
    records: done.reduce((sum, { records }) => sum + records, 0),
  }
}

/**
 * Makes a log's newest checkpoint cover all its records, so that readers see them all; also finishes an erasing that a
 * crash interrupted, when no process has the log open.
 */
export async function publishAll(world: World, target: string): Promise<void> {
  const layout = await layoutOf(world, target)
  const log = new SharedLog(world, layout.target, { create: false }, layout.kind, openLogIn)
  try {
    // Opens it; a flush of what was never opened does nothing.
    await log.head()
    await log.flush()
  } finally {
    await log.close()
  }
}

const partsOf = (calls: readonly CallToErase[]): readonly (readonly CallToErase[])[] =>
  chunks(
    [...calls].sort((a, b) => (a.records[0]?.[0] ?? 0) - (b.records[0]?.[0] ?? 0)),
    CALLS_AT_ONCE,
  )

function chunks<T>(list: readonly T[], most: number): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = []
  for (let from = 0; from < list.length; from += most) parts.push(list.slice(from, from + most))
  return parts
}

// spec/record.md §4, `erasure`.
const INTENTS_MAX = 128
// A plan of some megabytes at most; each of these has a handful of records.
const CALLS_AT_ONCE = 4096
