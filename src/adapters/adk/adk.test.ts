import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FunctionTool } from '@google/adk'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { AgentGovernancePlugin, AuditTrailPlugin } from './index.js'
import { ListBackend, run } from './testkit.js'

const RULES = `apiVersion: governance.toolkit/v1
name: shop
agents: ["*"]
default_action: allow
rules:
  - name: no-shell
    condition: "action == 'shell'"
    action: deny
    description: Shells are not for agents.
  - name: ask-first
    condition: "action == 'refund' and tool_args.amount > 100"
    action: require_approval
    approvers: [boss]
`

function rules(text = RULES): string {
  const dir = mkdtempSync(join(tmpdir(), 'deedlog-rules-'))
  writeFileSync(join(dir, 'shop.yaml'), text)
  return dir
}

const ran: string[] = []
const tool = (name: string, execute: (args: never) => unknown = () => ({ ok: name })) =>
  new FunctionTool({
    name,
    description: `Does ${name}.`,
    parameters: z.object({ amount: z.number().optional() }),
    execute: async args => {
      ran.push(name)
      return execute(args as never)
    },
  })

describe('AgentGovernancePlugin on a real ADK runner', () => {
  test('smoke', async () => {
    ran.length = 0
    const backend = new ListBackend()
    const warnings: string[] = []
    const errors: Error[] = []
    const plugin = new AgentGovernancePlugin({
      policyDir: rules(),
      auditBackend: backend,
      logger: { warn: message => warnings.push(message) },
      onError: error => errors.push(error),
    })
    const { first } = await run({
      plugins: [plugin],
      tools: [tool('shell'), tool('refund'), tool('boom', () => {
        throw new RangeError('broken')
      })],
      turns: [
        { calls: [{ name: 'shell', args: {} }, { name: 'refund', args: { amount: 5 } }] },
        { calls: [{ name: 'refund', args: { amount: 500 } }, { name: 'boom' }] },
        'done',
      ],
    })
    await plugin.close()
    console.log(JSON.stringify(first.responses), first.texts, first.errors, warnings, errors)
    console.log(backend.log.calls(), backend.log.types())
    for (const row of backend.log.rows) console.log(JSON.stringify(row.json).slice(0, 700), JSON.stringify(row.values))
  })
})
