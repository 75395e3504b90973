import { writeFileSync } from 'node:fs';
import { it } from 'vitest';

/** Planted: the guest's kernel gives up. */
it('panics', () => {
  writeFileSync('/proc/sysrq-trigger', 'c');
});
