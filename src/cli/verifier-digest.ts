import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How anybody finds the digest again, in the folder that the package's code lies in. */
export const DIGEST_COMMAND = "find . -name '*.js' | LC_ALL=C sort | xargs sha256sum | sha256sum"

/**
 * A digest of the code that verifies: SHA-256 over a line `<SHA-256>  ./<path>` for each of its files, by path. What
 * it is worth depends on who says what it should be; two auditors can at least compare theirs.
 *
 * @param folder  Of the built package: the one that holds this file's folder.
 */
export async function verifierDigest(
  folder = fileURLToPath(new URL('..', import.meta.url)),
): Promise<{ readonly digest: string; readonly files: number }> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = found
    .filter(entry => entry.isFile() && entry.name.endsWith('.js'))
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length).replaceAll(sep, '/').replace(/^\//, ''))
    .sort((a, b) => (a < b ? -1 : 1))
  const lines: string[] = []
  for (const path of paths) lines.push(`${sha256(await readFile(join(folder, path)))}  ./${path}\n`)
  return { digest: sha256(lines.join('')), files: paths.length }
}

/** SHA-256 of bytes, or of text in UTF-8, in lowercase hex. */
export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')
