/*
 * Objects of hosts by their shape. No host is imported: a program may have two copies of one, with two of every class.
 */

export const isObject = (value: unknown): value is { readonly [name: PropertyKey]: unknown } =>
  typeof value === 'object' && value !== null

/**
 * The value at `path`, or undefined where the way ends. Hosts' contexts are full of getters, some of which throw (the
 * agent's name in an ADK workflow without an agent), and none may keep a call from being recorded.
 */
export function read(value: unknown, ...path: readonly PropertyKey[]): unknown {
  try {
    let found = value
    for (const name of path) {
      if (!isObject(found)) return undefined
      found = found[name]
    }
    return found
  } catch {
    return undefined
  }
}

export const readString = (value: unknown, ...path: readonly PropertyKey[]): string | undefined => {
  const found = read(value, ...path)
  return typeof found === 'string' && found !== '' ? found : undefined
}
