/** How rows are shown: times, ratios to the floor, and whether the goal was met. */

/** Of ratios, less is better; of rates, more. */
const isMet = ({ goal, unit }, ratio) => (unit === 'rate' ? ratio >= goal : ratio <= goal);

function figure(value, unit) {
  if (value === undefined) return '';
  if (unit === 'rate') return value.toFixed(0);
  return `${(unit === 'us' ? value / 1000 : value).toFixed(2)} ms`;
}

const ratioOf = ({ floor, ours }) => (floor === undefined || ours === undefined ? undefined : ours / floor);

const othersOf = ({ others, floor }) =>
  others.map(({ name, time }) => `${name} ${(time / floor).toFixed(2)}`).join(', ');

const remarksOf = (row) => [othersOf(row), row.more].filter(Boolean).join('; ');

export function lines(rows) {
  const head = ['', 'floor', 'cofferdam', 'x floor', 'goal', 'others (x floor)'];
  const body = rows.map((row) => {
    const ratio = ratioOf(row);
    const goal =
      row.goal === undefined || ratio === undefined
        ? ''
        : `${row.goal} ${isMet(row, ratio) ? 'met' : 'MISSED'}`;
    return [
      row.title,
      figure(row.floor, row.unit),
      figure(row.ours, row.unit),
      ratio?.toFixed(2) ?? '',
      goal,
      remarksOf(row),
    ];
  });
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((cells) => cells[column].length)));
  return [head, ...body].map((cells) =>
    cells
      .map((cell, column) => (column % 5 === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}

/** For docs/systems.md. Bold: the goal was met. */
export function markdown(rows) {
  const out = [
    '| Work | floor | cofferdam | x floor | goal | others (x floor) |',
    '| ---- | ----- | --------- | ------- | ---- | ---------------- |',
  ];
  for (const row of rows) {
    const ratio = ratioOf(row);
    const text = ratio?.toFixed(2) ?? '';
    const shown = ratio !== undefined && row.goal !== undefined && isMet(row, ratio) ? `**${text}**` : text;
    const cells = [
      row.title,
      figure(row.floor, row.unit),
      figure(row.ours, row.unit),
      shown,
      row.goal ?? '',
      remarksOf(row),
    ];
    out.push(`| ${cells.join(' | ')} |`);
  }
  return out;
}
