import type { LogSource, RawEntry } from '../client/source.js'
import type { Progress } from './terminal/progress.js'

/** `source`, telling `progress` of every entry that is read: for what reads a whole log and says nothing meanwhile. */
export function countedSource(source: LogSource, progress: Progress): LogSource {
  let done = 0
  return {
    ...source,
    entries: async function* (range): AsyncGenerator<RawEntry> {
      for await (const entry of source.entries(range)) {
        progress.update(++done)
        yield entry
      }
    },
  }
}
