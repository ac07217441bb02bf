import { type DeedlogError, HaltedError, isDeedlogError, UnavailableError } from '../core/errors.js'

/* What a writer says that takes nothing any more. A new object for each caller: its stack says who came too late. */

/** It stopped after an error. */
export const haltedBefore = (cause: HaltedError): HaltedError =>
  new HaltedError('log.halted', 'this log has stopped after an error; open it again to go on', { cause })

/** It was closed. */
export const closedError = (): UnavailableError =>
  new UnavailableError('log.closed', 'this log is closed', { expected: 'an open log' })

/** What kept a checkpoint from being signed; anything unforeseen halts. */
export const asDeedlogError = (cause: unknown): DeedlogError =>
  isDeedlogError(cause)
    ? cause
    : new HaltedError('log.write-failed', 'signing a checkpoint failed in a way nobody foresaw', { cause })
