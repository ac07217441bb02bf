import type { Answer, Asked, Given, Request } from '../protocol.js'
import { explain, Session } from './session.js'

/*
 * The page's worker: everything that takes time. It has no way out but messages to its page.
 */

/** The part of a worker's global scope that is used here; the page's types are those of a window. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Request>) => void) | null
  postMessage(answer: Answer): void
}

const scope = globalThis as unknown as WorkerScope
const tell = (answer: Answer): void => scope.postMessage(answer)

// A folder's files come in portions, so that no message keeps the page busy for long.
const files: Given[] = []
let session = new Session(tell)

scope.onmessage = ({ data }) => {
  if (data.type === 'files') files.push(...data.files)
  else if (data.type === 'verify') void verify(data.asked)
  else if (data.type === 'calls') tell({ type: 'calls', id: data.id, ...session.rows(data.query, data.from, data.to) })
  else void session.call(data.index).then(call => tell({ type: 'call', id: data.id, call }))
}

async function verify(asked: Asked): Promise<void> {
  session = new Session(tell)
  const { evidence } = asked
  const whole = evidence.kind === 'folder' ? { ...asked, evidence: { ...evidence, files } } : asked
  try {
    tell({ type: 'result', result: await session.verify(whole, Date.now()) })
  } catch (error) {
    tell({ type: 'refused', refusal: explain(error) })
  }
}
