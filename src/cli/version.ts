import { readFileSync } from 'node:fs'

/** The version in package.json, two folders up from both `src/cli` and `dist/cli`. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return String((manifest as { version?: unknown }).version)
}
