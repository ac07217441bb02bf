// Faults, each an exact text of the built program, for `--break`: at least one row has to find it out. A fault that fits
// nothing tests nothing.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const MUTATIONS = {
  'witness-cosigns-any-history': {
    file: 'witness/judge.js',
    from: 'verifyConsistency(size, checkpoint.size, root, checkpoint.root, request.proof);',
    to: '',
  },
  'alarm-ignored': {
    file: 'publish/witness-client.js',
    from: "(error.code === 'witness.fork' || error.code === 'witness.ahead')",
    to: 'false',
  },
  'held-checkpoints-ignored': {
    file: 'core/verify/evidence.js',
    from: 'this.#compareHeld(tree, checkpoint);',
    to: '',
  },
  'quorum-ignored': {
    file: 'core/verify/evidence.js',
    from: "return this.#trust === undefined || this.#trust.policy.quorum === 'none' || this.#witnessed !== undefined;",
    to: 'return true;',
  },
  'imprint-unchecked': {
    file: 'core/anchor/tsp/timestamp.js',
    from: "if (info.hash !== 'sha256' || !equalBytes(info.digest, expected.digest))",
    to: 'if (false)',
  },
  'cited-notes-date-nothing': {
    file: 'core/verify/times.js',
    from: 'return seconds === undefined ? []',
    to: 'return true ? []',
  },
  'failed-anchor-forgotten': {
    file: 'publish/anchor-queue.js',
    from: 'entries: [...entries.filter(entry => !superseded.includes(entry)), fresh], superseded',
    to: 'entries, superseded: []',
  },
}

/** A copy of the build with one text changed. @throws when the text is not there exactly once */
export function broken(name, root, copy) {
  const { file, from, to } = MUTATIONS[name]
  rmSync(copy, { recursive: true, force: true })
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true })
  // `#crypto` is an import of the package that the importing file lies in.
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  const path = join(copy, 'dist', file)
  const text = readFileSync(path, 'utf8')
  const places = text.split(from).length - 1
  if (places !== 1) throw new Error(`the fault ${name} fits ${places} places in dist/${file}, not one`)
  writeFileSync(
    path,
    text.replace(from, () => to),
  )
  return join(copy, 'dist')
}
