/** What `stream.start` says about the recorder; a test holds the version equal to package.json's. */
export const RECORDER = { name: 'deedlog', version: '0.1.0' } as const
