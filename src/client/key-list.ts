import { fromBase64 } from '../core/bytes/base64.js'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError } from '../core/errors.js'
import { type Key, type ParsedRecord, parseRecord } from '../core/record/index.js'
import { ALGORITHM, formatVerifierKey } from '../core/tlog/index.js'
import { parseTrust, recordKey, type Trust } from '../core/verify/index.js'
import { TRUST_BYTES_MAX } from './claimed-keys.js'
import { provenEntries } from './proven.js'
import { readForeignFile } from './read-file.js'
import type { LogSource } from './source.js'

/** A public key, and what the log and the trust file beside it say of it. */
export interface ListedKey {
  readonly role: 'log' | 'operator' | 'agent'
  /** Agents only. */
  readonly agent?: string
  readonly vkey: string
  /** Where it is known from, in this order: `trust file`, `log record`, `key record`, `stream`. */
  readonly from: readonly string[]
  /** Index of the `key` record that added it; of the first stream that it began. */
  readonly added?: number
  readonly first?: number
  readonly streams: number
  readonly state: 'in use' | 'retired' | 'compromised'
  /** Index of the record that says so. */
  readonly since?: number
}

interface Row {
  role: ListedKey['role']
  agent?: string
  key: Key
  from: Set<string>
  added?: number
  first?: number
  streams: number
  state: ListedKey['state']
  since?: number
}

/**
 * Every key that a log and its operator's trust file speak of. Of `key` records only those of operators who count at
 * that place are taken.
 *
 * @param trustFile  Path of the trust file beside the log; it need not be there.
 * @throws {VerificationError} `entries.unproven`
 */
export async function listKeys(source: LogSource, trustFile: string): Promise<readonly ListedKey[]> {
  const trust = await trustBeside(trustFile)
  const rows = new Map<string, Row>()
  const row = (role: Row['role'], key: Key, agent?: string): Row => {
    const name = JSON.stringify([role, agent ?? '', key])
    const found = rows.get(name)
    if (found) return found
    const fresh: Row = {
      role,
      key,
      from: new Set(),
      streams: 0,
      state: 'in use',
      ...(agent === undefined ? {} : { agent }),
    }
    // What strangers make up is bounded, like everything that is kept of a log.
    if (rows.size < KEYS_MAX) rows.set(name, fresh)
    return fresh
  }
  for (const { key } of trust?.policy.logs ?? []) row('log', recordKey(key)).from.add('trust file')
  for (const key of trust?.operators ?? []) row('operator', recordKey(key)).from.add('trust file')
  for (const { key } of trust?.agents ?? []) row('agent', recordKey(key), key.name).from.add('trust file')

  let origin = trust?.policy.logs[0]?.key.name ?? 'log'
  const operators = new Set<Key>()
  /** Streams of operators who counted when they began. */
  const counting = new Set<string>()
  for await (const { index, record: bytes } of provenEntries(source)) {
    const found = parsed(bytes)
    if (!found?.understood) continue
    const { record, leaf } = found
    if (record.type === 'log' && index === 0) {
      origin = record.origin
      for (const key of record.operators) {
        operators.add(key)
        row('operator', key).from.add('log record')
      }
    } else if (record.type === 'stream.start') {
      const isOperator = record.role === 'operator'
      if (isOperator && operators.has(record.identity)) counting.add(leaf)
      else if (isOperator) continue
      const each = row(record.role, record.identity, isOperator ? undefined : record.agent.id)
      each.from.add('stream')
      each.first ??= index
      each.streams++
    } else if (record.type === 'key' && counting.has(record.stream)) {
      const { event, key, agent } = record
      if (agent === undefined && event === 'add') operators.add(key)
      else if (agent === undefined || event === 'compromised') operators.delete(key)
      const concerned = [...rows.values()].filter(
        each =>
          each.key === key &&
          each.role !== 'log' &&
          (event === 'compromised' || agent === undefined || each.agent === agent),
      )
      if (event === 'add') {
        const added = row(agent === undefined ? 'operator' : 'agent', key, agent)
        added.from.add('key record')
        added.added ??= index
        if (added.state === 'retired') Object.assign(added, { state: 'in use', since: undefined })
      } else
        for (const each of concerned)
          if (each.state !== 'compromised')
            Object.assign(each, { state: event === 'retire' ? 'retired' : event, since: index })
    }
  }
  return [...rows.values()].map(({ key, from, since, agent, ...rest }) => ({
    ...rest,
    ...(agent === undefined ? {} : { agent }),
    ...(since === undefined ? {} : { since }),
    vkey: formatVerifierKey(agent ?? origin, ALGORITHM.ed25519, fromBase64(key).slice(1)).text,
    from: FROM.filter(each => from.has(each)),
  }))
}

const FROM = ['trust file', 'log record', 'key record', 'stream']
const KEYS_MAX = 10_000

/** A record; undefined for what is none: what is wrong with a log, `verify` says. */
function parsed(bytes: Uint8Array): ParsedRecord | undefined {
  try {
    return parseRecord(bytes)
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  }
}

/** The operator's own statement. One that cannot be read says nothing, and the list shows the rest. */
async function trustBeside(path: string): Promise<Trust | undefined> {
  try {
    const bytes = await readForeignFile(path, TRUST_BYTES_MAX)
    return bytes && parseTrust(fromUtf8(bytes))
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  }
}
