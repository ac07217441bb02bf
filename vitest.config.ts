import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  // Tests run on the sources; `#crypto` is what package.json's `imports` gives Node.
  resolve: { alias: { '#crypto': at('./src/native/crypto.ts') } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    hookTimeout: 60_000,
    pool: 'forks',
    // Many tests wait for processes that they started: the default, one worker less than cores, leaves two cores idle.
    maxWorkers: 2,
    testTimeout: 60_000,
  },
})
