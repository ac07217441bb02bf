import { Violation } from './sim-oracle.js'
import { tellStory } from './sim-story.js'

/*
 * Runs the stories of some seeds and says a line of JSON for each: `sim-main <first> <step> <end>`. A story that breaks
 * a promise ends the run with 1.
 */

const [first, step, end] = process.argv.slice(2).map(Number) as [number, number, number]

process.on('unhandledRejection', error => {
  process.stdout.write(
    `${JSON.stringify({ seed: running, broken: `unhandled rejection: ${(error as Error)?.stack}` })}\n`,
  )
  process.exit(1)
})

let running = first
for (let seed = first; seed < end; seed += step) {
  running = seed
  try {
    process.stdout.write(`${JSON.stringify(await tellStory(seed))}\n`)
  } catch (error) {
    const broken = error instanceof Violation ? error.message : String((error as Error)?.stack)
    process.stdout.write(`${JSON.stringify({ seed, broken })}\n`)
    process.exitCode = 1
    break
  }
}
