import { type Disk, folderOf, replaceFile, temporaryOf } from '../disk.js'
import { diskError, reading } from '../disk-error.js'
import { type Layout, PRIVATE_FILE_MODE } from '../layout.js'
import type { Change, Vault } from '../ports.js'
import { listVault, readVault, type VaultEntry, type VaultFile, writeVault } from '../vault-file.js'

/** The vault files of a folder in which journal segments shrink: spec/vault.md, "Vault files". */
export class VaultFolder {
  readonly #disk: Disk
  readonly #folder: string

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  list(): Promise<VaultFile[]> {
    return listVault(this.#disk, this.#folder)
  }

  async visit(indexes: ReadonlySet<number>, see: (index: number, disclosures: Uint8Array) => void): Promise<void> {
    for (const file of await this.#holding(indexes))
      for await (const { index, disclosures } of readVault(this.#disk, file))
        if (indexes.has(index)) see(index, disclosures)
  }

  /** A crash leaves each file as it was or as it is to be. */
  async rewrite(indexes: ReadonlySet<number>, change: Change): Promise<void> {
    for (const file of await this.#holding(indexes)) {
      const count = await writeVault(this.#disk, file.path, changed(readVault(this.#disk, file), change))
      if (count > 0) await this.#disk.rename(temporaryOf(file.path), file.path)
      else await this.#disk.remove(file.path)
      await this.#disk.syncDirectory(this.#folder)
    }
  }

  async #holding(indexes: ReadonlySet<number>): Promise<readonly VaultFile[]> {
    const sorted = [...indexes].sort((a, b) => a - b)
    let at = 0
    return (await this.list()).filter(({ first, end }) => {
      // Both ascend.
      while (at < sorted.length && sorted[at]! < first) at++
      return at < sorted.length && sorted[at]! < end
    })
  }
}

/** Removes files that were being written. Not while any is. */
export async function removeTemporaries(disk: Disk, folder: string): Promise<void> {
  const names = ((await reading(folder, disk.list(folder))) ?? []).filter(name => name.endsWith('.tmp'))
  for (const name of names) await reading(folder, disk.remove(`${folder}/${name}`))
  if (names.length > 0) await reading(folder, disk.syncDirectory(folder))
}

/** What is being erased, put down beside the journal until it is done, and what may not be erased yet. */
export function planFile(
  disk: Disk,
  { erasing: path, retention }: Layout,
): Pick<Vault, 'plan' | 'keepPlan' | 'removePlan' | 'retention'> {
  const changing = async (work: Promise<void>): Promise<void> => {
    try {
      await work
    } catch (cause) {
      // Whether there is a plan or not, the next start finds out, and both are right.
      throw diskError(cause, path, true)
    }
  }
  return {
    plan: () => reading(path, disk.readFile(path)),
    keepPlan: plan => changing(replaceFile(disk, path, plan, PRIVATE_FILE_MODE)),
    removePlan: () => changing(disk.remove(path).then(() => disk.syncDirectory(folderOf(path)))),
    retention: () => reading(retention, disk.readFile(retention)),
  }
}

async function* changed(entries: AsyncIterable<VaultEntry>, change: Change): AsyncGenerator<readonly VaultEntry[]> {
  for await (const entry of entries) {
    const disclosures = change(entry.index, entry.disclosures)
    if (disclosures) yield [{ ...entry, disclosures }]
  }
}
