import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { UnavailableError } from '../core/errors.js'
import { isHash, isWord } from '../core/record/index.js'
import type { StoreKind } from './layout.js'

/** What `deedlog.json` says. No secret is ever in it. Format: `spec/layout.md`. */
export interface LogConfig {
  readonly format: number
  readonly store: StoreKind
  readonly origin: string
  readonly logId: string
  readonly checkpointMs?: number
}

/** The version of the directory format that this code writes. */
export const LAYOUT_FORMAT = 1

export const formatConfig = (config: LogConfig): Uint8Array => toUtf8(`${JSON.stringify(config, null, 2)}\n`)

/**
 * @param path  For messages.
 * @throws {UnavailableError} `log.newer-format`, `log.config`
 */
export function parseConfig(bytes: Uint8Array, path: string): LogConfig {
  const broken = (why: string, cause?: unknown): UnavailableError =>
    new UnavailableError('log.config', `${path} is not the description of a log: ${why}`, {
      cause,
      expected: 'the file as it was when the log was made',
    })
  let value: unknown
  try {
    value = JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw broken('it is no JSON', cause)
  }
  if (typeof value !== 'object' || value === null) throw broken('it is no object')
  const { format, store, origin, logId, checkpointMs } = value as { [name: string]: unknown }
  if (!Number.isSafeInteger(format) || (format as number) < 1) throw broken('it has no format')
  // Before anything else is looked at: a newer format may have given every other name another meaning.
  if ((format as number) > LAYOUT_FORMAT)
    throw new UnavailableError('log.newer-format', `${path} has format ${format}, newer than this deedlog can write`, {
      expected: `format ${LAYOUT_FORMAT}, or a newer deedlog`,
    })
  if (store !== 'files' && store !== 'jsonl') throw broken('it names no store')
  if (!isWord(origin)) throw broken('it has no origin')
  if (!isHash(logId)) throw broken('it has no log id')
  if (checkpointMs !== undefined && !isCheckpointMs(checkpointMs))
    throw broken('its checkpointMs is no number of milliseconds')
  return { format: format as number, store, origin, logId, ...(checkpointMs === undefined ? {} : { checkpointMs }) }
}

export const isCheckpointMs = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= CHECKPOINT_MS_MAX

// A day: a log that signs less often than that is not being kept.
const CHECKPOINT_MS_MAX = 86_400_000
