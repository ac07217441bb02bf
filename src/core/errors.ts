/**
 * One class per reaction, one stable dotted `code` per cause. Match on `code`: two copies of this module in one
 * process have different classes. Codes are listed in `spec/vocabulary.md`.
 */
export abstract class DeedlogError extends Error {
  /** Stable and dotted: the room or format, then what is wrong with it. Part of the public interface. */
  readonly code: string
  /** What would have been right, in a few words, for a person; absent where the message says it all. */
  readonly expected: string | undefined

  constructor(code: string, message: string, options: { expected?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.expected = options.expected
  }
}

/** The bytes do not parse. Refuse them; they accuse nobody. */
export class MalformedError extends DeedlogError {
  override readonly name = 'MalformedError'
}

/** The bytes parse and what they claim is false. This is evidence. */
export class VerificationError extends DeedlogError {
  override readonly name = 'VerificationError'
}

/** A disk, a database, a network or another process failed or said no. */
export class UnavailableError extends DeedlogError {
  override readonly name = 'UnavailableError'
  /** True when the same call may succeed later without anybody doing anything. */
  readonly retryable: boolean

  constructor(
    code: string,
    message: string,
    options: { expected?: string; cause?: unknown; retryable?: boolean } = {},
  ) {
    super(code, message, options)
    this.retryable = options.retryable ?? false
  }
}

/** We no longer know what was saved. Reload the log from its store before writing anything. */
export class HaltedError extends DeedlogError {
  override readonly name = 'HaltedError'
}

/** Whether `error` is one of ours, also when another copy of this module made it. */
export const isDeedlogError = (error: unknown): error is DeedlogError =>
  error instanceof Error && typeof (error as { code?: unknown }).code === 'string' && ERROR_NAMES.has(error.name)

const ERROR_NAMES = new Set(['MalformedError', 'VerificationError', 'UnavailableError', 'HaltedError'])

const QUOTED_MAX = 80
const SECRET = /PRIVATE[+ ]KEY/

/** `value` for an error message: quoted, escaped and cut, so that a hostile value cannot forge a line of output. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : String(value)
  // A secret pasted where a public key belongs must not end up in a terminal or a CI log.
  if (SECRET.test(text)) return '"(a private key, not shown)"'
  const cut = text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}…` : text
  // JSON escapes C0 controls only; the rest of Cc and the bidirectional overrides can also rewrite a terminal line.
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
