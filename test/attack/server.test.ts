import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { getBytes } from '../../src/client/http.js'
import { isDeedlogError } from '../../src/core/errors.js'

const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

async function serve(answer: (response: ServerResponse) => void): Promise<URL> {
  const server = createServer((_, response) => answer(response))
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/checkpoint`)
}

const thrown = (address: URL) =>
  getBytes(address, 1000, { pauseMs: 1, timeoutMs: 2000 }).then(
    () => 'nothing',
    error => (isDeedlogError(error) ? error.code : `bug: ${error}`),
  )

describe('a server', () => {
  for (const status of [404, 500, 301, 403]) {
    test(`that breaks off in the body of an answer with status ${status} is no bug of ours`, async () => {
      for (const encoding of ['', 'gzip']) {
        const address = await serve(response => {
          response.writeHead(status, {
            location: '/elsewhere',
            'content-length': 100_000,
            ...(encoding && { 'content-encoding': encoding }),
          })
          response.write('x'.repeat(50_000), () => response.destroy())
        })
        for (let i = 0; i < 5; i++) expect(await thrown(address)).not.toMatch(/bug/)
      }
    })
  }
})
