import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The built command, as users run it. `npm test` builds it first. */
export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: build it first (npm run build)`)

export interface Ran {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface World {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** Runs `deedlog` to its end, its outputs being pipes. */
export function deedlog(args: readonly string[], { cwd, env, input }: World): Ran {
  const ran = spawnSync(process.execPath, [MAIN, ...args], {
    cwd,
    encoding: 'utf8',
    env: environment(env),
    input: input ?? '',
    timeout: 25_000,
  })
  return { status: ran.status, signal: ran.signal, stdout: ran.stdout, stderr: ran.stderr }
}

/** Starts `deedlog` and gives it back while it runs. */
export const startDeedlog = (args: readonly string[], { cwd, env }: World) =>
  spawn(process.execPath, [MAIN, ...args], { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] })

/** The test runner's own environment may colour, debug or widen. */
function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  // Logs of tests are nothing to remember in the home of whoever runs them.
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    DEEDLOG_STATE: join(tmpdir(), `deedlog-state-${process.pid}`),
    ...more,
  }
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'DEEDLOG_DEBUG', 'COLUMNS', 'NODE_OPTIONS'])
    if (!(name in more)) delete env[name]
  return env
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'deedlog-cli-'))
export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true })

/** What no run may ever print, whatever it was fed: a stack trace. */
export const STACK_TRACE = /^\s+at .*[(:]\d+:\d+\)?$/m

/** Standard error under `--json`: exactly one line of JSON with one error in it. */
export function jsonError(ran: Ran): { code: string; message: string; expected: string; next: string } {
  const lines = ran.stderr.trimEnd().split('\n')
  if (lines.length !== 1) throw new Error(`not one line of JSON:\n${ran.stderr}`)
  return (JSON.parse(lines[0] ?? '') as { error: ReturnType<typeof jsonError> }).error
}
