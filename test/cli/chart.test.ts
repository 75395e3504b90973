import { expect, test } from 'vitest';
import { fdChart } from '../../src/cli/tour/chart.ts';

function samples(...counts: number[]) {
  return counts.map((fds, i) => ({ iteration: i, fds }));
}

test('a flat count is a flat line, on the row that is labelled with it', () => {
  expect(fdChart(samples(26, 26, 26), 3000)).toEqual([
    '  34 ┤',
    '  30 ┤',
    '  26 ┤━━━━━━',
    '  22 ┤',
    '     └──────',
    '      0 3,000',
  ]);
});

test('a growing count is a slope', () => {
  expect(fdChart(samples(20, 30, 40), 300)).toEqual([
    '  40 ┤    ━━',
    '  30 ┤  ━━',
    '  20 ┤━━',
    '  10 ┤',
    '     └──────',
    '      0   300',
  ]);
});
