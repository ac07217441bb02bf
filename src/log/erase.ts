import { fromUtf8 } from '../core/bytes/utf8.js'
import { HaltedError, isDeedlogError, MalformedError, quote, UnavailableError } from '../core/errors.js'
import { type ParsedRecord, parseRecord } from '../core/record/index.js'
import type { AppendEntry, Receipt } from './backend.js'
import { decodePlan, type ErasePlan, encodePlan } from './erase-plan.js'
import { withoutField } from './erase-value.js'
import type { Change, SequencedRecord, Vault } from './ports.js'
import { callsHeld, parseRetention } from './retention.js'

/** What an erasing needs of the writer that holds the log. */
export interface EraseWriter {
  readonly vault: Vault | undefined
  /** The records `from` up to, not including, `to`. */
  read(from: number, to: number): AsyncIterable<SequencedRecord>
  append(batch: readonly AppendEntry[]): Promise<readonly Receipt[]>
  /** Resolves with the size of a signed head that covers `size`, once its tiles are durable. */
  signed(size: number): Promise<number>
}

export interface Erased {
  /** Indexes of the erasure records; none when nothing was held of these calls. */
  readonly erasures: readonly number[]
  /** Records that lost disclosures. */
  readonly records: number
}

/**
 * Destroys disclosures and says so in the log. The order: put down the whole plan; append the records; destroy; remove
 * the plan. So a crash leaves nothing done, or a plan that the next start carries out to its end: disclosures that are
 * gone without a record, or a record whose disclosures stay, are only there while somebody is at it.
 */
export class Eraser {
  readonly #writer: EraseWriter
  #last: Promise<unknown> = Promise.resolve()

  constructor(writer: EraseWriter) {
    this.#writer = writer
  }

  /**
   * @param plan  As {@link encodePlan} gives it.
   * @throws {MalformedError} `erase.plan`, `erase.record`, `erase.field`: nothing was erased
   * @throws {UnavailableError} `erase.held` for a call under legal hold, `erase.no-vault`
   */
  erase(plan: Uint8Array): Promise<Erased> {
    const erasing = this.#last.then(() => this.#erase(decodePlan(plan)))
    this.#last = erasing.catch(() => {})
    return erasing
  }

  /** Resolves when nothing is being erased. */
  async idle(): Promise<void> {
    await this.#last
  }

  /**
   * Finishes what a crash interrupted, if anything.
   * @throws {UnavailableError} `erase.held` for a call that was put under legal hold meanwhile: it waits until that ends
   */
  async finish(): Promise<void> {
    const bytes = await this.#writer.vault?.plan()
    if (!bytes) return
    const plan = decodePlan(bytes)
    const records: ParsedRecord[] = []
    for (const [index] of plan.records) {
      const record = await this.#record(index)
      if (record) records.push(record)
    }
    refuseHeld(await this.#writer.vault!.retention(), records)
    try {
      await this.#writer.append(plan.batch)
    } catch (error) {
      // Refused, so it is not in the log, and nothing was destroyed without it.
      if (!(error instanceof MalformedError)) throw error
      await this.#writer.vault!.removePlan()
      return
    }
    await this.#destroy(plan)
  }

  async #erase(plan: ErasePlan): Promise<Erased> {
    const { vault } = this.#writer
    if (!vault)
      throw new UnavailableError('erase.no-vault', 'this log keeps no disclosures that could be erased', {
        expected: 'a log on a disk',
      })
    await this.finish()
    const found = await this.#check(plan, vault)
    const records = await this.#count(plan, found, vault)
    if (records === 0) return { erasures: [], records }
    await vault.keepPlan(encodePlan(plan))
    let receipts: readonly Receipt[]
    try {
      receipts = await this.#writer.append(plan.batch)
    } catch (error) {
      // Nothing was appended. Where that is not known, the next start asks the log.
      if (isDeedlogError(error) && !(error instanceof HaltedError)) await vault.removePlan()
      throw error
    }
    await this.#destroy(plan)
    return { erasures: receipts.slice(1, -1).map(({ index }) => index), records }
  }

  /** Only disclosures of records that the erasure records speak of are destroyed. */
  async #check({ batch, records }: ErasePlan, vault: Vault): Promise<ReadonlyMap<number, ParsedRecord>> {
    const intents = new Set<string>()
    const named = new Set<string>()
    for (const { record } of batch) {
      const { json } = parseRecord(record)
      if (json['type'] === 'erasure') for (const intent of json['intents'] as readonly string[]) named.add(intent)
    }
    const found = new Map<number, ParsedRecord>()
    for (const [index, leaf] of records) {
      const record = await this.#record(index)
      const { json } = record ?? {}
      const isTheirs = json?.['type'] === 'loss' || named.has(leaf) || named.has(json?.['intent'] as string)
      if (record?.leaf !== leaf || !isTheirs)
        throw new MalformedError('erase.record', `record ${index} is none of the calls that are to be erased`, {
          expected: 'records of calls that an erasure record of the plan names',
        })
      found.set(index, record)
      intents.add(leaf)
    }
    // A hold is on the intent: it has the tool and the session.
    if ([...named].some(intent => !intents.has(intent)))
      throw new MalformedError('erase.record', 'an erasure record names an intent that is not among the records')
    refuseHeld(await vault.retention(), found.values())
    return found
  }

  async #record(index: number): Promise<ParsedRecord | undefined> {
    for await (const { record } of this.#writer.read(index, index + 1)) return parseRecord(record.slice())
    return undefined
  }

  /** Tries everything out before anything is said or done. */
  async #count(plan: ErasePlan, found: ReadonlyMap<number, ParsedRecord>, vault: Vault): Promise<number> {
    const calls = [...found.values()].flatMap(({ json }) => (typeof json['call'] === 'string' ? [json['call']] : []))
    const change = changeOf(plan)
    let count = 0
    await vault.visit(indexesOf(plan), (index, disclosures) => {
      if (found.get(index)?.json['type'] === 'loss' && !calls.some(call => fromUtf8(disclosures).includes(call)))
        throw new MalformedError('erase.record', `the loss at ${index} does not speak of a call that is to be erased`)
      if (change(index, disclosures) !== disclosures) count++
    })
    return count
  }

  async #destroy(plan: ErasePlan): Promise<void> {
    const vault = this.#writer.vault!
    const size = await this.#writer.signed(await vault.setAside())
    await vault.rewrite(size, indexesOf(plan), changeOf(plan))
    await vault.removePlan()
  }
}

/** @throws {UnavailableError} `erase.held`, `retention.format` */
function refuseHeld(retention: Uint8Array | undefined, records: Iterable<ParsedRecord>): void {
  const held = callsHeld(parseRetention(retention), records)
  if (held.length > 0)
    throw new UnavailableError(
      'erase.held',
      `${held.length === 1 ? 'a call is' : `${held.length} calls are`} under legal hold: ${held
        .slice(0, NAMED_MAX)
        .map(({ call, hold }) => `${call} (${quote(hold)})`)
        .join(', ')}. Nothing was erased`,
      { expected: 'the hold to end first: deedlog hold <dir> remove' },
    )
}

const indexesOf = ({ records }: ErasePlan): ReadonlySet<number> => new Set(records.map(([index]) => index))

const changeOf =
  ({ field }: ErasePlan): Change =>
  (_, disclosures) =>
    field ? withoutField(disclosures, field) : undefined

const NAMED_MAX = 3
