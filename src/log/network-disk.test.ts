import { tmpdir } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { SimDisk } from '../../test/faults/sim-disk.js'
import { simWorld } from '../../test/faults/sim-world.js'
import { openLogIn } from './index.js'
import { networkFileSystem, networkFileSystemOf } from './network-disk.js'

describe('a network file system', () => {
  afterEach(() => {
    delete process.env['DEEDLOG_NETWORK_DISK']
  })

  test('is known by its number, signed or not', () => {
    expect(networkFileSystemOf(0x6969)).toBe('NFS')
    expect(networkFileSystemOf(0xff534d42)).toBe('CIFS')
    expect(networkFileSystemOf(0xff534d42 - 2 ** 32)).toBe('CIFS')
    // ext4, tmpfs, overlayfs, FUSE
    for (const local of [0xef53, 0x01021994, 0x794c7630, 0x65735546]) expect(networkFileSystemOf(local)).toBeUndefined()
  })

  test('is not what a temporary folder, or a path in it that is not there, lies on', async () => {
    expect(await networkFileSystem(tmpdir())).toBeUndefined()
    expect(await networkFileSystem(`${tmpdir()}/not/there`)).toBeUndefined()
  })

  test.each(['/audit', '/audit.jsonl'])(
    'keeps %s from being made, with a sentence, and nothing is left there',
    async path => {
      const disk = new SimDisk()
      disk.network = 'NFS'
      await expect(openLogIn(simWorld(disk), path, {})).rejects.toMatchObject({
        code: 'log.network-disk',
        message: expect.stringContaining('NFS'),
        expected: expect.stringContaining('DEEDLOG_NETWORK_DISK=allow'),
      })
      expect(disk.paths()).toEqual(['/'])
    },
  )
})
