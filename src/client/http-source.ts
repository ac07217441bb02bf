import { isHash } from '../core/bytes/hex.js'
import { isDeedlogError, MalformedError, quote } from '../core/errors.js'
import {
  ENTRY_BYTES_MAX,
  NOTE_BYTES_MAX,
  parseCheckpoint,
  parseNote,
  parseTilePath,
  TILE_WIDTH,
  type TileId,
  tilePath,
} from '../core/tlog/index.js'
import { BUNDLE_BYTES_MAX, KEPT_BYTES_MAX, parseBundle } from '../core/verify/index.js'
import { bundleSource } from './bundle-file.js'
import { getBytes, type HttpOptions } from './http.js'
import type { LogSource } from './source.js'
import { tiledEntries } from './tiled-entries.js'

/** Whether a target is an address. */
export const isAddress = (target: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(target)

/** Whether whoever is on the way can read and change what an address gives. Signatures tell of changes, not of readers. */
export function isOpenToAll(target: string): boolean {
  if (!URL.canParse(target)) return false
  const { protocol, hostname } = new URL(target)
  return protocol === 'http:' && !LOOPBACK.test(hostname)
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

// Answers that are fetched before they are asked for. More of them would burden a server for little.
const AHEAD = 8
const FIRST_BUNDLE = tilePath({ level: 'entries', index: 0, width: TILE_WIDTH })
const TILE_BYTES_MAX = TILE_WIDTH * 32
const ENTRIES_BYTES_MAX = TILE_WIDTH * (ENTRY_BYTES_MAX + 2)

export interface HttpSourceOptions extends HttpOptions {
  /** Tiles and bundles that are fetched at once, 1 to 64. Default 8. */
  readonly connections?: number
}

/**
 * Opens a log that a web server serves as C2SP tlog-tiles lays it out, or a bundle behind an address that ends in
 * `.deedlog`.
 *
 * @throws {MalformedError} `target.address` for what is no address of a log; `target.no-log` when there is no checkpoint;
 *   `bundle-file.*`
 * @throws {UnavailableError} `http.*`
 */
export async function openAddress(target: string, options: HttpSourceOptions = {}): Promise<LogSource> {
  const base = parseAddress(target)
  if (base.pathname.endsWith('.deedlog')) {
    const bytes = await getBytes(base, BUNDLE_BYTES_MAX, options)
    if (!bytes) throw noLog(base, 'there is nothing')
    return bundleSource(parseBundle(bytes), base.href)
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  const source = httpSource(base, options)
  if (!(await source.checkpoint())) throw noLog(base, 'there is no checkpoint')
  return source
}

function parseAddress(target: string): URL {
  const url = URL.canParse(target) ? new URL(target) : undefined
  if (url && (url.protocol === 'https:' || url.protocol === 'http:'))
    if (url.username === '' && url.password === '' && url.search === '' && url.hash === '')
      // Credentials would end up in reports and messages; a query or a fragment names no folder.
      return url
  const shown = url ? `${url.protocol}//${url.host}${url.pathname}` : target
  throw new MalformedError('target.address', `${quote(shown)} is no address of a log`, {
    expected: 'https://host/path of a folder with a checkpoint, without credentials, query and fragment',
  })
}

const noLog = (base: URL, what: string): MalformedError =>
  new MalformedError('target.no-log', `at ${quote(base.href)} ${what}`, {
    expected: 'the address of the public folder of a log: the one in which checkpoint and tile/ are',
  })

function httpSource(base: URL, options: HttpSourceOptions): LogSource {
  const get = (path: string, most: number) => getBytes(new URL(path, base), most, options)
  let latest: Uint8Array | undefined
  const checkpoint = async (): Promise<Uint8Array | undefined> => {
    // The log may grow while it is read: what is verified is what the first checkpoint covers.
    latest ??= await get('checkpoint', NOTE_BYTES_MAX)
    return latest
  }
  const ahead = new ReadAhead(
    (id, path) => get(path, id.level === 'entries' ? ENTRIES_BYTES_MAX : TILE_BYTES_MAX),
    options.connections ?? AHEAD,
    async () => sizeOf(await checkpoint()),
  )
  const tile = (path: string) => ahead.get(path)
  return {
    kind: 'url',
    name: base.href,
    suppliedTrust: [],
    checkpoint,
    tile,
    entries: range => tiledEntries({ checkpoint, tile }, range),
    // Pruning takes the first bundle away first: as long as it is there, all are.
    kept: async () => ((await ahead.peek(FIRST_BUNDLE)) ? undefined : get('kept/records.jsonl', KEPT_BYTES_MAX)),
    note: async hash => (isHash(hash) ? get(`notes/${hash}`, NOTE_BYTES_MAX) : undefined),
    close: async () => {},
  }
}

function sizeOf(note: Uint8Array | undefined): number {
  try {
    return note ? parseCheckpoint(parseNote(note).text).size : 0
  } catch (error) {
    if (isDeedlogError(error)) return 0
    throw error
  }
}

/** Fetches full tiles and bundles before they are asked for, while they are asked for one after the other. */
class ReadAhead {
  readonly #fetch: (id: TileId, path: string) => Promise<Uint8Array | undefined>
  readonly #most: number
  readonly #size: () => Promise<number>
  readonly #waiting = new Map<string, Promise<Uint8Array | undefined>>()
  readonly #last = new Map<TileId['level'], number>()

  constructor(
    fetch: (id: TileId, path: string) => Promise<Uint8Array | undefined>,
    most: number,
    size: () => Promise<number>,
  ) {
    this.#fetch = fetch
    this.#most = most
    this.#size = size
  }

  async get(path: string): Promise<Uint8Array | undefined> {
    const id = parseTilePath(path)
    const { level, index, width } = id
    const isNext = index === 0 || this.#last.get(level) === index - 1
    this.#last.set(level, index)
    const waiting = this.#waiting.get(path)
    this.#waiting.delete(path)
    if (isNext && width === TILE_WIDTH && (level === 'entries' || level === 0))
      this.#begin(level, index, await this.#size())
    return waiting ?? this.#fetch(id, path)
  }

  /** What `get` will give, which then does not fetch it once more. */
  async peek(path: string): Promise<Uint8Array | undefined> {
    const waiting = this.#waiting.get(path) ?? this.#fetch(parseTilePath(path), path)
    this.#waiting.set(path, waiting)
    return waiting
  }

  #begin(level: TileId['level'], index: number, size: number): void {
    const full = Math.floor(size / TILE_WIDTH)
    for (let next = index + 1; next < Math.min(full, index + this.#most); next++) {
      const id = { level, index: next, width: TILE_WIDTH }
      const path = tilePath(id)
      if (this.#waiting.has(path)) continue
      const fetched = this.#fetch(id, path)
      // Whoever asks for it is told; when nobody does, nobody is.
      fetched.catch(() => {})
      this.#waiting.set(path, fetched)
    }
  }
}
