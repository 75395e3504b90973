/** `cofferdam cgroup top`: who uses most, again and again, in the manner of systemd-cgtop(1). */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cgroup, type CgroupStat } from '../../cgroup/index.ts';
import { parseUnsigned, UsageError, type Words, wrongArgument } from '../args.ts';
import { endsOnSignal, put } from '../monitor.ts';
import { isoTime, now } from '../monitor-time.ts';
import type { GlobalOptions } from '../options.ts';
import { formatJson } from '../show/json.ts';
import type { JsonObject } from '../show/view.ts';
import { bytes } from './show.ts';

const ORDERS = ['cpu', 'memory', 'pids', 'io', 'path'] as const;
type Order = (typeof ORDERS)[number];

interface Request {
  readonly batch: boolean;
  readonly iterations: number;
  /** Milliseconds. */
  readonly delay: number;
  readonly depth: number;
  readonly order: Order;
}

/** One cgroup in one round. Undefined is what its controllers do not tell, or what takes two readings. */
export interface TopRow {
  readonly path: string;
  readonly pids: number | undefined;
  /** Percent of one CPU. */
  readonly cpu: number | undefined;
  /** Bytes. */
  readonly memory: bigint | undefined;
  /** Bytes a second. */
  readonly read: number | undefined;
  readonly written: number | undefined;
}

interface Reading {
  readonly time: number;
  readonly stat: CgroupStat;
  readonly pids: number;
}

function readWords(words: Words): Request {
  let request: Request = {
    batch: false,
    iterations: Number.POSITIVE_INFINITY,
    delay: 1000,
    depth: 3,
    order: 'cpu',
  };
  const number = (what: string): number => {
    const word = words.next();
    const value = parseUnsigned(word);
    if (value === undefined) throw wrongArgument(word, `invalid ${what}`);
    return value;
  };
  while (words.more) {
    if (words.take('-b') || words.takeAbbreviated('batch')) request = { ...request, batch: true };
    else if (words.take('-n') || words.takeAbbreviated('iterations'))
      request = { ...request, iterations: number('number of iterations') };
    else if (words.takeAbbreviated('depth')) request = { ...request, depth: number('depth') };
    else if (words.take('-d') || words.takeAbbreviated('delay')) {
      const word = words.next();
      const delay = 1000 * Number(word);
      if (!(delay > 0)) throw wrongArgument(word, 'invalid delay');
      request = { ...request, delay };
    } else if (words.takeAbbreviated('order')) {
      const word = words.next();
      const order = ORDERS.find((name) => name === word);
      if (order === undefined) throw wrongArgument(word, `one of ${ORDERS.join(', ')} is expected`);
      request = { ...request, order };
    } else throw new UsageError(`Argument "${words.next()}" is unknown, try "cofferdam cgroup help".`);
  }
  return request;
}

/** A cgroup to look at. */
export interface TopNode {
  readonly path: string;
  /** Below the first; without it, it is always looked at. */
  readonly depth?: number;
  readonly pids: readonly number[];
}

/** `nodes` is asked in each round. */
export async function printTop(
  nodes: () => Promise<readonly TopNode[]>,
  words: Words,
  options: GlobalOptions,
): Promise<void> {
  const request = readWords(words);
  const plain = request.batch || options.json || process.stdout.isTTY !== true;
  const ended = new AbortController();
  using _signals = endsOnSignal(() => ended.abort());
  let before = new Map<string, Reading>();
  for (let round = 0; round < request.iterations && !ended.signal.aborted; round++) {
    if (round > 0) await sleep(request.delay, undefined, { signal: ended.signal }).catch(() => {});
    if (ended.signal.aborted) break;
    const after = await readAll(await nodes(), request.depth);
    const rows = [...after]
      .map(([path, reading]) => compare(path, before.get(path), reading))
      .sort(orderOf(request.order));
    before = after;
    if (options.json) await put(`${formatJson(roundJson(rows))}\n`);
    // Home, and what is left of the screen cleared: nothing flickers.
    else if (plain) await put(`${round > 0 ? '\n' : ''}${topText(rows)}`);
    else await put(`\u001b[H${screen(topText(rows))}\u001b[J`);
  }
}

/** As many lines as the terminal has, each cleared to its end. */
function screen(text: string): string {
  const { rows = 24, columns = 80 } = process.stdout;
  const lines = text
    .trimEnd()
    .split('\n')
    .slice(0, rows - 1);
  return lines.map((line) => `${line.slice(0, columns)}\u001b[K\n`).join('');
}

async function readAll(nodes: readonly TopNode[], depth: number): Promise<Map<string, Reading>> {
  const readings = new Map<string, Reading>();
  const counts = countPids(nodes);
  for (const node of nodes) {
    if ((node.depth ?? 0) > depth) continue;
    try {
      await using cg = await Cgroup.open(node.path);
      const stat = await cg.stat();
      readings.set(node.path, { time: performance.now(), stat, pids: counts.get(node.path) ?? 0 });
    } catch (error) {
      // Removed meanwhile.
      if (!['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return readings;
}

/** Processes here and below, as pids.current counts them of a cgroup that has that controller. */
function countPids(nodes: readonly TopNode[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { path, pids } of nodes) {
    for (let end = path.length; end >= 0; end = path.lastIndexOf('/', end - 1)) {
      const above = path.slice(0, end) || '/';
      counts.set(above, (counts.get(above) ?? 0) + pids.length);
      if (above === '/') break;
    }
  }
  return counts;
}

function compare(path: string, before: Reading | undefined, after: Reading): TopRow {
  const seconds = before === undefined ? 0 : (after.time - before.time) / 1000;
  const rate = (key: (stat: CgroupStat) => bigint | undefined): number | undefined => {
    const [earlier, later] = [before && key(before.stat), key(after.stat)];
    if (earlier === undefined || later === undefined || seconds <= 0) return undefined;
    return Math.max(0, Number(later - earlier) / seconds);
  };
  const io = (key: 'rbytes' | 'wbytes') => (stat: CgroupStat) =>
    stat.io?.reduce((sum, device) => sum + (device[key] ?? 0n), 0n);
  const used = rate((stat) => stat.cpu?.usageUsec);
  return {
    path,
    pids: Number(after.stat.pids?.current ?? after.pids),
    cpu: used === undefined ? undefined : used / 10_000,
    memory: after.stat.memory?.current,
    read: rate(io('rbytes')),
    written: rate(io('wbytes')),
  };
}

function orderOf(order: Order): (a: TopRow, b: TopRow) => number {
  const by = (row: TopRow): number => {
    if (order === 'io') return (row.read ?? 0) + (row.written ?? 0);
    return order === 'path' ? 0 : Number(row[order] ?? 0);
  };
  return (a, b) => by(b) - by(a) || (a.path < b.path ? -1 : 1);
}

function roundJson(rows: readonly TopRow[]): JsonObject {
  return { timestamp: isoTime(now()), cgroups: rows.map((row) => ({ ...row })) };
}

const COLUMNS = ['pids', '%cpu', 'memory', 'read/s', 'write/s'];

export function topText(rows: readonly TopRow[]): string {
  const width = Math.max(20, ...rows.map(({ path }) => path.length));
  const cell = (text: string): string => text.padStart(9);
  const lines = rows.map(({ path, pids, cpu, memory, read, written }) => {
    const cells = [
      pids === undefined ? '-' : String(pids),
      cpu === undefined ? '-' : cpu.toFixed(1),
      memory === undefined ? '-' : bytes(memory),
      ...[read, written].map((rate) => (rate === undefined ? '-' : bytes(Math.round(rate)))),
    ];
    return `${path.padEnd(width)}${cells.map(cell).join('')}\n`;
  });
  return `${'cgroup'.padEnd(width)}${COLUMNS.map(cell).join('')}\n${lines.join('')}`;
}
