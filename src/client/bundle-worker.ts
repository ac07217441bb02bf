import { parentPort, workerData } from 'node:worker_threads'
import { TILE_WIDTH, tilePath } from '../core/tlog/index.js'
import { type CheckedBundle, checkBundle } from './bundle-check.js'
import type { Answer, Task } from './bundle-pool.js'
import { readBundleFile, readTileFile } from './read-file.js'

/* A thread that checks bundles of one log, for `bundle-pool.ts`. */

const { publicFolder } = workerData as { readonly publicFolder: string }

parentPort?.on('message', async ({ number, index, entries }: Task) => {
  const widths = Array.from({ length: Math.ceil(entries / TILE_WIDTH) }, (_, i) =>
    Math.min(TILE_WIDTH, entries - i * TILE_WIDTH),
  )
  const bundles = await Promise.all(widths.map((width, i) => check(index + i, width)))
  const buffers = bundles.flatMap(bundle => (bundle ? [bundle.bytes.buffer, bundle.leaves.buffer] : []))
  parentPort?.postMessage({ number, bundles } satisfies Answer, buffers as ArrayBuffer[])
})

async function check(index: number, width: number): Promise<CheckedBundle | undefined> {
  // Whatever is wrong with a file, the caller reads it again and says so as it does without threads.
  const [bytes, tile] = await Promise.all([
    readBundleFile(publicFolder, tilePath({ level: 'entries', index, width })).catch(() => undefined),
    width < TILE_WIDTH
      ? undefined
      : readTileFile(publicFolder, tilePath({ level: 0, index, width })).catch(() => undefined),
  ])
  return bytes && checkBundle(bytes, width, tile)
}
