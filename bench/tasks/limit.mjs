import { batchLimit } from '../lib/sync-limit.mjs'

/** Records a second when nothing is done but write and sync the same bytes in the same batches. */
export async function run({ path, length, batch, count }) {
  return { perSecond: batch * batchLimit(path, length * batch, Math.ceil(count / batch)) }
}
