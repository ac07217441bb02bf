import { batchOf, type CallAction, callAction } from '../core/anchor/mycelium/index.js'
import { toHex } from '../core/bytes/hex.js'
import { MalformedError, VerificationError } from '../core/errors.js'
import { parseCheckpoint, parseNote } from '../core/tlog/index.js'
import { type CallFilters, type CallRow, listCalls } from './calls.js'
import type { LogSource } from './source.js'

/** Calls of a log in the words of Mycelium Trails: JSON as it is written. */
export interface MyceliumExport {
  readonly format: 'deedlog-mycelium'
  readonly v: 1
  readonly log: { readonly origin: string; readonly size: number; readonly root: string }
  /** Root over the references, in the order of `actions`. */
  readonly batch_root: string
  readonly actions: readonly (CallAction & {
    readonly index: number
    readonly call: string
    readonly status: string
    /** From its reference to `batch_root`. */
    readonly proof: readonly string[]
  })[]
  /** Calls whose names are outside of what trails take: they are in the log all the same. */
  readonly not_expressible: readonly { readonly index: number; readonly call: string; readonly why: string }[]
}

/**
 * @param isAsked  Which calls.
 * @throws {MalformedError} `call.unknown` when there is none that can be expressed; `mycelium.batch` beyond 1,048,576
 * @throws {VerificationError} as {@link listCalls}
 */
export async function exportMycelium(
  source: LogSource,
  filters: CallFilters,
  isAsked: (row: CallRow) => boolean = () => true,
): Promise<MyceliumExport> {
  const note = await source.checkpoint()
  if (!note) throw new VerificationError('entries.unproven', 'the log has no signed checkpoint to prove its entries by')
  const { origin, size, root } = parseCheckpoint(parseNote(note).text)
  const made = (await listCalls(source, filters))
    .filter(row => row.index < size && isAsked(row))
    .map(row => ({ row, action: callAction(row) }))
  const good = made.flatMap(({ row, action }) => (typeof action === 'string' ? [] : [{ row, action }]))
  if (good.length === 0)
    throw new MalformedError('call.unknown', 'there is no such call that can be said in the words of trails', {
      expected: 'a call whose agent and tool have names of ASCII; deedlog list shows them',
    })
  const batch = batchOf(good.map(({ action }) => action.action_ref))
  return {
    format: 'deedlog-mycelium',
    v: 1,
    log: { origin, size, root: toHex(root) },
    batch_root: batch.root,
    actions: good.map(({ row: { index, call, status }, action }, i) => ({
      index,
      call,
      status,
      ...action,
      proof: batch.proof(i),
    })),
    not_expressible: made.flatMap(({ row: { index, call }, action }) =>
      typeof action === 'string' ? [{ index, call, why: action }] : [],
    ),
  }
}
