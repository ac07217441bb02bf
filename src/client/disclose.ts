import { fromBase64 } from '../core/bytes/base64.js'
import { MalformedError, quote } from '../core/errors.js'
import {
  type Commitment,
  commitmentsOf,
  type Disclosed,
  type Disclosure,
  discloseInPart,
  formatDisclosure,
  type Path,
  parseDisclosure,
  parseDisclosureSet,
  verifyDisclosure,
  withholdAllBut,
} from '../core/record/index.js'
import { readRecord, showCall } from './calls.js'
import type { LogSource } from './source.js'

/** A commitment of one record of a call. */
export interface CommittedMember {
  /** Of the record. */
  readonly index: number
  /** `args`, `output`, `decision.reason`, `error.message`, ... */
  readonly member: string
  readonly commitment: Commitment
}

/**
 * Discloses some fields of a value that a call's record committed to, or all of it, and nothing else.
 *
 * @param which   The call's id or an index, as {@link showCall} takes it.
 * @param member  A member's path in the record, `args` or `error.message`; with the record's type before it where the
 *   call has two: `outcome.args`. Without, the earliest record that has the member is meant.
 * @param paths   The fields to show, `['payment', 'amount']`; none shows everything.
 * @returns the bytes of the disclosure, which whoever has the record can check with {@link checkDisclosure}.
 * @throws {MalformedError} `disclose.member` when no record of the call has it, `disclose.not-kept` when its disclosure
 *   is not kept here, `call.unknown`; `disclosure.*` for fields that the value has not
 * @throws {VerificationError} `disclosure.mismatch` when what is kept is not what was committed to
 */
export async function discloseFields(
  source: LogSource,
  which: string,
  member: string,
  paths: readonly Path[],
): Promise<Uint8Array> {
  const found = await committedMember(source, which, member)
  const bytes = await source.disclosures?.(found.index)
  const kept = bytes && parseDisclosureSet(bytes).get(found.member)
  if (!kept)
    throw new MalformedError(
      'disclose.not-kept',
      `no disclosure of ${quote(found.member)} of entry ${found.index} is kept here`,
      {
        expected: 'the log’s own folder with its vault, and a value that was not erased',
      },
    )
  verifyDisclosure(kept, found.commitment)
  const shown = paths.length === 0 ? kept : discloseSome(kept, paths)
  // What leaves the house is checked as the receiver will check it.
  verifyDisclosure(shown, found.commitment)
  return formatDisclosure(shown)
}

/**
 * Of what is kept of a value, these fields and no others.
 * @throws {RangeError} as `discloseInPart`
 */
export const discloseSome = (kept: Disclosure, paths: readonly Path[]): Disclosure =>
  'key' in kept ? discloseInPart(kept.value, fromBase64(kept.key), paths) : withholdAllBut(kept, paths)

/**
 * What a disclosure from somebody else proves about a call.
 *
 * @throws {MalformedError} `disclosure.*` when it is none
 * @throws {VerificationError} `disclosure.mismatch` when it is not what the record committed to
 */
export async function checkDisclosure(
  source: LogSource,
  which: string,
  member: string,
  disclosure: Uint8Array,
): Promise<CommittedMember & { readonly disclosed: Disclosed }> {
  const found = await committedMember(source, which, member)
  return { ...found, disclosed: verifyDisclosure(parseDisclosure(disclosure), found.commitment) }
}

async function committedMember(source: LogSource, which: string, member: string): Promise<CommittedMember> {
  const known: string[] = []
  for (const { records } of await showCall(source, which))
    for (const { index } of records) {
      const parsed = await readRecord(source, index)
      if (!parsed.understood) continue
      for (const [path, commitment] of commitmentsOf(parsed.record)) {
        known.push(`${parsed.record.type}.${path}`)
        if (path === member || `${parsed.record.type}.${path}` === member) return { index, member: path, commitment }
      }
    }
  throw new MalformedError('disclose.member', `no record of call ${quote(which)} commits to ${quote(member)}`, {
    expected: known.join(', '),
  })
}
