// A process that has a log open and records calls: without a pause until its standard input ends, or so many and no
// more. It says what it does in lines of JSON; what it has said `call` of was acknowledged, outcome and all.
import { pathToFileURL } from 'node:url'

const {
  dist,
  dir,
  agent,
  tool = 'work',
  calls,
  witnesses,
  tsa,
  shiftMs = 0,
  shift = 'process',
  perStream = 12,
} = JSON.parse(process.argv[2])
// An operator whose clock says what they want it to say: that of the whole process, or only the recorder's own, which is
// the one it finds when it is loaded.
const { now } = Date
if (shiftMs !== 0) Date.now = () => now() + shiftMs
const load = path => import(pathToFileURL(`${dist}/${path}`))
const { files, openLog } = await load('log/index.js')
const { Recorder } = await load('recorder/index.js')
if (shift === 'recorder') Date.now = now
const { witnessing } = await load('publish/witnessing.js')
const { anchoring } = await load('publish/anchoring.js')
const { rfc3161 } = await load('publish/rfc3161.js')

const say = line => process.stdout.write(`${JSON.stringify(line)}\n`)
let stopping = false
process.stdin
  .on('data', () => {})
  .on('end', () => {
    stopping = true
  })

const options = {
  ...(witnesses
    ? { witnesses: witnessing({ policy: witnesses, timeoutMs: 2000, onRound: round => say({ round }) }) }
    : {}),
  ...(tsa
    ? {
        anchors: anchoring({
          anchors: [rfc3161({ ...tsa, timeoutMs: 2000 })],
          everyMinutes: 0.05,
          onResult: anchor => say({ anchor }),
        }),
      }
    : {}),
}
try {
  await run()
  say({ ended: true })
} catch (error) {
  // Whoever comes after the halt is told of the halt; why it was stands behind it.
  const first = error.code === 'log.halted' && error.cause?.code ? error.cause : error
  say({ failed: first.code ?? String(first), message: first.message })
  process.exitCode = 1
}
// What is still under way is nobody's any more.
process.stdin.destroy()

async function run() {
  const log = await openLog(dir, options)
  try {
    if (witnesses && calls === undefined) await log.flush('witnessed').catch(() => {})
    for (let done = 0; !stopping && done < (calls ?? Number.POSITIVE_INFINITY); done = await stream(done)) {
      // Each stream cites the newest checkpoint that was cosigned.
    }
    if (witnesses && calls !== undefined) await seen(log)
  } finally {
    await log.close()
  }
}

/** Waits for the witnesses. Where they refuse, a log that has stopped for it says so to whoever comes next. */
async function seen(log) {
  try {
    await log.flush('witnessed')
  } catch (error) {
    await log.flush('published')
    throw error
  }
}

async function stream(done) {
  const recorder = new Recorder({ backend: files(dir, options), agent: { id: agent } })
  try {
    for (let n = 0; n < perStream && !stopping && done < (calls ?? Number.POSITIVE_INFINITY); n++, done++) {
      const request = { tool: { name: tool }, args: { n: done } }
      const ticket = await recorder.intent(request, await recorder.decide(request))
      await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes', output: { value: done } })
      say({ call: ticket.call, intent: ticket.intent })
      if (calls === undefined) await new Promise(resolve => setTimeout(resolve, 40))
    }
  } finally {
    await recorder.close()
  }
  return done
}
