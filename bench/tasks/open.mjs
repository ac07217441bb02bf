import { openLog } from 'deedlog'
import { median } from '../lib/numbers.mjs'
import { appendBatches } from '../lib/record-file.mjs'

/** Opens a log that is there, proves some of its records, and appends more. */
export async function run({ dir, file, proofs }) {
  const began = performance.now()
  const log = await openLog(dir, { create: false })
  const openMs = performance.now() - began
  const { size } = log
  const times = []
  for (let i = 0; i < proofs; i++) {
    // The same indexes every time, spread over the whole log.
    const index = Math.floor(((i * 0.6180339887) % 1) * size)
    const start = performance.now()
    await log.prove(index)
    times.push(performance.now() - start)
  }
  const start = performance.now()
  const count = await appendBatches(log, file)
  await log.close()
  const seconds = (performance.now() - start) / 1000
  return { openMs, size, proveP50Ms: median(times), appendPerSecond: count / seconds }
}
