// One line for each case: numbers, and the fd count over time as a small chart.
const BARS = '▁▂▃▄▅▆▇█';
const WIDTH = 24;

/** Fds per 1,000 cycles, by least squares. */
export function slopeOf(samples) {
  if (samples.length < 2) return 0;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(samples.map((sample) => sample.cycle));
  const y = mean(samples.map((sample) => sample.fds));
  let above = 0;
  let below = 0;
  for (const { cycle, fds } of samples) {
    above += (cycle - x) * (fds - y);
    below += (cycle - x) ** 2;
  }
  return (above / below) * 1000;
}

/**
 * The counts as bars, the lowest at the count before the case began. Eight fds or less fill no more than the chart's
 * height one by one: noise of one fd looks like one step, a leak like a ramp.
 */
export function sparkline(counts, base) {
  if (counts.length === 0) return '';
  const columns = Math.min(WIDTH, counts.length);
  const highest = Math.max(base + BARS.length - 1, ...counts);
  const bars = [];
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column * counts.length) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * counts.length) / columns));
    const peak = Math.max(...counts.slice(from, to));
    const level = Math.round(((Math.max(peak, base) - base) / (highest - base)) * (BARS.length - 1));
    bars.push(BARS[level]);
  }
  return bars.join('');
}

const cells = (name, cycles, fds, slope, rate, chart, verdict) =>
  `${name.padEnd(34)}${cycles.padStart(10)}  ${fds.padStart(15)}  ${slope.padStart(10)}  ${rate.padStart(10)}  ${chart.padEnd(WIDTH)}  ${verdict}`;

export const header = cells(
  'case',
  'cycles',
  'fds start..max..end',
  'per 1,000',
  'cycles/s',
  'fd count',
  'verdict',
);
export const rule = '-'.repeat(header.length + 4);

export function row({ name, cycles, before, samples, after, slope, seconds, flat }) {
  const counts = samples.map((sample) => sample.fds);
  const fds = `${before}..${Math.max(before, ...counts)}..${after}`;
  // A slope that rounds to nothing is nothing, and has no sign.
  const rounded = Number(slope.toFixed(4)) === 0 ? '0' : slope.toFixed(4);
  const rate = Math.round(cycles / Math.max(seconds, 1e-9)).toLocaleString('en-US');
  const chart = sparkline(counts, before);
  return cells(name, cycles.toLocaleString('en-US'), fds, rounded, rate, chart, flat ? 'flat' : 'NOT FLAT');
}
