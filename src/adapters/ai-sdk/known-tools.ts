import type { Recorder } from '../../recorder/recorder.js'
import type { CoveredTool } from '../../recorder/types.js'

/** The tools that one recorder was given, over all calls of `recordTools`. */
export class KnownTools {
  readonly #recorder: Recorder
  readonly #tools = new Map<string, CoveredTool>()
  #declared = false

  constructor(recorder: Recorder) {
    this.#recorder = recorder
  }

  add(tool: CoveredTool): void {
    const before = this.#tools.get(tool.name)
    // Of two tools with one name the worse says how that name is covered.
    const wrapped = tool.wrapped && (before?.wrapped ?? true)
    if (before?.wrapped === wrapped && before.digest === tool.digest) return
    this.#tools.set(tool.name, { ...tool, wrapped })
    this.#declared = false
  }

  /**
   * Says in the log which tools there are, before the first call of any. Not when they are made: that would open the
   * log in every program that only loads its tools.
   */
  declare(): void {
    if (this.#declared) return
    this.#declared = true
    // Not awaited: what cannot be written here keeps the first call from running, and that is early enough.
    void this.#recorder.coverage([...this.#tools.values()])
  }

  has(name: string): boolean {
    return this.#tools.has(name)
  }

  /** Whether calls of this tool come to us by themselves. */
  isWrapped(name: string): boolean {
    return this.#tools.get(name)?.wrapped === true
  }
}

const known = new WeakMap<Recorder, KnownTools>()

export function knownTools(recorder: Recorder): KnownTools {
  let tools = known.get(recorder)
  if (!tools) {
    tools = new KnownTools(recorder)
    known.set(recorder, tools)
  }
  return tools
}
