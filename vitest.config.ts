import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/helpers/build.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Sessions and sharp use every core already; more files at once only make each slower.
    maxWorkers: 2,
  },
});
