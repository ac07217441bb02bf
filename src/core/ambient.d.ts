/**
 * All that core uses beyond ECMAScript. Browsers, Node, Deno, Bun and bare `vm` contexts given these two
 * have them; declaring them here lets core compile without DOM and Node types.
 */
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>
  encodeInto(text: string, into: Uint8Array): { read: number; written: number }
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean })
  decode(bytes: Uint8Array): string
}
