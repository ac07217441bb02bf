import { hex } from '../../core/anchor/index.js'
import { formatTrust, type Trust } from '../../core/verify/index.js'
import { safe } from '../terminal/safe.js'
import { type Look, Page } from './page.js'

/** A trust file for a person. */
export function renderTrust(file: string, trust: Trust, look: Look): string {
  const { policy, logId, operators, agents, approvers, lagSeconds } = trust
  const page = new Page(look).heading(`Trust file ${safe(file)}`)
  for (const { key } of policy.logs) page.value('log', safe(key.text))
  page.value('log id', logId ?? 'not named: any log that one of these keys signs')
  for (const key of operators) page.value('operator', safe(key.text))
  for (const { key, first, last } of agents) {
    const range =
      first === 0 && last === undefined
        ? ''
        : `, streams from index ${first}${last === undefined ? ' on' : ` to ${last}`}`
    page.value('agent', `${safe(key.text)}${range}`)
  }
  for (const key of approvers) page.value('approver', safe(key.text))
  for (const { name, key } of policy.witnesses) page.value('witness', `${safe(name)}: ${safe(key.text)}`)
  for (const { name, threshold, members } of policy.groups)
    page.fact('group', `${safe(name)}: ${threshold} of ${members.map(safe).join(', ')}`)
  for (const { name, certificate, policy: oid } of trust.tsas ?? [])
    page.value('time stamps', `${safe(name)}: ${safe(certificate.title)}${oid === undefined ? '' : `, policy ${oid}`}`)
  for (const { name, chainId, registry, anchoredBy } of trust.chains ?? [])
    page.value(
      'chain',
      `${safe(name)}: ${chainId}, ${hex(registry)}${anchoredBy ? `, sent by ${hex(anchoredBy)}` : ''}`,
    )
  for (const { chain, hash } of trust.blocks ?? []) page.value('block', `${safe(chain)}: ${hex(hash)}, looked up`)
  page.fact('quorum', policy.quorum === 'none' ? 'none: nobody outside is asked' : safe(policy.quorum))
  page.fact('lag', lagSeconds === undefined ? 'any' : `at most ${lagSeconds} s since the newest cosignature`)
  const open = gapsOf(trust)
  if (open.length > 0) page.heading('It leaves open')
  for (const { text } of open) page.item('  - ', text)
  return page.toString()
}

/** A trust file for a program. */
export const trustJson = (trust: Trust) => ({
  logs: trust.policy.logs.map(({ key, url }) => ({ vkey: key.text, ...(url === undefined ? {} : { url }) })),
  witnesses: trust.policy.witnesses.map(({ name, key, url }) => ({
    name,
    vkey: key.text,
    ...(url === undefined ? {} : { url }),
  })),
  groups: trust.policy.groups,
  quorum: trust.policy.quorum,
  ...(trust.logId === undefined ? {} : { logId: trust.logId }),
  operators: trust.operators.map(key => key.text),
  agents: trust.agents.map(({ key, first, last }) => ({
    id: key.name,
    vkey: key.text,
    first,
    ...(last === undefined ? {} : { last }),
  })),
  approvers: trust.approvers.map(key => ({ id: key.name, vkey: key.text })),
  ...(trust.lagSeconds === undefined ? {} : { lagSeconds: trust.lagSeconds }),
  tsas: (trust.tsas ?? []).map(({ name, certificate, policy }) => ({
    name,
    title: certificate.title,
    ...(policy === undefined ? {} : { policy }),
  })),
  chains: (trust.chains ?? []).map(({ name, chainId, registry, anchoredBy }) => ({
    name,
    chainId,
    registry: hex(registry),
    ...(anchoredBy ? { anchoredBy: hex(anchoredBy) } : {}),
  })),
  blocks: (trust.blocks ?? []).map(({ chain, hash }) => ({ chain, hash: hex(hash) })),
  open: gapsOf(trust),
  text: formatTrust(trust),
})

/** What a usable trust file leaves open: each with a stable code. */
export function gapsOf({ policy, logId, operators, agents, approvers, lagSeconds }: Trust): readonly {
  readonly code: string
  readonly text: string
}[] {
  const gaps: readonly (readonly [code: string, is: boolean, text: string])[] = [
    ['no-log', policy.logs.length === 0, 'no log key: no checkpoint can be accepted'],
    ['no-log-id', logId === undefined, 'no log id: another log that the same key signs passes for this one'],
    ['no-operator', operators.length === 0, 'no operator: whoever wrote entry 0 is taken for the operator'],
    ['no-agent', agents.length === 0, 'no agent: whose streams these are rests on the operator or on themselves'],
    ['no-approver', approvers.length === 0, 'no approver: approvals are the recorder’s word'],
    [
      'no-quorum',
      policy.quorum === 'none',
      'no quorum: nobody outside says that it is the only history, or since when',
    ],
    [
      'idle-witness',
      policy.quorum !== 'none' && idleWitnesses(policy).length > 0,
      `witnesses that the quorum never counts: ${idleWitnesses(policy).map(safe).join(', ')}`,
    ],
    ['no-lag', lagSeconds === undefined, 'no lag: an old copy of the log is as good as a new one'],
  ]
  return gaps.filter(([, is]) => is).map(([code, , text]) => ({ code, text }))
}

/** Names of witnesses that are neither the quorum nor below it. */
function idleWitnesses({ witnesses, groups, quorum }: Trust['policy']): string[] {
  const counted = new Set([quorum])
  // Groups stand below their members, so from the last to the first every group is reached before its members.
  for (const group of groups.toReversed())
    if (counted.has(group.name)) for (const name of group.members) counted.add(name)
  return witnesses.map(witness => witness.name).filter(name => !counted.has(name))
}
