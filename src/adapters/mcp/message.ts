import { isObject } from '../read.js'

/*
 * JSON-RPC as MCP uses it, in both of its eras: with sessions (protocol versions up to 2025-11-25) and without (from
 * 2026-07-28 on).
 */

export type Id = string | number

export interface Message {
  readonly [name: string]: unknown
}

/** Ids 1 and "1" are two. */
export const keyOf = (id: Id): string => `${typeof id}:${id}`

export const isId = (value: unknown): value is Id =>
  typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))

export const isMessage = (value: unknown): value is Message => isObject(value) && !Array.isArray(value)

/** Own member of a message: names come from strangers, and `constructor` is one like any other. */
export const member = (value: unknown, name: string): unknown =>
  isMessage(value) && Object.hasOwn(value, name) ? value[name] : undefined

export const TOOLS_CALL = 'tools/call'
export const TOOLS_LIST = 'tools/list'

/** Names of the protocol, and what they are to a reader that does not look at case. */
class Names {
  readonly #exact: ReadonlySet<string>
  readonly #folded: ReadonlySet<string>

  constructor(...names: readonly string[]) {
    this.#exact = new Set(names)
    this.#folded = new Set(names.map(folded))
  }

  isTwin(name: string): boolean {
    return !this.#exact.has(name) && this.#folded.has(folded(name))
  }
}

// `ſ` and `K` (the Kelvin sign) are s and k to readers that fold by Unicode.
const folded = (text: string): string => text.toUpperCase().toLowerCase()

const OF_MESSAGES = new Names('jsonrpc', 'id', 'method', 'params', 'result', 'error')
const OF_PARAMS = new Names('name', 'arguments', 'task', '_meta', 'requestState', 'inputResponses', 'requestId')

/**
 * Why a message of a client may be another one to its server: some readers take names in either case, some methods with
 * space around them. Undefined for one that is safe.
 */
export function disguiseOf(message: Message): string | undefined {
  const { method } = message
  if (Object.hasOwn(message, 'method')) {
    if (typeof method !== 'string') return 'names its method by something that is no string'
    if (method !== TOOLS_CALL && folded(method.trim()) === TOOLS_CALL) return `all but says ${TOOLS_CALL}`
  }
  if (hasTwin(message, OF_MESSAGES)) return 'writes a name of JSON-RPC in another case'
  if (hasTwin(message['params'], OF_PARAMS)) return 'writes a name of MCP in another case'
  if (method !== TOOLS_CALL) return undefined
  return isId(message['id']) ? undefined : `is a ${TOOLS_CALL} that nobody can answer: it has no id`
}

const hasTwin = (value: unknown, names: Names): boolean =>
  isMessage(value) && Object.keys(value).some(name => names.isTwin(name))

/** From 2026-07-28 on each request says its version. */
export const isModern = (message: Message): boolean =>
  member(member(message['params'], '_meta'), 'io.modelcontextprotocol/protocolVersion') !== undefined
