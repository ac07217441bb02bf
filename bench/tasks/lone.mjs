import { hash } from 'node:crypto'
import { openLog } from 'deedlog'
// What a recorder tells its log when both are in one process. Not public: nobody else may say so.
import { rememberSigned } from '../../dist/log/signed-here.js'
import { median } from '../lib/numbers.mjs'
import { CallStream, keyOf } from '../lib/streams.mjs'
import { LoneLimit, pause } from '../lib/sync-limit.mjs'

/** One append at a time, with the disk's own speed measured in between. */
export async function run({ dir, count }) {
  const log = await openLog(dir)
  const [ref] = await log.logs()
  // Signed in this process, as a recorder does it, before the clock starts.
  const signers = await Promise.all(['did:example:identity', 'did:example:key'].map(name => log.identity(name)))
  const stream = new CallStream(ref, signers.map(keyOf))
  await log.append([{ record: stream.start }])
  const limit = new LoneLimit(`${dir}.limit`, 600)
  const times = []
  for (let i = 0; i < count; i++) {
    const entries = stream.batch(1).map(record => ({ record }))
    for (const { record } of entries) rememberSigned(hash('sha256', Buffer.concat([Buffer.of(0), record])))
    pause()
    const began = performance.now()
    await log.append(entries)
    times.push(performance.now() - began)
    limit.measure()
  }
  const bare = limit.takeP50()
  limit.remove()
  await log.close()
  return { p50Ms: median(times), bareP50Ms: bare, overSync: median(times) / bare }
}
