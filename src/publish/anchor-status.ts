import { ANCHOR_BYTES_MAX, type AnchorFile, parseAnchorFile, parseAnchorFileName } from '../core/anchor/index.js'
import { isDeedlogError } from '../core/errors.js'
import { reading } from '../log/disk-error.js'
import type { Layout } from '../log/layout.js'
import { AnchorRunner, type RunnerWorld } from './anchor-runner.js'

/** How one anchor of a log stands, as its keeper sees it. */
export interface AnchorStanding {
  readonly kind: string
  readonly name: string
  /** The newest checkpoint that it has dated, and when that was; absent when there is none. */
  readonly anchored?: Pick<AnchorFile, 'size' | 'time'>
  /** What came of the newest checkpoint that it was asked for. */
  readonly newest: Pick<AnchorFile, 'size' | 'state' | 'time' | 'attempts' | 'code' | 'detail'>
  /** When it is asked again, in milliseconds since 1970; absent when nothing waits. */
  readonly nextMs?: number
  /** Since when a checkpoint is owed. */
  readonly owedMs?: number
}

// Of each anchor, as many of the newest files are read until one says anchored.
const READ_MAX = 64

/** How the anchors of a log stand: what lies beside it, and what waits in its private queue. */
export async function anchorStandings(world: RunnerWorld, layout: Layout): Promise<AnchorStanding[]> {
  const names = (await reading(layout.anchors, world.disk.list(layout.anchors))) ?? []
  const byAnchor = new Map<string, string[]>()
  for (const name of names) {
    const parsed = parseAnchorFileName(name)
    if (!parsed) continue
    const key = `${parsed.kind} ${parsed.name}`
    byAnchor.set(key, [...(byAnchor.get(key) ?? []).slice(1 - READ_MAX), name])
  }
  const { entries } = await new AnchorRunner(world, layout, []).queue()
  const standings: AnchorStanding[] = []
  for (const [key, own] of byAnchor) {
    const files = await newestFiles(world, layout, own)
    const [newest] = files
    if (!newest) continue
    const { kind, name, size, state, time, attempts, code, detail } = newest
    const anchored = files.find(file => file.state === 'anchored')
    const waiting = entries.filter(entry => `${entry.kind} ${entry.name}` === key)
    standings.push({
      kind,
      name,
      ...(anchored ? { anchored: { size: anchored.size, ...(anchored.time ? { time: anchored.time } : {}) } } : {}),
      newest: {
        size,
        state,
        ...(time === undefined ? {} : { time }),
        ...(attempts === undefined ? {} : { attempts }),
        ...(code === undefined ? {} : { code }),
        ...(detail === undefined ? {} : { detail }),
      },
      ...(waiting.length === 0
        ? {}
        : {
            nextMs: Math.min(...waiting.map(each => each.nextMs)),
            owedMs: Math.min(...waiting.map(each => each.owedMs)),
          }),
    })
  }
  return standings
}

/** From the newest on, until one says anchored. */
async function newestFiles({ disk }: RunnerWorld, layout: Layout, names: readonly string[]): Promise<AnchorFile[]> {
  const files: AnchorFile[] = []
  for (const name of names.toReversed()) {
    const path = `${layout.anchors}/${name}`
    const found = await reading(path, disk.stat(path))
    if (found?.kind !== 'file' || found.length > ANCHOR_BYTES_MAX) continue
    const bytes = await reading(path, disk.readFile(path))
    try {
      if (bytes) files.push(parseAnchorFile(bytes))
    } catch (error) {
      // What is damaged is reported by a verification; here it is as good as not there.
      if (!isDeedlogError(error)) throw error
    }
    if (files.at(-1)?.state === 'anchored') break
  }
  return files
}
