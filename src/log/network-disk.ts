import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { diskErrorCode } from './disk.js'

/**
 * The name of the network file system that `path`, or the nearest folder above it that is there, lies on; undefined
 * where it is a local one, or that cannot be known (macOS numbers its file systems as it likes). The environment
 * variable `DEEDLOG_NETWORK_DISK=allow` makes every answer undefined.
 */
export async function networkFileSystem(path: string): Promise<string | undefined> {
  if (process.env['DEEDLOG_NETWORK_DISK'] === 'allow') return undefined
  if (process.platform === 'win32') return path.startsWith('\\\\') ? 'a Windows share' : undefined
  if (process.platform !== 'linux') return undefined
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      return networkFileSystemOf((await statfs(folder)).type)
    } catch (error) {
      // A kernel or sandbox that does not answer says nothing against its disk.
      if (diskErrorCode(error) !== 'ENOENT' || dirname(folder) === folder) return undefined
    }
  }
}

/** @param type  `f_type` of statfs(2), as signed or unsigned. */
export const networkFileSystemOf = (type: number): string | undefined =>
  NETWORK_FILE_SYSTEMS.get(((type % 2 ** 32) + 2 ** 32) % 2 ** 32)

// statfs(2) and linux/magic.h. Not 9p and FUSE: these are also what sandboxes and desktops show local folders through.
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
])
