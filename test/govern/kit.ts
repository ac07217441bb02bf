import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AgtEvaluatorOptions, agtEvaluator } from '../../src/govern/agt.js'
import { findEngine } from '../../src/govern/engine.js'

export type Files = { readonly [name: string]: string }

/** A folder with these files of rules. */
export function folder(files: Files): string {
  const dir = mkdtempSync(join(tmpdir(), 'deedlog-rules-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}

/** Our evaluator on these files, with what it warned of. */
export function govern(files: Files, options: Partial<AgtEvaluatorOptions> = {}) {
  const warnings: string[] = []
  const evaluator = agtEvaluator({ policyDir: folder(files), warn: text => warnings.push(text), ...options })
  return {
    evaluator,
    warnings,
    ask: (tool: string, args: unknown = {}, agent = 'did:mesh:adk-agent') => evaluator.evaluate({ agent, tool, args }),
  }
}

/** What the TypeScript engine alone says, given the document as its `loadPolicy` takes it. */
export function askEngine(document: unknown, tool: string, args: unknown = {}, agent = 'did:mesh:adk-agent') {
  const engine = findEngine()!.create()
  engine.loadPolicy(document as never)
  const { allowed, action } = engine.evaluatePolicy(agent, { action: tool, tool_args: args })
  return allowed ? 'allow' : action === 'require_approval' ? 'review' : 'deny'
}
