export type { McpOptions } from './connection.js'
export { isLoopback } from './host-rule.js'
export { type HttpOptions, type HttpProxy, proxyHttp } from './http.js'
export { proxyStdio, type StdioEnd, type StdioOptions } from './stdio.js'
