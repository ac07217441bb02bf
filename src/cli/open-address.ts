import { isOpenToAll } from '../client/http-source.js'
import type { Terminal } from './terminal/terminal.js'

/** Says so when what is read goes over a network in the open. Signatures tell of changes on the way, not of readers. */
export function tellIfOpen(target: string, { err }: Terminal): void {
  if (isOpenToAll(target))
    err('Read over http, in the open: whoever is on the way can see what is read, and hold it back.\n')
}
