/** Medians of what was measured, ratios to the first row, and how to show them. */

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

function middle(results, read) {
  const values = results.map(read).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

export function summarize(workload, results) {
  const rows = [...results].map(([row, runs]) => {
    // A monitor is judged by its CPU time for each event; everything else by the time it takes.
    const cost =
      workload.monitor === undefined
        ? (facts) => facts.seconds / (row.share ?? 1)
        : (facts) => (facts.cpu === undefined ? undefined : facts.cpu / Math.max(1, facts.count));
    const seconds = middle(runs, cost);
    const costs = runs.map(cost).filter((value) => value !== undefined);
    const spread = costs.length < 2 ? undefined : (Math.max(...costs) - Math.min(...costs)) / seconds;
    const worst = (read) => {
      const values = runs.map(read).filter((value) => value !== undefined);
      return values.length === 0 ? undefined : Math.max(...values);
    };
    return {
      name: row.name,
      goal: row.goal,
      memoryGoal: row.memory,
      seconds,
      spread,
      runs: runs.length,
      rss: middle(runs, (facts) => facts.rss),
      p50: middle(runs, (facts) => facts.p50),
      p99: middle(runs, (facts) => facts.p99),
      loopP99: middle(runs, (facts) => facts.loop?.p99),
      loopMax: worst((facts) => facts.loop?.max),
      count: middle(runs, (facts) => facts.count),
      sum: runs[0]?.sum,
      refused: worst((facts) => facts.refused),
      overruns: workload.monitor === undefined ? undefined : middle(runs, (facts) => facts.overruns),
    };
  });
  const floor = rows[0]?.seconds;
  const produced = workload.monitor === undefined ? undefined : Number(workload.monitor.at(-2));
  for (const row of rows) {
    row.ratio = row.seconds === undefined || floor === undefined ? undefined : row.seconds / floor;
    if (produced !== undefined) row.lost = 1 - row.count / produced;
  }
  // Speed of a decoder that lost something is no speed.
  const sums = new Set(rows.map(({ sum }) => sum).filter((sum) => sum !== undefined));
  return { name: workload.name, title: workload.title, rows, differ: sums.size > 1 };
}

function time(seconds, runs) {
  if (seconds === undefined) return runs === 0 ? 'failed' : '';
  if (seconds >= 0.1) return `${seconds.toFixed(3)} s`;
  return seconds >= 0.0001 ? `${(seconds * 1e3).toFixed(3)} ms` : `${(seconds * 1e6).toFixed(2)} us`;
}

const fixed = (value, digits, unit = '') => (value === undefined ? '' : `${value.toFixed(digits)}${unit}`);

/** The row's remarks: what only some rows have. */
function remarks(row) {
  return [
    row.goal === undefined ? '' : `goal ${row.goal}: ${row.ratio <= row.goal ? 'met' : 'MISSED'}`,
    row.memoryGoal === undefined
      ? ''
      : `goal ${row.memoryGoal} MiB: ${row.rss <= row.memoryGoal ? 'met' : 'MISSED'}`,
    row.p50 === undefined ? '' : `p50 ${row.p50.toFixed(1)} us, p99 ${row.p99.toFixed(1)} us`,
    row.loopP99 === undefined
      ? ''
      : `loop held p99 ${row.loopP99.toFixed(1)} ms, max ${row.loopMax.toFixed(1)} ms`,
    row.lost === undefined ? '' : `lost ${(100 * row.lost).toFixed(1)}%, ${row.overruns ?? 0} overruns`,
    row.refused ? `${row.refused} REFUSED` : '',
  ].filter((text) => text !== '');
}

export const heading = ({ title, differ }) =>
  `\n${title}${differ ? '\n  CHECKSUMS DIFFER: not all rows read the same' : ''}`;

export function lines({ rows }) {
  return rows.map((row) => {
    const cells = [
      row.name.padEnd(28),
      time(row.seconds, row.runs).padStart(11),
      fixed(row.ratio, 2, ' x').padStart(10),
      row.spread === undefined ? ''.padStart(6) : `±${Math.round(50 * row.spread)}%`.padStart(6),
      fixed(row.rss, 0, ' MiB').padStart(9),
    ];
    return `  ${cells.join('')}   ${remarks(row).join('; ')}`.trimEnd();
  });
}

/** For the README: one line a workload. */
export function markdown(report, machine) {
  const out = ['| Work | cofferdam | goal | others |', '| --- | --- | --- | --- |'];
  for (const { title, rows } of report) {
    const [floor, ...rest] = rows;
    const mine = rest.filter(({ name }) => name.startsWith('cofferdam'));
    const others = rest
      .filter(({ name, ratio }) => !name.startsWith('cofferdam') && ratio !== undefined)
      .map(({ name, ratio }) => `${name} ${ratio.toFixed(2)}`);
    for (const row of mine) {
      const what = row.name.includes(':') ? `${title}: ${row.name.split(': ')[1]}` : title;
      const memory = row.memoryGoal === undefined ? '' : `, ${fixed(row.rss, 0)} MiB`;
      const ratio = row.ratio === undefined ? 'failed' : `${row.ratio.toFixed(2)}${memory}`;
      out.push(`| ${what} | ${ratio} | ${row.goal ?? ''} | ${others.join(', ')} |`);
    }
    if (mine.length === 0) out.push(`| ${title} | | | ${floor?.name ?? ''} |`);
  }
  return `Times the first row of each workload (${machine}).\n\n${out.join('\n')}`;
}
