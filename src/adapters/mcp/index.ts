export type { McpOptions } from './connection.js'
export { proxyStdio, type StdioEnd, type StdioOptions } from './stdio.js'
