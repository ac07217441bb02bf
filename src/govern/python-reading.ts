/*
 * What the Python twin of the engine makes of a condition. The two read some conditions differently, and a call runs
 * only where both let it: docs/design/engine-differences.md. It reads agentmesh-platform 3.7 and
 * agent-governance-toolkit-core 5.0, which agree; `test/interop/agt-python.test.ts` holds it against the real ones.
 *
 * It decides nothing by itself: which of the matching rules counts, and its limit, is the engine's business.
 */

/**
 * Whether the Python engine finds that `condition` matches. For conditions without a `conditionFault`.
 *
 * @param context  `action` and `tool_args`, the latter as JSON values: anything else is read as an object would be.
 */
export function matchesInPython(condition: string, context: { readonly [name: string]: unknown }): boolean {
  // It splits at every ` or ` and ` and `, those in quoted strings too, and gives up on longer texts.
  return condition.split(' or ').some(either =>
    either
      .trim()
      .split(' and ')
      .every(both => comparisonMatches(both.trim(), context)),
  )
}

const PATH = String.raw`^([\p{L}\p{N}_]+(?:\.[\p{L}\p{N}_]+)*)`
// It looks at the beginning only: what follows the part it understands is not read.
const EQUAL = new RegExp(String.raw`${PATH}\s*(==|!=)\s*['"]([^'"]+)['"]`, 'u')
const LISTED = new RegExp(String.raw`${PATH}\s+in\s+\[([^\]]*)\]`, 'u')
const ORDERED = new RegExp(String.raw`${PATH}\s*(>=|<=|>|<)\s*(\d+(?:\.\d+)?)`, 'u')
const ALONE = new RegExp(`${PATH}$`, 'u')

function comparisonMatches(text: string, context: object): boolean {
  const equal = EQUAL.exec(text)
  if (equal) return (at(context, equal[1]!) === equal[3]) === (equal[2] === '==')
  const listed = LISTED.exec(text)
  if (listed) {
    const value = at(context, listed[1]!)
    // A list holds strings; a number is in none, also when it is written in the list.
    return typeof value === 'string' && listOf(listed[2]!).includes(value)
  }
  const ordered = ORDERED.exec(text)
  if (ordered) return isOrdered(at(context, ordered[1]!), ordered[2]!, Number(ordered[3]))
  const alone = ALONE.exec(text)
  // Everything else never matches: `not in`, and comparisons with numbers, true, false and the empty string.
  return alone !== null && isTrue(at(context, alone[1]!))
}

/** Through objects only: an array has no members there, and neither has a string. */
function at(context: object, path: string): unknown {
  let value: unknown = context
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return null
    value = (value as { readonly [name: string]: unknown })[name]
  }
  return value ?? null
}

const listOf = (items: string): string[] =>
  items
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
    .map(item => item.replace(/^['"]+|['"]+$/g, ''))

function isOrdered(value: unknown, operator: string, limit: number): boolean {
  const number = numberOf(value)
  if (number === undefined) return false
  // An integer too large for a float is an error there, and a rule that fails matches.
  if (number === 'fails') return true
  if (operator === '>=') return number >= limit
  if (operator === '<=') return number <= limit
  return operator === '>' ? number > limit : number < limit
}

// What is not there counts as 0.
function numberOf(value: unknown): number | 'fails' | undefined {
  if (value === null) return 0
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'bigint') return Number.isFinite(Number(value)) ? Number(value) : 'fails'
  return typeof value === 'string' ? parseFloatLiteral(value) : undefined
}

const NUMBER = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i
// What it counts as space around a number, which is not what JavaScript counts.
const SPACE = String.raw`[^\S\ufeff]|\u0085`
const SPACES = new RegExp(`^(?:${SPACE})+|(?:${SPACE})+$`, 'g')

/** Python's `float(text)`, NaN apart, which compares with nothing. */
function parseFloatLiteral(text: string): number | undefined {
  const literal = text.replace(SPACES, '').replace(/\p{Nd}/gu, digitOf)
  if (/^[+-]?inf(?:inity)?$/i.test(literal)) return literal.startsWith('-') ? -Infinity : Infinity
  return NUMBER.test(literal) ? Number(literal.replaceAll('_', '')) : undefined
}

/** Digits of every script count there. Unicode keeps each ten of them together, in order. */
function digitOf(character: string): string {
  const code = character.codePointAt(0)!
  let zero = code
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return String((code - zero) % 10)
}

function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  // NaN is true there.
  return typeof value === 'number' ? value !== 0 : Boolean(value)
}
