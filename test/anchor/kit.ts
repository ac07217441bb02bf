import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verify } from '../../src/client/verify.js'
import { type AnchorFile, anchorFileName, formatAnchorFile, timestampRequest } from '../../src/core/anchor/index.js'
import { toBase64 } from '../../src/core/bytes/base64.js'
import type { Report } from '../../src/core/verify/index.js'
import { createLog, type Log, openLog } from '../../src/log/index.js'
import { filesLayout, jsonlLayout, type Layout } from '../../src/log/layout.js'
import { checkpointToAnchor } from '../../src/publish/anchor.js'
import { Recorder, recorded } from '../../src/recorder/index.js'
import { type Answer, TestAuthority } from '../../src/testing/tsa/authority.js'

export const tsa = new TestAuthority({ kind: 'p256' })
export const stranger = new TestAuthority({ kind: 'p256' })

/** A log on this disk, and a trust file for it elsewhere that pins the authority. */
export interface AnchoredLog {
  readonly target: string
  readonly layout: Layout
  readonly log: Log
  /** Verifies it as an auditor does. */
  verify(options?: { readonly pinned?: boolean }): Promise<Report>
  /** The newest checkpoint's note. */
  note(): Promise<Uint8Array>
  /** Records `count` calls, and waits for a checkpoint over them. */
  record(count: number): Promise<void>
  /** Has its newest checkpoint stamped; the file is put beside it. */
  stamp(answer?: Answer, changes?: Partial<AnchorFile>, authority?: TestAuthority): Promise<AnchorFile>
  put(file: AnchorFile): Promise<void>
}

export async function anchoredLog(kind: 'files' | 'jsonl', origin = 'example.com/anchored'): Promise<AnchoredLog> {
  const folder = await mkdtemp(join(tmpdir(), 'deedlog-anchored-'))
  const target = join(folder, kind === 'files' ? 'audit' : 'audit.jsonl')
  const layout = kind === 'files' ? filesLayout(target) : jsonlLayout(target)
  const log = await createLog(target, { origin, checkpointMs: 0 })
  const trust = join(folder, 'auditor.trust')
  const own: AnchoredLog = {
    target,
    layout,
    log,
    note: async () => new Uint8Array(await readFile(layout.checkpoint)),
    verify: async ({ pinned = true } = {}) => {
      const text = await readFile(layout.trustFile, 'utf8')
      await writeFile(trust, pinned ? `${text}tsa acme ${toBase64(tsa.root.der)}\n` : text)
      return verify(target, { trust })
    },
    record: async count => {
      // Each run is a stream of its own; closing it makes a checkpoint over it.
      const backend = await openLog(target, { checkpointMs: 0 })
      const recorder = new Recorder({ backend, agent: { id: 'did:example:a' } })
      const look = recorded(recorder, 'look', async (n: number) => n)
      for (let i = 0; i < count; i++) await look(i)
      await recorder.close()
      await backend.close()
      await log.flush('published')
    },
    stamp: async (answer = {}, changes = {}, authority = tsa) => {
      const { digest, size, root, note } = checkpointToAnchor(await own.note())
      const evidence = authority.answer(timestampRequest(digest, new Uint8Array(12)), answer)
      const file: AnchorFile = {
        kind: 'rfc3161',
        name: 'acme',
        size,
        root,
        state: 'anchored',
        evidence,
        note,
        ...changes,
      }
      await own.put(file)
      return file
    },
    put: async file => {
      await mkdir(layout.anchors, { recursive: true })
      await writeFile(join(layout.anchors, anchorFileName(file)), formatAnchorFile(file))
    },
  }
  return own
}

export const codesOf = (report: Report): string[] => report.findings.map(({ code }) => code)
