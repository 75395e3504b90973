import { it } from 'vitest';

/** Planted: no timeout of a test ends this. */
it('hangs', () => {
  console.log('hanging now');
  for (;;);
});
