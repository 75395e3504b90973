import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** One file that leaks when asked to, run as the suite is run: in a worker that vitest kills at the end. */
export default {
  test: {
    root,
    include: ['native/test/canary/plant.canary.mjs'],
    setupFiles: ['test/native-addon/leak-check.ts'],
    pool: 'forks',
  },
};
