/** The middle one of some numbers. */
export const median = numbers => percentile(numbers, 0.5)

/** The number below which the share `p` of them lies. */
function percentile(numbers, p) {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]
}

/** Rounded to what a measurement of this kind can tell: four digits. */
export const rounded = number => Number(number.toPrecision(4))

/** Every number inside `value`, rounded. */
export function roundAll(value) {
  if (typeof value === 'number') return Number.isInteger(value) ? value : rounded(value)
  if (Array.isArray(value)) return value.map(roundAll)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, roundAll(member)]))
}
