export declare const MUTATIONS: Readonly<
  Record<string, { readonly file: string; readonly from: string; readonly to: string }>
>
export declare function broken(name: string, root: string, copy: string): string
