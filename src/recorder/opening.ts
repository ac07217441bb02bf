import { sha256Hex } from '#crypto'
import { canonicalBytes } from '../core/record/canonical.js'
import { capture } from '../core/record/capture.js'
import { encodeKey, formatTime, isText, isWord } from '../core/record/formats.js'
import { recordMessage, signedRecord } from '../core/record/signing.js'
import type { After, Coverage, Json, LogRef } from '../core/record/types.js'
import type { RulesInForce } from '../govern/evaluator.js'
import type { Signer } from '../log/backend.js'
import type { Body } from './stream.js'
import { asText } from './text.js'
import type { CoveredTool, HostInfo, RecorderOptions } from './types.js'
import { RECORDER } from './version.js'

/*
 * What a stream says before its first call: who records, under which configuration and rules, and what it can see.
 */

/** The signed bytes of a `stream.start`. */
export async function makeStart(init: {
  readonly options: RecorderOptions
  readonly logs: readonly LogRef[]
  readonly identity: Signer
  readonly streamKey: Uint8Array
  readonly after: After | undefined
  readonly config: string
  readonly now: number
}): Promise<Uint8Array> {
  const { options, logs, identity, after } = init
  const host = hostInfo(options.host)
  const name = asText(options.agent.name)
  const version = asText(options.agent.version)
  const body = {
    v: 1,
    type: 'stream.start',
    seq: 0,
    time: formatTime(init.now),
    logs: logs.map(({ id, origin }) => ({ id, origin })).sort((a, b) => (a.id < b.id ? -1 : 1)),
    role: 'agent',
    ...(options.observer && { observer: options.observer }),
    agent: { id: options.agent.id, ...(name && { name }), ...(version && { version }) },
    ...(host && { host }),
    recorder: RECORDER,
    config: init.config,
    custody: options.custody ?? 'process',
    identity: encodeKey(identity.publicKey),
    key: encodeKey(init.streamKey),
    ...(after && { after }),
  } as unknown as { readonly [name: string]: Json }
  // Encoding checks every member: a backend that names its logs wrongly is found out here, not by whoever verifies.
  return signedRecord(body, await identity.sign(recordMessage(body)))
}

const CONFIG_BYTES_MAX = 256 * 1024

/** Hash of the effective configuration: two streams with the same hash recorded under the same conditions. */
export function configHash(options: RecorderOptions, effective: Readonly<Record<string, number | boolean>>): string {
  const { tier, redact, approver, evaluator, unseen, observer } = options
  return sha256Hex(
    canonicalBytes(
      capture(
        {
          ...effective,
          agent: { ...options.agent },
          approver: approver !== undefined,
          engine: evaluator ? (evaluator.rules?.engine ?? 'custom') : 'none',
          observer: observer ?? '',
          redact: redact !== undefined,
          tier: typeof tier === 'function' ? 'per tool' : (tier ?? 'strict'),
          unseen: (unseen ?? []).filter(isWord).sort(),
        },
        CONFIG_BYTES_MAX,
      ),
    ),
  )
}

// spec/record.md §4: `files` holds 1 to 32.
const FILES_MAX = 32
// 64 of each are allowed, but 64 of the longest would be more than the 16,384 bytes of a record.
const TOOLS_MAX = 36
const UNSEEN_MAX = 48

/**
 * The bodies of the `rules` records, each to be made with the leaf hash of the one before it. None when there are no
 * files: a `rules` record without files cannot be.
 */
export function rulesParts({ engine, files }: RulesInForce): ((part: string | undefined) => Body)[] {
  // A name that is no `text`, or that two files share, must not keep the whole record from being written.
  const named = new Map<string, string>()
  for (const { digest, name } of files) {
    const text = asText(name) ?? '?'
    let unique = text
    for (let n = 2; named.has(unique); n++) unique = asText(`${n}: ${text}`) ?? `${n}`
    named.set(unique, digest)
  }
  const ascending = [...named.keys()].sort().map(name => ({ digest: named.get(name)!, name }))
  const parts: ((part: string | undefined) => Body)[] = []
  for (let i = 0; i < ascending.length; i += FILES_MAX) {
    const some = ascending.slice(i, i + FILES_MAX)
    parts.push(part => ({
      type: 'rules',
      engine: { name: asText(engine.name) ?? '?', version: asText(engine.version) ?? '?' },
      files: some,
      ...(part && { part }),
    }))
  }
  return parts
}

/** The bodies of the `coverage` records that say all this. */
export function coverageParts(
  tools: readonly CoveredTool[],
  unseen: readonly string[],
  detail: Coverage['detail'],
): Body[] {
  const words = [...new Set(unseen.filter(isWord))].sort()
  const rows = tools.map(({ name, digest, wrapped }) => ({
    name: isText(name) ? name : '?',
    ...(digest && { digest }),
    wrapped: wrapped ? ('yes' as const) : ('no' as const),
  }))
  const bodies: Body[] = []
  for (let i = 0; i < rows.length; i += TOOLS_MAX)
    bodies.push({ type: 'coverage', tools: rows.slice(i, i + TOOLS_MAX) })
  for (let i = 0; i < words.length; i += UNSEEN_MAX)
    bodies.push({ type: 'coverage', unseen: words.slice(i, i + UNSEEN_MAX) })
  if (detail) bodies.push({ type: 'coverage', detail })
  return bodies
}

function hostInfo(host: RecorderOptions['host']): HostInfo | undefined {
  let found: HostInfo | undefined
  try {
    found = typeof host === 'function' ? host() : host
  } catch {
    return undefined
  }
  const framework = asText(found?.framework)
  return framework ? { framework, version: asText(found?.version) ?? '?' } : undefined
}
