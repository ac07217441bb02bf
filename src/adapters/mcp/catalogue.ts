import type { Recorder } from '../../recorder/recorder.js'
import { knownTools } from '../ai-sdk/known-tools.js'
import { member } from './message.js'

// Servers offer tens, at most hundreds. What is beyond is called, and recorded, as a tool that nobody offered.
const TOOLS_MAX = 4096

/**
 * The tools that a server has offered so far, as it last described them. A server may describe a tool in other words once
 * people trust it; the digest in each record, and a new `coverage`, show since when.
 */
export class Catalogue {
  readonly #recorder: Recorder
  readonly #digests = new Map<string, string | undefined>()

  constructor(recorder: Recorder) {
    this.#recorder = recorder
  }

  has(name: string): boolean {
    return this.#digests.has(name)
  }

  digestOf(name: string): string | undefined {
    return this.#digests.get(name)
  }

  /**
   * Takes the result of `tools/list`.
   * @param flawed  Readers may differ about it: names are taken, but a digest would not be of what the client sees.
   */
  offered(result: unknown, flawed: boolean): void {
    const tools = member(result, 'tools')
    if (!Array.isArray(tools)) return
    const known = knownTools(this.#recorder)
    for (const tool of tools.slice(0, TOOLS_MAX) as readonly unknown[]) {
      const name = member(tool, 'name')
      if (typeof name !== 'string' || (this.#digests.size >= TOOLS_MAX && !this.has(name))) continue
      const digest = flawed ? undefined : this.#recorder.definitionDigest(tool)
      this.#digests.set(name, digest)
      known.add({ name, wrapped: true, ...(digest !== undefined && { digest }) })
    }
    known.declare()
  }
}
