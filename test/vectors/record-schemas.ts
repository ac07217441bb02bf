import type { Json } from '../../src/core/record/index.js'
import {
  callId,
  committed,
  HASH,
  IDENTITY,
  keyOf,
  LOG_ID,
  leafOf,
  logRecord,
  type Members,
  OPERATOR,
  recordText,
  startRecord,
  TIME,
} from './record-kit.js'
import type { VectorCase, VectorFile } from './record-vectors.js'

/** Every record type: what is understood, what is not, what is malformed. */
export function schemaVectors(): [string, VectorFile][] {
  return [...types(), ...extensions(), ...links(), ...statuses()]
}

type Change = Json | undefined | ((value: Json | undefined) => Json | undefined)

const understood = (name: string, members: Members, signer?: number): VectorCase =>
  verdict(name, recordText(members, signer), 'understood')
const not = (name: string, members: Members, signer?: number): VectorCase =>
  verdict(name, recordText(members, signer), 'not understood')
const malformed = (name: string, text: string): VectorCase => ({ name, text, expect: 'malformed' })
const verdict = (name: string, text: string, expect: string): VectorCase => ({ name, text, leaf: leafOf(text), expect })

/** `members` with the member at a path of names and indexes set, or removed by undefined. */
function changed(members: Members, path: string, change: Change): Members {
  const copy = structuredClone(members) as Record<string, Json>
  const steps = path.split('.')
  let at = copy as Record<string, Json>
  for (const step of steps.slice(0, -1)) at = at[step] as Record<string, Json>
  const last = steps[steps.length - 1]!
  const value = typeof change === 'function' ? change(at[last]) : change
  if (value === undefined) delete at[last]
  else at[last] = value
  return copy
}

interface TypeVectors {
  readonly full: Members
  readonly signer?: number
  /** Optional members, by path: a record without each is understood too. */
  readonly optional: readonly string[]
  /** Required members, by path. */
  readonly required: readonly string[]
  /** Changes that leave the record understood. */
  readonly good?: readonly (readonly [path: string, change: Change])[]
  readonly wrong: readonly (readonly [path: string, change: Change])[]
}

const chained = (type: string, members: Members): Members => ({
  v: 1,
  type,
  stream: HASH,
  seq: 1,
  prev: HASH,
  time: TIME,
  ...members,
})
const COMMON_REQUIRED = ['v', 'type', 'time']
const CHAINED_REQUIRED = [...COMMON_REQUIRED, 'stream', 'seq', 'prev']
const many = (length: number, make: (i: number) => Json): Json[] => Array.from({ length }, (_, i) => make(i))
const hashOf = (i: number): string => i.toString(16).padStart(64, '0')

const TYPES: { readonly [type: string]: TypeVectors } = {
  log: {
    full: { ...logRecord(), retention: { days: 365 } },
    signer: OPERATOR,
    optional: ['retention'],
    required: [...COMMON_REQUIRED, 'origin', 'nonce', 'operators', 'retention.days'],
    good: [
      ['operators', many(8, i => keyOf(i + 1))],
      ['retention.days', 0],
    ],
    wrong: [
      ['origin', 'a b'],
      ['origin', ''],
      ['nonce', Buffer.alloc(31).toString('base64')],
      ['nonce', 'CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQl='],
      ['operators', []],
      ['operators', many(9, i => keyOf(i + 1))],
      ['operators', keyOf(1)],
      ['retention', {}],
      ['retention.days', -1],
      ['retention.days', '365'],
      ['seq', 0],
      ['stream', HASH],
      ['prev', HASH],
    ],
  },
  'stream.start': {
    full: {
      ...startRecord(3),
      observer: 'host',
      agent: { id: 'did:example:shop', name: 'Shop', version: '1' },
      host: { framework: 'adk', version: '2.0.0' },
      config: HASH,
      custody: 'process',
      after: { origin: 'example.com/deeds', size: 5, root: HASH, note: HASH },
    },
    signer: IDENTITY,
    optional: ['observer', 'host', 'config', 'custody', 'after', 'agent.name', 'agent.version'],
    required: [
      ...COMMON_REQUIRED,
      'seq',
      'logs',
      'role',
      'agent',
      'agent.id',
      'host.framework',
      'host.version',
      'recorder',
      'recorder.name',
      'recorder.version',
      'identity',
      'key',
      'after.origin',
      'after.size',
      'after.root',
      'after.note',
    ],
    good: [
      ['role', 'operator'],
      ['logs', many(8, i => ({ id: hashOf(i), origin: 'o' }))],
    ],
    wrong: [
      ['seq', 1],
      ['stream', HASH],
      ['prev', HASH],
      ['logs', []],
      ['logs', many(9, i => ({ id: hashOf(i), origin: 'o' }))],
      [
        'logs',
        [
          { id: hashOf(2), origin: 'o' },
          { id: hashOf(1), origin: 'o' },
        ],
      ],
      [
        'logs',
        [
          { id: hashOf(1), origin: 'o' },
          { id: hashOf(1), origin: 'p' },
        ],
      ],
      ['logs', [{ id: LOG_ID }]],
      ['role', 'auditor'],
      ['observer', 'client '],
      ['agent', 'did:example:shop'],
      ['agent.id', 'did:example:shop+1'],
      ['agent.name', ''],
      ['agent.name', 'a\u001b[2J'],
      ['custody', 'Process'],
      ['config', 'AB'.repeat(32)],
      ['identity', Buffer.alloc(32, 9).toString('base64')],
      ['key', Buffer.concat([Buffer.from([6]), Buffer.alloc(1312)]).toString('base64')],
      ['after', {}],
      ['after.size', -1],
    ],
  },
  rules: {
    full: chained('rules', {
      engine: { name: 'agt', version: '4' },
      files: [{ digest: HASH, name: 'a.yaml' }],
      part: HASH,
    }),
    optional: ['part'],
    required: [
      ...CHAINED_REQUIRED,
      'engine',
      'engine.name',
      'engine.version',
      'files',
      'files.0.digest',
      'files.0.name',
    ],
    good: [['files', many(32, i => ({ digest: HASH, name: `f${i + 10}` }))]],
    wrong: [
      ['files', []],
      ['files', many(33, i => ({ digest: HASH, name: `f${i + 10}` }))],
      [
        'files',
        [
          { digest: HASH, name: 'b' },
          { digest: HASH, name: 'a' },
        ],
      ],
      [
        'files',
        [
          { digest: HASH, name: 'a' },
          { digest: hashOf(1), name: 'a' },
        ],
      ],
    ],
  },
  intent: {
    full: chained('intent', {
      call: callId(0),
      session: { id: callId(1), n: 0 },
      tool: { name: 'refund', kind: 'function', server: 'shop', digest: HASH },
      toolName: committed('refund'),
      args: committed({ amount: 5 }),
      decision: { verdict: 'allow', rules: HASH, policy: 'p', rule: 'r', reason: committed('why') },
      principal: committed('me'),
      refs: { 'adk.invocation': 'x1' },
      parent: HASH,
      same: HASH,
      attempt: 2,
      tier: 'degraded',
      unmediated: true,
      belated: true,
    }),
    optional: [
      'session',
      'tool.kind',
      'tool.server',
      'tool.digest',
      'toolName',
      'decision.rules',
      'decision.policy',
      'decision.rule',
      'decision.reason',
      'principal',
      'refs',
      'parent',
      'same',
      'attempt',
      'tier',
      'unmediated',
      'belated',
    ],
    required: [
      ...CHAINED_REQUIRED,
      'call',
      'session.id',
      'session.n',
      'tool',
      'tool.name',
      'args',
      'args.root',
      'args.scheme',
      'args.size',
      'decision',
      'decision.verdict',
    ],
    good: [
      ['tool.name', '?'],
      ['decision.verdict', 'not_evaluated'],
      ['refs', Object.fromEntries(many(8, i => `r${i}`).map(name => [name as string, 'x']))],
      ['refs', { __proto__x: 'x', constructor: 'y' }],
      ['tier', 'lossy'],
    ],
    wrong: [
      ['call', callId(0).toLowerCase()],
      ['session.n', -1],
      ['tool.name', ''],
      ['tool.name', 'x'.repeat(256)],
      ['tool.name', 'rm\n'],
      ['tool.kind', 'a b'],
      ['tool.server', {}],
      ['args', {}],
      ['args.root', HASH.toUpperCase()],
      ['args.scheme', 'f2'],
      ['args.size', -256],
      ['decision.verdict', 'allowed'],
      ['decision.rules', 'x'],
      ['decision.reason.scheme', 'f2'],
      ['refs', {}],
      ['refs', Object.fromEntries(many(9, i => `r${i}`).map(name => [name as string, 'x']))],
      ['refs', { 'a b': 'x' }],
      ['refs', { a: 5 }],
      ['refs', []],
      ['attempt', 1],
      ['attempt', 0],
      ['tier', 'strict'],
      ['unmediated', false],
      ['belated', 'true'],
    ],
  },
  review: {
    full: chained('review', {
      call: callId(0),
      intent: HASH,
      verdict: 'approved',
      approver: { id: 'approver-7', channel: 'cli' },
      args: committed({ amount: 4 }),
      approval: { key: keyOf(5), sig: Buffer.alloc(64, 3).toString('base64') },
    }),
    optional: ['args', 'approval'],
    required: [
      ...CHAINED_REQUIRED,
      'call',
      'intent',
      'verdict',
      'approver',
      'approver.id',
      'approver.channel',
      'approval.key',
      'approval.sig',
    ],
    good: [['verdict', 'rejected']],
    wrong: [
      ['verdict', 'approve'],
      ['approver.id', 'Jo Doe'],
      ['approver', {}],
      ['approval', {}],
      ['approval.sig', Buffer.alloc(63).toString('base64')],
    ],
  },
  outcome: {
    full: chained('outcome', {
      call: callId(0),
      intent: HASH,
      status: 'failed',
      executed: 'yes',
      args: committed({ amount: 6 }),
      output: committed('out'),
      visible: committed('seen'),
      error: { name: 'TypeError', message: committed('no') },
      startedAt: TIME,
      durationUs: 1200,
      late: true,
    }),
    optional: ['args', 'output', 'visible', 'error', 'error.name', 'error.message', 'startedAt', 'durationUs', 'late'],
    required: [...CHAINED_REQUIRED, 'call', 'intent', 'status', 'executed'],
    good: [
      ['durationUs', 0],
      ['executed', 'unknown'],
    ],
    wrong: [
      ['status', 'denied'],
      ['status', 'declined'],
      ['executed', true],
      ['executed', 'maybe'],
      ['error', {}],
      ['error.name', ''],
      ['startedAt', '2026-11-22T09:25:00Z'],
      ['durationUs', -1],
      ['late', false],
    ],
  },
  settlement: {
    full: chained('settlement', {
      intent: HASH,
      result: 'succeeded',
      basis: 'bank-statement',
      evidence: committed('e'),
    }),
    optional: ['evidence'],
    required: [...CHAINED_REQUIRED, 'intent', 'result', 'basis'],
    wrong: [
      ['result', 'unknown'],
      ['basis', 'bank statement'],
    ],
  },
  'session.end': {
    full: chained('session.end', { session: callId(1), calls: 3 }),
    optional: [],
    required: [...CHAINED_REQUIRED, 'session', 'calls'],
    good: [['calls', 0]],
    wrong: [
      ['session', 'my-session'],
      ['calls', '3'],
    ],
  },
  coverage: {
    full: chained('coverage', {
      tools: [
        { name: 'refund', digest: HASH, wrapped: 'yes' },
        { name: 'search', wrapped: 'no' },
      ],
      unseen: ['code-execution', 'google-search'],
      detail: committed('d'),
    }),
    optional: ['tools', 'unseen', 'detail', 'tools.0.digest'],
    required: [...CHAINED_REQUIRED, 'tools.0.name', 'tools.0.wrapped'],
    wrong: [
      ['tools', []],
      ['tools', many(65, i => ({ name: `t${i}`, wrapped: 'yes' }))],
      ['tools.0.wrapped', true],
      ['unseen', []],
      ['unseen', ['b', 'a']],
      ['unseen', ['a', 'a']],
      ['unseen', ['a b']],
      ['unseen', many(65, i => `u${i + 10}`)],
    ],
  },
  loss: {
    full: chained('loss', { reason: 'disk-full', count: 2, detail: committed('d') }),
    optional: ['count', 'detail'],
    required: [...CHAINED_REQUIRED, 'reason'],
    good: [['count', 0]],
    wrong: [
      ['reason', 'disk full'],
      ['count', -2],
    ],
  },
  recovery: {
    full: chained('recovery', { of: HASH, last: HASH, lastSeq: 4 }),
    optional: [],
    required: [...CHAINED_REQUIRED, 'of', 'last', 'lastSeq'],
    good: [['lastSeq', 0]],
    wrong: [
      ['of', 'x'],
      ['lastSeq', -1],
    ],
  },
  continuation: {
    full: chained('continuation', { of: HASH, note: HASH, size: 10, reason: 'lost-key', detail: committed('d') }),
    optional: ['detail'],
    required: [...CHAINED_REQUIRED, 'of', 'note', 'size', 'reason'],
    wrong: [['size', '10']],
  },
  key: {
    full: chained('key', { event: 'add', key: keyOf(5), agent: 'did:example:shop', since: 7 }),
    optional: ['agent', 'since'],
    required: [...CHAINED_REQUIRED, 'event', 'key'],
    good: [
      ['event', 'retire'],
      ['event', 'compromised'],
    ],
    wrong: [
      ['event', 'remove'],
      ['key', Buffer.alloc(33, 2).toString('base64')],
      ['since', TIME],
    ],
  },
  erasure: {
    full: chained('erasure', { intents: [HASH], basis: 'gdpr-17' }),
    optional: [],
    required: [...CHAINED_REQUIRED, 'intents', 'basis'],
    good: [['intents', many(128, hashOf)]],
    wrong: [
      ['intents', []],
      ['intents', many(129, hashOf)],
      ['intents', [HASH.slice(1)]],
    ],
  },
  'stream.end': {
    full: chained('stream.end', { calls: 2, pending: 1 }),
    optional: [],
    required: [...CHAINED_REQUIRED, 'calls', 'pending'],
    good: [['pending', 0]],
    wrong: [['calls', -1]],
  },
}

function types(): [string, VectorFile][] {
  return Object.entries(TYPES).map(([type, { full, signer, optional, required, good = [], wrong }]) => {
    const show = (change: Change): string => JSON.stringify(change)?.slice(0, 60) ?? 'absent'
    const text = recordText(full, signer)
    const cases = [
      understood('all members', full, signer),
      ...optional.map(path => understood(`without ${path}`, changed(full, path, undefined), signer)),
      ...good.map(([path, change]) => understood(`${path} ${show(change)}`, changed(full, path, change), signer)),
      ...required.map(path => not(`without ${path}`, changed(full, path, undefined), signer)),
      ...wrong.map(([path, change]) => not(`${path} ${show(change)}`, changed(full, path, change), signer)),
      malformed('with a space', text.replace(':', ': ')),
      malformed('with a newline', `${text}\n`),
      malformed('with null', text.replace(`"time":"${TIME}"`, '"time":null')),
    ]
    const needsSig = type === 'log' || type === 'stream.start'
    if (needsSig) cases.push(not('without sig', full))
    return [
      `record/${type}`,
      {
        about: `Records of type ${type}: what is understood, not understood, malformed.`,
        section: needsSig ? '2' : '4',
        kind: 'record',
        cases,
      },
    ]
  })
}

function extensions(): [string, VectorFile][] {
  const loss = chained('loss', { reason: 'disk-full' })
  return [
    [
      'record/extension',
      {
        about: 'What a reader does not know it keeps and ignores, unless crit lists it.',
        section: '1',
        kind: 'record',
        cases: [
          understood('a name with a dot', { ...loss, 'com.example.ticket': { any: [1, true, ''] } }),
          understood('a name without one', { ...loss, ticket: 'T1' }),
          understood('an empty string there', { ...loss, ticket: '' }),
          understood('below the top', changed(TYPES['intent']!.full, 'tool.colour', 'red')),
          understood(
            'the name __proto__',
            JSON.parse(JSON.stringify(loss).replace('{', '{"__proto__":{"v":2},')) as Members,
          ),
          understood('crit with a name that is known', { ...loss, crit: ['reason'] }),
          understood('crit with a known name that is absent', { ...loss, crit: ['count'] }),
          understood('a member of another type', { ...loss, intent: 5 }),
          not('crit with a name that is not', { ...loss, 'com.example.ticket': 1, crit: ['com.example.ticket'] }),
          not('crit with a name that is neither known nor there', { ...loss, crit: ['com.example.ticket'] }),
          not('crit with the name of another type’s member', { ...loss, intent: 5, crit: ['intent'] }),
          not('crit that is empty', { ...loss, crit: [] }),
          not('crit that descends', { ...loss, crit: ['time', 'reason'] }),
          not('crit with a name twice', { ...loss, crit: ['reason', 'reason'] }),
          not('crit of 65', { ...loss, crit: many(65, i => `a${i + 10}`) }),
          not('crit that is no list', { ...loss, crit: 'reason' }),
          not('version 2', { ...loss, v: 2 }),
          not('version "1"', { ...loss, v: '1' }),
          not('version true', { ...loss, v: true }),
          not('an unknown type', { ...loss, type: 'com.example.note' }),
          not('the type constructor', { ...loss, type: 'constructor' }),
          not('a type that is no string', { ...loss, type: ['loss'] }),
          malformed('an array', '[]'),
          malformed('a string', '"loss"'),
          malformed('a number', '1'),
          malformed('true', 'true'),
        ],
      },
    ],
  ]
}

function links(): [string, VectorFile][] {
  const loss = chained('loss', { reason: 'disk-full' })
  const after = { origin: 'example.com/deeds', size: 5, root: HASH, note: HASH }
  return [
    [
      'record/links',
      {
        about: 'What places a record in its stream, and what stands beside a signature only.',
        section: '2',
        kind: 'record',
        cases: [
          understood('after beside sig', { ...loss, after }, 3),
          understood('a signature nobody checked', { ...loss, sig: Buffer.alloc(64).toString('base64') }),
          not('after without sig', { ...loss, after }),
          not('seq 0', { ...loss, seq: 0 }),
          not('a negative seq', { ...loss, seq: -1 }),
          not('a seq that is a string', { ...loss, seq: '1' }),
          not('a stream in upper case', { ...loss, stream: HASH.toUpperCase() }),
          not('a prev that is short', { ...loss, prev: HASH.slice(2) }),
          not('a signature of 63 bytes', { ...loss, sig: Buffer.alloc(63).toString('base64') }),
          not('a signature with unused bits set', { ...loss, sig: `${'A'.repeat(85)}B==` }),
          not('a time of another zone', { ...loss, time: '2026-11-22T09:25:00.000+01:00' }),
        ],
      },
    ],
  ]
}

function statuses(): [string, VectorFile][] {
  const allowed: { readonly [status: string]: readonly string[] } = {
    succeeded: ['yes'],
    failed: ['yes', 'unknown'],
    reported_error: ['yes', 'unknown'],
    not_executed: ['no'],
    short_circuited: ['no'],
    pending: ['yes', 'no', 'unknown'],
    cancelled: ['yes', 'unknown'],
    timed_out: ['yes', 'unknown'],
    unknown: ['unknown'],
  }
  const cases = Object.entries(allowed).flatMap(([status, executed]) =>
    ['yes', 'no', 'unknown'].map(value => {
      const members = chained('outcome', { call: callId(0), intent: HASH, status, executed: value })
      return (executed.includes(value) ? understood : not)(`${status}, executed ${value}`, members)
    }),
  )
  const about = 'Every status with every `executed`: which go together.'
  return [['record/status-and-executed', { about, section: '4', kind: 'record', cases }]]
}
