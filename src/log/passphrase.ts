/** Asks whoever knows it for the passphrase of the key files; undefined when nobody does. */
export type PassphraseSource = () => Promise<string | undefined>

const fromEnvironment: PassphraseSource = async () => process.env['DEEDLOG_PASSPHRASE'] || undefined

let source = fromEnvironment

/**
 * The passphrase of this process: from the environment variable `DEEDLOG_PASSPHRASE`, unless the process said that it
 * comes from elsewhere. Asked only when a key file needs it.
 */
export const processPassphrase: PassphraseSource = () => source()

/** Where this process has its passphrase from. A command line that can ask its user says so, before it opens a log. */
export function setProcessPassphrase(next: PassphraseSource): void {
  source = next
}
