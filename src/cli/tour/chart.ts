/** A line of counts over time, a few rows high, with its scale. */

export interface Sample {
  readonly iteration: number;
  readonly fds: number;
}

const BLOCKS = '▁▂▃▄▅▆▇█';

/** One character a sample: the lowest block is the smallest, or everything when nothing moves. */
export function sparkline(values: readonly number[]): string {
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (low === high) return (BLOCKS[0] ?? '').repeat(values.length);
  return values
    .map((value) => BLOCKS[Math.round(((value - low) / (high - low)) * (BLOCKS.length - 1))])
    .join('');
}

/** Fds on the way up, iterations on the way right. At least `minSpan` high, so that a jitter of one stays small. */
export function fdChart(samples: readonly Sample[], rows = 4, minSpan = 12): string[] {
  const counts = samples.map(({ fds }) => fds);
  const middle = (Math.min(...counts) + Math.max(...counts)) / 2;
  const span = Math.max(minSpan, Math.max(...counts) - Math.min(...counts));
  const low = Math.max(0, Math.round(middle - span / 2));
  const step = span / (rows - 1);
  const rowOf = (fds: number) => Math.min(rows - 1, Math.max(0, Math.round((fds - low) / step)));
  const lines: string[] = [];
  for (let row = rows - 1; row >= 0; row--) {
    const label = String(Math.round(low + row * step)).padStart(4);
    lines.push(`${label} ┤${counts.map((fds) => (rowOf(fds) === row ? '━━' : '  ')).join('')}`.trimEnd());
  }
  const last = samples.at(-1)?.iteration.toLocaleString('en') ?? '';
  const width = counts.length * 2;
  lines.push(`     └${'─'.repeat(width)}`);
  lines.push(`      0${last.padStart(width - 1)}`);
  return lines;
}
