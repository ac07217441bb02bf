import { realpath, stat } from 'node:fs/promises'
import { readForeignFile } from '../client/read-file.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { quote, UnavailableError } from '../core/errors.js'
import { PASSPHRASE_BYTES_MAX } from '../log/key-file.js'
import { setProcessPassphrase } from '../log/passphrase.js'
import { UsageError } from './errors.js'

/*
 * Where the command line has the passphrase of key files from: a file, the environment, or whoever sits at the
 * terminal. Never an argument, which every user of the machine can read while the command runs.
 */

let fromEnvironment: string | undefined
let fromFile: string | undefined

/**
 * Takes the passphrase out of the environment, before anything is started that would inherit it, and lets key files ask
 * for it here.
 */
export function takePassphrase(): void {
  fromEnvironment = process.env['DEEDLOG_PASSPHRASE'] || undefined
  delete process.env['DEEDLOG_PASSPHRASE']
  setProcessPassphrase(
    async () => checked(await given()) ?? (isInteractive() ? prompt('Passphrase of the keys: ') : undefined),
  )
}

/** `--passphrase-file`: its first line is the passphrase. */
export function usePassphraseFile(path: string | undefined): void {
  fromFile = path
}

const given = async (): Promise<string | undefined> => (fromFile === undefined ? fromEnvironment : readFileOf(fromFile))

/**
 * A new passphrase: as given, or typed twice.
 * @throws {UsageError} `passphrase.missing`, `passphrase.short`, `passphrase.differs`
 */
export async function newPassphrase(): Promise<string> {
  const known = checked(await given())
  if (known === undefined && !isInteractive())
    throw new UsageError('passphrase.missing', 'no passphrase was given, and there is no terminal to ask at', {
      expected: 'DEEDLOG_PASSPHRASE, or --passphrase-file with a file that only you can read',
    })
  const passphrase = known ?? (await prompt('New passphrase: '))
  if (passphrase.length < LENGTH_MIN)
    throw new UsageError('passphrase.short', `the passphrase has fewer than ${LENGTH_MIN} characters`, {
      expected: 'several words, or a line of random characters',
    })
  if (known === undefined && (await prompt('Once more: ')) !== passphrase)
    throw new UsageError('passphrase.differs', 'the two passphrases differ', { expected: 'the same one twice' })
  return passphrase
}

// Guessing is what the rounds of the key file slow down; they cannot make up for a word.
const LENGTH_MIN = 12

async function readFileOf(path: string): Promise<string> {
  // Secrets are often put into place by a link; what counts is who may read the file.
  const real = await realpath(path).catch(() => path)
  const { mode } = await stat(real).catch(() => ({ mode: 0 }))
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0)
    throw new UnavailableError('key.permissions', `${quote(path)} is open to other users, and the passphrase with it`, {
      expected: `chmod 600 ${path}`,
    })
  const bytes = await readForeignFile(real, PASSPHRASE_BYTES_MAX + 2)
  const passphrase = bytes && fromUtf8(bytes).replace(/\r?\n$/, '')
  if (passphrase) return passphrase
  throw new UsageError('passphrase.missing', `there is no passphrase in ${quote(path)}`, {
    expected: 'a file whose only line is the passphrase',
  })
}

function checked(passphrase: string | undefined): string | undefined {
  if (passphrase === undefined || toUtf8(passphrase).length <= PASSPHRASE_BYTES_MAX) return passphrase
  throw new UsageError('passphrase.long', `the passphrase is longer than ${PASSPHRASE_BYTES_MAX} bytes`, {
    expected: 'a shorter one',
  })
}

const OTHERS = 0o077

const isInteractive = (): boolean => process.stdin.isTTY === true && process.stderr.isTTY === true

/** Asks at the terminal, which shows nothing of what is typed. */
function prompt(question: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(question)
  return new Promise((resolve, reject) => {
    let typed = ''
    const end = (work: () => void): void => {
      stdin.off('data', take)
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
      work()
    }
    const take = (chunk: Buffer): void => {
      for (const character of chunk.toString('utf8')) {
        if (character === '\r' || character === '\n' || character === END || typed.length > PASSPHRASE_BYTES_MAX) {
          end(() => resolve(typed))
          return
        }
        if (character === INTERRUPT) {
          end(() =>
            reject(new UsageError('passphrase.missing', 'no passphrase was typed', { expected: 'the passphrase' })),
          )
          return
        }
        typed = BACK.includes(character) ? [...typed].slice(0, -1).join('') : typed + character
      }
    }
    stdin.setRawMode(true)
    stdin.resume()
    stdin.on('data', take)
  })
}

const [INTERRUPT, END] = ['\u0003', '\u0004']
const BACK = ['\u0008', '\u007f']
