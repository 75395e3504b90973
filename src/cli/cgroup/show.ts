/** `cofferdam cgroup show`: what a cgroup may use, and what it uses. */
import type { CgroupControllers, CgroupIdentity, CgroupLimits, CgroupStat } from '../../cgroup/index.ts';
import { humanNumber } from '../text.ts';

export interface CgroupFacts {
  readonly path: string;
  readonly inode: number;
  readonly controllers: CgroupControllers;
  readonly pids: readonly number[];
  readonly limits: CgroupLimits;
  readonly stat: CgroupStat;
  readonly identity?: CgroupIdentity;
}

/** 12.3Mi; 'max' as it is. */
export function bytes(value: unknown): string {
  return typeof value === 'bigint' || typeof value === 'number' ? humanNumber(value, true) : String(value);
}

/** Seconds of so many microseconds. */
const seconds = (microseconds: bigint): string => `${(Number(microseconds) / 1e6).toFixed(3)}s`;

/** Words of those pairs that there are. */
function pairs(...list: [string, unknown][]): string {
  return list.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`])).join(' ');
}

const size = (value: unknown): string | undefined => (value === undefined ? undefined : bytes(value));

export function showText(facts: CgroupFacts): string {
  const { path, controllers, pids, limits, stat, identity } = facts;
  const state = [stat.populated ? 'populated' : 'empty', ...(stat.frozen ? ['frozen'] : [])].join(' ');
  const rows: [string, string][] = [
    [
      'controllers',
      `${controllers.available.join(' ') || 'none'}, hands down ${controllers.enabled.join(' ') || 'none'}`,
    ],
    ['descendants', pairs(['live', stat.nrDescendants], ['dying', stat.nrDyingDescendants])],
  ];
  if (pids.length > 0) rows.push(['processes', pids.join(' ')]);
  rows.push(...cpuRows(limits, stat), ...memoryRows(limits, stat));
  if (stat.pids !== undefined) {
    const { current, peak } = stat.pids;
    rows.push(['pids', pairs(['current', current], ['peak', peak], ['max', limits.pids?.max])]);
  }
  rows.push(...ioRows(limits, stat));
  const { cpuset } = limits;
  if (cpuset !== undefined) {
    const { cpus, mems, partition } = cpuset;
    rows.push([
      'cpuset',
      pairs(['cpus', cpus || 'inherited'], ['mems', mems || 'inherited'], ['partition', partition]),
    ]);
  }
  for (const [page, { current, events }] of Object.entries(stat.hugetlb ?? {})) {
    const max = limits.hugetlb?.[page]?.max;
    rows.push([
      `hugetlb ${page}`,
      pairs(['current', bytes(current)], ['max', size(max)], ['refused', events.max]),
    ]);
  }
  for (const [device, used] of Object.entries(stat.rdma ?? {})) {
    const { hcaHandle: handles, hcaObject: objects } = limits.rdma?.[device] ?? {};
    const text = [
      pairs(['handles', used.hcaHandle], ['max', handles]),
      pairs(['objects', used.hcaObject], ['max', objects]),
    ];
    rows.push([`rdma ${device}`, text.join(', ')]);
  }
  for (const [resource, { current, peak, events }] of Object.entries(stat.misc ?? {})) {
    const max = limits.misc?.[resource];
    rows.push([
      `misc ${resource}`,
      pairs(['current', current], ['peak', peak], ['max', max], ['refused', events.max]),
    ]);
  }
  for (const [resource, { some, full }] of Object.entries(stat.pressure)) {
    const text = pairs(['some', some && `${some.avg10}%`], ['full', full && `${full.avg10}%`]);
    rows.push([`pressure ${resource}`, `${text} of the last 10 s`]);
  }
  if (identity !== undefined) rows.push(['created by', `pid ${identity.pid}`]);
  const lines = rows.map(([name, text]) => `    ${name.padEnd(16)} ${text}\n`);
  return `${path}: ${state}\n${lines.join('')}`;
}

function cpuRows({ cpu }: CgroupLimits, { cpu: used }: CgroupStat): [string, string][] {
  if (used === undefined) return [];
  const max = typeof cpu?.max === 'object' ? `${cpu.max.quota}/${cpu.max.period}` : undefined;
  const text = pairs(
    ['usage', seconds(used.usageUsec)],
    ['user', seconds(used.userUsec)],
    ['system', seconds(used.systemUsec)],
    ['throttled', used.nrThrottled],
    ['max', max],
    ['weight', cpu?.weight],
    ['idle', cpu?.idle || undefined],
    ['burst', cpu?.burst || undefined],
  );
  return [['cpu', text]];
}

function memoryRows({ memory }: CgroupLimits, { memory: used }: CgroupStat): [string, string][] {
  if (used === undefined) return [];
  const text = pairs(
    ['current', bytes(used.current)],
    ['peak', size(used.peak)],
    ['swap', size(used.swapCurrent)],
    ['max', size(memory?.max)],
    ['high', size(memory?.high)],
    ['low', size(memory?.low)],
    ['min', size(memory?.min)],
    ['swap.max', size(memory?.swapMax)],
    ['oom.group', memory?.oomGroup || undefined],
    ['oom_kill', used.events.oomKill],
  );
  return [['memory', text]];
}

function ioRows({ io }: CgroupLimits, { io: used }: CgroupStat): [string, string][] {
  const devices = new Set([...(used ?? []).map(({ device }) => device), ...Object.keys(io?.max ?? {})]);
  return [...devices].map((device) => {
    const usage = used?.find((one) => one.device === device);
    const max = Object.entries(io?.max?.[device] ?? {}).map(([key, value]) => `${key} ${bytes(value)}`);
    return [
      `io ${device}`,
      [pairs(['read', size(usage?.rbytes)], ['written', size(usage?.wbytes)]), ...max].join(' '),
    ];
  });
}
