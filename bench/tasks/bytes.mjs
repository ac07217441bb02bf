import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { callMany, payloadLength } from '../lib/calls.mjs'
import { newRecorder, recordPlainCall } from '../lib/recorded-call.mjs'

/** Disk bytes of a call beyond what the caller handed over, after everything is closed. */
export async function run({ dir, count, inFlight }) {
  const recorder = newRecorder(dir)
  let payload = 0
  await callMany(count, inFlight, i => {
    payload += payloadLength(i)
    return recordPlainCall(recorder, i)
  })
  await recorder.close()
  const total = lengthOf(dir)
  return { bytesPerCall: (total - payload) / count, totalPerCall: total / count, payloadPerCall: payload / count }
}

function lengthOf(path) {
  const found = lstatSync(path)
  if (!found.isDirectory()) return found.size
  return readdirSync(path).reduce((sum, name) => sum + lengthOf(join(path, name)), 0)
}
