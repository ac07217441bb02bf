import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { HaltedError, MalformedError, UnavailableError, VerificationError } from '../core/errors.js'
import { errorJson, explain, renderError, UsageError } from './errors.js'
import { PLAIN } from './terminal/paint.js'

describe('explain', () => {
  it.each([
    ['a false claim is evidence', new VerificationError('root.mismatch', 'x'), 1],
    ['bytes that do not parse accuse nobody', new MalformedError('note.form', 'x'), 2],
    ['a locked log is not evidence', new UnavailableError('log.locked', 'x'), 2],
    ['a halted log is not evidence', new HaltedError('log.halted', 'x'), 2],
    ['a wrong command line is not evidence', new UsageError('usage.value', 'x'), 2],
    ['a bug is not evidence', new TypeError('x is not a function'), 2],
    ['a thrown string is not evidence', 'boom', 2],
    ['undefined is not evidence', undefined, 2],
  ])('%s', (_, error, exitCode) => expect(explain(error, 'verify').exitCode).toBe(exitCode))

  it('always names a code, an expectation and a next step', () => {
    const errors = [
      new MalformedError('a.b', 'm'),
      new UsageError('usage.value', 'm'),
      new RangeError('m'),
      7,
      new CommanderError(1, 'commander.unknownCommand', "error: unknown command 'x'"),
      new CommanderError(1, 'commander.somethingNew', 'error: x'),
    ]
    for (const error of errors)
      for (const text of [explain(error, '').code, explain(error, '').expected, explain(error, '').next])
        expect(text).not.toBe('')
  })

  it('keeps what the thrower expected and hints at the help of the command', () => {
    expect(explain(new MalformedError('json.depth', 'nested 9 deep', { expected: 'at most 8' }), 'list')).toEqual({
      code: 'json.depth',
      message: 'nested 9 deep',
      expected: 'at most 8',
      next: 'deedlog list --help',
      exitCode: 2,
    })
  })

  it('gives an error of the operating system a code of its own', () => {
    const error = Object.assign(new Error("EACCES: permission denied, open '/x'"), { code: 'EACCES', syscall: 'open' })
    expect(explain(error, 'verify').code).toBe('system.eacces')
  })
})

describe('renderError', () => {
  const hostile = explain(
    new MalformedError('a.b', 'tool "\x1b[2J\nerror: all is well\u202e" is no tool', { expected: 'b\rc' }),
    'list',
  )

  it('is three lines, whatever is in it', () => {
    expect(renderError(hostile, PLAIN, 120)).toBe(
      'error: tool "\\x1b[2J\\nerror: all is well\\u202e" is no tool [a.b]\n' +
        '  expected: b\\rc\n' +
        '  next:     deedlog list --help\n',
    )
  })

  it('wraps sentences and never the command to copy', () => {
    const next = `deedlog verify ${'long-'.repeat(20)} --self`
    const text = renderError(explain(new UsageError('usage.value', 'word '.repeat(40), { next }), 'verify'), PLAIN, 60)
    expect(text).toContain(`  next:     ${next}\n`)
    for (const line of text.split('\n')) if (!line.includes(next)) expect(line.length).toBeLessThanOrEqual(60)
  })

  it('is one line of JSON for programs', () => {
    const json = errorJson(hostile)
    expect(json.trimEnd()).not.toMatch(/[\p{C}]/u)
    expect(JSON.parse(json)).toEqual({
      error: {
        code: 'a.b',
        message: 'tool "\x1b[2J\nerror: all is well\u202e" is no tool',
        expected: 'b\rc',
        next: 'deedlog list --help',
      },
    })
  })
})
