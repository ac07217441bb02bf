import type { Command } from 'commander'
import { type ListedKey, listKeys } from '../client/key-list.js'
import { openSource } from '../client/open.js'
import { type Context, examples } from './command.js'
import { jsonOption } from './options.js'
import { type Look, Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { besideTarget } from './trust-argument.js'

/** `deedlog keys list`: the public keys of a log. */
export function addKeysList(keys: Command, { terminal }: Context): void {
  keys
    .command('list')
    .summary('the keys of a log: its own, its operators’, its agents’')
    .description('Shows public keys, where each is known from, and whether it was withdrawn. No secret is read.')
    .argument('<dir>', 'a log folder, or a JSONL log')
    .addOption(jsonOption('the keys'))
    .addHelpText('after', examples([['deedlog keys list audit', 'every key that has signed or may sign']]))
    .action(async (target: string, { json }: { json?: true }) => {
      const source = await openSource(target)
      try {
        const found = await listKeys(source, besideTarget(target))
        const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }
        await terminal.out(json === true ? `${safeJson({ keys: found }, 2)}\n` : render(target, found, look))
      } finally {
        await source.close()
      }
    })
}

function render(target: string, keys: readonly ListedKey[], look: Look): string {
  const page = new Page(look).heading(`Keys of ${safe(target)}`)
  for (const key of keys) {
    page.value(key.role, safe(key.vkey))
    page.item('                ', describe(key))
  }
  return page.toString()
}

function describe({ from, added, first, streams, state, since, role }: ListedKey): string {
  const known = from.map(each => (each === 'key record' && added !== undefined ? `${each} at ${added}` : each))
  return [
    state === 'in use' ? 'not withdrawn' : `${state} at index ${since}`,
    ...(role === 'log'
      ? ['signs checkpoints']
      : [streams === 0 ? 'no stream' : `${streams} streams, the first at ${first}`]),
    `known from ${known.join(', ')}`,
  ].join('; ')
}
