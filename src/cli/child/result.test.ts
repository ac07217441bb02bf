import { describe, expect, it } from 'vitest'
import { OutputCapture } from './output-capture.js'
import { exitCodeOf, resultOf } from './result.js'
import type { ChildResult } from './run-child.js'
import { Signals } from './signals.js'

const nothing = new OutputCapture(0).finish()
const ended = { started: true, stdout: nothing, stderr: nothing } as const
const timing = { startedAt: new Date(0), durationUs: 5 }
const refused = (code: string): ChildResult => ({ started: false, error: Object.assign(new Error(code), { code }) })

const signalled = (...names: Parameters<Signals['receive']>[0][]): Signals => {
  const signals = new Signals(false)
  for (const name of names) signals.receive(name)
  return signals
}

describe('how a command ended', () => {
  it.each([
    ['exit code 0', { ...ended, exitCode: 0 }, 'succeeded', 'yes', 0],
    ['another exit code', { ...ended, exitCode: 3 }, 'failed', 'yes', 3],
    ['a signal', { ...ended, signal: 'SIGTERM' as const }, 'failed', 'yes', 143],
    ['no such command', refused('ENOENT'), 'not_executed', 'no', 127],
    ['not executable', refused('EACCES'), 'not_executed', 'no', 126],
    ['too long a command line', refused('E2BIG'), 'not_executed', 'no', 126],
  ] as const)('after %s', (_, child, status, executed, exitCode) => {
    const result = resultOf(child, signalled(), ['x'], timing)
    expect(result).toMatchObject({ status, executed })
    expect(exitCodeOf(child, signalled())).toBe(exitCode)
    // What ran has executed arguments, to be held against those decided on; what did not has none.
    expect('args' in result).toBe(executed === 'yes')
  })

  it('says which signals came in while it ran', () => {
    const result = resultOf({ ...ended, exitCode: 0 }, signalled('SIGTERM', 'SIGHUP'), [], timing)
    expect(result.output).toMatchObject({ value: { exitCode: 0, signalsReceived: ['SIGTERM', 'SIGHUP'] } })
  })

  it('did not run when a signal came before', () => {
    expect(resultOf(undefined, signalled('SIGINT'), [], timing)).toMatchObject({
      status: 'not_executed',
      executed: 'no',
    })
    expect(exitCodeOf(undefined, signalled('SIGINT'))).toBe(130)
  })
})

describe('Signals', () => {
  it('passes on what comes, and leaves to a terminal the SIGINT that it has sent itself', () => {
    for (const [fromTerminal, expected] of [
      [false, ['SIGINT', 'SIGTERM']],
      [true, ['SIGTERM']],
    ] as const) {
      const passed: string[] = []
      const signals = new Signals(fromTerminal)
      signals.passTo(signal => passed.push(signal))
      signals.receive('SIGINT')
      signals.receive('SIGTERM')
      expect(passed).toEqual(expected)
      expect(signals.seen).toEqual(['SIGINT', 'SIGTERM'])
    }
  })
})
