import { basename } from 'node:path'
import { quote, UnavailableError } from '../../core/errors.js'
import { isObject, read } from '../read.js'
import { isRecordingTransport } from './transport.js'

/**
 * Fails when tools would be called past the recorder: a self-test, for a program's own tests or for its start.
 *
 * @param subject  a client of the MCP SDK, connected or about to be (its `transport` is looked at); a transport; or the
 *   parsed configuration of an MCP host, with `mcpServers` or `servers`
 * @throws {UnavailableError} `mcp.uncovered`, naming what is not covered
 * @throws {TypeError} for anything else: a test of nothing passes nothing
 */
export function assertCoverage(subject: unknown): void {
  const servers = read(subject, 'mcpServers') ?? read(subject, 'servers')
  if (isObject(servers)) {
    const open = Object.entries(servers).filter(([, server]) => !isProxied(server))
    if (open.length > 0) uncovered(`the servers ${open.map(([name]) => quote(name)).join(', ')}`)
    return
  }
  if (isRecordingTransport(subject) || isRecordingTransport(read(subject, 'transport'))) return
  if (typeof read(subject, 'send') === 'function') uncovered('this transport')
  if (typeof read(subject, 'connect') === 'function') uncovered('this client')
  throw new TypeError('assertCoverage takes a client, a transport or the configuration of an MCP host')
}

function uncovered(what: string): never {
  throw new UnavailableError('mcp.uncovered', `${what} would be called without a record`, {
    expected: 'deedlog mcp before each server of a configuration, recordingTransport around each transport',
  })
}

// What starts a program of a package, or a script.
const LAUNCHERS = new Set([
  'npx',
  'npm',
  'pnpm',
  'yarn',
  'bunx',
  'node',
  'bun',
  'exec',
  'dlx',
  'cmd',
  '/c',
  '-y',
  '--yes',
])
const WORDS_MAX = 16

/** Whether the command of a server is `deedlog mcp`, started directly or by a launcher; or is told not to start at all. */
function isProxied(server: unknown): boolean {
  if (read(server, 'disabled') === true) return true
  const command = read(server, 'command')
  const args: unknown = read(server, 'args') ?? []
  if (typeof command !== 'string' || !Array.isArray(args)) return false
  const words = [command, ...args.slice(0, WORDS_MAX)].map(String)
  const first = words.findIndex(word => !LAUNCHERS.has(word) && !LAUNCHERS.has(nameOf(word)))
  return first >= 0 && isOurs(words[first]!) && words[first + 1] === 'mcp'
}

const nameOf = (path: string): string => basename(path.replaceAll('\\', '/')).replace(/\.(exe|cmd)$/i, '')

const isOurs = (word: string): boolean =>
  /^deedlog(@[^/]*)?$/.test(nameOf(word)) || /deedlog\/dist\/cli\/main\.js$/.test(word.replaceAll('\\', '/'))
