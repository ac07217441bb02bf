import { sha256Hex } from '#crypto'
import { canonicalBytes } from '../core/record/canonical.js'
import { capture } from '../core/record/capture.js'

// No model is offered a definition of this size; a hostile one must not cost more.
const DEFINITION_BYTES_MAX = 1024 * 1024

const digests = new WeakMap<object, string>()

/**
 * SHA-256 of a tool's definition as offered to the model: RFC 8785 form of E(definition), lowercase hex. An object is
 * looked at once: a host offers the same one with every call.
 */
export function definitionDigest(definition: unknown): string {
  if (typeof definition !== 'object' || definition === null) return digestOf(definition)
  let digest = digests.get(definition)
  if (!digest) {
    digest = digestOf(definition)
    digests.set(definition, digest)
  }
  return digest
}

const digestOf = (definition: unknown): string => sha256Hex(canonicalBytes(capture(definition, DEFINITION_BYTES_MAX)))
