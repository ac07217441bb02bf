// What every host has to do, and what the log has to say of it. A host adds rows of its own, and says where it differs.

const call = (name, args = {}, id = `call_${name}`) => ({ id, name, args })
const does = (tool, outcomes, more = {}) => ({ tool, verdict: 'allow', outcomes, ...more })
const OK = ['succeeded/yes']

/**
 * `turns`: what the model asks for; `again`: in a second run. `calls`: of the log, compared by the members named here. `ran`: which bodies were
 * entered. `exit` and `findings`: of the verification.
 */
export const rows = [
  {
    name: 'success',
    turns: [[call('add', { a: 1 })]],
    calls: [does('add', OK, { args: { a: 1, b: 7 }, executedArgs: { a: 1, b: 7 }, output: { sum: 8 } })],
    ran: ['add'],
  },
  {
    name: 'parallel calls',
    turns: [[call('add', { a: 1 }, 'p1'), call('add', { a: 2 }, 'p2'), call('add', { a: 3 }, 'p3')]],
    calls: [1, 2, 3].map(a => does('add', OK, { executedArgs: { a, b: 7 }, output: { sum: a + 7 } })),
    ran: ['add', 'add', 'add'],
  },
  {
    name: 'throw',
    turns: [[call('boom')]],
    calls: [does('boom', ['failed/yes'], { error: { name: 'RangeError', message: 'boom' } })],
    ran: ['boom'],
  },
  {
    name: 'invalid arguments',
    turns: [[call('add', { a: 'many' })]],
    calls: [does('add', ['not_executed/no'], { verdict: 'not_evaluated', args: { a: 'many' } })],
    ran: [],
  },
  {
    name: 'denied',
    turns: [[call('forbidden')]],
    calls: [{ tool: 'forbidden', verdict: 'deny', rule: 'never', outcomes: [] }],
    ran: [],
    shown: 'policy_denied',
  },
  {
    name: 'review, approved',
    turns: [[call('ask')]],
    calls: [{ tool: 'ask', verdict: 'review', review: 'approved', outcomes: OK, output: 'done' }],
    ran: ['ask'],
  },
  {
    name: 'review, declined',
    turns: [[call('askAndDecline')]],
    calls: [{ tool: 'askAndDecline', verdict: 'review', review: 'rejected', outcomes: [] }],
    ran: [],
    shown: 'policy_denied',
  },
  {
    name: 'reported error',
    turns: [[call('report')]],
    calls: [does('report', ['reported_error/yes'])],
    ran: ['report'],
  },
  {
    name: 'retry, two attempts',
    turns: [[call('flaky', { a: 1 })], [call('flaky', { a: 1 }, 'call_again')]],
    calls: [does('flaky', ['failed/yes']), does('flaky', OK)],
    ran: ['flaky', 'flaky'],
  },
  {
    name: 'abort, late side effect',
    turns: [[call('stubborn')]],
    abort: true,
    calls: [does('stubborn', ['cancelled/unknown', 'succeeded/yes late'], { output: 'late' })],
    ran: ['stubborn', 'stubborn-late'],
  },
  {
    name: 'repeated ids',
    turns: [[call('add', { a: 1 }, 'call_0')], [call('report', {}, 'call_1')]],
    again: [[call('add', { a: 2 }, 'call_0')]],
    calls: [
      does('add', OK, { output: { sum: 8 } }),
      does('report', ['reported_error/yes']),
      does('add', OK, { output: { sum: 9 } }),
    ],
    ran: ['add', 'add', 'report'],
  },
  {
    name: 'recorder down',
    phase: 'down',
    turns: [[call('add', { a: 1 })]],
    ran: [],
    shown: 'audit_unavailable',
  },
  {
    name: 'recorder up, the twin',
    turns: [[call('add', { a: 1 })]],
    calls: [does('add', OK)],
    ran: ['add'],
  },
  {
    name: 'killed in the middle',
    phase: 'kill',
    turns: [[call('add', { a: 1 })], [call('die')]],
    calls: [does('add', OK), does('die', ['unknown/unknown']), does('after-the-crash', OK)],
    ran: ['add', 'die'],
  },
  {
    name: 'unwrapped tool',
    coverage: true,
    turns: [],
    ran: [],
  },
]
