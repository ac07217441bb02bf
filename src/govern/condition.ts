/*
 * Conditions of rules, as the engine reads them. A condition it cannot read is no error there: the rule just never
 * matches, and a rule that was to deny lets everything through. So we read them first, by the engine's own grammar, and
 * refuse what it would not understand, or would understand otherwise than the words say.
 */

// A longer one is refused by the engine's Python twin; nobody writes one.
const LENGTH_MAX = 2000

/**
 * What is wrong with `condition`, in a few words that say what would be right; undefined when nothing is.
 *
 * Grammar: comparisons joined by ` and ` and ` or ` (and binds closer), no brackets; a comparison is a path, alone or
 * with `==`, `!=` and a quoted string, a number or true/false, with `<`, `<=`, `>`, `>=` and a number, or with `in`,
 * `not in` and a list. Paths begin with `action`, the tool's name, or `tool_args.`, its arguments.
 */
export function conditionFault(condition: string): string | undefined {
  if (condition.length > LENGTH_MAX) return `is longer than ${LENGTH_MAX} characters`
  for (const either of splitOutsideQuotes(condition.trim(), ' or '))
    for (const both of splitOutsideQuotes(either.trim(), ' and ')) {
      const fault = comparisonFault(both.trim())
      if (fault) return fault
    }
  return undefined
}

const PATH = String.raw`(\w+(?:\.\w+)*)`
const TEXT = /^(?:'[^'"]*'|"[^'"]*")$/
const NUMBER = /^\d+(?:\.\d+)?$/
// In lists the engine compares text: 5.0 or 05 would never equal the number 5.
const PLAIN_NUMBER = /^(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/

const ALONE = new RegExp(`^${PATH}$`)
const LISTED = new RegExp(String.raw`^${PATH}\s+(?:not\s+)?in\s+\[([^\]]*)\]$`)
const EQUAL = new RegExp(String.raw`^${PATH}\s*(?:==|!=)\s*(\S.*)$`)
const ORDERED = new RegExp(String.raw`^${PATH}\s*(?:>=|<=|>|<)\s*(\S.*)$`)

function comparisonFault(text: string): string | undefined {
  const unreadable = `cannot be read at ${JSON.stringify(text.slice(0, 80))}: the rule would never match`
  const alone = ALONE.exec(text)
  if (alone) return KEYWORDS.has(text.toLowerCase()) ? unreadable : pathFault(alone[1]!)
  const listed = LISTED.exec(text)
  if (listed) return pathFault(listed[1]!) ?? listFault(listed[2]!)
  const equal = EQUAL.exec(text)
  if (equal) {
    const [, path, value] = equal as unknown as [string, string, string]
    const fault = pathFault(path)
    if (fault || TEXT.test(value)) return fault
    if (path === 'action') return 'compares action, a name, with something that is no quoted string'
    // The engine reads `!=` with true or false as nothing at all.
    if ((value === 'true' || value === 'false') && text.includes('==')) return undefined
    return NUMBER.test(value) ? undefined : unreadable
  }
  const ordered = ORDERED.exec(text)
  if (!ordered || !NUMBER.test(ordered[2]!)) return unreadable
  return ordered[1] === 'action' ? 'orders action, a name, by number' : pathFault(ordered[1]!)
}

const KEYWORDS = new Set(['true', 'false', 'null', 'none', 'not', 'and', 'or', 'in', 'always', 'never'])

function listFault(items: string): string | undefined {
  const list = items.split(',').map(item => item.trim())
  // The engine splits at every comma, quoted or not, and leaves out what is empty.
  const wrong = list.find(item => !(TEXT.test(item) && item.length > 2) && !PLAIN_NUMBER.test(item))
  return wrong === undefined
    ? undefined
    : `has ${JSON.stringify(wrong.slice(0, 80))} in a list of quoted strings without comma or bracket, or numbers`
}

function pathFault(path: string): string | undefined {
  const [root, ...rest] = path.split('.') as [string, ...string[]]
  if (root === 'action' && rest.length === 0) return undefined
  if (root === 'action') return `asks for ${path}, but action is the tool's name and has no parts: it would never match`
  if (root !== 'tool_args') return `asks for ${path}, but there are only action and tool_args: it would never match`
  // Every object has these, whatever the model sent.
  const inherited = rest.find(name => name in Object.prototype || name === 'length')
  return inherited === undefined ? undefined : `asks for ${path}, but ${inherited} is no argument of a tool`
}

/** As the engine splits: quotes of one kind hide those of the other, and nothing escapes a quote. */
function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = []
  let start = 0
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (quote ? character === quote : character === "'" || character === '"') quote = quote ? '' : character
    else if (!quote && text.startsWith(separator, i)) {
      parts.push(text.slice(start, i))
      start = i + separator.length
      i += separator.length - 1
    }
  }
  parts.push(text.slice(start))
  return parts
}
