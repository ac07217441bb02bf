import type { CallRequest, Ticket } from '../../recorder/types.js'
import { read, readString } from '../read.js'
import { refsOf } from '../refs.js'
import type { Announced } from './announced.js'
import { type HostTool, isTool, kindOf } from './shapes.js'

/** What the recorder is to know about one call. */
export function describeCall(
  tool: HostTool,
  args: unknown,
  context: object,
  more: { readonly parent?: Ticket | undefined; readonly attempt: number },
): CallRequest {
  const session = readString(context, 'invocationContext', 'session', 'id')
  const user = readString(context, 'invocationContext', 'userId')
  const app = readString(context, 'invocationContext', 'appName')
  const ids = {
    invocation: readString(context, 'invocationContext', 'invocationId'),
    call: readString(context, 'functionCallId'),
  }
  const refs = refsOf(ids, readString(context, 'invocationContext', 'agent', 'name'))
  const attempt = more.attempt > 1 ? more.attempt : undefined
  return {
    tool: describeTool(tool),
    args,
    // A user's own id belongs to the session's name: two users may both have a session "1".
    ...(session !== undefined && { session: JSON.stringify([user ?? null, session]) }),
    ...(user !== undefined && { principal: { user, app: app ?? null, session: session ?? null } }),
    ...(refs && { refs }),
    ...(more.parent && { parent: more.parent }),
    ...(attempt && { attempt }),
  }
}

/** A call that a model asked for, described from what it said. */
export function describeAnnounced({ name, id, args, tool, registered, turn, parent }: Announced): CallRequest {
  const { invocationContext } = turn
  const context = {
    functionCallId: id,
    invocationContext: {
      invocationId: turn.invocation,
      userId: read(invocationContext, 'userId'),
      appName: read(invocationContext, 'appName'),
      session: read(invocationContext, 'session'),
      agent: { name: turn.agent },
    },
  }
  const made = describeCall({ name } as HostTool, args, context, { parent, attempt: 1 })
  return { ...made, tool: isTool(tool) ? describeTool(tool) : { name, registered } }
}

function describeTool(tool: Pick<HostTool, 'name'>): CallRequest['tool'] {
  if (!isTool(tool)) return { name: typeof tool.name === 'string' ? tool.name : '', registered: false }
  const definition = definitionOf(tool)
  return { name: tool.name, kind: kindOf(tool), ...(definition !== undefined && { definition }) }
}

/** Key of a call that waits for somebody: the host uses its id again when it goes on. */
export function waitingKey(context: object): string | undefined {
  const id = readString(context, 'functionCallId')
  return id === undefined ? undefined : waitingKeyOf(readString(context, 'invocationContext', 'session', 'id'), id)
}

export const waitingKeyOf = (session: string | undefined, callId: string): string =>
  JSON.stringify([session ?? null, callId])

const definitions = new WeakMap<object, unknown>()

/** The tool's declaration, asked once per tool: it is made anew each time, and hashing it costs as much as a record. */
export function definitionOf(tool: HostTool): unknown {
  if (!definitions.has(tool)) {
    let definition: unknown
    try {
      definition = (read(tool, '_getDeclaration') as (() => unknown) | undefined)?.call(tool)
    } catch {
      definition = undefined
    }
    definitions.set(tool, definition)
  }
  return definitions.get(tool)
}
