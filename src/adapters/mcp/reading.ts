import { fromUtf8, isWellFormed } from '../../core/bytes/utf8.js'

/*
 * Bytes of a message, read so that every other reader reads the same. The server may be written in any language: where two
 * readers of JSON could differ, what was recorded and what is executed could differ too.
 */

/** One message, or batch of messages, as it came. */
export type Reading =
  /** White space between lines. */
  | { readonly kind: 'blank' }
  /** No message that everybody reads. `why` is a sentence's end: "is not UTF-8". */
  | { readonly kind: 'unreadable'; readonly why: string }
  /** `flaw`: why other readers may see another value than this one. */
  | { readonly kind: 'message'; readonly value: unknown; readonly text: string; readonly flaw?: string }

/** Reads one message. @param bytes without the end of line, or with it */
export function readMessage(bytes: Uint8Array): Reading {
  let text: string
  try {
    text = fromUtf8(bytes)
  } catch {
    return { kind: 'unreadable', why: 'is not UTF-8' }
  }
  // The end of a line, of both kinds.
  text = text.replace(/\r?\n?$/, '')
  if (/^[ \t\r]*$/.test(text)) return { kind: 'blank' }
  // JSON takes a carriage return for white space; readers with universal newlines take it for the end of a line, and a
  // piece of a harmless message for a message of its own.
  if (text.includes('\r')) return { kind: 'unreadable', why: 'has a carriage return inside' }
  return readText(text)
}

/** Reads the body of a request or answer of HTTP, which says by itself where it ends. */
export function readBody(bytes: Uint8Array): Reading {
  try {
    const text = fromUtf8(bytes)
    return text === '' ? { kind: 'blank' } : readText(text)
  } catch {
    return { kind: 'unreadable', why: 'is not UTF-8' }
  }
}

/** Reads the text of one message, where something else than line ends says where it ends. */
export function readText(text: string): Reading {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'unreadable', why: 'is not JSON' }
  }
  const flaw = flawOf(text)
  return { kind: 'message', value, text, ...(flaw !== undefined && { flaw }) }
}

/** @param text known to be JSON */
function flawOf(text: string): string | undefined {
  // Per open container: the names seen so far, or undefined for an array.
  const open: (Set<string> | undefined)[] = []
  let isName = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '{') {
      open.push(new Set())
      isName = true
    } else if (c === '[') open.push(undefined)
    else if (c === '}' || c === ']') open.pop()
    else if (c === ',') isName = open.at(-1) !== undefined
    else if (c === ':') isName = false
    else if (c === '"') {
      const end = endOfString(text, i)
      const escaped = text.slice(i, end)
      if (LONE_MAYBE.test(escaped) && !isWellFormed(JSON.parse(escaped) as string))
        return 'holds half of a surrogate pair'
      const names = open.at(-1)
      if (isName && names) {
        const name = escaped.includes('\\') ? (JSON.parse(escaped) as string) : escaped.slice(1, -1)
        if (names.has(name)) return 'repeats a name'
        names.add(name)
      }
      i = end - 1
    } else if (c === '-' || (c >= '0' && c <= '9')) {
      NUMBER.lastIndex = i
      const number = NUMBER.exec(text)![0]
      if (!isSafeNumber(number)) return 'holds a number that readers round in different ways'
      i += number.length - 1
    }
  }
  return undefined
}

const LONE_MAYBE = /\\u[dD][89a-fA-F]/
const NUMBER = /[-+.0-9eE]+/y

/** The place after the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let before = quote
    while (text[before - 1] === '\\') before--
    if ((quote - before) % 2 === 0) return quote + 1
  }
}

// Any more of them, and a double cannot tell two numbers apart.
const DIGITS_MAX = 17

function isSafeNumber(literal: string): boolean {
  const value = Number(literal)
  if (!Number.isFinite(value)) return false
  if (/^-?\d+$/.test(literal)) return Number.isSafeInteger(value)
  const digits = literal
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '')
    .replace(/0+$/, '')
  return digits.length <= DIGITS_MAX
}
