import { afterAll } from 'vitest';
import { loadBinding } from '../../src/handle/native-binding.ts';

// A vitest setup file. LeakSanitizer looks at exit, but vitest ends its workers by SIGTERM, and a killed process has
// no exit: so look after each test file. What is found goes to the report files that native/test/sanitize.sh reads.
if (process.env.COFFERDAM_SANITIZED !== undefined) {
  afterAll(() => {
    loadBinding().checkLeaks?.();
  }, 120_000);
}
