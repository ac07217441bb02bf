import { expect, test } from 'vitest'
import { changedLines, withHooks } from './settings.js'

const COMMAND = '/usr/bin/node /opt/deedlog/dist/cli/hook/main.js /srv/audit || exit 2'
const plus = (text: string | undefined, command: string | undefined = COMMAND) => withHooks(text, command, 's.json')
const minus = (text: string | undefined) => withHooks(text, undefined, 's.json')

test('hooks of every event are put into settings that were not there', () => {
  const { hooks } = JSON.parse(plus(undefined)) as { hooks: Record<string, unknown> }
  expect(Object.keys(hooks)).toHaveLength(6)
  expect(hooks['PreToolUse']).toEqual([
    { matcher: '*', hooks: [{ type: 'command', command: COMMAND, timeout: 360, onFailure: 'block' }] },
  ])
})

test('what is there stays, twice is once, and removing gives back what was', () => {
  const other = { type: 'command', command: 'my-linter' }
  const held = `${JSON.stringify(
    {
      model: 'x',
      hooks: { Stop: [], PreToolUse: [{ matcher: 'Bash', hooks: [other] }] },
      permissions: { deny: ['a'] },
    },
    null,
    4,
  )}\n`
  const once = plus(held)
  expect(plus(once)).toBe(once)
  expect(once).toContain('\n    "model"')
  expect(once).toContain('my-linter')
  expect(minus(once)).toBe(held)
  expect(minus(held)).toBe(held)
  expect(minus(plus('{}\n'))).toBe('{}\n')
})

test('another command takes the place of the one before, also beside others in one matcher', () => {
  const shared = JSON.stringify({
    hooks: { PreToolUse: [{ matcher: 'Bash', hooks: [{ command: 'deedlog hook claude-code a' }, { command: 'b' }] }] },
  })
  const { hooks } = JSON.parse(plus(shared)) as { hooks: { PreToolUse: { hooks: unknown[] }[] } }
  expect(hooks.PreToolUse.map(({ hooks }) => hooks.length)).toEqual([1, 1])
  expect(JSON.parse(minus(shared))).toEqual({ hooks: { PreToolUse: [{ matcher: 'Bash', hooks: [{ command: 'b' }] }] } })
})

test('names are anything', () => {
  const held = '{\n  "__proto__": {\n    "a": 1\n  },\n  "hooks": {\n    "__proto__": []\n  }\n}\n'
  expect(minus(plus(held))).toBe(held)
})

test.each(['x', '[]', 'null', '{"hooks":[]}', '{"hooks":{"PreToolUse":{}}}', '{// a\n}'])('does not touch %s', text => {
  expect(() => plus(text)).toThrow(expect.objectContaining({ code: 'hook.settings' }))
})

test('shows what changed', () => {
  expect(changedLines('a\nb\nc\n', 'a\nx\nc\n')).toEqual(['- b', '+ x'])
  expect(changedLines('a\n', 'a\n')).toEqual([])
  expect(changedLines('', 'a\n')).toEqual(['+ a'])
})
