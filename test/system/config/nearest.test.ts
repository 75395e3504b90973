// What somebody may have meant.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { distance, nearest } from '../../../src/system/config/nearest.ts';

it.each([
  ['memry', 'memory'],
  ['mmeory', 'memory'],
  ['mem', 'memory'],
  ['MEMORY', 'memory'],
  ['gracePeriod', 'grace_period'],
  ['grace-period', 'grace_period'],
  ['timeouts', 'timeout'],
  ['nt', 'net'],
])('%s is %s', (word, meant) => {
  expect(nearest(word, ['net', 'memory', 'grace_period', 'timeout', 'pid'])).toBe(meant);
});

it.each(['', 'x', 'banana', '__', 'y'.repeat(1000)])('%s is nothing', (word) => {
  expect(nearest(word, ['net', 'memory', 'grace_period'])).toBe(undefined);
});

it('the distance is one of a metric that counts swapped letters as one', () => {
  expect(distance('', 'abc')).toBe(3);
  expect(distance('kitten', 'sitting')).toBe(3);
  expect(distance('ab', 'ba')).toBe(1);
  const word = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(word, word, (one, other) => {
      const far = distance(one, other);
      expect(far).toBe(distance(other, one));
      expect(far === 0).toBe(one === other);
      expect(far).toBeLessThanOrEqual(Math.max(one.length, other.length));
      expect(far).toBeGreaterThanOrEqual(Math.abs(one.length - other.length));
    }),
  );
});
