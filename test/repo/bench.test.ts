/** The arithmetic of bench/fd-flat: a verdict is only as good as its slope. That it finds leaks, `npm test` proves. */
import { expect, it } from 'vitest';
import { root, run } from './support.ts';

/** Runs an expression with the chart's functions in scope, and returns its value. */
function evaluate(expression: string): unknown {
  const program = `import { row, slopeOf, sparkline } from '${root}/bench/fd-flat/chart.mjs';
    console.log(JSON.stringify(${expression}));`;
  const { status, output } = run([process.execPath, '--input-type=module', '--eval', program]);
  expect(output).not.toContain('Error');
  expect(status).toBe(0);
  return JSON.parse(output);
}

it('a slope is in fds per 1,000 cycles', () => {
  const samples = (fds: (cycle: number) => number): string =>
    JSON.stringify(Array.from({ length: 20 }, (_, index) => ({ cycle: index * 500, fds: fds(index * 500) })));
  expect(evaluate(`slopeOf(${samples(() => 18)})`)).toBe(0);
  expect(evaluate(`slopeOf(${samples((cycle) => 18 + cycle / 1000)})`)).toBeCloseTo(1);
  expect(evaluate(`slopeOf(${samples((cycle) => 40 - cycle / 500)})`)).toBeCloseTo(-2);
  expect(evaluate('slopeOf([])')).toBe(0);
});

it('a chart shows one fd as one step, and a leak as a ramp', () => {
  expect(evaluate('sparkline([18, 18, 18], 18)')).toBe('▁▁▁');
  expect(evaluate('sparkline([18, 19, 18], 18)')).toBe('▁▂▁');
  expect(evaluate('sparkline([18, 21, 25], 18)')).toBe('▁▄█');
  expect(evaluate('sparkline([0, 1000], 0)')).toBe('▁█');
  expect(evaluate('sparkline(Array.from({ length: 1000 }, (_, i) => i), 0).length')).toBe(24);
});

it('a row says what was found', () => {
  const result = {
    name: 'open close',
    cycles: 10_000,
    before: 18,
    after: 38,
    samples: [{ cycle: 500, fds: 28 }],
    slope: 2,
    seconds: 2,
    flat: false,
  };
  expect(evaluate(`row(${JSON.stringify(result)})`)).toMatch(
    /^open close +10,000 +18\.\.28\.\.38 +2\.0000 +5,000 .*NOT FLAT$/,
  );
});
