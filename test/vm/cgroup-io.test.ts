// Limits of disks that are felt, on the scratch disk: by device, and by weight with either of the two that heed one.
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Cgroup, CgroupLimits, IoLimits, IoMax } from '../../src/cgroup/index.ts';
import { Process } from '../../src/process/index.ts';
import { mount } from '../support/cgroup.ts';
import { chosen, create, handDownAllControllers, looks, shell, until } from '../support/cgroup-jobs.ts';

const DISK = '/dev/vdc';
const NUMBER = readFileSync('/sys/block/vdc/dev', 'utf8').trim();
const SCHEDULER = '/sys/block/vdc/queue/scheduler';

handDownAllControllers();

const READ = [`if=${DISK}`, 'of=/dev/null', 'iflag=direct'];
const WRITE = ['if=/dev/zero', `of=${DISK}`, 'oflag=direct'];

const dd = (cgroup: Cgroup, words: readonly string[]) =>
  Process.spawn(['dd', ...words], { cgroup, stdio: 'ignore' });

/** On the scratch disk: the one that programs are read from counts as well. */
const usageOf = async (cgroup: Cgroup) => (await cgroup.stat()).io?.find(({ device }) => device === NUMBER);

describe('io.max: a job takes its time where it may do half of it in a second', () => {
  const cases: readonly [keyof IoMax, string, readonly string[]][] = [
    ['rbps', '512K', [...READ, 'bs=64k', 'count=16']],
    ['wbps', '512K', [...WRITE, 'bs=64k', 'count=16']],
    ['riops', '20', [...READ, 'bs=4k', 'count=40']],
    ['wiops', '20', [...WRITE, 'bs=4k', 'count=40']],
  ];
  for (const [key, limit, words] of cases)
    it(key, async () => {
      const took = async (limits: CgroupLimits) => {
        await using cg = await create(limits);
        const start = performance.now();
        await using job = await dd(cg, words);
        expect(await job.wait({ timeout: 50_000 })).toMatchObject({ exitCode: 0 });
        const milliseconds = performance.now() - start;
        const usage = await usageOf(cg);
        const [bytes, operations] = key.endsWith('bps') ? [1n << 20n, 16n] : [40n << 12n, 40n];
        expect(usage).toMatchObject(
          key.startsWith('r') ? { rbytes: bytes, rios: operations } : { wbytes: bytes, wios: operations },
        );
        return milliseconds;
      };
      const unlimited: CgroupLimits = { io: { max: { [DISK]: { [key]: 'max' } } } };
      // The better of two: a busy host may hold up either.
      const free = Math.min(await took(unlimited), await took(unlimited));
      const limited = await took({ io: { max: { [DISK]: { [key]: limit } } } });
      expect(limited).toBeGreaterThan(1000);
      expect(limited).toBeGreaterThan(2 * free);
    });
});

describe('two share a disk', () => {
  /** Blocks that each of two gets to read of it, within three seconds, once both read. */
  async function shares(first: IoLimits, second: IoLimits): Promise<[number, number]> {
    await using one = await create({ io: first }, 'one');
    await using other = await create({ io: second }, 'other');
    const reader = `while dd ${READ.join(' ')} bs=4k; do :; done`;
    await using _one = await shell(one, reader);
    await using _other = await shell(other, reader);
    const read = async (cg: Cgroup) => Number((await usageOf(cg))?.rios ?? 0);
    await until('both at work', async () => (await read(one)) > 0 && (await read(other)) > 0);
    const before = [await read(one), await read(other)] as const;
    await sleep(3000);
    return [(await read(one)) - before[0], (await read(other)) - before[1]];
  }

  async function differ(less: IoLimits, more: IoLimits): Promise<void> {
    const [little, much] = await looks(
      () => shares(less, more),
      ([one, other]) => other > 3 * one,
    );
    expect(much).toBeGreaterThan(3 * little);
  }
  async function areAlike(first: IoLimits, second: IoLimits): Promise<void> {
    const apart = ([one, other]: readonly [number, number]) => Math.max(one, other) / Math.min(one, other);
    const seen = await looks(
      () => shares(first, second),
      (pair) => apart(pair) < 2,
    );
    expect(apart(seen)).toBeLessThan(2);
  }

  it('by io.weight, where it has a cost model', { timeout: 180_000 }, async () => {
    await using cg = await create({ io: { weight: 200 } });
    expect((await cg.limits()).io).toMatchObject({ weight: 200 });
    await expect(cg.set({ io: { weights: { [DISK]: 50 } } })).rejects.toThrow(
      /^EOPNOTSUPP: io.weights\['\/dev\/vdc'\]: .* takes .*io.cost.qos/,
    );
    const root = (file: string, words: string) => writeFileSync(`${mount}/${file}`, `${NUMBER} ${words}`);
    // A disk that can do a hundred reads a second, says the model; and nothing is to be learnt about it.
    root(
      'io.cost.model',
      'ctrl=user model=linear rbps=1048576 rseqiops=100 rrandiops=100 wbps=1048576 wseqiops=100 wrandiops=100',
    );
    root('io.cost.qos', 'enable=1 ctrl=user rpct=0 wpct=0 min=100.00 max=100.00');
    try {
      await cg.set({ io: { weights: { [DISK]: 50 } } });
      expect((await cg.limits()).io).toMatchObject({ weight: 200, weights: { [NUMBER]: 50 } });
      await differ({ weight: 10 }, { weight: 1000 });
      await areAlike({ weight: 100 }, { weights: { [DISK]: 100 } });
    } finally {
      root('io.cost.qos', 'enable=0 ctrl=auto');
    }
  });

  it('by io.bfq.weight, where BFQ is its scheduler', { timeout: 180_000 }, async () => {
    const before = chosen(SCHEDULER);
    await using cg = await create({ io: { weight: 100 } });
    await expect(cg.set({ io: { bfqWeights: { [DISK]: 50 } } })).rejects.toThrow(
      /^(ENOENT|EOPNOTSUPP): io.bfqWeights\['\/dev\/vdc'\]: .* takes the module bfq/,
    );
    writeFileSync(SCHEDULER, 'bfq');
    try {
      await cg.set({ io: { bfqWeight: 300, bfqWeights: { [DISK]: 50 } } });
      expect((await cg.limits()).io).toMatchObject({ bfqWeight: 300, bfqWeights: { [NUMBER]: 50 } });
      await cg.set(await cg.limits());
      const settings = {
        // Fairness alone, and no guess at who is in a hurry.
        low_latency: 0,
        // However quick the disk is, it waits for the next request of who has most weight, which a busy host keeps for long.
        strict_guarantees: 1,
        slice_idle: 100,
      };
      for (const [name, value] of Object.entries(settings))
        writeFileSync(`/sys/block/vdc/queue/iosched/${name}`, String(value));
      await differ({ bfqWeight: 10 }, { bfqWeight: 1000 });
      await areAlike({ bfqWeight: 100 }, { bfqWeights: { [DISK]: 100 } });
    } finally {
      writeFileSync(SCHEDULER, before);
    }
  });
});
