import { writeSync } from 'node:fs'
import { askRecorder } from './ask.js'

/**
 * One hook, from standard input to its exit code: 0, or 2 for anything that went wrong, which is the one code by which
 * Claude Code holds a call back. Never throws, and prints nothing where the call may go on.
 *
 * @param args  the log, then options
 */
export async function runHook(args: readonly string[]): Promise<0 | 2> {
  // Also what is thrown where nobody waits: Node's own code for that, 1, lets the tool run.
  process.on('uncaughtException', error => process.exit(failed(error)))
  try {
    const { exit, out } = await askRecorder(args, await standardInput())
    // To the end, and at once: half a denial is none.
    for (let rest = Buffer.from(out); rest.length > 0; ) rest = rest.subarray(writeSync(1, rest))
    return exit
  } catch (error) {
    return failed(error)
  }
}

async function standardInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > INPUT_BYTES_MAX) throw new Error(`the call has more than ${INPUT_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function failed(error: unknown): 2 {
  const why = error instanceof Error ? error.message : String(error)
  try {
    writeSync(2, `deedlog: this tool call cannot be recorded, so it is held back: ${why.replace(BLANKS, ' ')}\n`)
  } catch {
    // Nobody listens. The exit code says what matters.
  }
  return 2
}

const BLANKS = /[\p{Cc}\s]+/gu
// As `PAYLOAD_BYTES_MAX` of the recorder, which is not loaded here.
const INPUT_BYTES_MAX = 32 * 1024 * 1024
