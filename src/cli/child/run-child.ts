import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { onBrokenPipe } from '../terminal/broken-pipe.js'
import { type CapturedOutput, OutputCapture } from './output-capture.js'
import type { Signals } from './signals.js'

export type ChildResult = NotStarted | Ended

/** The operating system did not start it: no such command, not executable, too many processes. */
interface NotStarted {
  readonly started: false
  readonly error: NodeJS.ErrnoException
}

interface Ended {
  readonly started: true
  /** Exactly one of exit code and signal. */
  readonly exitCode?: number
  readonly signal?: NodeJS.Signals
  readonly stdout: CapturedOutput
  readonly stderr: CapturedOutput
}

/**
 * Runs a command with our standard input, its outputs passed through as they come and captured on the way.
 * Resolves when it has ended and nobody can write to its outputs any more.
 *
 * @param captureBytes  How much of each output is kept.
 * @param signals       What the command is to be told of.
 */
export function runChild(
  [file, ...args]: readonly [string, ...string[]],
  captureBytes: number,
  signals: Signals,
): Promise<ChildResult> {
  return new Promise(resolve => {
    let child: ChildProcess
    try {
      child = spawn(file, args, { stdio: ['inherit', 'pipe', 'pipe'] })
    } catch (error) {
      // Node throws, instead of emitting, for some of them (an empty name, a NUL, E2BIG).
      resolve({ started: false, error: error as NodeJS.ErrnoException })
      return
    }
    const stdout = passThrough(child.stdout, 'stdout', captureBytes)
    const stderr = passThrough(child.stderr, 'stderr', captureBytes)
    // At once, so that no signal falls between the start and this line.
    if (child.pid !== undefined) signals.passTo(signal => child.kill(signal))
    child.once('error', error => {
      // Also emitted when a signal could not be sent: then it runs on, and `close` will tell.
      if (child.pid === undefined) resolve({ started: false, error })
    })
    child.once('close', (exitCode, signal) => {
      // A child that never started closes too.
      if (child.pid === undefined) return
      resolve({
        started: true,
        ...(signal === null ? { exitCode: exitCode ?? 0 } : { signal }),
        stdout: stdout.finish(),
        stderr: stderr.finish(),
      })
    })
  })
}

function passThrough(from: Readable | null, name: 'stdout' | 'stderr', captureBytes: number): OutputCapture {
  const capture = new OutputCapture(captureBytes)
  if (from === null) return capture
  const to = process[name]
  // Our reader went away. The command learns it as it would without us: its next write fails.
  onBrokenPipe(name, () => from.destroy())
  from.on('data', (chunk: Uint8Array) => {
    capture.add(chunk)
    if (to.write(chunk)) return
    from.pause()
    to.once('drain', () => from.resume())
  })
  return capture
}
