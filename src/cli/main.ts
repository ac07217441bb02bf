#!/usr/bin/env node
import type { Context } from './command.js'
import { takePassphrase } from './passphrase.js'
import { run, tell } from './run.js'
import { onBrokenPipe } from './terminal/broken-pipe.js'
import { processTerminal } from './terminal/terminal.js'

takePassphrase()

const context: Context = { terminal: processTerminal(), argv: process.argv.slice(2), exitCode: 0 }

// Nobody reads on: the rest is said to nobody, and the exit code is what is known so far.
onBrokenPipe('stdout', () => process.exit(context.exitCode))
onBrokenPipe('stderr', () => {})

// What is thrown where nobody waits for it is a bug, and not told by a stack trace either.
process.on('uncaughtException', error => process.exit(tell(error, context)))

await run(context)
// Not `process.exit`: it would cut off output that a pipe has not yet taken.
process.exitCode = context.exitCode
