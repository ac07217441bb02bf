import { AsyncLocalStorage } from 'node:async_hooks'
import type { Ticket } from './types.js'

const current = new AsyncLocalStorage<Ticket>()

/** The call in whose course this code runs: a tool may ask a model itself, whose calls are this one's. */
export const currentTicket = (): Ticket | undefined => current.getStore()

/** Runs `run` as part of a call. */
export const inCall = <T>(ticket: Ticket, run: () => T): T => current.run(ticket, run)
