import { expect, test } from 'vitest'
import { CommitQueue } from './commit-queue.js'

const record = new Uint8Array(8)

/** A queue over a disk that answers at once, as a blocking write does. */
function blockingQueue() {
  let size = 0
  const sequencer = {
    size,
    replay: async () => {},
    append: (entries: readonly unknown[]) => {
      const first = size
      size += entries.length
      return first
    },
    read: async function* () {},
    close: async () => {},
  }
  let now = 0
  return new CommitQueue({ sequencer, monotonic: () => now++, ready: () => undefined })
}

test('takes what is added in any of the moments after a write is over', async () => {
  for (let microtasks = 0; microtasks < 12; microtasks++) {
    const queue = blockingQueue()
    const saved: number[] = []
    const add = () =>
      queue.add({
        entries: [{ record }],
        saved: first => void saved.push(first),
        failed: error => {
          throw error
        },
      })
    add()
    for (let i = 0; i < microtasks; i++) await undefined
    add()
    await new Promise(resolve => setImmediate(resolve))
    expect(saved, `added after ${microtasks} microtasks`).toEqual([0, 1])
  }
})
