import type { Plugin } from 'esbuild'

export const MUTATIONS: Readonly<
  Record<string, readonly { readonly file: string; readonly from: string; readonly to: string }[]>
>
export function breaking(name: string, root: string): Plugin
