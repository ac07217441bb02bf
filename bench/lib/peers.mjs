import { argsOf, outputOf, PRINCIPAL, TOOL } from './calls.mjs'

/*
 * Other recorders of agents' tool calls, each used as its own documentation shows. None of them does what ours does per
 * call; `does` says what each does.
 */

export const PEERS = {
  'halo-record': {
    open: async dir => {
      const { Recorder, recordToolCall } = await import('halo-record')
      const { mkdirSync } = await import('node:fs')
      mkdirSync(dir, { recursive: true })
      const recorder = new Recorder(`${dir}/halo.jsonl`)
      return i =>
        recordToolCall(recorder, TOOL, argsOf(i), {
          response: outputOf(i),
          agent: { id: 'did:example:bench', name: 'bench' },
          sessionId: 'bench',
          decision: 'allowed',
        })
    },
    does: {
      writesToDisk: true,
      durable: false,
      signed: false,
      recordsBefore: false,
      argsAndOutputs: 'a hash without salt, and a redacted summary in clear',
      evaluatesRules: false,
      tree: 'hash chain',
    },
  },
  'agt-audit-logger': {
    open: async () => {
      const { AuditLogger } = await import('@microsoft/agent-governance-sdk')
      const logger = new AuditLogger()
      return () => logger.log({ agentId: 'did:example:bench', action: TOOL, decision: 'allow' })
    },
    does: {
      writesToDisk: false,
      durable: false,
      signed: false,
      recordsBefore: false,
      argsAndOutputs: 'neither',
      evaluatesRules: false,
      tree: 'hash chain in memory, the oldest entries dropped',
    },
  },
  'agent-passport-system': {
    open: async () => {
      const aps = await import('agent-passport-system')
      const { privateKey } = aps.generateKeyPair()
      return i =>
        aps.createActionReceipt(
          {
            scope_of_claim: {
              asserts: 'the agent called this tool with these parameters',
              does_not_assert: ['what the tool returned'],
              capture_mode: 'gateway_observed',
              completeness: 'complete',
              self_attested: false,
            },
            agent_did: 'did:example:bench',
            delegation_chain_root: 'a'.repeat(64),
            action: { kind: TOOL, target: 'orders', parameters: { ...argsOf(i), principal: PRINCIPAL.user } },
            side_effect_classes: ['financial'],
          },
          privateKey,
        )
    },
    does: {
      writesToDisk: false,
      durable: false,
      signed: true,
      recordsBefore: false,
      argsAndOutputs: 'arguments in clear, no output',
      evaluatesRules: false,
      tree: 'none: single receipts',
    },
  },
}
