import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The library uses `using`, which Node 20 does not parse: lower it.
  oxc: { target: 'es2022' },
  test: {
    include: ['test/**/*.test.ts'],
    // Those are for guests: npm run test:kernels.
    exclude: ['test/vm/**'],
    globalSetup: ['test/setup/compile.ts', 'test/setup/global-setup.ts'],
    setupFiles: ['test/native-addon/leak-check.ts', 'test/support/random.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Waiting costs nothing where it ends: a slow machine has its time.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 20_000 } },
    execArgv: ['--expose-gc'],
  },
});
