import type { CallRow } from '../client/calls.js'
import { resolveCalls } from '../client/export.js'
import { exportMycelium } from '../client/export-mycelium.js'
import { openSource } from '../client/open.js'
import { timeMs } from '../core/record/index.js'
import type { BundleQuery } from '../core/verify/index.js'
import { callId } from './call-id.js'
import type { Context } from './command.js'
import { count } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { writeNew } from './write-new.js'

/** `deedlog export --format mycelium`: calls as Mycelium Trails name them, in one JSON file. */
export async function runMycelium(
  target: string,
  asked: BundleQuery | { readonly calls: readonly string[] },
  { out, json }: { readonly out: string; readonly json?: true },
  { terminal }: Context,
): Promise<void> {
  const source = await openSource(target)
  try {
    const calls = 'calls' in asked ? new Set(await resolveCalls(source, asked.calls.map(callId))) : undefined
    const exported = await exportMycelium(source, timesOf(asked), row => isAsked(row, asked, calls))
    await writeNew(out, `${JSON.stringify(exported, null, 2)}\n`, 'export.out')
    const { actions, not_expressible, batch_root } = exported
    if (json === true) {
      await terminal.out(`${safeJson({ out, actions: actions.length, not_expressible, batch_root }, 2)}\n`)
      return
    }
    const left = not_expressible.length === 0 ? '' : `; ${count(not_expressible.length, 'call')} cannot be said in it`
    await terminal.out(
      `Wrote ${count(actions.length, 'call')} to ${safe(out)}${left}.\n` +
        'It names calls as Mycelium Trails do, and proves nothing by itself: a bundle does.\n',
    )
  } finally {
    await source.close()
  }
}

function timesOf(asked: object): { readonly since?: number; readonly until?: number } {
  const { since, until } = asked as { readonly since?: string; readonly until?: string }
  return {
    ...(since === undefined ? {} : { since: timeMs(since) }),
    ...(until === undefined ? {} : { until: timeMs(until) }),
  }
}

function isAsked(row: CallRow, asked: object, calls: ReadonlySet<string> | undefined): boolean {
  const { sessions } = asked as { readonly sessions?: readonly string[] }
  if (calls) return calls.has(row.call)
  return sessions === undefined || (row.session !== undefined && sessions.includes(row.session.id))
}
