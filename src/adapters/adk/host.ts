import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { HostInfo } from '../../recorder/types.js'

const PACKAGE = '@google/adk'

/** Which ADK this is, from its package.json: importing ADK itself would cost seconds, and might give a second copy. */
export function adkInfo(): HostInfo {
  return {
    framework: PACKAGE,
    version: versionFrom(import.meta.url) ?? versionFrom(join(process.cwd(), 'x.js')) ?? 'unknown',
  }
}

function versionFrom(from: string): string | undefined {
  try {
    // Its `exports` do not offer package.json, so the way leads up from its entry.
    for (let dir = dirname(createRequire(from).resolve(PACKAGE)), up = 0; up < 8; dir = dirname(dir), up++) {
      const found = tryRead(join(dir, 'package.json'))
      if (found?.name === PACKAGE && typeof found.version === 'string') return found.version
    }
  } catch {
    // Not installed where we look: then it came from elsewhere, and we do not know.
  }
  return undefined
}

function tryRead(path: string): { name?: unknown; version?: unknown } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown; version?: unknown }
  } catch {
    return undefined
  }
}
