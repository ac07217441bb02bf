import { AsyncLocalStorage } from 'node:async_hooks'
import type { Ticket } from './types.js'

/*
 * In the course of which call some code runs. The one place that knows it, for all hosts: a tool of one may call a
 * function, or an agent of another, and each call names the one that made it.
 */

/** A call that runs. */
interface Running {
  /** Undefined where calls are decided on and not recorded. */
  readonly ticket: Ticket | undefined
  /** What an adapter knows of it besides. */
  readonly its: object | undefined
  readonly outer: Running | undefined
}

const current = new AsyncLocalStorage<Running>()

/** The innermost recorded call in whose course this code runs. */
export function currentTicket(): Ticket | undefined {
  let running = current.getStore()
  while (running && !running.ticket) running = running.outer
  return running?.ticket
}

/** What an adapter said of the innermost call of its kind in whose course this code runs, however deep below it. */
export function currentOf<T extends object>(is: (its: object) => its is T): T | undefined {
  for (let running = current.getStore(); running; running = running.outer)
    if (running.its && is(running.its)) return running.its
  return undefined
}

/** Runs `run` as part of a call. @param its what the adapter wants to know of it further in */
export const inCall = <T>(ticket: Ticket | undefined, run: () => T, its?: object): T =>
  current.run({ ticket, its, outer: current.getStore() }, run)
