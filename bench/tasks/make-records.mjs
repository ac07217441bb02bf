import { openLog } from 'deedlog'
import { writeBatches } from '../lib/record-file.mjs'
import { batchesOf } from '../lib/streams.mjs'

/** Makes ready records for the log in `dir`, which is made when it is not there. */
export async function run({ dir, file, count, lanes, size }) {
  const log = await openLog(dir, { trustFile: true })
  const [ref] = await log.logs()
  await log.close()
  writeBatches(file, batchesOf({ ref, count, lanes, size }))
  return {}
}
