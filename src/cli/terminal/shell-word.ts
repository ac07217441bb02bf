/** A POSIX shell word that means exactly `text`: for commands we ask people to paste. Shows nothing unseen. */
export function shellWord(text: string): string {
  if (/^[A-Za-z0-9_./:@%+=,][A-Za-z0-9_./:@%+=,-]*$/.test(text)) return text
  if (/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(text)) return `$'${ansiC(text)}'`
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** A path as an argument: one that begins with a dash would be read as an option. */
export const shellPath = (path: string): string => shellWord(path.startsWith('-') ? `./${path}` : path)

/** Octal bytes are the one escape that every shell with `$'…'` reads alike. */
function ansiC(text: string): string {
  let quoted = ''
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte)
    if (character === '\\' || character === "'") quoted += `\\${character}`
    else if (byte >= 0x20 && byte < 0x7f) quoted += character
    else quoted += `\\${byte.toString(8).padStart(3, '0')}`
  }
  return quoted
}
