import { inspect } from 'node:util';
import { columns, type Painter, padVisible, painter, visibleWidth } from './terminal.ts';

/** Lists of objects as tables: how the console prints what rt lists. The lists themselves are left alone. */

export interface TableOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly color: boolean;
  /** Rows shown; the rest is counted. */
  readonly maxRows: number;
}

const MAX_CELL = 40;

export type Row = Readonly<Record<string, unknown>>;

/** True for a list that a table does justice to: objects only, at least one, with named members. */
export function isTabular(value: unknown): value is readonly Row[] {
  return Array.isArray(value) && value.length > 0 && value.every(isRow);
}

function isRow(value: unknown): value is Row {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  if (value instanceof Error || value instanceof Date || ArrayBuffer.isView(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // By name: what was typed in at the console has the prototype of another realm.
  const plain =
    prototype === null || (prototype as { constructor?: { name?: string } }).constructor?.name === 'Object';
  return plain && Object.keys(value).length > 0;
}

function cell(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return shorten(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object'))
    return shorten(value.join(' '));
  return shorten(inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 3 }));
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > MAX_CELL ? `${line.slice(0, MAX_CELL - 1)}…` : line;
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** A link has more members than any terminal has columns: these first. Other objects fit as they are. */
const LINK_COLUMNS = [
  'ifindex',
  'ifname',
  'kind',
  'operstate',
  'mtu',
  'master',
  'address',
  'flags',
  'altnames',
];

/** Members in the order in which they first appear. */
function memberNames(rows: readonly Row[]): string[] {
  const isLinks = rows.every((row) => row.ifname !== undefined && row.operstate !== undefined);
  const names = new Set<string>(isLinks ? LINK_COLUMNS : []);
  for (const row of rows) for (const name of Object.keys(row)) names.add(name);
  return [...names].filter((name) => rows.some((row) => row[name] !== undefined));
}

/** A table as wide as the terminal, and a line below that says what did not fit. */
export function formatTable(rows: readonly Row[], options: TableOptions): string {
  const paint = painter(options.color);
  const shown = rows.slice(0, options.maxRows);
  const all = memberNames(shown);
  const cells = new Map(all.map((name) => [name, shown.map((row) => cell(row[name]))]));
  const widthOf = (name: string) => Math.max(name.length, ...(cells.get(name) ?? []).map(visibleWidth));
  const fitting: string[] = [];
  let used = 0;
  for (const name of all) {
    if (fitting.length > 0 && used + 2 + widthOf(name) > options.width) continue;
    used += (fitting.length > 0 ? 2 : 0) + widthOf(name);
    fitting.push(name);
  }
  const right = new Set(
    fitting.filter((name) => shown.every((row) => row[name] === undefined || isNumeric(row[name]))),
  );
  const align = (name: string, text: string) =>
    right.has(name) ? text.padStart(widthOf(name)) : padVisible(text, widthOf(name));
  const table = columns([
    fitting.map((name) => paint.bold(align(name, name))),
    ...shown.map((_, i) => fitting.map((name) => align(name, cells.get(name)?.[i] ?? ''))),
  ]);
  const hidden = all.filter((name) => !fitting.includes(name));
  return [table, ...footer(rows.length, shown.length, hidden, paint)].join('\n');
}

const MAX_NAMED = 8;

function some(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function footer(total: number, shown: number, hidden: readonly string[], paint: Painter): string[] {
  const parts = [total === 1 ? '1 row' : `${total} rows`];
  if (shown < total) parts.push(`the first ${shown} shown`);
  if (hidden.length > 0) parts.push(`too wide for: ${some(hidden)}`);
  return [paint.dim(`(${parts.join('; ')})`)];
}
