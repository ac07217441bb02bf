import type { Check, Finding, Report } from '../../core/verify/report.js'

/** A finding with everything that does not matter to a test filled in. */
export const finding = (some: Partial<Finding> & Pick<Finding, 'code' | 'severity'>): Finding => ({
  area: 'evidence',
  message: `about ${some.code}`,
  indexes: [],
  count: some.indexes?.length ?? 0,
  ...some,
})

export const check = (some: Partial<Check> & Pick<Check, 'code' | 'status'>): Check => ({
  asserts: `what ${some.code} asserts`,
  doesNotAssert: '',
  ...some,
})

/** The report on a small log that is in order, held against a trust file. */
export function goodReport(): Report {
  return {
    format: 'deedlog/report/v1',
    exitCode: 0,
    origin: 'localhost/deedlog/01KATB8Q5M4Z0YQ1G7X8D3C9FE',
    logId: '3a4506fbfcb1676b92ef6b1d38cedd751668fcc84b59e3d43288345032eeedc5',
    size: 41,
    root: '50d5ac2103c988991d1f213e66668f42258eaa686fd642b00a83f58d3d7b706f',
    evidence: {
      verdict: 'intact',
      words: ['intact to 41', 'unwitnessed since 0', 'undated since 0', 'age unknown'],
      trust: 'file',
      keys: [
        {
          vkey: 'localhost/deedlog/01KATB8Q5M4Z0YQ1G7X8D3C9FE+1234abcd+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c',
          role: 'log',
          trusted: true,
        },
      ],
      records: 41,
      awaitingCheckpoint: 0,
    },
    completeness: {
      verdict: 'complete as far as recorded',
      streams: [
        {
          id: '5a8739be71f9832ab850c3cef63839a77a87f07a700fe3009dc92c666b256ec4',
          agent: 'did:example:shop',
          role: 'agent',
          state: 'ended',
          identity: 'pinned',
          first: 1,
          records: 40,
          calls: 18,
        },
      ],
      sessions: { total: 2, ended: 2, gaps: 0 },
      strays: 0,
      notUnderstood: 0,
      malformed: 0,
      outcomes: { final: 17, provisional: 0, missing: 0, closed: 1 },
      losses: { records: 0, counted: 0 },
      coverage: { wrapped: 3, notWrapped: 1, unseen: ['shell', 'http'] },
      disclosures: { held: 60, erased: 0, missing: 0 },
    },
    conduct: {
      verdict: 'no exceptions',
      calls: 18,
      byVerdict: { allow: 17, deny: 1 },
      byStatus: { succeeded: 15, failed: 2 },
      byTool: { read_file: 12, refund: 6 },
      rules: [],
    },
    notExcluded: [
      { code: 'unseen', text: 'a call that never reached the recorder, or went to another log' },
      { code: 'made-up', text: 'values the recorder or tool made up' },
    ],
    checks: [
      check({ code: 'tree.root', status: 'passed', asserts: 'the records hash to the signed root' }),
      check({
        code: 'checkpoint.cosignatures',
        status: 'not_checked',
        asserts: 'a quorum of witnesses saw this checkpoint',
        doesNotAssert: 'that they saw it at once',
        detail: 'the trust file names no witness',
      }),
    ],
    findings: [],
  }
}
