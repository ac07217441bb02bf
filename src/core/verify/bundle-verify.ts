import { sha256Hex } from '#crypto'
import { fromHex } from '../bytes/hex.js'
import { isDeedlogError, MalformedError, quote, VerificationError } from '../errors.js'
import { commitmentsOf, type Disclosed, type ParsedRecord, parseRecord, verifyDisclosure } from '../record/index.js'
import { parseCheckpoint, parseNote, parseVerifierKey } from '../tlog/index.js'
import type { Bundle, BundleDisclosure, ShownEntry, TreePart } from './bundle.js'
import type { BundleDisclosed, Report } from './report.js'
import { LogVerifier, type VerifierOptions } from './verifier.js'

/**
 * Verifies a bundle and reports on what it shows. What it does not show it may be said to lack, never to break.
 *
 * @throws {MalformedError} `bundle-file.file` when it holds a file that no record in it names
 * @see spec/bundle.md
 */
export function verifyBundle(bundle: Bundle, options: Omit<VerifierOptions, 'excerpt' | 'claimedKeys'> = {}): Report {
  const verifier = new LogVerifier({
    ...options,
    claimedKeys: options.trust ? [] : bundle.keys.map(parseVerifierKey),
    excerpt: bundle.query,
  })
  feedBundle(bundle, verifier)
  return finishBundle(bundle, verifier)
}

/** Hands a verifier all entries of a bundle, as often as it asks. */
export function feedBundle(bundle: Bundle, verifier: LogVerifier): void {
  verifier.checkpoint(bundle.checkpoint)
  for (const [i, { kind, size, root, evidence }] of bundle.anchors.entries())
    verifier.anchor(`anchor ${i}`, { kind, name: kind, size, root: fromHex(root), evidence, state: 'anchored' })
  verifier.wants(sizesOf(bundle))
  do
    for (const part of bundle.parts)
      if ('record' in part) verifier.add(part.index, part.record)
      else verifier.skip(part.index, part.level, part.hash)
  while (verifier.again())
}

/** Sizes of the trees that notes and shown records speak of. */
function sizesOf({ notes, parts }: Bundle): number[] {
  const cited = [...shownRecords(parts).values()].flatMap(parsed =>
    parsed.understood && 'after' in parsed.record && parsed.record.after ? [parsed.record.after.size] : [],
  )
  const noted = notes.flatMap(note => {
    try {
      return [parseCheckpoint(parseNote(note).text).size]
    } catch (error) {
      if (isDeedlogError(error)) return []
      throw error
    }
  })
  return [...new Set([...cited, ...noted])]
}

/** Hands a verifier that has read the entries what else is in a bundle, and reports. */
export function finishBundle(bundle: Bundle, verifier: LogVerifier): Report {
  const records = shownRecords(bundle.parts)
  checkFiles(bundle, records)
  // All of them, not only those that are cited: the records that cite the others need not be shown.
  for (const note of bundle.notes) verifier.note(sha256Hex(note), note)
  const disclosures = bundle.disclosures.map(each => judge(each, records.get(`${each.index}`)))
  verifier.tilesChecked('not_checked', 'a bundle has no tiles')
  const failed = disclosures.filter(({ holds }) => !holds)
  for (const { index, member, why } of failed)
    verifier.found('disclosure.mismatch', `what is disclosed as ${quote(member)} of entry ${index}: ${why}`, {
      indexes: [index],
    })
  if (disclosures.length > 0)
    verifier.disclosuresChecked(
      failed.length > 0 ? 'failed' : 'passed',
      `${disclosures.length - failed.length} of ${disclosures.length} hold`,
    )
  return verifier.finish({
    bundle: {
      ...(bundle.made === undefined ? {} : { made: bundle.made }),
      disclosures,
      anchors: bundle.anchors.map(({ kind, size, root }) => ({ kind, size, root })),
      files: bundle.files.map(file => sha256Hex(file)),
      notes: bundle.notes.length,
    },
  })
}

/** What a disclosure in a bundle proves. */
export function openDisclosure(disclosure: BundleDisclosure, record: ParsedRecord | undefined): Disclosed {
  const commitment = record?.understood ? commitmentsOf(record.record).get(disclosure.path) : undefined
  if (!commitment)
    throw new VerificationError('disclosure.commitment', `there is no commitment at ${quote(disclosure.path)}`)
  return verifyDisclosure(disclosure.disclosure, commitment)
}

function judge(disclosure: BundleDisclosure, record: ParsedRecord | undefined): BundleDisclosed {
  const { index, path: member } = disclosure
  try {
    const disclosed = openDisclosure(disclosure, record)
    if ('value' in disclosed) return { index, member, holds: true }
    return { index, member, holds: true, shown: disclosed.fields.map(({ path }) => path), withheld: disclosed.withheld }
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    return { index, member, holds: false, why: error.message }
  }
}

/** The records that are shown, by their index in decimal; those that are none are left out. */
function shownRecords(parts: readonly TreePart[]): ReadonlyMap<string, ParsedRecord> {
  const isShown = (part: TreePart): part is ShownEntry => 'record' in part
  return new Map(
    parts.filter(isShown).flatMap(({ index, record }) => {
      try {
        return [[`${index}`, parseRecord(record)] as const]
      } catch (error) {
        if (isDeedlogError(error)) return []
        throw error
      }
    }),
  )
}

/** Files have no signature of their own: what no record names is nobody's. */
function checkFiles({ files }: Bundle, records: ReadonlyMap<string, ParsedRecord>): void {
  if (files.length === 0) return
  const named = new Set<string>()
  for (const parsed of records.values())
    if (parsed.understood && parsed.record.type === 'rules')
      for (const { digest } of parsed.record.files) named.add(digest)
  for (const file of files)
    if (!named.has(sha256Hex(file)))
      throw new MalformedError(
        'bundle-file.file',
        `no record in the bundle names the file with SHA-256 ${sha256Hex(file)}`,
        {
          expected: 'files that a rules record in the bundle names',
        },
      )
}
