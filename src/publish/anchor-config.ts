import { ANCHOR_MODES, type AnchorMode, isAnchorName, parseCertificate } from '../core/anchor/index.js'
import { fromBase64 } from '../core/bytes/base64.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, quote, UnavailableError } from '../core/errors.js'
import { replaceFile } from '../log/disk.js'
import { diskError, reading } from '../log/disk-error.js'
import { type Layout, PRIVATE_FILE_MODE } from '../log/layout.js'
import type { Anchor } from './anchor.js'
import type { RunnerWorld } from './anchor-runner.js'
import { chainOf } from './evm-config.js'
import { trailsOf } from './mycelium-config.js'
import { rfc3161 } from './rfc3161.js'

/** One anchor as the configuration has it. What else a kind needs stands beside these. */
export interface AnchorEntry {
  readonly kind: string
  readonly name: string
  readonly mode?: AnchorMode
  readonly [option: string]: unknown
}

/** Which anchors a log has. Private: an address may hold a secret. */
export interface AnchorConfig {
  readonly anchors: readonly AnchorEntry[]
  readonly everyMinutes?: number
  readonly everyRecords?: number
}

/**
 * Makes an anchor of one kind from what the configuration says. It may throw TypeError for an option that is none.
 * One line per kind.
 */
const KINDS: ReadonlyMap<string, (entry: AnchorEntry) => Anchor> = new Map([
  ['rfc3161', timestampsOf],
  ['evm', chainOf],
  ['mycelium', trailsOf],
])

/** An RFC 3161 entry: `url`, and where wanted `policy` and `roots`, base64 of certificates in DER. */
function timestampsOf({ name, mode, url, policy, roots = [] }: AnchorEntry): Anchor {
  if (typeof url !== 'string') throw new TypeError('it has no url')
  if (policy !== undefined && typeof policy !== 'string') throw new TypeError('its policy is no text')
  if (!Array.isArray(roots) || !roots.every(each => typeof each === 'string'))
    throw new TypeError('roots is no list of texts')
  const certificates = roots.map(text => parseCertificate(fromBase64(text)))
  return rfc3161({
    url,
    name,
    ...(mode === undefined ? {} : { mode }),
    ...(policy === undefined ? {} : { policy }),
    ...(certificates.length === 0 ? {} : { roots: certificates }),
  })
}

const configPath = ({ privateFolder }: Layout): string => `${privateFolder}/anchors.json`

/** The anchors of a log; none when it has no configuration. @throws {UnavailableError} `anchor.config` */
export async function readAnchorConfig({ disk }: RunnerWorld, layout: Layout): Promise<AnchorConfig> {
  const path = configPath(layout)
  const bytes = await reading(path, disk.readFile(path))
  if (!bytes) return { anchors: [] }
  const broken = (why: string, cause?: unknown): UnavailableError =>
    new UnavailableError('anchor.config', `${path} says nothing that can be done: ${why}`, {
      cause,
      expected: '{"anchors": [{"kind": "rfc3161", "name": ..., "url": ..., "mode": ...}], "everyMinutes": 60}',
    })
  let value: unknown
  try {
    value = JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw broken('it is no JSON', cause)
  }
  const { anchors, everyMinutes, everyRecords } = (value ?? {}) as { [name in keyof AnchorConfig]: unknown }
  if (!Array.isArray(anchors) || anchors.length > ANCHORS_MAX) throw broken('it has no list of anchors')
  for (const entry of anchors as readonly AnchorEntry[]) {
    if (!isAnchorName(entry?.kind) || !isAnchorName(entry?.name)) throw broken('an anchor has no kind and name')
    if (entry.mode !== undefined && !ANCHOR_MODES.includes(entry.mode)) throw broken(`the mode ${quote(entry.mode)}`)
  }
  for (const number of [everyMinutes, everyRecords])
    if (number !== undefined && typeof number !== 'number') throw broken('its schedule is no number')
  return value as AnchorConfig
}

// Each is a request per checkpoint.
const ANCHORS_MAX = 32

/** Replaces the configuration. */
export async function writeAnchorConfig({ disk }: RunnerWorld, layout: Layout, config: AnchorConfig): Promise<void> {
  const path = configPath(layout)
  try {
    await replaceFile(disk, path, toUtf8(`${JSON.stringify(config, null, 2)}\n`), PRIVATE_FILE_MODE)
  } catch (cause) {
    throw diskError(cause, path, true)
  }
}

/** The anchors that a configuration describes. @throws {UnavailableError} `anchor.config` for one that cannot be made */
export function anchorsOf({ anchors }: AnchorConfig): Anchor[] {
  return anchors.map(entry => {
    const { kind, name } = entry
    const expected = `one of ${[...KINDS.keys()].join(', ')}`
    const make = KINDS.get(kind)
    if (!make) throw new UnavailableError('anchor.config', `${quote(name)} is of kind ${quote(kind)}`, { expected })
    try {
      return make(entry)
    } catch (cause) {
      if (!(cause instanceof TypeError) && !isDeedlogError(cause)) throw cause
      throw new UnavailableError('anchor.config', `the anchor ${quote(name)}: ${cause.message}`, { cause })
    }
  })
}
