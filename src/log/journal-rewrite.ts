import type { AppendEntry } from './backend.js'
import { type Disk, folderOf, temporaryOf } from './disk.js'
import { encodeFrame, FRAME_HEADER_BYTES, isPayloadOf, payloadLengthOf } from './frame.js'
import type { Segment } from './journal.js'
import { damaged, framesFrom, type ScannedFrame } from './journal-scan.js'
import { PRIVATE_FILE_MODE } from './layout.js'
import type { Change } from './ports.js'

/*
 * The journal of the jsonl store holds disclosures only, and frames of writes that never came to their end. What of it
 * counts, and how something is taken out of it. Format: spec/layout.md, "Journal".
 */

interface CountingFrame {
  readonly first: number
  /** Without disclosures where they do not count: a later frame or segment has the index, or no line has. */
  readonly entries: readonly AppendEntry[]
}

/**
 * The frames of a segment, with what counts of each. One frame is held back until the next one has been seen.
 * @throws {UnavailableError} `log.damaged`
 */
export async function* countingFrames(disk: Disk, { path, end }: Segment): AsyncGenerator<CountingFrame> {
  let held: CountingFrame[] = []
  for await (const frame of framesFrom(disk, path, 0)) {
    const { first } = frame.header
    held = held.map(each => withoutFrom(each, first))
    // What begins below this one is told by now; what begins with it may be taken back again.
    for (const each of held) if (each.first < first) yield each
    held = [...held.filter(each => each.first >= first), withoutFrom({ first, entries: entriesOf(frame) }, end)]
  }
  yield* held
}

/** Takes disclosures out of a segment that nothing is appended to. A crash leaves it as it was or as it is to be. */
export async function rewriteFrames(disk: Disk, segment: Segment, change: Change): Promise<void> {
  let touched = false
  const changed = ({ first, entries }: CountingFrame): AppendEntry[] =>
    entries.map(({ record, disclosures }, i) => {
      const kept = disclosures && change(first + i, disclosures)
      touched ||= kept !== disclosures
      return kept ? { record, disclosures: kept } : { record }
    })
  // What does not count is gone from the frames already, and makes the file shorter.
  let length = 0
  for await (const frame of countingFrames(disk, segment))
    length += FRAME_HEADER_BYTES + payloadLengthOf(changed(frame))
  if (!touched && length === (await disk.stat(segment.path))?.length) return
  const temporary = temporaryOf(segment.path)
  await disk.remove(temporary)
  const file = await disk.open(temporary, 'create', PRIVATE_FILE_MODE)
  let at = 0
  try {
    for await (const frame of countingFrames(disk, segment)) {
      const bytes = encodeFrame(frame.first, changed(frame))
      await file.write(bytes, at)
      at += bytes.length
    }
    await file.datasync()
  } finally {
    await file.close()
  }
  await disk.rename(temporary, segment.path)
  await disk.syncDirectory(folderOf(segment.path))
}

function entriesOf(frame: ScannedFrame): readonly AppendEntry[] {
  if (isPayloadOf(frame.header, frame.payload)) return frame.entries()
  throw damaged(`${frame.segment}, byte ${frame.at}`, frame.header.first, 'the frame is not what its header names')
}

const withoutFrom = ({ first, entries }: CountingFrame, index: number): CountingFrame => ({
  first,
  entries: entries.map((entry, i) => (first + i < index || !entry.disclosures ? entry : { record: entry.record })),
})
