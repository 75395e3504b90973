/** A line of counts over time, a few rows high, with its scale. */

export interface Sample {
  readonly iteration: number;
  readonly fds: number;
}

/** Fds on the way up, iterations on the way right; the smallest count stands on the second row from below. */
export function fdChart(samples: readonly Sample[], iterations: number, rows = 4): string[] {
  const counts = samples.map(({ fds }) => fds);
  const base = Math.min(...counts);
  // Rows are four apart at least, so that a jitter of one stays what it is.
  const step = Math.max(4, Math.ceil((Math.max(...counts) - base) / (rows - 2)));
  const rowOf = (fds: number) => 1 + Math.round((fds - base) / step);
  const lines: string[] = [];
  for (let row = rows - 1; row >= 0; row--) {
    const label = String(Math.max(0, base + (row - 1) * step)).padStart(4);
    lines.push(`${label} ┤${counts.map((fds) => (rowOf(fds) === row ? '━━' : '  ')).join('')}`.trimEnd());
  }
  const width = counts.length * 2;
  lines.push(`     └${'─'.repeat(width)}`);
  lines.push(`      0${iterations.toLocaleString('en').padStart(Math.max(6, width - 1))}`);
  return lines;
}
