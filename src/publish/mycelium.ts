import {
  type ActionPreimage,
  type AnchorMode,
  checkpointAction,
  formatTrail,
  isAnchorName,
  readTrail,
} from '../core/anchor/index.js'
import { toHex } from '../core/bytes/hex.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { quote, UnavailableError, VerificationError } from '../core/errors.js'
import type { Anchor, AnchoredCheckpoint, Attempt, Progress } from './anchor.js'
import { type ServedTrail, TrailService } from './mycelium-client.js'

/** A service of Mycelium Trails that writes checkpoints down. */
export interface MyceliumOptions {
  /** Its address, `http:` or `https:`; paths are below it. It may hold a secret, and is never shown whole. */
  readonly url: string
  /** The operator's word for it. Lowercase letters, digits, hyphens. Default `mycelium`. */
  readonly name?: string
  /** Default `queue`. */
  readonly mode?: AnchorMode
  /** Who pays beyond what is free. It is no proof of anything, and appears in no output. */
  readonly apiKey?: string
  /** How far its clock may be from ours, in milliseconds. Default 300,000. */
  readonly skewMs?: number
  /** How long the service is waited for to bring a trail into a chain, in milliseconds. Default 7,200,000. */
  readonly waitMs?: number
  readonly timeoutMs?: number
}

/**
 * An anchor that has a service of Mycelium Trails write down a checkpoint: one trail each. It is the record of a third party;
 * the service signs nothing, and may have it in a chain later, which is waited for, and not relied on.
 *
 * @throws {TypeError} for options that are none
 * @see spec/anchors.md, "Trails"
 */
export function mycelium(options: MyceliumOptions): Anchor {
  const { name = 'mycelium', mode = 'queue', timeoutMs } = options
  if (!isAnchorName(name))
    throw new TypeError(`the anchor's name ${quote(name)} is not lowercase letters, digits, hyphens`)
  const base = addressOf(options.url)
  return {
    kind: 'mycelium',
    name,
    mode,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    // Its time is part of what it is called by: kept first, so that a second attempt asks for the same one.
    submit: async (checkpoint, { nowMs }) =>
      pending({ preimage: checkpointAction(checkpoint, nowMs), sinceMs: nowMs }, 'named, not written down yet', 0),
    poll: (checkpoint, resume, attempt) => goOn(base, options, checkpoint, parseResume(resume), attempt),
  }
}

const SKEW_MS = 300_000
const WAIT_MS = 7_200_000
const ASK_AGAIN_MS = 120_000

interface Resume {
  readonly preimage: ActionPreimage
  /** When it was first asked for, in milliseconds since 1970. */
  readonly sinceMs: number
  /** The trail, once it is known. */
  readonly id?: string
}

async function goOn(
  base: URL,
  { apiKey, skewMs = SKEW_MS, waitMs = WAIT_MS }: MyceliumOptions,
  { digest }: AnchoredCheckpoint,
  resume: Resume,
  { signal, nowMs }: Attempt,
): Promise<Progress> {
  const service = new TrailService(base, signal)
  const { preimage, sinceMs } = resume
  const settled = (trail: ServedTrail): Progress => {
    checkTime(trail, sinceMs, nowMs, skewMs)
    const { id, seconds, tx } = trail
    const evidence = formatTrail({
      host: base.host,
      id,
      preimage,
      ...(seconds === undefined ? {} : { seconds }),
      ...(tx === undefined ? {} : { tx }),
    })
    readTrail(evidence, digest)
    return { state: 'anchored', evidence }
  }
  let id = resume.id
  if (id === undefined) {
    // An earlier attempt may have been written down and its answer lost: the service would take it a second time.
    const found = await service.find(preimage)
    id = found?.id
    if (id === undefined) {
      const paymentHash = toHex(digest)
      const committed = await service.commit(preimage, { paymentHash, ...(apiKey === undefined ? {} : { apiKey }) })
      if (!committed) return pending(resume, 'said to be there already; asked for next', 0)
      id = committed.id
      if (!committed.isAnchoring) return settled(await service.trail(id, preimage))
    }
  }
  const trail = await service.trail(id, preimage)
  const isWaiting = !trail.isSettled && Math.abs(nowMs - sinceMs) < waitMs
  if (!isWaiting) return settled(trail)
  checkTime(trail, sinceMs, nowMs, skewMs)
  return pending({ ...resume, id }, 'written down; waits for the service to bring it into a chain', ASK_AGAIN_MS)
}

/** @throws {VerificationError} `mycelium.time` for a trail from before it was asked for, or from after now */
function checkTime({ seconds }: ServedTrail, sinceMs: number, nowMs: number, skewMs: number): void {
  if (seconds === undefined) return
  const ms = seconds * 1000
  if (ms < sinceMs - skewMs || ms > nowMs + skewMs)
    throw new VerificationError(
      'mycelium.time',
      `the trail is of second ${seconds}, asked for in ${Math.floor(sinceMs / 1000)}`,
      {
        expected: `between then and now, ${Math.round(skewMs / 1000)} s for the clocks`,
      },
    )
}

const pending = (resume: Resume, detail: string, afterMs: number): Progress => ({
  state: 'pending',
  resume: toUtf8(JSON.stringify(resume)),
  detail,
  afterMs,
})

function parseResume(bytes: Uint8Array): Resume {
  try {
    const resume = JSON.parse(fromUtf8(bytes)) as Resume
    if (typeof resume.preimage.timestamp !== 'string' || !Number.isSafeInteger(resume.sinceMs))
      throw new TypeError('another format')
    return resume
  } catch (cause) {
    throw new UnavailableError('anchor.queue', 'what was kept of a trail cannot be read', { cause })
  }
}

/** The address of a service. @throws {TypeError} for one that is none; its text is not shown */
export function addressOf(url: string): URL {
  let address: URL
  try {
    // With a slash at its end paths are below it.
    address = new URL(url.endsWith('/') ? url : `${url}/`)
  } catch {
    throw new TypeError('the address of a service of trails is no URL')
  }
  if (address.protocol !== 'http:' && address.protocol !== 'https:')
    throw new TypeError(`the address of a service of trails is of ${quote(address.protocol)}, not http: or https:`)
  if (address.username !== '' || address.password !== '')
    throw new TypeError('the address of a service of trails holds a user name or password, which fetch does not send')
  return address
}
