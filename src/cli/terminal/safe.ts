/*
 * Text from strangers on its way to a terminal: the same rule as on a page.
 */
export { guard, safe, safeJson } from '../../core/bytes/visible.js'
