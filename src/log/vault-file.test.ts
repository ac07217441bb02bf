import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SimDisk } from '../../test/faults/sim-disk.js'
import { findInVault, listVault, readVault, type VaultEntry, vaultName, writeVault } from './vault-file.js'

const FOLDER = '/journal'
const END = 5000

async function made(entries: readonly VaultEntry[]): Promise<{ disk: SimDisk; path: string }> {
  const disk = new SimDisk()
  await disk.makeDirectory(FOLDER)
  const path = `${FOLDER}/${vaultName(7, END)}`
  const count = await writeVault(
    disk,
    path,
    (async function* () {
      yield entries.slice(0, 2)
      yield entries.slice(2)
    })(),
  )
  expect(count).toBe(entries.length)
  if (count > 0) await disk.rename(`${path}.tmp`, path)
  return { disk, path }
}

async function readAll(disk: SimDisk): Promise<VaultEntry[]> {
  const entries: VaultEntry[] = []
  for (const file of await listVault(disk, FOLDER)) for await (const entry of readVault(disk, file)) entries.push(entry)
  return entries
}

const entryAt = (index: number, length: number): VaultEntry => ({
  index,
  leaf: new Uint8Array(32).fill(index % 256),
  disclosures: new Uint8Array(length).fill(0x41 + (index % 20)),
})

test('a vault file gives back its entries, all of them and one by one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 7, max: END - 1 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 20_000 }),
      async (indexes, length) => {
        const entries = indexes
          .sort((a, b) => a - b)
          .map((index, i) => entryAt(index, 1 + ((length * (i + 1)) % 20_000)))
        const { disk } = await made(entries)
        expect(textOf(await readAll(disk))).toBe(textOf(entries))
        const [file] = await listVault(disk, FOLDER)
        for (const index of [7, 8, 1000, END - 1, ...indexes.slice(0, 5)])
          expect(textOf([file && (await findInVault(disk, file, index))])).toBe(
            textOf([entries.find(entry => entry.index === index)]),
          )
      },
    ),
    { numRuns: 60 },
  )
})

const textOf = (entries: readonly (VaultEntry | undefined)[]): string =>
  entries
    .map(each => each && `${each.index} ${Buffer.from(each.leaf).toString('hex')} ${Buffer.from(each.disclosures)}`)
    .join()

test('a vault file without entries is none', async () => {
  const { disk } = await made([])
  expect(disk.paths()).toEqual(['/', FOLDER])
})

test('any flipped bit and any end too early is found, with the file and the byte', async () => {
  const { disk, path } = await made([entryAt(7, 40), entryAt(9, 70_000), entryAt(4000, 33)])
  const bytes = disk.peek(path)!
  const refusal = async (changed: Uint8Array): Promise<{ code?: string; message?: string }> => {
    const copy = disk.crashed('written')
    copy.plant(path, changed)
    return readAll(copy).then(
      () => ({}),
      error => error,
    )
  }
  for (let at = 0; at < bytes.length; at += at > 200 && at < bytes.length - 200 ? 997 : 1) {
    const flipped = bytes.slice()
    flipped[at]! ^= 1 << (at % 8)
    expect(await refusal(flipped), `byte ${at}`).toMatchObject({
      code: 'log.damaged',
      message: expect.stringContaining(path),
    })
  }
  for (const length of [1, 31, 32, 100, 40_000, bytes.length - 1])
    expect(await refusal(bytes.slice(0, length)), `cut to ${length}`).toMatchObject({ code: 'log.damaged' })
  expect(await refusal(new Uint8Array([...bytes, 0]))).toMatchObject({ code: 'log.damaged' })
  // The same frame twice: its indexes come again.
  expect(await refusal(new Uint8Array([...bytes, ...bytes.slice(-105)]))).toMatchObject({ code: 'log.damaged' })
})

test('what is called like no vault file is none', async () => {
  const disk = new SimDisk()
  await disk.makeDirectory(FOLDER)
  for (const name of [
    '1-2.vault',
    '0000000000000005-0000000000000005.vault',
    '0000000000000005-0000000000000004.vault',
    '9999999999999999-9999999999999999.vault',
    '0000000000000000-0000000000000001.vault.tmp',
  ])
    disk.plant(`${FOLDER}/${name}`, new Uint8Array(1))
  expect(await listVault(disk, FOLDER)).toEqual([])
})
