import type { AppendEntry } from '../../src/log/backend.js'
import { files, jsonl, openLog } from '../../src/log/index.js'
import { disclosuresOf, TestStream } from '../contract/log-streams.js'

/*
 * A process that appends to a log as an agent would, until it is killed, or once: `kill-child <target> <number> [once]`.
 * Says `open`, then a line `<leaf> <index>` for each record whose append has resolved, and with `once` how it ended.
 */

const [target, number, mode] = process.argv.slice(2) as [string, string, string | undefined]

if (mode === 'once') await once()
else await forEver()

async function forEver(): Promise<void> {
  const log = target.endsWith('.jsonl') ? jsonl(target, { checkpointMs: 20 }) : files(target, { checkpointMs: 20 })
  const logs = await log.logs!()
  process.stdout.write('open\n')
  await Promise.all(
    Array.from({ length: 4 }, async (_, i) => {
      const stream = new TestStream(logs, Number(number) * 10 + i)
      let batch: readonly AppendEntry[] = [{ record: stream.start, disclosures: disclosuresOf(stream.start) }]
      for (;;) {
        told(await log.append(batch))
        batch = stream.batch(1 + i)
      }
    }),
  )
}

/** Opens, appends three batches, publishes and closes; says the code of the first error, if there is one. */
async function once(): Promise<void> {
  try {
    const log = await openLog(target, { checkpointMs: 0 })
    process.stdout.write('open\n')
    const stream = new TestStream(await log.logs!(), Number(number) * 10)
    told(await log.append([{ record: stream.start, disclosures: disclosuresOf(stream.start) }]))
    for (let batch = 0; batch < 3; batch++) told(await log.append(stream.batch(2)))
    await log.flush()
    await log.close()
    process.stdout.write('end well\n')
  } catch (error) {
    process.stdout.write(`end ${(error as { code?: string }).code ?? String(error)}\n`)
  }
}

function told(receipts: readonly { readonly leafHash: string; readonly index: number }[]): void {
  process.stdout.write(receipts.map(({ leafHash, index }) => `${leafHash} ${index}\n`).join(''))
}
