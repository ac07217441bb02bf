import { quote } from '../../core/errors.js'
import { readString } from '../read.js'
import { isRecorded, MIDDLEWARE } from './record-calls.js'

/**
 * For a program's own tests: throws when a tool of an agent with these parts would go unrecorded, or when something
 * stands between our middleware and the tools. Give it what you give to `createAgent`.
 *
 * @param except names of tools that may go unrecorded, such as those that the provider runs
 * @throws {TypeError} with the names of all others
 */
export function assertCoverage(
  parts: { readonly tools?: readonly object[]; readonly middleware?: readonly object[] },
  except: readonly string[] = [],
): void {
  const middleware = parts.middleware ?? []
  const ours = middleware.findLastIndex(each => readString(each, 'name') === MIDDLEWARE)
  const missing: string[] = []
  for (const tool of parts.tools ?? []) {
    const name = readString(tool, 'name') ?? readString(tool, 'type') ?? 'unnamed'
    // What the provider runs is described by data alone.
    const covered = isRecorded(tool) || (ours >= 0 && 'invoke' in tool)
    if (!covered && !except.includes(name)) missing.push(quote(name))
  }
  if (missing.length > 0) throw new TypeError(`these would go unrecorded: ${missing.join(', ')}`)
  if (ours < 0) return
  const inside = middleware.slice(ours + 1).filter(each => 'wrapToolCall' in each && each.wrapToolCall !== undefined)
  const names = inside.map(each => quote(readString(each, 'name') ?? 'unnamed'))
  if (names.length > 0) throw new TypeError(`these come after the recording middleware: ${names.join(', ')}`)
}
