import { isDeedlogError, UnavailableError } from '../core/errors.js'
import type { AppendEntry } from '../log/backend.js'
import type { Runtime } from './runtime.js'
import type { Sink } from './sink.js'

/** A batch with its bytes fixed: whatever happens, these are handed over and no others in their place. */
export interface Batch {
  readonly entries: readonly AppendEntry[]
  /** Leaf hashes of the records, in order, to be compared with what the log says it took. */
  readonly leaves: readonly string[]
}

// A full disk or a failing network does not mend within a second, and a host is waiting: three attempts in all.
const RETRY_DELAYS_MS = [10, 100]

/**
 * Hands one batch over. A failure that leaves open what was saved is tried again with the same bytes, a bounded number
 * of times: a log gives a record it already holds its old index.
 *
 * @throws what the last attempt threw; {UnavailableError} `recorder.receipt` when the log says it took something else
 */
export async function deliver(batch: Batch, sink: Sink, runtime: Runtime): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      checkReceipts(await sink.append(batch.entries), batch)
      return
    } catch (error) {
      const delay = RETRY_DELAYS_MS[attempt]
      if (delay === undefined || !mayMend(error)) throw error
      await new Promise<void>(resolve => runtime.later(delay, resolve))
    }
  }
}

/**
 * Whether handing the same bytes over again may work. A log's own error says so itself. Anything else comes from a
 * backend that we do not know, and leaves open what it saved: the same bytes are the only ones that may follow.
 */
export const mayMend = (error: unknown): boolean =>
  isDeedlogError(error) ? (error as Partial<UnavailableError>).retryable === true : true

function checkReceipts(receipts: Awaited<ReturnType<Sink['append']>>, { leaves }: Batch): void {
  // Only a user's own object answers with nothing.
  if (receipts === undefined) return
  if (receipts.length !== leaves.length || leaves.some((leaf, i) => receipts[i]?.leafHash !== leaf))
    throw new UnavailableError('recorder.receipt', 'the log acknowledged other records than it was given', {
      expected: 'one receipt per record, in order, with its leaf hash',
    })
}
