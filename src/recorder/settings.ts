import { isWord } from '../core/record/formats.js'
import type { RecorderOptions, Tier } from './types.js'

const DEFAULTS = {
  reviewTimeoutMs: 300_000,
  valueBytesMax: 1024 * 1024,
  keepDisclosures: true,
  appendTimeoutMs: 30_000,
} as const

/** What a recorder goes by where its options say nothing. */
export interface Settings {
  readonly reviewTimeoutMs: number
  readonly valueBytesMax: number
  readonly keepDisclosures: boolean
  readonly appendTimeoutMs: number
}

/**
 * @throws {TypeError} an agent id that is no `word`
 * @throws {RangeError} a limit that is no positive integer
 */
export function settingsOf(options: RecorderOptions): Settings {
  const { valueBytesMax, reviewTimeoutMs, appendTimeoutMs, keepDisclosures } = { ...DEFAULTS, ...options }
  if (!isWord(options.agent?.id))
    throw new TypeError(
      `the agent id ${JSON.stringify(options.agent?.id)} is no word: 1 to 255 printable ASCII characters without space and "+", such as did:example:shop`,
    )
  for (const [name, value] of Object.entries({ valueBytesMax, reviewTimeoutMs, appendTimeoutMs }))
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} is a positive integer, not ${value}`)
  return { valueBytesMax, reviewTimeoutMs, appendTimeoutMs, keepDisclosures }
}

type TierRule = RecorderOptions['tier']

/** The tier of one tool's calls. A function that throws or answers with something else leaves it `strict`. */
export function tierOf(rule: TierRule, tool: string): Tier {
  try {
    const found = typeof rule === 'function' ? rule(tool) : rule
    return found === 'degraded' || found === 'lossy' ? found : 'strict'
  } catch {
    return 'strict'
  }
}

export const isTierRule = (rule: unknown): boolean => typeof rule === 'function' || TIERS.has(rule)

const TIERS: ReadonlySet<unknown> = new Set<Tier>(['strict', 'degraded', 'lossy'])

/** `options` with another tier in force. */
export function withTier(options: RecorderOptions, tier: TierRule): RecorderOptions {
  const { tier: _, ...others } = options
  return tier === undefined ? others : { ...others, tier }
}
