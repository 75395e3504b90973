/** Limits: the kernel's interface files as typed objects, Documentation/admin-guide/cgroup-v2.rst. */
import { type IoLimits, ioLimits } from './limit-io.ts';
import {
  type HugetlbLimits,
  hugetlbLimits,
  type MiscLimits,
  miscLimits,
  type RdmaLimits,
  rdmaLimits,
} from './limit-keyed.ts';
import {
  type Controller,
  type FileReader,
  type LimitTable,
  type LimitWrite,
  refuseUnknown,
} from './limit-table.ts';
import {
  type Codec,
  type Count,
  type CpuMax,
  cpuMax,
  flag,
  numberList,
  quantity,
  type Size,
  whole,
  word,
} from './limit-values.ts';

export interface CpuLimits {
  /** cpu.max: '50000 100000', or { quota, period }, in microseconds; 'max' for no limit. */
  readonly max?: CpuMax | string | number;
  /** cpu.weight: 1 to 10,000; 100 unless set. Its share where there is less than all want. */
  readonly weight?: number;
  /** cpu.idle, Linux 5.15: run only where nobody else wants to. */
  readonly idle?: boolean;
  /** cpu.max.burst, Linux 5.14: microseconds of unused quota that may be saved up. */
  readonly burst?: number;
}

/** Sizes in bytes, rounded down to pages by the kernel. */
export interface MemoryLimits {
  /** memory.max: beyond it the OOM killer comes. */
  readonly max?: Size;
  /** memory.high: beyond it tasks are slowed down and made to give back. */
  readonly high?: Size;
  /** memory.low: below it nothing is taken away, unless there is no other way. */
  readonly low?: Size;
  /** memory.min: below it nothing is ever taken away. */
  readonly min?: Size;
  /** memory.swap.max */
  readonly swapMax?: Size;
  /** memory.swap.high */
  readonly swapHigh?: Size;
  /** memory.zswap.max, Linux 5.19. */
  readonly zswapMax?: Size;
  /** memory.oom.group: the OOM killer ends all of the cgroup, or nobody. */
  readonly oomGroup?: boolean;
}

export interface PidsLimits {
  /** pids.max: processes and threads. */
  readonly max?: Count;
}

export interface CpusetLimits {
  /** cpuset.cpus: '0-3,6' or [0, 1]; '' for those of the parent. */
  readonly cpus?: string | readonly number[];
  /** cpuset.mems: memory nodes, likewise. */
  readonly mems?: string | readonly number[];
  /** cpuset.cpus.partition */
  readonly partition?: 'member' | 'root' | 'isolated';
}

/** What to set, and what is set: limits that were read can be set again as they are. */
export interface CgroupLimits {
  readonly cpu?: CpuLimits;
  readonly memory?: MemoryLimits;
  readonly pids?: PidsLimits;
  readonly io?: IoLimits;
  readonly cpuset?: CpusetLimits;
  readonly hugetlb?: HugetlbLimits;
  readonly rdma?: RdmaLimits;
  readonly misc?: MiscLimits;
}

interface Knob {
  readonly file: string;
  readonly codec: Codec<unknown>;
  readonly since?: string;
}

/** Controllers with one file for each limit. The files are written in the order of the table. */
function flat(knobs: Readonly<Record<string, Knob>>): LimitTable {
  return {
    encode(value, controller) {
      refuseUnknown(value, Object.keys(knobs), controller);
      const given = value as Record<string, unknown>;
      return Object.entries(knobs).flatMap(([key, { file, codec, since }]) => {
        const one = given[key];
        if (one === undefined) return [];
        const field = `${controller}.${key}`;
        const text = codec.encode(one, field);
        return [{ controller, field, value: one, file, text, ...(since !== undefined && { since }) }];
      });
    },
    async read(read) {
      const found: Record<string, unknown> = {};
      for (const [key, { file, codec }] of Object.entries(knobs)) {
        const text = await read(file);
        if (text !== undefined) found[key] = codec.decode(text);
      }
      return Object.keys(found).length === 0 ? undefined : found;
    },
  };
}

const SIZE = quantity('size');

const cpu = flat({
  idle: { file: 'cpu.idle', codec: flag, since: '5.15' },
  weight: { file: 'cpu.weight', codec: whole(1, 10_000) },
  max: { file: 'cpu.max', codec: cpuMax },
  burst: { file: 'cpu.max.burst', codec: whole(0, Number.MAX_SAFE_INTEGER), since: '5.14' },
});

const TABLES: Readonly<Record<Controller, LimitTable>> = {
  cpuset: flat({
    cpus: { file: 'cpuset.cpus', codec: numberList },
    mems: { file: 'cpuset.mems', codec: numberList },
    partition: { file: 'cpuset.cpus.partition', codec: word('member', 'root', 'isolated') },
  }),
  cpu: {
    encode: cpu.encode,
    async read(read) {
      const found = await cpu.read(read);
      // An idle cgroup has a weight of 0, which the kernel does not take.
      if (found === undefined || !('idle' in found && found.idle === true)) return found;
      const { weight: _, ...limits } = found as CpuLimits;
      return limits;
    },
  },
  memory: flat({
    min: { file: 'memory.min', codec: SIZE },
    low: { file: 'memory.low', codec: SIZE },
    high: { file: 'memory.high', codec: SIZE },
    max: { file: 'memory.max', codec: SIZE },
    swapHigh: { file: 'memory.swap.high', codec: SIZE },
    swapMax: { file: 'memory.swap.max', codec: SIZE },
    zswapMax: { file: 'memory.zswap.max', codec: SIZE, since: '5.19' },
    oomGroup: { file: 'memory.oom.group', codec: flag },
  }),
  pids: flat({ max: { file: 'pids.max', codec: quantity('count') } }),
  io: ioLimits,
  hugetlb: hugetlbLimits,
  rdma: rdmaLimits,
  misc: miscLimits,
};

export const CONTROLLERS = Object.keys(TABLES) as Controller[];

/**
 * What has to be written for these limits, in order. Nothing is asked of the kernel but the numbers of devices.
 *
 * @throws InvalidArgumentError for a limit that the kernel would not take
 */
export function encodeLimits(limits: CgroupLimits): LimitWrite[] {
  refuseUnknown(limits, CONTROLLERS, 'limits');
  return CONTROLLERS.flatMap((controller) => {
    const value = limits[controller];
    return value === undefined ? [] : TABLES[controller].encode(value, controller);
  });
}

/** The limits of a cgroup, by the files that it has. */
export async function readLimits(read: FileReader): Promise<CgroupLimits> {
  const found: Record<string, object> = {};
  for (const controller of CONTROLLERS) {
    const one = await TABLES[controller].read(read);
    if (one !== undefined) found[controller] = one;
  }
  return found;
}
