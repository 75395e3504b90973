import { expect, test } from 'vitest';
import { formatTable, isTabular } from '../../src/repl/table.ts';

const options = { width: 80, color: false, maxRows: 3 };

test('columns in order of appearance, numbers to the right, missing members empty', () => {
  const rows = [
    { dev: 'lo', mtu: 65536 },
    { dev: 'eth0', mtu: 1500, flags: ['UP', 'LOWER_UP'], bytes: 12n },
  ];
  expect(formatTable(rows, options)).toBe(
    ['dev     mtu  flags        bytes', 'lo    65536', 'eth0   1500  UP LOWER_UP     12', '(2 rows)'].join(
      '\n',
    ),
  );
});

test('what is too wide or too many is said', () => {
  const rows = Array.from({ length: 5 }, (_, i) => ({
    id: i,
    text: 'x'.repeat(30),
    more: 'y'.repeat(30),
    n: 1,
  }));
  const table = formatTable(rows, { ...options, width: 40 });
  expect(table.split('\n')).toHaveLength(5);
  expect(table).toMatch(/\(5 rows; the first 3 shown; too wide for: more\)$/);
  for (const line of table.split('\n').slice(0, -1)) expect(line.length).toBeLessThanOrEqual(40);
});

test('long and nested values are shortened to one line', () => {
  const table = formatTable([{ value: { nested: { deep: 'z'.repeat(80) } } }], options);
  expect(table.split('\n')[1]).toHaveLength(40);
});

test('only lists of plain objects are tables', () => {
  expect(isTabular([{ a: 1 }])).toBe(true);
  expect(isTabular([Object.create(null, { a: { value: 1, enumerable: true } })])).toBe(true);
  for (const value of [
    [],
    [1],
    [{}],
    [[1]],
    [new Error('x')],
    [new Date()],
    [{ a: 1 }, 2],
    { a: 1 },
    'x',
    null,
  ]) {
    expect(isTabular(value)).toBe(false);
  }
});
