import { formatTime } from '../core/record/index.js'
import { replaceFile } from '../log/disk.js'
import { PRIVATE_FILE_MODE } from '../log/layout.js'
import { formatStandings, readStandings, standingsPath, type WitnessStanding } from '../log/witness-standing.js'
import type { WitnessedPlace } from '../log/witnessing.js'
import { type Cosigned, type WitnessAddress, withCosignatures } from './witness-client.js'

/**
 * Keeps how each witness of a log stands in its private folder, for `deedlog witness status`, for whoever verifies, and
 * for the next start, which refuses to go on below what was cosigned. Written when a witness begins or ceases to answer,
 * else every ten seconds, and at the end: what a crash loses is a moment's news.
 */
export class WitnessStatus {
  readonly #place: Pick<WitnessedPlace, 'world' | 'layout'>
  readonly #witnesses: readonly WitnessAddress[]
  /** By verifier key. Undefined until it was read what an earlier run has left. */
  #standings: Map<string, WitnessStanding> | undefined
  #isDirty = false
  #writtenAt = Number.NEGATIVE_INFINITY

  constructor(place: Pick<WitnessedPlace, 'world' | 'layout'>, witnesses: readonly WitnessAddress[]) {
    this.#place = place
    this.#witnesses = witnesses
  }

  /** Size that each witness has cosigned last, by its name, as an earlier run has seen it. Never rejects. */
  async sizes(): Promise<ReadonlyMap<string, number>> {
    const standings = await this.#read()
    return new Map(this.#witnesses.flatMap(({ name, key }) => [[name, standings.get(key.text)?.cosigned?.size ?? 0]]))
  }

  /**
   * What became of a round. Never rejects: a status that cannot be written takes nothing from the log.
   * @param answers  One for each witness, in order; undefined for one that was not waited for.
   */
  async over(note: Uint8Array, size: number, answers: readonly (Cosigned | Failure)[]): Promise<void> {
    const before = await this.#read()
    const next = new Map<string, WitnessStanding>()
    const asked = { size, time: formatTime(this.#place.world.clock.now()) }
    let isNews = false
    for (const [i, { name, key }] of this.#witnesses.entries()) {
      const answer = answers[i]!
      const last = before.get(key.text)
      const cosigned =
        'line' in answer
          ? { size, time: formatTime(answer.seconds * 1000), note: withCosignatures(note, [answer]) }
          : last?.cosigned
      const error = 'line' in answer ? undefined : { code: answer.code, message: answer.message }
      isNews ||= last === undefined || last.error?.code !== error?.code
      next.set(key.text, {
        name,
        vkey: key.text,
        asked,
        ...(error && { error }),
        ...(cosigned && { cosigned }),
      })
    }
    this.#standings = next
    this.#isDirty = true
    if (isNews || this.#place.world.clock.monotonic() - this.#writtenAt >= EVERY_MS) await this.write()
  }

  /** Writes what is not written yet. Never rejects. */
  async write(): Promise<void> {
    if (!this.#isDirty || !this.#standings) return
    const { world, layout } = this.#place
    try {
      await replaceFile(
        world.disk,
        standingsPath(layout),
        formatStandings([...this.#standings.values()]),
        PRIVATE_FILE_MODE,
      )
      this.#isDirty = false
    } catch {
      // The disk, which the log itself will meet as well.
    }
    this.#writtenAt = world.clock.monotonic()
  }

  async #read(): Promise<Map<string, WitnessStanding>> {
    if (this.#standings) return this.#standings
    const { world, layout } = this.#place
    // One that cannot be read is as good as none: it is our own note to ourselves.
    const found = await readStandings(world.disk, layout).catch(() => [])
    this.#standings = new Map(found.map(standing => [standing.vkey, standing]))
    return this.#standings
  }
}

/** Why a witness did not cosign. */
export interface Failure {
  readonly code: string
  readonly message: string
}

const EVERY_MS = 10_000
