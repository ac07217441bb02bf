import { BUNDLE_BEGINNING } from '../src/core/verify/index.js'

/** What a file is taken to be, before anything in it has been believed. */
export type Role = 'bundle' | 'jsonl' | 'proof' | 'record' | 'checkpoint' | 'trust' | 'disclosure' | 'unknown'

/** Bytes of a file that are looked at: more than the longest record has. */
export const BEGINNING_BYTES = 20_000

/**
 * What a file is, by its name where that says it, else by how it begins.
 *
 * @param beginning  Its first bytes as text, whatever they are.
 * @param isWhole    Whether those are all.
 * @returns for `unknown`, what to do about it
 */
export function classify(
  name: string,
  beginning: string,
  isWhole: boolean,
): { readonly role: Role; readonly advice?: string } {
  const byName = NAMES.find(([ending]) => name.toLowerCase().endsWith(ending))
  if (byName) return { role: byName[1] }
  if (beginning.startsWith(BUNDLE_BEGINNING)) return { role: 'bundle' }
  if (beginning.startsWith('c2sp.org/tlog-proof@')) return { role: 'proof' }
  if (beginning.startsWith('{"key":') || beginning.startsWith('{"fields":')) return { role: 'disclosure' }
  if (beginning.startsWith('{')) return { role: isWhole && !/\n./s.test(beginning) ? 'record' : 'jsonl' }
  if (beginning.startsWith('PK\u0003\u0004'))
    return { role: 'unknown', advice: 'a zip archive: unpack it, then bring the folder' }
  if (beginning.includes('\n\n\u2014 ')) return { role: 'checkpoint' }
  if (TRUST_LINE.test(beginning)) return { role: 'trust' }
  return { role: 'unknown', advice: isWhole && beginning === '' ? 'an empty file' : 'nothing that this page reads' }
}

const NAMES: readonly (readonly [ending: string, role: Role])[] = [
  ['.deedlog', 'bundle'],
  ['.tlog-proof', 'proof'],
  ['.trust', 'trust'],
  ['.checkpoint', 'checkpoint'],
  ['.jsonl', 'jsonl'],
]

const TRUST_LINE = /^(?:log|witness|group|quorum|log-id|operator|agent|approver|lag|tsa|chain) /m
