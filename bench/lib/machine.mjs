import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

/** What the numbers were measured on. */
export const machineOf = folder => ({
  node: process.version,
  system: `${process.platform} ${release()} ${process.arch}`,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryMb: Math.round(totalmem() / 2 ** 20),
  fileSystem: textOf('stat', ['-f', '-c', '%T', folder]),
  loadBefore: loadavg()[0],
  commit: textOf('git', ['rev-parse', '--short', 'HEAD']),
  date: new Date().toISOString(),
})

export const versionOf = name =>
  JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version

function textOf(command, args) {
  const run = spawnSync(command, args, { encoding: 'utf8' })
  return run.status === 0 ? run.stdout.trim() : 'unknown'
}
