/*
 * Who may talk to a listener. A page in a browser can make its own name stand for 127.0.0.1 and then send requests to what
 * listens there; but it cannot choose what the browser says in `Host` and `Origin`.
 */

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

export interface HostRule {
  /** Names, besides those of the loopback interface, under which clients know the listener; without a port. */
  readonly hosts: readonly string[]
  /** Origins, besides pages of this machine, that may send requests: `https://app.example`. */
  readonly origins: readonly string[]
}

export const isLoopback = (address: string): boolean =>
  LOOPBACK.includes(address) || address === '::1' || /^127(\.\d{1,3}){3}$/.test(address)

/** Why a request must not be heard; undefined for one that may be. */
export function whyNotHeard(
  headers: { readonly host?: string | undefined; readonly origin?: string | undefined },
  { hosts, origins }: HostRule,
): string | undefined {
  const name = nameOf(`http://${headers.host ?? ''}`)
  if (name === undefined || !(LOOPBACK.includes(name) || hosts.some(host => host.toLowerCase() === name)))
    return 'its Host is no name of this listener'
  const { origin } = headers
  if (origin === undefined || origins.includes(origin)) return undefined
  const from = nameOf(origin)
  return from !== undefined && LOOPBACK.includes(from) ? undefined : 'its Origin is none that may send requests here'
}

function nameOf(url: string): string | undefined {
  try {
    const { hostname, username, pathname } = new URL(url)
    return username === '' && pathname === '/' ? hostname : undefined
  } catch {
    return undefined
  }
}
