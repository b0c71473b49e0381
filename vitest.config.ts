import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They cost money: `npm run test:live` asks for them.
    exclude: process.env['OSSUP_LIVE'] ? [] : ['test/live/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
