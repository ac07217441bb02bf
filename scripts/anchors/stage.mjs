// The stage: who is there for all rows, and how an auditor looks at a log of it.
import { policyOf } from './live.mjs'

/** Starts two witnesses and an authority. */
export async function setStage(cast) {
  const [w1, w2, authority] = await Promise.all([cast.witness('w1'), cast.witness('w2'), cast.authority('local')])
  return {
    cast,
    w1,
    w2,
    authority,
    /** The operator's own trust file with the auditor's lines. */
    trustLines: own => `${own.replace(/^quorum none\n/m, '')}${policyOf([w1, w2])}${authority.line}\n`,
    /** An auditor offline. */
    verify: ({ dir, trust }, ...more) =>
      cast.deedlog('verify', dir, '--trust', trust, '--no-memory', '--json', ...more),
    /** An auditor who asks the witnesses what they have seen last. */
    asking: ({ dir, trust }) =>
      cast.deedlog('verify', dir, '--trust', trust, '--no-memory', '--json', '--ask-witnesses'),
    /** Has the newest checkpoint dated, as an operator does it. @returns the exit code */
    date: async ({ dir }, by = authority) => {
      const { json } = await cast.deedlog('anchor', 'status', dir, '--json')
      const isKnown = json().asked?.some(({ name }) => name === by.name)
      if (!isKnown) await cast.deedlog('anchor', 'add', dir, '--tsa', by.url, '--name', by.name)
      return (await cast.deedlog('anchor', dir, '--now')).code
    },
  }
}
