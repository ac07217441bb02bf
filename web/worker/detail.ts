import type { LogSource } from '../../src/client/source.js'
import { isDeedlogError, MalformedError, quote } from '../../src/core/errors.js'
import { commitmentsOf, type ParsedRecord, parseRecord } from '../../src/core/record/index.js'
import { type CallSummary, openDisclosure, type Report, windowOf } from '../../src/core/verify/index.js'
import type { CallShown, CommitmentShown, RecordShown } from '../protocol.js'
import { bundleName, type OpenedPlaces, placeKey } from './disclosures.js'

/**
 * All that the log, and the disclosures at hand, say of one call.
 *
 * @throws {MalformedError} `call.unknown` for a record that is not here
 */
export async function showCall(
  call: CallSummary,
  source: LogSource,
  report: Report,
  opened: OpenedPlaces,
): Promise<CallShown> {
  const records: RecordShown[] = []
  for (const index of call.records) records.push(await showRecord(index, source, opened))
  const { times } = report.evidence
  return { call, records, window: times ? windowOf(times, call.stream, call.index) : {} }
}

async function showRecord(index: number, source: LogSource, opened: OpenedPlaces): Promise<RecordShown> {
  const parsed = await readRecord(source, index)
  return {
    index,
    leaf: parsed.leaf,
    type: parsed.understood ? parsed.record.type : '',
    time: parsed.understood ? parsed.record.time : '',
    json: parsed.json,
    commitments: parsed.understood
      ? [...commitmentsOf(parsed.record)].map(([member, { root }]) => ({
          member,
          root,
          ...(ofFile(index, member, opened) ?? ofBundle(index, member, source, parsed)),
        }))
      : [],
  }
}

async function readRecord(source: LogSource, index: number): Promise<ParsedRecord> {
  for await (const { record } of source.entries({ from: index, to: index + 1 })) return parseRecord(record)
  throw new MalformedError('call.unknown', `entry ${index} is not here`)
}

function ofFile(index: number, member: string, opened: OpenedPlaces): Partial<CommitmentShown> | undefined {
  const found = opened.get(placeKey(index, member))
  return found && { disclosed: found.disclosed, from: `the file ${quote(found.name)}` }
}

function ofBundle(
  index: number,
  member: string,
  { bundle, name }: LogSource,
  parsed: ParsedRecord,
): Partial<CommitmentShown> {
  const disclosure = bundle?.disclosures.find(each => each.index === index && each.path === member)
  if (!disclosure) return {}
  const from = bundleName(name)
  try {
    return { disclosed: openDisclosure(disclosure, parsed), from }
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    return { disclosed: error.message, from }
  }
}
