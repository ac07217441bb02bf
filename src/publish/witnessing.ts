import { HaltedError, isDeedlogError, UnavailableError } from '../core/errors.js'
import {
  meetsQuorum,
  type PolicyWitness,
  parseCheckpoint,
  parseNote,
  parsePolicyLines,
  policyLines,
  type TlogPolicy,
} from '../core/tlog/index.js'
import type { RunningWitnesses, WitnessedPlace, Witnessing } from '../log/witnessing.js'
import type { Timer } from '../log/world.js'
import { isProven } from './witness-alarm.js'
import { askWitness, type Cosigned, isAlarm, type WitnessAddress, withCosignatures } from './witness-client.js'
import { type Failure, WitnessStatus } from './witness-status.js'

export interface WitnessingOptions {
  /**
   * The lines `witness`, `group` and `quorum` of a C2SP tlog-policy or of a trust file; other lines are passed over. Every
   * witness that shall be asked has its address on its line.
   */
  readonly policy: string
  /** One request to a witness is cut after so many milliseconds. Default 10,000. */
  readonly timeoutMs?: number
  /** An idle log has its newest checkpoint cosigned again after so many minutes. Default 10. */
  readonly heartbeatMinutes?: number
  /** `witnessed` is given up after so many milliseconds. Default 30,000. */
  readonly waitMs?: number
  /** Told what became of each round. What it throws is nobody's concern. */
  readonly onRound?: (round: WitnessRound) => void
}

/** What the witnesses made of one checkpoint. */
export interface WitnessRound {
  readonly size: number
  /** Whether those who cosigned are the quorum. */
  readonly quorum: boolean
  readonly witnesses: readonly {
    readonly name: string
    /** When it cosigned, in seconds since 1970; undefined when it did not. */
    readonly seconds?: number
    /** Why it did not. */
    readonly error?: { readonly code: string; readonly message: string }
  }[]
}

/** What a log is opened with (`LogOptions.witnesses`), and where the newest round is read. */
export interface ScheduledWitnesses extends Witnessing {
  /** The newest round that is over; undefined before the first. */
  newest(): WitnessRound | undefined
}

/**
 * Has the checkpoints of a log cosigned while it is open: the newest only, all witnesses at once, never on the path of a
 * call.
 *
 * @throws {MalformedError} `policy.*` for a policy that is none
 * @throws {TypeError} for a policy without a quorum, or one that the witnesses with an address cannot meet
 */
export function witnessing(options: WitnessingOptions): ScheduledWitnesses {
  const { timeoutMs = 10_000, heartbeatMinutes = 10, waitMs = 30_000 } = options
  for (const [name, value] of Object.entries({ timeoutMs, heartbeatMinutes, waitMs }))
    if (!(value > 0 && value <= DURATION_MAX)) throw new TypeError(`${name} is a number from 0 to ${DURATION_MAX}`)
  const policy = readPolicy(options.policy)
  const witnesses = policy.witnesses.flatMap(addressOf)
  if (policy.quorum === 'none' || !meetsQuorum(policy, new Set(witnesses.map(({ name }) => name))))
    throw new TypeError(
      'the policy names no quorum that its witnesses with an address could be: see spec/trust-file.md',
    )
  let newest: WitnessRound | undefined
  return {
    newest: () => newest,
    start: place =>
      new Rounds(place, {
        policy,
        witnesses,
        timeoutMs,
        heartbeatMs: heartbeatMinutes * 60_000,
        waitMs,
        over: round => {
          newest = round
          try {
            options.onRound?.(round)
          } catch {
            // Whoever watches must not end what is watched.
          }
        },
      }),
  }
}

const OURS: ReadonlySet<string> = new Set(['witness', 'group', 'quorum'])

const readPolicy = (text: string): TlogPolicy =>
  parsePolicyLines(policyLines(text).filter(({ fields }) => OURS.has(fields[0]!)))

function addressOf({ name, key, url }: PolicyWitness): WitnessAddress[] {
  if (url === undefined) return []
  if (!isWitnessUrl(url)) throw new TypeError(`the address of witness ${name} is none of http: or https:`)
  return [{ name, key, url: url.replace(/\/+$/, '') }]
}

/** Whether a witness can be asked at an address. */
export const isWitnessUrl = (url: string | undefined): url is string =>
  url !== undefined && /^https?:\/\//.test(url) && URL.canParse(url)

interface Plan {
  readonly policy: TlogPolicy
  readonly witnesses: readonly WitnessAddress[]
  readonly timeoutMs: number
  readonly heartbeatMs: number
  readonly waitMs: number
  over(round: WitnessRound): void
}

interface Waiter {
  readonly size: number
  /** @param isWitnessed  False: it will not be. */
  resolve(isWitnessed: boolean): void
}

class Rounds implements RunningWitnesses {
  readonly #place: WitnessedPlace
  readonly #plan: Plan
  readonly #stopping = new AbortController()
  readonly #status: WitnessStatus
  /** By name of the witness: the size it cosigned last, as far as we know. A wrong one costs one request. */
  #known: Map<string, number> | undefined
  #newest: { readonly note: Uint8Array; readonly size: number } | undefined
  /** Size of the largest checkpoint that a quorum has cosigned. */
  #witnessed = 0
  #round: Promise<void> | undefined
  #timer: Timer | undefined
  #failures = 0
  #waiters: Waiter[] = []

  constructor(place: WitnessedPlace, plan: Plan) {
    this.#place = place
    this.#plan = plan
    this.#status = new WitnessStatus(place, plan.witnesses)
  }

  released(note: Uint8Array, size: number): void {
    this.#newest = { note, size }
    // After a failure its own timer tries again, unless somebody waits.
    if (this.#failures === 0 || this.#waiters.length > 0) this.#run()
  }

  async witnessed(size: number): Promise<void> {
    if (this.#witnessed >= size) return
    if (!(await this.#waitFor(size)))
      throw new UnavailableError('log.unwitnessed', `no quorum of witnesses has cosigned ${size} records in time`, {
        expected: 'witnesses that answer; the records themselves are durable and in the log',
        retryable: true,
      })
  }

  async #waitFor(size: number): Promise<boolean> {
    // Nobody is asked any more.
    if (this.#stopping.signal.aborted) return false
    let timer: Timer | undefined
    const waiting = new Promise<boolean>(resolve => {
      const waiter: Waiter = { size, resolve }
      this.#waiters.push(waiter)
      timer = this.#place.world.clock.timer(this.#plan.waitMs, () => {
        this.#waiters = this.#waiters.filter(each => each !== waiter)
        resolve(false)
      })
      timer.keepAlive()
    })
    this.#run()
    const isWitnessed = await waiting
    timer?.cancel()
    return isWitnessed
  }

  #giveUpWaiting(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const { resolve } of waiters) resolve(false)
  }

  async finish(): Promise<void> {
    const { clock } = this.#place.world
    let giveUp = (): void => {}
    const late = new Promise<void>(resolve => {
      giveUp = resolve
    })
    const timer = clock.timer(FINISH_MS, () => giveUp())
    timer.keepAlive()
    // A round that is under way may be of the checkpoint before.
    for (let round = 0; round < 2 && this.#newest && this.#witnessed < this.#newest.size; round++) {
      this.#run()
      await Promise.race([this.#round, late])
    }
    timer.cancel()
    await this.stop()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#timer?.cancel()
    this.#giveUpWaiting()
    await this.#round
    await this.#status.write()
  }

  #run(): void {
    if (this.#round || !this.#newest || this.#stopping.signal.aborted) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#round = this.#ask(this.#newest)
      .catch(() => {
        // Keeping a cosigned note failed: the disk, which the log itself will meet as well.
        this.#failures++
      })
      .finally(() => {
        this.#round = undefined
        this.#next()
      })
  }

  /** When to ask again: at once when there is more to cosign, later after a failure, and at each heartbeat. */
  #next(): void {
    const { heartbeatMs } = this.#plan
    if (this.#stopping.signal.aborted) return
    const isBehind = this.#newest !== undefined && this.#newest.size > this.#witnessed
    if (isBehind && this.#failures === 0) {
      this.#run()
      return
    }
    const delay = this.#failures > 0 ? Math.min(RETRY_MS * 2 ** (this.#failures - 1), RETRY_MAX_MS) : heartbeatMs
    this.#timer = this.#place.world.clock.timer(delay, () => this.#run())
    if (this.#waiters.length > 0) this.#timer.keepAlive()
  }

  async #ask({ note, size }: { note: Uint8Array; size: number }): Promise<void> {
    const { witnesses, policy } = this.#plan
    const answers = await this.#answers(note)
    const cosigned = answers.flatMap(answer => (answer instanceof Error ? [] : [answer]))
    const names = new Set(witnesses.filter((_, i) => !(answers[i] instanceof Error)).map(({ name }) => name))
    const isQuorum = meetsQuorum(policy, names)
    const alarm = await this.#provenAlarm(answers)
    if (alarm) {
      this.#place.alarm(
        new HaltedError('log.witness-alarm', `nothing more is signed: ${alarm.message}`, {
          cause: alarm,
          expected: 'the newest copy of this log; or deedlog continue, which says what is lost',
        }),
      )
      this.#giveUpWaiting()
    }
    if (isQuorum && !alarm) {
      await this.#place.cosigned(withCosignatures(note, cosigned), size)
      this.#witnessed = Math.max(this.#witnessed, size)
      this.#failures = 0
      const done = this.#waiters.filter(waiter => waiter.size <= this.#witnessed)
      this.#waiters = this.#waiters.filter(waiter => waiter.size > this.#witnessed)
      for (const { resolve } of done) resolve(true)
    } else this.#failures++
    // Those whom we cut off ourselves have not failed.
    if (!this.#stopping.signal.aborted || isQuorum || alarm) await this.#status.over(note, size, answers.map(asStatus))
    this.#plan.over({
      size,
      quorum: isQuorum && !alarm,
      witnesses: answers.map((answer, i) => ({ name: witnesses[i]!.name, ...told(answer) })),
    })
  }

  /** The answer of a witness that can prove that this log has signed two histories; undefined when none can. */
  async #provenAlarm(answers: readonly (Cosigned | Error)[]): Promise<Error | undefined> {
    const signal = AbortSignal.any([AbortSignal.timeout(this.#plan.timeoutMs), this.#stopping.signal])
    for (const [i, answer] of answers.entries())
      if (isAlarm(answer) && (await isProven(this.#plan.witnesses[i]!, this.#place, () => this.#newest!, signal)))
        return answer
    return undefined
  }

  /** One answer of each witness; those that are still out a while after the quorum is there are not waited for. */
  async #answers(note: Uint8Array): Promise<(Cosigned | Error)[]> {
    const { witnesses, policy, timeoutMs } = this.#plan
    const { clock } = this.#place.world
    const round = new AbortController()
    const good = new Set<string>()
    let late: Timer | undefined
    const timer = clock.timer(timeoutMs, () => round.abort())
    const signal = AbortSignal.any([round.signal, this.#stopping.signal])
    const { text } = parseNote(note)
    const checkpoint = parseCheckpoint(text)
    this.#known ??= new Map(await this.#status.sizes())
    const known = this.#known
    try {
      return await Promise.all(
        witnesses.map(async witness => {
          try {
            const cosigned = await askWitness(
              witness,
              { checkpoint, note, prove: old => this.#place.prove(old, checkpoint.size) },
              { old: known.get(witness.name) ?? 0, nowMs: clock.now(), signal },
            )
            known.set(witness.name, checkpoint.size)
            good.add(witness.name)
            if (!late && meetsQuorum(policy, good)) late = clock.timer(GRACE_MS, () => round.abort())
            return cosigned
          } catch (error) {
            return error instanceof Error ? error : new Error(String(error))
          }
        }),
      )
    } finally {
      timer.cancel()
      late?.cancel()
    }
  }
}

const told = (answer: Cosigned | Error) =>
  answer instanceof Error ? { error: failureOf(answer) } : { seconds: answer.seconds }

const asStatus = (answer: Cosigned | Error): Cosigned | Failure =>
  answer instanceof Error ? failureOf(answer) : answer

const failureOf = (error: Error): Failure => ({
  code: isDeedlogError(error) ? error.code : 'internal',
  message: error.message,
})

const DURATION_MAX = 86_400_000
/** How long the slower witnesses may take once there are enough of them. */
const GRACE_MS = 500
/** How long a log that is closed waits for those who are to see its end. */
const FINISH_MS = 5000
const RETRY_MS = 1000
const RETRY_MAX_MS = 60_000
