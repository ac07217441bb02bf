import { chmodSync, closeSync, openSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'

/** A connection as both ends use it. Does not keep the process alive, unless somebody waits for what comes over it. */
export type Connection = Socket

/** Where processes of one user find the writer of a log. Absent from a world: they do not, and are told who holds it. */
export interface Sockets {
  /**
   * Listens at `path`, in place of what a dead process left there. Only for who holds the log's lock.
   * @returns how to stop; undefined where that cannot be, or the folder is open to others.
   */
  listen(path: string, onConnection: (connection: Connection) => void): Promise<(() => Promise<void>) | undefined>
  /** Undefined when nobody listens there, or somebody else could. */
  connect(path: string): Promise<Connection | undefined>
}

/** Sockets in the file system. Windows has none of our kind: there the lock alone speaks. */
export const nodeSockets: Sockets = {
  async listen(path, onConnection) {
    if (!isOursAlone(dirname(path))) return undefined
    const server = createServer(onConnection)
    server.unref()
    const place = reachable(path)
    if (!place) return undefined
    try {
      rmSync(path, { force: true })
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(place.path, resolve)
      })
      chmodSync(path, 0o600)
    } catch {
      // A file system without sockets, for one: the log works without.
      server.close()
      return undefined
    } finally {
      place.close()
    }
    server.on('error', () => {})
    return () => stop(server, path)
  },
  async connect(path) {
    if (!isOursAlone(dirname(path))) return undefined
    const place = reachable(path)
    if (!place) return undefined
    try {
      return await new Promise<Connection | undefined>(resolve => {
        const socket = connect(place.path)
        socket.once('error', () => resolve(undefined))
        socket.once('connect', () => resolve(socket))
      })
    } finally {
      place.close()
    }
  },
}

function stop(server: Server, path: string): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    rmSync(path, { force: true })
  })
}

/** Whether nobody but this user can enter `folder`, and so nobody else can be behind a socket in it. */
function isOursAlone(folder: string): boolean {
  if (process.platform === 'win32') return false
  try {
    const { uid, mode } = statSync(folder)
    return uid === process.getuid!() && mode % 0o100 === 0
  } catch {
    return false
  }
}

/** A path that fits into the address of a socket; a longer one is reached through an open folder where /proc is. */
function reachable(path: string): { readonly path: string; close(): void } | undefined {
  if (Buffer.byteLength(path) <= ADDRESS_BYTES_MAX) return { path, close() {} }
  if (process.platform !== 'linux') return undefined
  try {
    const fd = openSync(dirname(path), 'r')
    return { path: `/proc/self/fd/${fd}/${basename(path)}`, close: () => closeSync(fd) }
  } catch {
    return undefined
  }
}

// sockaddr_un has 104 bytes on macOS and the BSDs, 108 on Linux, a zero at the end included.
const ADDRESS_BYTES_MAX = 103
