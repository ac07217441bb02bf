#!/usr/bin/env node
import { runHook } from './once.js'

// At once, whatever is still open: all that was to be said has been written.
process.exit(await runHook(process.argv.slice(2)))
