import type { AuditBackend } from '../log/backend.js'

// Two plugins may be given one backend: whoever closes first must not take it away from the other.
const users = new WeakMap<AuditBackend, number>()

/** Counts one more user of `backend`. */
export function retain(backend: AuditBackend): void {
  users.set(backend, (users.get(backend) ?? 0) + 1)
}

/** Counts one user less. @returns whether it was the last, who closes the backend */
export function release(backend: AuditBackend): boolean {
  const left = (users.get(backend) ?? 1) - 1
  users.set(backend, left)
  return left === 0
}
