import type { Answer, Asked, CallQuery, CallRow, CallShown, Refusal, Request, Result } from './protocol.js'

/** The worker's code, put here when the page is built. */
declare const WORKER_SOURCE: string

// A message with a few thousand files is still cheap to send.
const FILES_PER_MESSAGE = 2000

/** The worker that verifies, as the page sees it. One verification each; another takes another worker. */
export class Engine {
  readonly #url: string
  readonly #worker: Worker
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #next = 0
  #finish: ((outcome: Result | Refusal) => void) | undefined
  readonly #onProgress: (done: number, total: number | undefined, what: string) => void

  constructor(onProgress: (done: number, total: number | undefined, what: string) => void) {
    this.#onProgress = onProgress
    this.#url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: 'text/javascript' }))
    this.#worker = new Worker(scriptUrl(this.#url))
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#receive(data)
    this.#worker.onerror = event => {
      event.preventDefault()
      this.#finish?.({ code: 'internal', message: `the worker of this page failed: ${event.message}`, exitCode: 2 })
    }
  }

  /** What came of it; a refusal where no report could be made. */
  verify(asked: Asked): Promise<Result | Refusal> {
    const { evidence } = asked
    return new Promise(resolve => {
      this.#finish = resolve
      if (evidence.kind === 'folder') {
        for (let at = 0; at < evidence.files.length; at += FILES_PER_MESSAGE)
          this.#send({ type: 'files', files: evidence.files.slice(at, at + FILES_PER_MESSAGE) })
        this.#send({ type: 'verify', asked: { ...asked, evidence: { ...evidence, files: [] } } })
      } else this.#send({ type: 'verify', asked })
    })
  }

  /** Rows of the list of calls. */
  async calls(query: CallQuery, from: number, to: number): Promise<{ rows: readonly CallRow[]; total: number }> {
    const answer = await this.#ask(id => ({ type: 'calls', id, query, from, to }))
    if (answer.type !== 'calls') throw new Error(`the worker answered ${answer.type}`)
    return { rows: answer.rows, total: answer.total }
  }

  /** All about the call that has a record at an index. */
  async call(index: number): Promise<CallShown | Refusal> {
    const answer = await this.#ask(id => ({ type: 'call', id, index }))
    if (answer.type !== 'call') throw new Error(`the worker answered ${answer.type}`)
    return answer.call
  }

  /** Ends it, also in the middle. */
  stop(): void {
    this.#worker.terminate()
    URL.revokeObjectURL(this.#url)
  }

  #ask(request: (id: number) => Request): Promise<Answer> {
    const id = this.#next++
    return new Promise(resolve => {
      this.#waiting.set(id, resolve)
      this.#send(request(id))
    })
  }

  #send(request: Request): void {
    this.#worker.postMessage(request)
  }

  #receive(answer: Answer): void {
    if (answer.type === 'progress') this.#onProgress(answer.done, answer.total, answer.what)
    else if (answer.type === 'result') this.#finish?.(answer.result)
    else if (answer.type === 'refused') this.#finish?.(answer.refusal)
    else {
      this.#waiting.get(answer.id)?.(answer)
      this.#waiting.delete(answer.id)
    }
  }
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string }
}

const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
// The page's content security policy lets no text become a script but through this one policy, made once.
const policy = trustedTypes?.createPolicy('deedlog-worker', { createScriptURL: url => url })

const scriptUrl = (url: string): string => policy?.createScriptURL(url) ?? url
