import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { makeServer } from './make-server.mjs'

await serveStdio(makeServer)
