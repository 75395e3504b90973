// Times, to and fro.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/system/config/durations.ts';

it.each([
  [30, 30_000],
  [0.5, 500],
  [0, 0],
  ['500ms', 500],
  ['30s', 30_000],
  ['1.5m', 90_000],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
  ['1h30m', 5_400_000],
])('%j is %d ms', (value, milliseconds) => expect(parseDuration(value)).toBe(milliseconds));

it.each([
  '',
  '30',
  '1 h',
  '1w',
  '-1s',
  's',
  '1h-5m',
  '1e3s',
  'none',
  Number.NaN,
  Number.POSITIVE_INFINITY,
  null,
  true,
  [],
  {},
])('%j is none', (value) => expect(parseDuration(value)).toBe(undefined));

it('what is formatted is read again', () => {
  expect([0, 1, 1500, 60_000, 90_000, 86_400_000].map(formatDuration)).toEqual([
    '0s',
    '1ms',
    '1500ms',
    '1m',
    '90s',
    '1d',
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 36 }), (time) => {
      expect(parseDuration(formatDuration(time))).toBe(time);
    }),
  );
});
