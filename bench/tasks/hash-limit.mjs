import { hash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

/** Leaves a second when nothing is done but hash records of this length, on as many cores. */
export async function run({ length, count, workers }) {
  const began = performance.now()
  await Promise.all(Array.from({ length: workers }, () => inWorker({ length, count: count / workers })))
  return { perSecond: (1000 * count) / (performance.now() - began) }
}

const inWorker = work =>
  new Promise((resolve, reject) => {
    new Worker(fileURLToPath(import.meta.url), { workerData: work }).on('exit', resolve).on('error', reject)
  })

if (!isMainThread && workerData?.length) {
  const leaf = Buffer.alloc(workerData.length + 1, 'x')
  for (let i = 0; i < workerData.count; i++) {
    leaf.writeUInt32BE(i, 1)
    hash('sha256', leaf, 'hex')
  }
}
