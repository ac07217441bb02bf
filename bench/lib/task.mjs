import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const runner = fileURLToPath(new URL('./run-task.mjs', import.meta.url))

/** Runs one task in a process of its own, so that no task finds the memory and the compiled code of another. */
export function runTask(name, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [runner, name, JSON.stringify(args)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', piece => {
      text += piece
    })
    child.on('error', reject)
    child.on('close', code => {
      if (code === 0) resolve(JSON.parse(text.slice(text.lastIndexOf('\n') + 1)))
      else reject(new Error(`bench: the task ${name} ended with ${code}`))
    })
  })
}
