import { readFileSync } from 'node:fs';

export function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

/** Of milliseconds; infinite where something stayed. */
export function summary(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return {
    kills: sorted.length,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1),
  };
}

const time = (milliseconds) =>
  Number.isFinite(milliseconds) ? `${milliseconds.toFixed(1)} ms` : milliseconds === undefined ? '' : 'never';

/** Lines of a table, and below what each of the others does not do. */
export function table(results) {
  const heads = ['killed', 'runs', 'with residue', 'nothing left after: p50', 'p99', 'max', 'left'];
  const rows = results.map(({ target, kills, residue, p50, p99, max, left, skipped }) =>
    skipped === undefined
      ? [target, String(kills), String(residue), time(p50), time(p99), time(max), left]
      : [target, '', '', '', '', '', `skipped: ${skipped}`],
  );
  const widths = heads.map((_, column) => Math.max(...[heads, ...rows].map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((cell, column) =>
        column === 0 || column === 6 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd();
  const lacks = new Map(
    results.flatMap(({ target, lacks }) => (lacks ? [[target.split(':')[0], lacks]] : [])),
  );
  return [line(heads), ...rows.map(line), '', ...[...lacks].map(([name, text]) => `${name}: ${text}`)];
}
