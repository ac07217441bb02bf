// The ids of a model or a client may be sentences; what is written out has to look like chance.
const RANDOM_ID = /^[A-Za-z0-9_-]{1,64}$/
// An agent is named by the program.
const AGENT_NAME = /^[\p{L}_][\p{L}\p{N}_.-]{0,63}$/u

/**
 * What of a host's own names of a call may be written out, for `refs` of a request: random ids, and an agent's name.
 * Others are left out. Undefined when nothing is left.
 */
export function refsOf(
  ids: { readonly [name: string]: unknown },
  agent: unknown,
): { readonly [name: string]: string } | undefined {
  const refs: { [name: string]: string } = {}
  for (const [name, id] of Object.entries(ids)) if (isLike(id, RANDOM_ID)) refs[name] = id
  if (isLike(agent, AGENT_NAME)) refs['agent'] = agent
  return Object.keys(refs).length > 0 ? refs : undefined
}

const isLike = (value: unknown, form: RegExp): value is string => typeof value === 'string' && form.test(value)
