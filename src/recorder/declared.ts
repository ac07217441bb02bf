import { canonicalize } from '../core/record/canonical.js'
import { capture } from '../core/record/capture.js'
import { isHash, isWord } from '../core/record/formats.js'
import type { Ledger } from './ledger.js'
import { coverageParts } from './opening.js'
import type { Pending } from './stream.js'
import type { CoveredTool, Tier } from './types.js'
import type { Commitments } from './values.js'

/** A change of the tier, as `coverage` carries it. */
export interface TierChange {
  readonly tier: Tier | 'per tool'
  readonly by: string
  readonly reason: string
}

/** What every stream says about what it can see: tools, kinds of calls that never come by, holes in the rules. */
export class Declared {
  readonly #gaps: readonly unknown[]
  readonly #unseen: Set<string>
  #tools: readonly CoveredTool[] = []
  /** Who changed the tier last, and why: every stream begins with it. */
  tierChange: TierChange | undefined

  constructor(init: { readonly unseen: readonly string[] | undefined; readonly gaps: readonly unknown[] | undefined }) {
    this.#unseen = new Set((init.unseen ?? []).filter(isWord))
    this.#gaps = init.gaps ?? []
  }

  /** These are the tools from now on; kinds of unseen calls can only become more. */
  declare(tools: readonly CoveredTool[], unseen: readonly string[]): void {
    for (const word of unseen) if (isWord(word)) this.#unseen.add(word)
    this.#tools = tools.map(({ name, digest, wrapped }) => ({
      name: typeof name === 'string' ? name : '?',
      ...(isHash(digest) && { digest }),
      wrapped: wrapped === true,
    }))
  }

  /** The `coverage` records that this stream still lacks. */
  drafts(ledger: Ledger, kept: Commitments): Pending[] {
    const unseen = [...this.#unseen].sort()
    const [gaps, tier] = [this.#gaps, this.tierChange]
    const key = canonicalize(capture({ tools: this.#tools, unseen, gaps }))
    if (ledger.coverage === key) return []
    const known = ledger.coverage !== undefined
    const told = known && ledger.unseen === unseen.length
    ledger.coverage = key
    ledger.unseen = unseen.length
    const says = { ...(gaps.length > 0 && { rules: gaps }), ...(tier && { tier }) }
    const detail = !known && Object.keys(says).length > 0 ? kept.add('detail', capture(says)) : undefined
    return coverageParts(this.#tools, told ? [] : unseen, detail).map(body => ({
      make: () => body,
      disclosures: 'detail' in body ? kept.disclosures() : undefined,
      keep: true,
    }))
  }
}
