import { randomUUID } from 'node:crypto'
import type { CallResult } from '../../recorder/types.js'
import { admitCall } from './admission.js'
import { refused, withTheBatch } from './answer.js'
import { answeredBy, judged, taskEnd } from './answered.js'
import { Bounded, type Upstream } from './connection.js'
import { disguiseOf, type Id, isId, isMessage, keyOf, type Message, member, TOOLS_CALL, TOOLS_LIST } from './message.js'
import { OpenCall } from './open-call.js'
import type { Passage, Passed } from './passage.js'
import { questionOf, repeats, stateOf } from './question.js'
import type { Reading } from './reading.js'

const PASS: Passed = { pass: true, sent: () => {} }

// Beyond this a client gets errors: what is open must be remembered, whatever a client does.
const OPEN_MAX = 10_000

/** One conversation in which a request's id means one request: a connection, a session, or a single HTTP request. */
export class Exchange {
  readonly #upstream: Upstream
  readonly #session: string | undefined
  readonly #open = new Map<string, OpenCall>()
  /** Other requests whose answers say something of calls or tools, by id. */
  readonly #asked = new Bounded<{ readonly method: string; readonly task?: string }>()

  /** @param session  the host's own name of the session; `new`: one begins here; undefined: there is none */
  constructor(upstream: Upstream, session: string | undefined) {
    this.#upstream = upstream
    this.#session = session === 'new' ? randomUUID() : session
  }

  /**
   * Takes what the client sent. Whatever is to be recorded first is begun before this returns, in the order in which
   * messages came; the caller keeps that order.
   */
  fromClient(reading: Reading): Promise<Passage> {
    if (reading.kind === 'blank') return Promise.resolve(PASS)
    if (reading.kind === 'unreadable') return Promise.resolve(no(refused(undefined, reading.why, true)))
    const { value, flaw } = reading
    const batch = Array.isArray(value)
    const messages: readonly unknown[] = batch ? value : [value]
    const why = this.#whyNot(messages, flaw)
    if (why !== undefined) {
      this.#upstream.warn(`a message of the client was refused: it ${why}`)
      return Promise.resolve(
        batch
          ? no(
              undefined,
              messages.filter(isMessage).map(m => refused(m['id'], why)),
            )
          : no(refused(idOf(value), why)),
      )
    }
    const text = flaw === undefined ? undefined : reading.text
    const passages = (messages as readonly Message[]).map(message => this.#message(message, text))
    return batch ? whole(messages as readonly Message[], passages) : passages[0]!
  }

  /**
   * Takes what the server sent. Resolves to whether it is to be forwarded, once what it says is recorded or cannot be.
   * Never rejects.
   */
  async fromServer(reading: Reading): Promise<boolean> {
    if (reading.kind !== 'message') return true
    const { value, text, flaw } = reading
    const messages: readonly unknown[] = Array.isArray(value) ? value : [value]
    const passed = await Promise.all(
      messages.filter(isMessage).map(message => this.#answer(message, flaw === undefined ? undefined : text)),
    )
    return passed.every(Boolean)
  }

  /**
   * Of the calls in `reading`, those that have no answer yet will get none: the request that carried them has ended.
   * Resolves when that is recorded, or cannot be.
   */
  async giveUp(reading: Reading, result: CallResult): Promise<void> {
    if (reading.kind !== 'message') return
    const messages: readonly unknown[] = Array.isArray(reading.value) ? reading.value : [reading.value]
    for (const message of messages) {
      const id = idOf(message)
      if (!isId(id) || member(message, 'method') !== TOOLS_CALL) continue
      const call = this.#open.get(keyOf(id))
      if (!call?.isSent) continue
      this.#open.delete(keyOf(id))
      await call.end(result)
    }
  }

  /** Nobody will answer any more. Calls that were not sent on were not run; of others nobody knows. */
  async close(reason: string, status: 'unknown' | 'cancelled' = 'unknown'): Promise<void> {
    const calls = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(
      calls.map(async call => {
        if (!call.isSent) call.takenBack = true
        await (call.isSent ? call.end({ status, executed: 'unknown', error: { value: reason } }) : call.drop(reason))
      }),
    )
  }

  #whyNot(messages: readonly unknown[], flaw: string | undefined): string | undefined {
    if (flaw !== undefined && (this.#upstream.options.ambiguous ?? 'refuse') === 'refuse') return flaw
    const seen = new Set<string>()
    for (const message of messages) {
      if (!isMessage(message)) return 'is, or holds, something that is no message'
      const disguise = disguiseOf(message)
      if (disguise !== undefined) return disguise
      if (message['method'] !== TOOLS_CALL) continue
      const key = keyOf(message['id'] as Id)
      const before = this.#open.get(key)
      if (seen.has(key) || before?.isOpen) return 'has the id of a call that is still open'
      seen.add(key)
      if (this.#open.size + seen.size > OPEN_MAX) return 'is one call too many at a time'
    }
    return undefined
  }

  #message(message: Message, flawed: string | undefined): Promise<Passage> {
    const { id, method } = message
    if (method === TOOLS_CALL) return this.#call(message, flawed)
    if (method === 'notifications/cancelled') return this.#cancelled(message)
    const task = member(message['params'], 'taskId')
    if (isId(id) && typeof method === 'string' && (method === TOOLS_LIST || method.startsWith('tasks/')))
      this.#asked.set(keyOf(id), { method, ...(typeof task === 'string' && { task }) })
    return Promise.resolve(PASS)
  }

  #call(message: Message, flawed: string | undefined): Promise<Passage> {
    const { recorder } = this.#upstream.options
    const { params } = message
    const question = repeats(params) ? questionOf(params, stateOf(params)) : undefined
    const before = question === undefined ? undefined : this.#upstream.asking.get(question)
    const call = new OpenCall(recorder, params, (before?.attempt ?? 0) + 1)
    const key = keyOf(message['id'] as Id)
    this.#open.set(key, call)
    const forget = () => {
      if (this.#open.get(key) === call) this.#open.delete(key)
    }
    return admitCall(this.#upstream, { message, flawed, call, before, session: this.#session, forget })
  }

  /** The client does not want the answer any more; whether the server stops in time, nobody knows. */
  async #cancelled(message: Message): Promise<Passage> {
    const id = member(message['params'], 'requestId')
    const call = isId(id) ? this.#open.get(keyOf(id)) : undefined
    if (!call) return PASS
    call.takenBack = true
    const reason = member(message['params'], 'reason') ?? 'cancelled by the client'
    return {
      pass: true,
      sent: () => {
        // What is still held back goes nowhere: see `admitCall`.
        if (call.isSent) void call.end({ status: 'cancelled', executed: 'unknown', error: { value: reason } })
      },
    }
  }

  async #answer(message: Message, flawed: string | undefined): Promise<boolean> {
    const { id, method } = message
    if (method !== undefined) {
      if (method === 'notifications/tasks/status') await this.#taskState(message['params'])
      return true
    }
    if (!isId(id)) return true
    const key = keyOf(id)
    const asked = this.#asked.get(key)
    if (asked) {
      this.#asked.delete(key)
      await this.#told(asked, member(message, 'result'), flawed !== undefined)
    }
    const call = this.#open.get(key)
    if (!call) return true
    if (!call.isSent) {
      this.#upstream.warn('the server answered a call before it was sent to it; the answer was dropped')
      return false
    }
    this.#open.delete(key)
    const { result, task, asks } = answeredBy(message, flawed)
    if (task !== undefined) this.#upstream.tasks.set(task, call)
    const question = asks && questionOf(call.params, asks.requestState)
    if (question !== undefined) this.#upstream.asking.set(question, call)
    await call.end(result)
    return true
  }

  async #told(
    { method, task }: { readonly method: string; readonly task?: string },
    result: unknown,
    flawed: boolean,
  ): Promise<void> {
    if (method === TOOLS_LIST) return this.#upstream.catalogue.offered(result, flawed)
    const call = task === undefined ? undefined : this.#upstream.tasks.get(task)
    if (!call || result === undefined) return
    // The older era asks for a task's result by itself; the newer gives it with the state.
    if (method === 'tasks/result') await this.#taskOver(task!, judged(result, { value: result }).result)
    else await this.#taskState({ taskId: task, ...(isMessage(result) ? result : {}) })
  }

  async #taskState(state: unknown): Promise<void> {
    const task = member(state, 'taskId')
    const end = taskEnd(state)
    if (typeof task === 'string' && end) await this.#taskOver(task, end)
  }

  async #taskOver(task: string, result: Parameters<OpenCall['end']>[0]): Promise<void> {
    const call = this.#upstream.tasks.get(task)
    await call?.end(result)
    if (call?.isOver) this.#upstream.tasks.delete(task)
  }
}

const no = (answer?: Message, batch?: readonly Message[]): Passed => {
  const said = answer ?? (batch && batch.length > 0 ? batch : undefined)
  return { pass: false, ...(said && { answer: said }) }
}

const idOf = (value: unknown): unknown => (isMessage(value) ? value['id'] : undefined)

/** A batch is one piece of bytes: it passes whole, or nothing of it does. */
async function whole(messages: readonly Message[], passages: readonly Promise<Passage>[]): Promise<Passage> {
  const first = await Promise.all(passages)
  const passed = await Promise.all(first.map(passage => (passage.pass === 'later' ? passage.passage : passage)))
  if (passed.every(({ pass }) => pass === true))
    return {
      pass: true,
      sent: () => {
        for (const passage of passed) if (passage.pass === true) passage.sent()
      },
    }
  const answers = await Promise.all(
    passed.map(async (passage, i) => {
      if (passage.pass === false) return passage.answer
      await passage.withdraw?.()
      return isId(messages[i]!['id']) && messages[i]!['method'] !== undefined ? withTheBatch(messages[i]!) : undefined
    }),
  )
  return no(undefined, answers.filter(answer => answer !== undefined).flat())
}
