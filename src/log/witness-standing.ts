import { fromBase64, toBase64 } from '../core/bytes/base64.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError } from '../core/errors.js'
import type { Disk } from './disk.js'
import { reading } from './disk-error.js'
import type { Layout } from './layout.js'

/*
 * What the writer of a log remembers of its witnesses, in the private folder: whom to ask, and how each stands. Both are
 * the keeper's own word. What proves something to others is the notes that were cosigned.
 */

/** How one witness of a log stands. */
export interface WitnessStanding {
  /** Its name in the policy. */
  readonly name: string
  /** Its verifier key, as text. */
  readonly vkey: string
  /** The checkpoint it was asked about last, and when it was, as records write times. */
  readonly asked: { readonly size: number; readonly time: string }
  /** Why it did not cosign that one; absent when it did. */
  readonly error?: { readonly code: string; readonly message: string }
  /** The newest checkpoint that it did cosign, by its own clock, and the note with its cosignature. */
  readonly cosigned?: { readonly size: number; readonly time: string; readonly note: Uint8Array }
}

/** Lines `witness`, `group` and `quorum` of a policy: whom commands ask that open the log. */
export const witnessPolicyPath = ({ privateFolder }: Layout): string => `${privateFolder}/${WITNESS_FILES[0]}`

export const standingsPath = ({ privateFolder }: Layout): string => `${privateFolder}/${WITNESS_FILES[1]}`

/** Names of both files: they move with the log. */
export const WITNESS_FILES = ['witnesses.policy', 'witnesses.json'] as const

/** More is none of ours. */
export const STANDINGS_BYTES_MAX = 1 << 20

export function formatStandings(standings: readonly WitnessStanding[]): Uint8Array {
  const plain = standings.map(({ cosigned, ...rest }) => ({
    ...rest,
    ...(cosigned && { cosigned: { ...cosigned, note: toBase64(cosigned.note) } }),
  }))
  return toUtf8(`${JSON.stringify({ witnesses: plain }, null, 2)}\n`)
}

/** Reads what {@link formatStandings} wrote. What is damaged is as good as not there: it proved nothing. */
export function parseStandings(bytes: Uint8Array): WitnessStanding[] {
  if (bytes.length > STANDINGS_BYTES_MAX) return []
  try {
    const { witnesses } = JSON.parse(fromUtf8(bytes)) as { witnesses?: unknown }
    return Array.isArray(witnesses) ? witnesses.flatMap(readStanding) : []
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || isDeedlogError(error)) return []
    throw error
  }
}

function readStanding(value: unknown): WitnessStanding[] {
  const { name, vkey, asked, error, cosigned } = value as { [member in keyof WitnessStanding]?: unknown }
  if (typeof name !== 'string' || typeof vkey !== 'string' || !isSeen(asked)) return []
  return [
    {
      name,
      vkey,
      asked: { size: asked.size, time: asked.time },
      ...(isFailure(error) && { error: { code: error.code, message: error.message } }),
      ...(isSeen(cosigned) &&
        'note' in cosigned &&
        typeof cosigned.note === 'string' && {
          cosigned: { size: cosigned.size, time: cosigned.time, note: fromBase64(cosigned.note) },
        }),
    },
  ]
}

function isSeen(value: unknown): value is { readonly size: number; readonly time: string } {
  const { size, time } = (value ?? {}) as { readonly size?: unknown; readonly time?: unknown }
  return Number.isSafeInteger(size) && typeof time === 'string'
}

function isFailure(value: unknown): value is { readonly code: string; readonly message: string } {
  const { code, message } = (value ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  return typeof code === 'string' && typeof message === 'string'
}

/** How the witnesses of a log stand; empty when nobody was ever asked. */
export async function readStandings(disk: Disk, layout: Layout): Promise<WitnessStanding[]> {
  const path = standingsPath(layout)
  const found = await reading(path, disk.stat(path))
  if (found?.kind !== 'file' || found.length > STANDINGS_BYTES_MAX) return []
  const bytes = await reading(path, disk.readFile(path))
  return bytes ? parseStandings(bytes) : []
}
