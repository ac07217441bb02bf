import {
  type Commitment,
  canonicalBytes,
  commit,
  discloseInFull,
  formatDisclosure,
  type Json,
} from '../../src/core/record/index.js'
import { Party, TestLog } from './kit.js'
import type { StoredRow } from './rows-stored.js'

/*
 * Disclosures of another value than was committed to, each of which some simpler scheme would have let pass:
 * spec/record.md section 9.
 */

const clerk = new Party('did:example:clerk')
const key = new Uint8Array(32).fill(9)

interface Told {
  readonly value: Json
  readonly shows: Json
  /** What the record says was committed to. */
  readonly says?: (honest: Commitment) => Commitment
}

const row = (
  attack: string,
  { value, shows, says = each => each }: Told,
  answers = 'disclosure.mismatch',
): StoredRow => ({
  attack: `a disclosure ${attack}`,
  holds: 'the log, and a disclosure',
  build: attacked => {
    const log = new TestLog()
    const honest = commit(value, key)
    log.stream(clerk).call({ more: { args: (attacked ? says(honest) : honest) as unknown as Json } })
    return {
      files: log.files(),
      trust: log.trust(),
      disclosure: attacked ? canonicalBytes(shows) : formatDisclosure(discloseInFull(value, key)),
    }
  },
  exit: answers === 'disclosure.mismatch' ? 1 : 2,
  answers,
})

const inFull = (value: Json, by = key): Json =>
  JSON.parse(new TextDecoder().decode(formatDisclosure(discloseInFull(value, by))))

export const disclosedRows: readonly StoredRow[] = [
  row('of 5 for {"":5}', { value: { '': 5 }, shows: inFull(5) }),
  row('of {"0":5} for [5]', { value: [5], shows: inFull({ 0: 5 }) }),
  row('of [] for {}', { value: {}, shows: inFull([]) }),
  row('of a guess, without the key', { value: { amount: 5 }, shows: inFull({ amount: 5 }, new Uint8Array(32)) }),
  row('whose value is longer than the record says', {
    value: 'x'.repeat(300),
    shows: inFull('x'.repeat(300)),
    says: honest => ({ ...honest, size: 256 }),
  }),
  row(
    'that opens the inside of a tag as if it were a field',
    {
      value: { n: { $number: 'NaN' } },
      shows: {
        salt: Buffer.alloc(32).toString('base64'),
        paths: [['n', '$number']],
        fields: [{ digest: Buffer.alloc(32).toString('base64') }],
      },
    },
    'disclosure.paths',
  ),
  row(
    'in part of a value that has no parts',
    {
      value: 'secret',
      shows: {
        salt: Buffer.alloc(32).toString('base64'),
        paths: [[]],
        fields: [{ digest: Buffer.alloc(32).toString('base64') }],
      },
    },
    'disclosure.paths',
  ),
]
