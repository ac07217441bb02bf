import { parentPort, workerData } from 'node:worker_threads'
import { TILE_WIDTH, tilePath } from '../core/tlog/index.js'
import { checkBundle } from './bundle-check.js'
import type { Answer, Task } from './bundle-pool.js'
import { readBundleFile, readTileFile } from './read-file.js'

/* A thread that checks bundles of one log, for `bundle-pool.ts`. */

const { publicFolder } = workerData as { readonly publicFolder: string }

parentPort?.on('message', async ({ number, index, width }: Task) => {
  // Whatever is wrong with a file, the caller reads it again and says so as it does without threads.
  const [bytes, tile] = await Promise.all([
    readBundleFile(publicFolder, tilePath({ level: 'entries', index, width })).catch(() => undefined),
    width < TILE_WIDTH
      ? undefined
      : readTileFile(publicFolder, tilePath({ level: 0, index, width })).catch(() => undefined),
  ])
  const bundle = bytes && checkBundle(bytes, width, tile)
  const answer: Answer = { number, bundle }
  parentPort?.postMessage(answer, bundle ? ([bundle.bytes.buffer, bundle.leaves.buffer] as ArrayBuffer[]) : [])
})
