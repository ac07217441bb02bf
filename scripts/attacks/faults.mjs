// Faults that `npm run attacks -- --break <name>` puts into a copy of the built verifier.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Faults, each an exact text of the built verifier: a fault that fits nothing tests nothing. */
export const FAULTS = {
  'root-unchecked': {
    file: 'core/verify/evidence.js',
    from: 'else if (equalBytes(tree.root(), checkpoint.root)) {',
    to: 'else if (true) {',
  },
  'log-signature-unchecked': {
    file: 'core/tlog/note.js',
    from: 'if (!verifyEd25519(signature, message, key.publicKey))\n                throw',
    to: 'if (false)\n                throw',
  },
  'record-signature-unchecked': {
    file: 'core/record/signing.js',
    from: "const sig = parsed.json['sig'];",
    to: "const sig = parsed.json['sig'];\n    return isSig(sig);",
  },
  'small-order-keys-accepted': {
    file: 'core/tlog/ed25519.js',
    from: 'return isBelowPrime(y) && !SMALL_ORDER.some(small => small.every((byte, i) => byte === y[i]));',
    to: 'return true;',
  },
  'earlier-checkpoints-ignored': {
    file: 'core/verify/evidence.js',
    from: 'this.#compareHeld(tree, checkpoint);',
    to: '',
  },
  'quorum-ignored': {
    file: 'core/verify/evidence.js',
    from: "return this.#trust === undefined || this.#trust.policy.quorum === 'none' || this.#witnessed !== undefined;",
    to: 'return true;',
  },
  'foreign-streams-counted': {
    file: 'core/verify/reading.js',
    from: "const foreign = this.logId !== '' && !record.logs.some(log => log.id === this.logId);",
    to: 'const foreign = false;',
  },
  'any-operator-counts': {
    file: 'core/verify/identity.js',
    from: 'return (this.#operators.has(identity) || added) && !this.#withdrawn(identity, undefined);',
    to: 'return true;',
  },
  'sessions-uncounted': {
    file: 'core/verify/reading.js',
    from: 'if (fault === undefined || (fault.lacking > 0 && fault.lacking <= unread))',
    to: 'if (true)',
  },
  'supplied-trust-accepted': {
    file: 'client/verify.js',
    from: '(await isInside(target, path)) ?',
    to: 'false ?',
  },
  'disclosures-unchecked': {
    file: 'core/record/disclosure.js',
    from: "throw new VerificationError('disclosure.mismatch', `the disclosure gives",
    to: "void new VerificationError('disclosure.mismatch', `the disclosure gives",
  },
  'pruning-unjudged': {
    file: 'core/verify/pruning.js',
    from: 'if (why !== undefined) {',
    to: 'if (false) {',
  },
  'bundle-question-unasked': {
    file: 'core/verify/summary.js',
    from: 'if (!reading.askedCalls.has(call))',
    to: 'if (false)',
  },
}

/** A copy of the build with one text changed. */
export function broken(root, name) {
  const { file, from, to } = FAULTS[name]
  const copy = join(root, '.proof/broken', name)
  rmSync(copy, { recursive: true, force: true })
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true })
  // `#crypto` is an import of the package that the importing file lies in.
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  const path = join(copy, 'dist', file)
  const text = readFileSync(path, 'utf8')
  if (text.split(from).length !== 2) {
    console.error(`attacks: the fault ${name} fits ${text.split(from).length - 1} places in dist/${file}, not one`)
    process.exit(2)
  }
  writeFileSync(
    path,
    text.replace(from, () => to),
  )
  return join(copy, 'dist')
}
