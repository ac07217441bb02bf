/**
 * Refuses what is not a size or an index of ours. Such a value is a bug of the caller, not of the bytes: parsers
 * have turned foreign digits into safe integers before.
 *
 * @throws {RangeError} unless `value` is an integer from 0 to 2^53-1.
 */
export function checkInteger(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${what} ${value} is not an integer from 0 to 2^53-1`)
}

/**
 * The number that canonical ASCII decimal digits write, or undefined: from 0 to 2^53-1, no leading zero, no sign, no
 * space, no exponent. Formatting the number again and comparing refuses every other spelling at once.
 */
export function parseInteger(text: string): number | undefined {
  const value = text.length <= DIGITS_MAX ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) && value >= 0 && String(value) === text ? value : undefined
}

const DIGITS_MAX = String(Number.MAX_SAFE_INTEGER).length
