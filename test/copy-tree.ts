import { execFileSync } from 'node:child_process'

/**
 * Copies a folder to a path where nothing is yet, modes and times included. Node's own `cpSync` makes the folders of the
 * copy anew from version 24 on, open to others, and a log does not use keys that others could read.
 */
export function copyTree(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to])
}
