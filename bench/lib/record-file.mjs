import { closeSync, openSync, readSync, writeSync } from 'node:fs'

/*
 * Batches of ready records in a file, so that making and signing them is no part of what is measured. A batch: lane,
 * number of records, their lengths (32 bits each), their bytes.
 */

/** Writes an iterable of `{ lane, records }`. */
export function writeBatches(path, batches) {
  const fd = openSync(path, 'w')
  for (const { lane, records } of batches) {
    const head = Buffer.alloc(8 + 4 * records.length)
    head.writeUInt32BE(lane, 0)
    head.writeUInt32BE(records.length, 4)
    for (const [i, record] of records.entries()) head.writeUInt32BE(record.length, 8 + 4 * i)
    writeSync(fd, Buffer.concat([head, ...records]))
  }
  closeSync(fd)
}

/** Reads it back in constant memory. */
function* readBatches(path) {
  const fd = openSync(path, 'r')
  let at = 0
  const read = length => {
    const bytes = new Uint8Array(length)
    const got = readSync(fd, bytes, 0, length, at)
    at += got
    return got === length ? new DataView(bytes.buffer) : undefined
  }
  for (;;) {
    const head = read(8)
    if (!head) break
    const count = head.getUint32(4)
    const lengths = read(4 * count)
    const bodies = []
    let total = 0
    for (let i = 0; i < count; i++) total += lengths.getUint32(4 * i)
    const all = new Uint8Array(read(total).buffer)
    let from = 0
    for (let i = 0; i < count; i++) {
      const to = from + lengths.getUint32(4 * i)
      bodies.push({ record: all.subarray(from, to) })
      from = to
    }
    yield { lane: head.getUint32(0), entries: bodies }
  }
  closeSync(fd)
}

/**
 * Appends all batches of a file, each lane's one after another and the lanes side by side.
 * @returns the number of records
 */
export async function appendBatches(log, path) {
  const lanes = []
  let count = 0
  for (const { lane, entries } of readBatches(path)) {
    await lanes[lane]
    lanes[lane] = log.append(entries)
    count += entries.length
  }
  await Promise.all(lanes)
  return count
}
