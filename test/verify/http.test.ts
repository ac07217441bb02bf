import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { exportBundle } from '../../src/client/export.js'
import { type HttpSourceOptions, isOpenToAll, openAddress } from '../../src/client/http-source.js'
import { judge } from '../../src/client/judge.js'
import { LogVerifier, parseTrust, type Report } from '../../src/core/verify/index.js'
import { agents, honestLog } from './histories.js'
import { codes, TestLog } from './kit.js'

/* Logs behind a web server on this machine: one that serves, and others that do whatever a server can do. */

type Handler = (request: IncomingMessage, response: ServerResponse) => void

const servers: Server[] = []

async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler)
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

const FAST: HttpSourceOptions = { pauseMs: 1, timeoutMs: 5_000 }

/** A log of 700 entries: two full bundles and a partial one. */
function longLog(): TestLog {
  const log = new TestLog()
  const stream = log.stream()
  while (log.size < 699) stream.call()
  stream.end()
  return log
}

const long = longLog()
const files = long.files()

const serving =
  (more: (path: string, response: ServerResponse, request: IncomingMessage) => boolean = () => false): Handler =>
  (request, response) => {
    const path = (request.url ?? '').replace('/logs/one/', '')
    if (more(path, response, request)) return
    const bytes = files.get(path)
    response.statusCode = bytes ? 200 : 404
    response.end(bytes)
  }

async function verify(address: string, options = FAST): Promise<Report> {
  const source = await openAddress(address, options)
  const trust = parseTrust(long.trust())
  try {
    return await judge(source, new LogVerifier({ trust }))
  } finally {
    await source.close()
  }
}

const refused = async (address: string, options = FAST): Promise<string> => {
  try {
    return codes(await verify(address, options)).join(' ')
  } catch (error) {
    return (error as { code?: string }).code ?? `bug: ${error}`
  }
}

describe('a log behind an address', () => {
  it('verifies as it does in a folder', async () => {
    const address = await serve(serving())
    const report = await verify(`${address}/logs/one`)
    expect(codes(report)).toEqual([])
    expect(report.evidence.records).toBe(long.size)
    expect(report.checks.find(({ code }) => code === 'tiles.match')?.status).toBe('passed')
  })

  it('is asked for each file once in a pass', async () => {
    const asked: string[] = []
    const address = await serve((request, response) => {
      asked.push(request.url ?? '')
      serving()(request, response)
    })
    await verify(`${address}/logs/one/`)
    expect(new Set(asked).size).toBe(asked.length)
    expect(asked).toContain('/logs/one/tile/entries/001')
  })

  it('gives a bundle of one call', async () => {
    const address = await serve(serving())
    const source = await openAddress(`${address}/logs/one/`, FAST)
    const call = JSON.parse(new TextDecoder().decode(long.entries[400]!)).call as string
    const { report, bytes } = await exportBundle(source, { query: { calls: [call] } })
    expect(report.bundle?.calls.asked).toBe(1)
    const bundles = await serve((_, response) => response.end(bytes))
    expect((await openAddress(`${bundles}/a/call.deedlog`, FAST)).kind).toBe('bundle')
  })

  it('may be compressed on the way', async () => {
    const address = await serve(
      serving((path, response) => {
        const bytes = files.get(path)
        if (!bytes) return false
        response.setHeader('content-encoding', 'gzip')
        response.end(gzipSync(bytes))
        return true
      }),
    )
    expect(await refused(`${address}/logs/one`)).toBe('')
  })

  it('follows redirects within its origin', async () => {
    const address = await serve(
      serving((path, response) => {
        if (!path.startsWith('/moved/')) return false
        response.statusCode = 302
        response.setHeader('location', path.replace('/moved/', '/logs/one/'))
        response.end()
        return true
      }),
    )
    expect(await refused(`${address}/moved/`)).toBe('')
  })

  it('is read though every answer fails twice', async () => {
    const failed = new Map<string, number>()
    const address = await serve(
      serving((path, response) => {
        const times = failed.get(path) ?? 0
        failed.set(path, times + 1)
        if (times >= 2) return false
        response.statusCode = times === 0 ? 500 : 429
        response.end()
        return true
      }),
    )
    expect(await refused(`${address}/logs/one`)).toBe('')
  })
})

describe('a server that does as it likes', () => {
  const once = (path: string, hostile: (response: ServerResponse) => void): Handler =>
    serving((asked, response) => {
      if (asked !== path) return false
      hostile(response)
      return true
    })

  const BUNDLE = 'tile/entries/001'

  it('is left when its answer has no end', async () => {
    const pour = (response: ServerResponse) => {
      const more = () => {
        if (!response.destroyed && response.write(Buffer.alloc(65_536, 0x61))) setImmediate(more)
      }
      response.on('drain', more)
      more()
    }
    expect(await refused(`${await serve(once('checkpoint', pour))}/logs/one`)).toBe('file.length')
    expect(await refused(`${await serve(once(BUNDLE, pour))}/logs/one`)).toContain('entries.unreadable')
  })

  it('is left when a small answer unfolds to a large one', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20))
    const address = await serve(
      once('checkpoint', response => {
        response.setHeader('content-encoding', 'gzip')
        response.end(bomb)
      }),
    )
    expect(await refused(`${address}/logs/one`)).toBe('file.length')
  })

  it('is left when it says nothing, or never ends', async () => {
    const silent = await serve(once(BUNDLE, () => {}))
    expect(await refused(`${silent}/logs/one`, { pauseMs: 1, timeoutMs: 60 })).toBe('http.timeout')
    const slow = await serve(
      once('checkpoint', response => {
        response.write('a')
      }),
    )
    expect(await refused(`${slow}/logs/one`, { pauseMs: 1, timeoutMs: 60 })).toBe('http.timeout')
  })

  it('is told from a log when it breaks off, or sends less than it said', async () => {
    const broken = await serve(
      once(BUNDLE, response => {
        response.setHeader('content-length', '100000')
        response.write('abc', () => response.destroy())
      }),
    )
    expect(await refused(`${broken}/logs/one`)).toBe('http.unreachable')
    const short = await serve(once(BUNDLE, response => response.end(files.get(BUNDLE)!.subarray(0, 100))))
    expect(await refused(`${short}/logs/one`)).toContain('entries.unreadable')
  })

  it('is not accused of what its answers do not say', async () => {
    const status = async (code: number) => {
      const address = await serve(
        once(BUNDLE, response => {
          response.statusCode = code
          response.end()
        }),
      )
      return refused(`${address}/logs/one`)
    }
    expect(await status(500)).toBe('http.status')
    expect(await status(403)).toBe('http.status')
    expect(await status(204)).toBe('http.status')
    expect(await status(404)).toContain('entries.missing')
    expect(await refused('http://127.0.0.1:1/')).toBe('http.unreachable')
  })

  it('sends nobody elsewhere, nor round in circles', async () => {
    let reached = 0
    const other = await serve((_, response) => {
      reached++
      response.end('secret')
    })
    const to = async (location: string) => {
      const address = await serve((_, response) => {
        response.statusCode = 307
        response.setHeader('location', location)
        response.end()
      })
      return refused(`${address}/logs/one`)
    }
    expect(await to(`${other}/checkpoint`)).toBe('http.redirect')
    expect(await to('file:///etc/passwd')).toBe('http.redirect')
    expect(await to('/checkpoint')).toBe('http.redirect')
    expect(await to('http://[')).toBe('http.redirect')
    expect(reached).toBe(0)
  })

  it('may send other bytes, which is what a verification finds', async () => {
    const changed = files.get(BUNDLE)!.slice()
    changed[700]! ^= 1
    const address = await serve(once(BUNDLE, response => response.end(changed)))
    expect(await refused(`${address}/logs/one`)).toContain('entry.altered')
    const nothing = await serve(once('checkpoint', response => response.end('no note')))
    expect(await refused(`${nothing}/logs/one`)).toContain('checkpoint.malformed')
  })
})

describe('an address', () => {
  it.each([
    ['ftp://example.com/log', 'target.address'],
    ['https://user:secret@example.com/log', 'target.address'],
    ['https://example.com/log?x=1', 'target.address'],
    ['https://example.com/log#x', 'target.address'],
    ['https://', 'target.address'],
  ])('%s is refused', async (address, code) => {
    const error = await openAddress(address).catch(cause => cause)
    expect(error.code).toBe(code)
    expect(error.message).not.toContain('secret')
  })

  it('without a checkpoint is no log', async () => {
    const address = await serve((_, response) => {
      response.statusCode = 404
      response.end()
    })
    expect(await refused(`${address}/x`)).toBe('target.no-log')
    expect(await refused(`${address}/x.deedlog`)).toBe('target.no-log')
  })

  it('is open to all over http, but on this machine', () => {
    expect(isOpenToAll('http://example.com/log')).toBe(true)
    expect(isOpenToAll('http://127.0.0.1.example.com/')).toBe(true)
    expect(isOpenToAll('https://example.com/log')).toBe(false)
    expect(['http://127.0.0.1:80/', 'http://localhost/', 'http://[::1]/'].some(isOpenToAll)).toBe(false)
  })

  it('of a small honest log verifies', async () => {
    const { log } = honestLog([{ run: 0, step: 0, agent: 0 }])
    const small = log.files()
    const address = await serve((request, response) => {
      const bytes = small.get((request.url ?? '').slice(1))
      response.statusCode = bytes ? 200 : 404
      response.end(bytes)
    })
    const report = await judge(
      await openAddress(address, FAST),
      new LogVerifier({ trust: parseTrust(log.trust(agents)) }),
    )
    expect(codes(report)).toEqual([])
  })
})
