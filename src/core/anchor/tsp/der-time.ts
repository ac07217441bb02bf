import { type DerReader, notDer, TAG } from './der.js'

/** A time of a certificate, in milliseconds since 1970. RFC 5280 §4.1.2.5: seconds, Z, and no fraction. */
export function certificateTime(reader: DerReader): number {
  const isShort = reader.next === TAG.utcTime
  const text = ascii(reader.octets(isShort ? TAG.utcTime : TAG.generalizedTime))
  const match = (isShort ? /^(\d\d)(\d{10})Z$/ : /^(\d{4})(\d{10})Z$/).exec(text)
  if (!match) throw notDer('a time of a certificate is not in its one form')
  const year = Number(match[1])
  return instant(isShort ? (year < 50 ? 2000 + year : 1900 + year) : year, match[2]!)
}

/**
 * The time of a token. RFC 3161 §2.4.2: seconds, a fraction without zeros at its end, Z.
 * @returns milliseconds since 1970, rounded up: what it bounds is bounded from above
 */
export function tokenTime(reader: DerReader): number {
  const match = /^(\d{4})(\d{10})(?:\.(\d{0,17}[1-9]))?Z$/.exec(ascii(reader.octets(TAG.generalizedTime)))
  if (!match) throw notDer('the time of the token is not in its one form')
  const [, year, rest, fraction = '0'] = match
  return instant(Number(year), rest!) + Math.ceil(Number(`0.${fraction}`) * 1000)
}

function instant(year: number, rest: string): number {
  const [month, day, hour, minute, second] = rest.match(/../g)!.map(Number) as [number, number, number, number, number]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second, 0)
  // The calendar rolls 30 February over into March, and 24:00 into the next day.
  const again = [
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ]
  if (again.some((part, i) => part !== [month, day, hour, minute, second][i])) throw notDer('a time is on no calendar')
  return date.getTime()
}

const ascii = (bytes: Uint8Array): string => (bytes.length > 40 ? '' : String.fromCharCode(...bytes))
