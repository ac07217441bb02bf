// The server of make-server.mjs at PORT, for clients of both eras.
import { randomUUID } from 'node:crypto'
import { localhostHostValidation } from '@modelcontextprotocol/express'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { classifyInboundRequest, createMcpHandler, isInitializeRequest } from '@modelcontextprotocol/server'
import express from 'express'
import { makeServer } from './make-server.mjs'

const modern = toNodeHandler(createMcpHandler(makeServer))
const sessions = new Map()
const app = express()
app.use(express.json())
app.use(localhostHostValidation())
app.all('/mcp', async (request, response) => {
  const { headers, method, body } = request
  const inbound =
    method === 'POST'
      ? classifyInboundRequest({
          httpMethod: method,
          protocolVersionHeader: headers['mcp-protocol-version'],
          mcpMethodHeader: headers['mcp-method'],
          body,
        })
      : { kind: 'legacy' }
  if (inbound.kind !== 'legacy') return modern(request, response, body)
  let transport = sessions.get(headers['mcp-session-id'])
  if (!transport && isInitializeRequest(body)) {
    const begun = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: id => void sessions.set(id, begun),
    })
    transport = begun
    await makeServer().connect(begun)
  }
  if (!transport)
    return response.status(404).json({ jsonrpc: '2.0', id: null, error: { code: -32_001, message: 'No session' } })
  await transport.handleRequest(request, response, body)
})
const listener = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () =>
  process.stdout.write(`http://127.0.0.1:${listener.address().port}/mcp\n`),
)
