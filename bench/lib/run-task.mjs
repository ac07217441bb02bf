const [name, args] = process.argv.slice(2)
const { run } = await import(`../tasks/${name}.mjs`)
const result = await run(JSON.parse(args))
// In kilobytes: what the process took at most, all threads together.
const peakMb = process.resourceUsage().maxRSS / 1024
process.stdout.write(`\n${JSON.stringify({ ...result, peakMb })}`)
