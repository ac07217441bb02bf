import type { Recorder } from '../../recorder/recorder.js'
import { Catalogue } from './catalogue.js'
import type { OpenCall } from './open-call.js'

/** How calls are recorded, whatever carries the messages. */
export interface McpOptions {
  readonly recorder: Recorder
  /** The server's name in the records, chosen by whoever runs it. */
  readonly server?: string
  /**
   * What to do with a message of the client that readers of JSON may read in different ways: a repeated name, a number
   * beyond 2^53-1, half of a surrogate pair. `refuse` (default), or `record`: it goes on, and its arguments are committed
   * as the text of the message. What could be read as another kind of message is refused in any case.
   */
  readonly ambiguous?: 'refuse' | 'record'
  /** Told what went wrong and is not the client's business. Default: nobody. */
  readonly onWarning?: (text: string) => void
}

// What strangers can make us remember. Of what is older, an answer is forwarded and not understood.
const REMEMBERED_MAX = 4096

/** What the connections to one server have in common. */
export class Upstream {
  readonly options: McpOptions
  readonly catalogue: Catalogue
  /** Calls that go on in a task, by its id. */
  readonly tasks = new Bounded<OpenCall>()
  /** Calls whose server wants answers first, by what the call that brings them is known by. */
  readonly asking = new Bounded<OpenCall>()

  constructor(options: McpOptions) {
    this.options = options
    this.catalogue = new Catalogue(options.recorder)
  }

  warn(text: string): void {
    this.options.onWarning?.(text)
  }
}

/** A map that forgets its oldest. */
export class Bounded<T> extends Map<string, T> {
  override set(key: string, value: T): this {
    const [oldest] = this.keys()
    if (this.size >= REMEMBERED_MAX && oldest !== undefined && !this.has(key)) this.delete(oldest)
    return super.set(key, value)
  }
}
