/** resource_limits but for those of disks: what is felt of them with swap on the scratch disk. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import type { LimitsConfig, SystemConfig } from '../../../src/system/config/config.ts';
import type { System } from '../../../src/system/index.ts';
import { chosen, until } from '../../support/cgroup-jobs.ts';
import {
  BUSY,
  type Chapter,
  counterOf,
  create,
  type FieldTest,
  fileOf,
  GROUP_DIRECTORY,
  inside,
  lines,
  shell,
} from './felt.ts';

const MIB = 1 << 20;
const HUGE = '/sys/kernel/mm/transparent_hugepage/enabled';

function setup(): void {
  let huge: string;
  beforeAll(() => {
    // Huge pages of nothing but zeroes are given up rather than swapped out.
    huge = chosen(HUGE);
    writeFileSync(HUGE, 'never');
    execFileSync('mkswap', ['/dev/vdc'], { stdio: 'ignore' });
    execFileSync('swapon', ['/dev/vdc']);
  });
  afterAll(() => {
    execFileSync('swapoff', ['/dev/vdc']);
    writeFileSync(HUGE, huge);
  });
}

const memory = (limits: LimitsConfig['memory']): SystemConfig => ({
  resource_limits: { memory: { high: 'max', ...limits } },
});
const take = (mebibytes: number): string => `dd if=/dev/zero bs=${mebibytes}M count=1`;
const swapped = (box: System): number => Number(fileOf(box, 'memory.swap.current'));

/** Takes so many MiB and keeps them: a block that nobody reads. */
async function hold(box: System, mebibytes: number): Promise<void> {
  await shell(box, `${take(mebibytes)} | sleep 1000`);
  await until(`${mebibytes} MiB taken`, async () => {
    return Number(fileOf(box, 'memory.current')) + swapped(box) >= mebibytes * MIB;
  });
}

/** Bytes of a system with 10 MiB that are swapped out when its group, with 14 MiB of another one, has to do with 16. */
async function squeezed(limits: LimitsConfig['memory']): Promise<number> {
  await using box = await create(memory(limits));
  await using rival = await create(memory({}));
  await hold(box, 10);
  await hold(rival, 14);
  writeFileSync(`${GROUP_DIRECTORY}/memory.max`, '16M');
  return swapped(box);
}

const protects =
  (field: 'low' | 'min'): FieldTest =>
  async () => {
    // The rival's share of the swap may be all that it takes without any protection.
    expect(await squeezed({ [field]: '32M' })).toBe(0);
    expect(await squeezed({})).toBeGreaterThan(0);
  };

/** Microseconds of CPU time of two that are busy for a while. */
async function shares(weight: number, other: number): Promise<number[]> {
  const limits = (one: number): SystemConfig => ({ resource_limits: { cpu: { weight: one, max: 'max' } } });
  await using first = await create(limits(weight));
  await using second = await create(limits(other));
  const boxes = [first, second];
  for (const box of boxes) await shell(box, BUSY);
  const used = () => boxes.map((box) => counterOf(box, 'cpu.stat', 'usage_usec'));
  const before = used();
  await sleep(3000);
  return used().map((time, index) => time - (before[index] ?? 0));
}

/** What is allowed to a program, as the kernel tells it. */
const allowed = (what: 'Cpus' | 'Mems', config: LimitsConfig['cpuset'] = {}): Promise<string[]> =>
  lines(`sed -n "s/^${what}_allowed_list:\\s*//p" /proc/self/status`, {
    resource_limits: { cpuset: config },
  });

export const limits: Chapter = {
  setup,
  fields: {
    'resource_limits.memory.max': async () => {
      const { result } = await inside(
        'tail /dev/zero 2> /dev/null; exit $?',
        memory({ max: '32M', swap: 0 }),
      );
      expect(result).toMatchObject({ exitCode: 137, reason: 'oom' });
      // Too little for the pid 1 of any system.
      await expect(create(memory({ max: '4k', swap: 0 }))).rejects.toMatchObject({
        code: 'ENOMEM',
        reason: 'oom',
        message: expect.stringContaining('resource_limits.memory.max'),
      });
    },

    'resource_limits.memory.swap': async () => {
      const taking = (swap: string) => inside(`${take(24)} > /dev/null`, memory({ max: '16M', swap }));
      expect((await taking('32M')).result).toMatchObject({ exitCode: 0 });
      expect((await taking('4M')).result).toMatchObject({ exitCode: 137, reason: 'oom' });
    },

    'resource_limits.memory.high': async () => {
      await using box = await create(memory({ max: '256M', high: '8M', swap: 0 }));
      const command = await shell(box, 'tail /dev/zero');
      // It is slowed down, and goes on.
      await until('slowed down', async () => counterOf(box, 'memory.events', 'high') > 0);
      expect(counterOf(box, 'memory.events', 'oom_kill')).toBe(0);
      expect(command.result).toBeUndefined();
    },

    'resource_limits.memory.low': protects('low'),
    'resource_limits.memory.min': protects('min'),

    'resource_limits.memory.oom_group': async () => {
      const one = memory({ max: '32M', swap: 0, oom_group: false });
      await using box = await create(one);
      const bystander = await shell(box, 'sleep 1000');
      expect(await box.run(['tail', '/dev/zero'], { stdio: 'ignore' })).toMatchObject({ reason: 'oom' });
      expect([box.end, bystander.result]).toEqual([undefined, undefined]);
      await using all = await create(memory({ max: '32M', swap: 0, oom_group: true }));
      const other = await shell(all, 'sleep 1000');
      await all.run(['tail', '/dev/zero'], { stdio: 'ignore' });
      expect(await all.ended()).toMatchObject({ reason: 'oom' });
      expect(await other.wait()).toMatchObject({ exitCode: 137 });
    },

    'resource_limits.cpu.weight': async () => {
      const [little = 0, much = 0] = await shares(10, 1000);
      expect(much).toBeGreaterThan(8 * little);
      const [same = 0, alike = 0] = await shares(100, 100);
      expect(Math.max(same, alike)).toBeLessThan(3 * Math.min(same, alike));
    },

    'resource_limits.cpu.max': async () => {
      await using box = await create({ resource_limits: { cpu: { max: '10000 100000' } } });
      await shell(box, BUSY);
      await sleep(2000);
      const before = counterOf(box, 'cpu.stat', 'usage_usec');
      const start = performance.now();
      await sleep(2000);
      const share = (counterOf(box, 'cpu.stat', 'usage_usec') - before) / 1000 / (performance.now() - start);
      expect(share).toBeLessThan(0.2);
      expect(counterOf(box, 'cpu.stat', 'nr_throttled')).toBeGreaterThan(1);
    },

    'resource_limits.pids.max': async () => {
      const { end } = await inside(
        'for i in 1 2 3 4 5 6 7 8; do sleep 100 > /dev/null & done 2> /dev/null; true',
        {
          resource_limits: { pids: { max: 5 } },
        },
      );
      // The shell gives up, or goes on; the kernel has counted.
      expect(end.statistics['pids.events']?.max).toBeGreaterThan(0);
    },

    'resource_limits.cpuset.cpus': async () => {
      expect(await allowed('Cpus', { cpus: '0' })).toEqual(['0']);
      // There is no other here.
      await expect(create({ resource_limits: { cpuset: { cpus: '7' } } })).rejects.toMatchObject({
        path: expect.stringContaining('cpuset.cpus'),
      });
    },

    'resource_limits.cpuset.mems': async () => {
      expect(await allowed('Mems')).toEqual(['0-1']);
      for (const mems of ['0', '1']) expect(await allowed('Mems', { mems })).toEqual([mems]);
    },
  },
};

/** Those that nobody asked for. */
export async function defaults(): Promise<void> {
  await using box = await create();
  expect(box.warnings).toEqual([]);
  const files = ['memory.max', 'memory.high', 'memory.swap.max', 'cpu.max', 'cpu.weight', 'pids.max'];
  expect(files.map((file) => fileOf(box, file))).toEqual([
    String(1 << 30),
    String(800 << 20),
    String(500 << 20),
    '50000 100000',
    '100',
    '100',
  ]);
  expect(fileOf(box, 'io.max')).toMatch(/^\d+:\d+ rbps=10485760 wbps=10485760 riops=max wiops=max$/m);
}
