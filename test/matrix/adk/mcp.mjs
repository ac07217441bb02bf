// MCP servers for the rows: one in this process over streamable HTTP, and the public file system server over stdio.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { MCPToolset } from '@google/adk'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { z } from 'zod'

/**
 * Serves tools on a port of this machine.
 * @param {Record<string, (args: object) => unknown>} tools what each gives back; a throw is `isError`
 */
export async function serveMcp(tools) {
  const server = createServer(async (request, response) => {
    // A server without sessions: one per request, as its documentation has it.
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const mcp = new McpServer({ name: 'matrix', version: '1.0.0' })
    for (const [name, run] of Object.entries(tools))
      mcp.registerTool(
        name,
        { description: `Does ${name}.`, inputSchema: { amount: z.number().optional(), n: z.number().optional() } },
        async args => ({ content: [{ type: 'text', text: JSON.stringify((await run(args)) ?? null) }] }),
      )
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    response.on('close', () => void transport.close())
    await mcp.connect(transport)
    await transport.handleRequest(request, response)
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${server.address().port}/mcp`
  return {
    toolset: (prefix = undefined) => new MCPToolset({ type: 'StreamableHTTPConnectionParams', url }, [], prefix),
    /** Lets go of the port at once, whoever is still connected. */
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The file system server, which may write below `folder` only; ADK starts one process per call. */
export const stdioToolset = (folder, filter = []) =>
  new MCPToolset(
    {
      type: 'StdioConnectionParams',
      serverParams: {
        command: process.execPath,
        args: [createRequire(import.meta.url).resolve('@modelcontextprotocol/server-filesystem/dist/index.js'), folder],
        stderr: 'ignore',
      },
    },
    filter,
  )
