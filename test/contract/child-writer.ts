import type { AppendEntry } from '../../src/log/backend.js'
import { openLog } from '../../src/log/index.js'
import { TestStream } from './log-streams.js'

/*
 * A process of its own that appends to a log as fast as it can until it is killed: `child-writer <target> <number>`.
 * Says `open` once it has the log, then a line `<leaf> <index>` for each record whose append has resolved.
 */

const [target, number] = process.argv.slice(2) as [string, string]
const log = await openLog(target, { checkpointMs: 20 })
process.stdout.write('open\n')
await Promise.all(
  Array.from({ length: 4 }, async (_, i) => {
    const stream = new TestStream(await log.logs!(), Number(number) * 10 + i)
    let batch: readonly AppendEntry[] = [{ record: stream.start }]
    for (;;) {
      const receipts = await log.append(batch)
      process.stdout.write(receipts.map(({ leafHash, index }) => `${leafHash} ${index}\n`).join(''))
      batch = stream.batch(1 + i)
    }
  }),
)
