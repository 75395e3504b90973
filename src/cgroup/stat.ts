/** Statistics of a cgroup, Documentation/admin-guide/cgroup-v2.rst. Counters are bigint. */

import { hugePageSizes } from './limit-keyed.ts';
import type { FileReader } from './limit-table.ts';

/** A flat keyed file by its own keys, in camelCase: `pgmajfault`, `nrThrottled`. */
export type Counters = Readonly<Record<string, bigint>>;

/** One line of a pressure file. Averages are percentages of the last 10, 60 and 300 seconds. */
export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  /** Microseconds. */
  readonly total: bigint;
}

export interface Pressure {
  /** Some task waited. */
  readonly some?: PressureLine;
  /** All of them did. */
  readonly full?: PressureLine;
}

/** cpu.stat; times in microseconds. What follows `systemUsec` takes the cpu controller. */
export interface CpuStat {
  readonly usageUsec: bigint;
  readonly userUsec: bigint;
  readonly systemUsec: bigint;
  readonly nrPeriods?: bigint;
  readonly nrThrottled?: bigint;
  readonly throttledUsec?: bigint;
  readonly nrBursts?: bigint;
  readonly burstUsec?: bigint;
  readonly [key: string]: bigint | undefined;
}

/** In bytes. */
export interface MemoryUsage {
  readonly current: bigint;
  /** memory.peak, Linux 5.19. */
  readonly peak?: bigint;
  readonly swapCurrent?: bigint;
  /** memory.swap.peak, Linux 6.5. */
  readonly swapPeak?: bigint;
  /** memory.swap.events: how often swap went over `high`, would have gone over `max`, and failed to take a page. */
  readonly swapEvents?: Counters;
  readonly zswapCurrent?: bigint;
  /** memory.stat: `anon`, `file`, `slab`, `pgmajfault` and their kin. */
  readonly stat: Counters;
  /** memory.events: `low`, `high`, `max`, `oom`, `oomKill`, of this cgroup and those below. */
  readonly events: Counters;
  /** memory.events.local: of this cgroup alone. */
  readonly eventsLocal?: Counters;
}

export interface PidsUsage {
  readonly current: bigint;
  /** pids.peak, Linux 6.1. */
  readonly peak?: bigint;
  readonly events?: Counters;
}

/** misc.current, misc.peak, misc.events of one resource. */
export interface MiscUsage {
  readonly current: bigint;
  readonly peak?: bigint;
  readonly events: Counters;
}

/** io.stat of one device. */
export interface IoUsage {
  /** 'MAJ:MIN' */
  readonly device: string;
  readonly rbytes: bigint;
  readonly wbytes: bigint;
  readonly rios: bigint;
  readonly wios: bigint;
  readonly dbytes?: bigint;
  readonly dios?: bigint;
  readonly [key: string]: bigint | string | undefined;
}

/** What a cgroup uses. What takes a controller that it does not have is left out. */
export interface CgroupStat {
  /** Whether a process is in it or below. Always true of the root. */
  readonly populated: boolean;
  readonly frozen: boolean;
  /** cgroup.stat: cgroups below, and those of them that are removed and still hold something. */
  readonly nrDescendants: number;
  readonly nrDyingDescendants: number;
  readonly cpu?: CpuStat;
  readonly memory?: MemoryUsage;
  readonly pids?: PidsUsage;
  readonly io?: readonly IoUsage[];
  /** Bytes and refusals by page size. */
  readonly hugetlb?: Readonly<Record<string, { readonly current: bigint; readonly events: Counters }>>;
  readonly rdma?: Readonly<Record<string, Counters>>;
  /** By resource: 'sev'. A peak is known from Linux 6.11 on, refusals (`events.max`) from 5.16 on. */
  readonly misc?: Readonly<Record<string, MiscUsage>>;
  /** cpu.pressure and its kin, Linux 4.20; irq from 6.1 on. */
  readonly pressure: Readonly<Partial<Record<'cpu' | 'memory' | 'io' | 'irq', Pressure>>>;
}

const camelCase = (key: string): string =>
  key.replace(/[_.]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const rows = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** `key value` lines. Lines of another form are of a kernel newer than this. */
export function parseCounters(text: string): Counters {
  const counters: Record<string, bigint> = {};
  for (const line of rows(text)) {
    const [, key, value] = /^(\S+) (\d+)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) counters[camelCase(key)] = BigInt(value);
  }
  return counters;
}

/** `first key=value ...` lines, by the first word. */
export function parseNested(text: string): [string, Record<string, bigint>][] {
  return rows(text).map((line) => {
    const [first = '', ...words] = line.split(' ');
    const pairs = words.flatMap((word): [string, bigint][] => {
      const [, key, value] = /^([^=]+)=(\d+)$/.exec(word) ?? [];
      return key === undefined || value === undefined ? [] : [[camelCase(key), BigInt(value)]];
    });
    return [first, Object.fromEntries(pairs)];
  });
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` */
export function parsePressure(text: string): Pressure {
  const found: { some?: PressureLine; full?: PressureLine } = {};
  for (const line of rows(text)) {
    const fields = /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)/.exec(line);
    if (fields === null) continue;
    const [, level, avg10, avg60, avg300, total = '0'] = fields;
    found[level as 'some' | 'full'] = {
      avg10: Number(avg10),
      avg60: Number(avg60),
      avg300: Number(avg300),
      total: BigInt(total),
    };
  }
  return found;
}

const number = (text: string | undefined): bigint | undefined =>
  text === undefined ? undefined : BigInt(text.trim());

/** Leaves out what is undefined. */
function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

export async function readStat(read: FileReader): Promise<CgroupStat> {
  const counters = async (file: string) => {
    const text = await read(file);
    return text === undefined ? undefined : parseCounters(text);
  };
  const events = await counters('cgroup.events');
  const stat = await counters('cgroup.stat');
  const cpu = await counters('cpu.stat');
  const io = await read('io.stat');
  const rdma = await read('rdma.current');
  return present<CgroupStat>({
    // The root has no cgroup.events: it holds whatever no other cgroup does.
    populated: events === undefined || events.populated === 1n,
    frozen: events?.frozen === 1n,
    nrDescendants: Number(stat?.nrDescendants ?? 0),
    nrDyingDescendants: Number(stat?.nrDyingDescendants ?? 0),
    cpu: cpu as CpuStat | undefined,
    memory: await readMemory(read, counters),
    pids: await readPidsUsage(read, counters),
    io:
      io === undefined
        ? undefined
        : parseNested(io).map(([device, fields]) => ({ device, ...fields }) as IoUsage),
    hugetlb: await readHugetlb(read, counters),
    rdma: rdma === undefined ? undefined : Object.fromEntries(parseNested(rdma)),
    misc: await readMisc(read),
    pressure: await readPressure(read),
  });
}

type CounterReader = (file: string) => Promise<Counters | undefined>;

async function readMemory(read: FileReader, counters: CounterReader): Promise<MemoryUsage | undefined> {
  const current = number(await read('memory.current'));
  if (current === undefined) return undefined;
  return present<MemoryUsage>({
    current,
    peak: number(await read('memory.peak')),
    swapCurrent: number(await read('memory.swap.current')),
    swapPeak: number(await read('memory.swap.peak')),
    swapEvents: await counters('memory.swap.events'),
    zswapCurrent: number(await read('memory.zswap.current')),
    stat: (await counters('memory.stat')) ?? {},
    events: (await counters('memory.events')) ?? {},
    eventsLocal: await counters('memory.events.local'),
  });
}

async function readPidsUsage(read: FileReader, counters: CounterReader): Promise<PidsUsage | undefined> {
  const current = number(await read('pids.current'));
  if (current === undefined) return undefined;
  return present<PidsUsage>({
    current,
    peak: number(await read('pids.peak')),
    events: await counters('pids.events'),
  });
}

async function readHugetlb(read: FileReader, counters: CounterReader): Promise<CgroupStat['hugetlb']> {
  const found: Record<string, { current: bigint; events: Counters }> = {};
  for (const size of hugePageSizes()) {
    const current = number(await read(`hugetlb.${size}.current`));
    if (current === undefined) continue;
    found[size] = { current, events: (await counters(`hugetlb.${size}.events`)) ?? {} };
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

async function readMisc(read: FileReader): Promise<CgroupStat['misc']> {
  const current = await read('misc.current');
  if (current === undefined) return undefined;
  // Resources are named here as in the limits: sev_es.
  const pairs = (text = '') => rows(text).map((line) => line.split(' ') as [string, string]);
  const peaks = new Map(pairs(await read('misc.peak')));
  const events = pairs(await read('misc.events'));
  return Object.fromEntries(
    pairs(current).map(([resource, value]) => [
      resource,
      present<MiscUsage>({
        current: BigInt(value),
        peak: number(peaks.get(resource)),
        events: Object.fromEntries(
          events.flatMap(([key, count]) =>
            key.startsWith(`${resource}.`)
              ? [[camelCase(key.slice(resource.length + 1)), BigInt(count)]]
              : [],
          ),
        ),
      }),
    ]),
  );
}

async function readPressure(read: FileReader): Promise<CgroupStat['pressure']> {
  const found: Partial<Record<'cpu' | 'memory' | 'io' | 'irq', Pressure>> = {};
  for (const resource of ['cpu', 'memory', 'io', 'irq'] as const) {
    const text = await read(`${resource}.pressure`);
    if (text !== undefined) found[resource] = parsePressure(text);
  }
  return found;
}
