import { spawn } from 'node:child_process'
import { fromBase64 } from '../core/bytes/base64.js'
import { UnavailableError } from '../core/errors.js'
import type { Signer } from '../log/backend.js'
import { SIGNER_MS } from '../log/signer.js'
import { UsageError } from './errors.js'

/**
 * A key that a command signs with: `--signer "command argument ..."`. It is started without a shell, for each
 * signature; has the message on standard input; and answers on standard output with the 64 bytes of an Ed25519
 * signature, or with their base64. What it says on standard error is passed through.
 *
 * @param line  Words apart by spaces; a command that needs more is a script.
 */
export function commandSigner(line: string, publicKey: Uint8Array): Signer {
  const [file, ...args] = line.split(' ').filter(word => word !== '')
  if (file === undefined)
    throw new UsageError('usage.value', '--signer names no command', { expected: '"command argument ..."' })
  return { publicKey, sign: message => run(file, args, message) }
}

function run(file: string, args: readonly string[], message: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const failed = (why: string, cause?: unknown) =>
      reject(
        new UnavailableError('signer.failed', `the command ${file} did not sign: ${why}`, {
          expected: '64 bytes, or their base64, on its standard output, and exit code 0',
          cause,
        }),
      )
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    // Whoever waits for the signature is told by then. Node's own time limit would outlive a command that never began.
    const limit = setTimeout(() => child.kill('SIGKILL'), SIGNER_MS)
    const chunks: Buffer[] = []
    let length = 0
    child.once('error', error => {
      clearTimeout(limit)
      failed(error.message, error)
    })
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= ANSWER_BYTES_MAX) chunks.push(chunk)
      else child.kill('SIGKILL')
    })
    child.once('close', (code, signal) => {
      clearTimeout(limit)
      if (code !== 0) failed(code === null ? `it was ended by ${signal}` : `it ended with code ${code}`)
      else resolve(signatureIn(Buffer.concat(chunks)))
    })
    // A command that does not read its input ends all the same; its answer is looked at.
    child.stdin.on('error', () => {})
    child.stdin.end(message)
  })
}

/** Whether it is a good one, whoever uses the signer checks. */
function signatureIn(answer: Buffer): Uint8Array {
  if (answer.length === SIGNATURE_LENGTH) return new Uint8Array(answer)
  try {
    return fromBase64(answer.toString('latin1').trim())
  } catch {
    return new Uint8Array(0)
  }
}

const SIGNATURE_LENGTH = 64
const ANSWER_BYTES_MAX = 1024
