import { MalformedError, quote } from '../errors.js'
import { type Id, type Intent, isId, isTime, type Json, type Time, timeMs } from '../record/index.js'

/**
 * Which calls a bundle was asked for. `since` and `until`, both included, go by the time in the intent, which is the
 * recorder's word. Lists hold 1 to 1,000 ids, ascending.
 */
export type BundleQuery =
  | { readonly all: true }
  | { readonly calls: readonly Id[] }
  | { readonly sessions: readonly Id[] }
  | TimeRange

/** At least one of the two. */
export interface TimeRange {
  readonly since?: Time
  readonly until?: Time
}

/** Most calls or sessions that one query may name. */
const QUERY_IDS_MAX = 1000

/** @throws {MalformedError} `bundle-file.query` */
export function checkQuery(json: Json | undefined): BundleQuery {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return refuse(json)
  const query = json as { readonly [name: string]: Json }
  const names = Object.keys(query)
  const [name] = names
  if (name === 'all' && names.length === 1 && query['all'] === true) return { all: true }
  if (name === 'calls' && names.length === 1 && isIds(query['calls'])) return { calls: query['calls'] }
  if (name === 'sessions' && names.length === 1 && isIds(query['sessions'])) return { sessions: query['sessions'] }
  const times = names.every(each => (each === 'since' || each === 'until') && isTime(query[each]))
  return names.length > 0 && times ? (query as BundleQuery) : refuse(json)
}

function isIds(json: Json | undefined): json is readonly Id[] {
  if (!Array.isArray(json) || json.length === 0 || json.length > QUERY_IDS_MAX) return false
  return (json as readonly Json[]).every((id, i) => isId(id) && (i === 0 || (json[i - 1] as string) < id))
}

function refuse(json: Json | undefined): never {
  throw new MalformedError(
    'bundle-file.query',
    `${quote(json === undefined ? json : JSON.stringify(json))} is no query`,
    {
      expected: 'one of all, calls, sessions; or since, until or both',
    },
  )
}

/** Whether a call was asked for, by its intent. */
export function asksFor(query: BundleQuery): (intent: Pick<Intent, 'call' | 'session' | 'time'>) => boolean {
  if ('all' in query) return () => true
  if ('calls' in query) {
    const calls = new Set(query.calls)
    return ({ call }) => calls.has(call)
  }
  if ('sessions' in query) {
    const sessions = new Set(query.sessions)
    return ({ session }) => session !== undefined && sessions.has(session.id)
  }
  const since = query.since === undefined ? Number.NEGATIVE_INFINITY : timeMs(query.since)
  const until = query.until === undefined ? Number.POSITIVE_INFINITY : timeMs(query.until)
  return ({ time }) => since <= timeMs(time) && timeMs(time) <= until
}
