import { safeJson } from '../../src/core/bytes/visible.js'
import type { Disclosed, Json } from '../../src/core/record/index.js'
import { block, type Child, h } from '../dom.js'
import { pathText } from '../plain.js'

// A disclosed value may be long, and a person reads its beginning.
const VALUE_CHARACTERS_MAX = 20_000

/** A value as it reads; a long one is cut, and says so. */
export function value(json: Json, label: string): Child {
  const text = safeJson(json, 2)
  const cut = text.length > VALUE_CHARACTERS_MAX
  return [
    block(cut ? text.slice(0, VALUE_CHARACTERS_MAX) : text, label),
    cut && h('p', { class: 'quiet' }, `The value goes on for ${text.length - VALUE_CHARACTERS_MAX} more characters.`),
  ]
}

/** What a disclosure proved: values, and the paths that stayed closed. */
export function disclosed(proved: Disclosed): Child {
  if ('value' in proved)
    return [h('p', {}, 'Disclosed in full, and it is what was committed to:'), value(proved.value, 'Disclosed value')]
  const { fields, withheld } = proved
  return [
    h(
      'p',
      {},
      `Disclosed in part: ${fields.length} of ${fields.length + withheld.length} fields, and they are what was committed to.`,
    ),
    h(
      'dl',
      { class: 'fields' },
      fields.map(({ path, value: json }) =>
        h('div', {}, h('dt', {}, pathText(path)), h('dd', {}, value(json, `Value at ${pathText(path)}`))),
      ),
      withheld.map(path =>
        h('div', {}, h('dt', {}, pathText(path)), h('dd', { class: 'quiet' }, 'withheld or erased')),
      ),
    ),
  ]
}
