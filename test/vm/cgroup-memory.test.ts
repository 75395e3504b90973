// Limits of memory that are felt where there is swap: on the scratch disk.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cgroup, MemoryLimits } from '../../src/cgroup/index.ts';
import { Process } from '../../src/process/index.ts';
import { chosen, create, handDownAllControllers, hog, until } from '../support/cgroup-jobs.ts';
import { needs } from '../support/needs.ts';

const MIB = 1 << 20;

handDownAllControllers();
// Huge pages of nothing but zeroes are given up rather than swapped out (Linux 6.12): memory that is held would dwindle.
const HUGE = '/sys/kernel/mm/transparent_hugepage/enabled';
let huge: string;
beforeAll(() => {
  huge = chosen(HUGE);
  writeFileSync(HUGE, 'never');
  execFileSync('mkswap', ['/dev/vdc'], { stdio: 'ignore' });
  execFileSync('swapon', ['/dev/vdc']);
});
afterAll(() => {
  execFileSync('swapoff', ['/dev/vdc']);
  writeFileSync(HUGE, huge);
});

const memoryOf = async (cgroup: Cgroup) => {
  const { memory } = await cgroup.stat();
  if (memory === undefined) throw new Error(`${cgroup.path} has no memory controller`);
  return { ...memory, swapped: Number(memory.swapCurrent) };
};

const MIBS = (count: number) => ['dd', 'if=/dev/zero', `bs=${count}M`, 'count=1'];

/** Takes so many MiB and keeps them: a block that nobody reads. */
async function holder(cgroup: Cgroup, mebibytes: number): Promise<Process> {
  const script = `${MIBS(mebibytes).join(' ')} | sleep 1000`;
  const job = await Process.spawn(['sh', '-c', script], { cgroup, stdio: 'ignore' });
  try {
    await until(`${mebibytes} MiB taken`, async () => {
      const { current, swapped } = await memoryOf(cgroup);
      return Number(current) + swapped >= mebibytes * MIB;
    });
    return job;
  } catch (error) {
    job.close();
    throw error;
  }
}

describe('of two in a cgroup that becomes too small', () => {
  /** Bytes of a job of 10 MiB that are swapped out when 8 of 24 have to be; the other 14 are its rival's. */
  async function squeezed(
    protection: MemoryLimits,
    rival: MemoryLimits = {},
  ): Promise<{ swapped: number; low: number; kills: number }> {
    await using pack = await create({ memory: { max: '64M' } }, 'pack');
    await using job = await create({ memory: { max: 'max', ...protection } }, 'job', pack);
    await using other = await create({ memory: { max: 'max', ...rival } }, 'rival', pack);
    await using _job = await holder(job, 10);
    await using _other = await holder(other, 14);
    await pack.set({ memory: { max: '16M' } });
    const { swapped, events } = await memoryOf(job);
    return { swapped, low: Number(events.low), kills: Number((await memoryOf(other)).events.oomKill) };
  }
  const NO_SWAP = { swapMax: 0 };

  it('without protection a job is swapped out', async () => {
    expect((await squeezed({})).swapped).toBeGreaterThan(MIB);
    expect((await squeezed({}, NO_SWAP)).swapped).toBeGreaterThan(6 * MIB);
  });

  it('memory.low: it stays, unless there is no other way, which is counted', async () => {
    expect(await squeezed({ low: '32M' })).toEqual({ swapped: 0, low: 0, kills: 0 });
    const { swapped, low, kills } = await squeezed({ low: '32M' }, NO_SWAP);
    expect(swapped).toBeGreaterThan(6 * MIB);
    expect(low).toBeGreaterThan(0);
    expect(kills).toBe(0);
  });

  it('memory.min: it stays, and rather the rival is killed', async () => {
    expect(await squeezed({ min: '32M' })).toEqual({ swapped: 0, low: 0, kills: 0 });
    const { swapped, kills } = await squeezed({ min: '32M' }, NO_SWAP);
    expect(swapped).toBe(0);
    // One more where the memory of the first is slow to come back.
    expect(kills).toBeGreaterThan(0);
  });
});

describe('a job feels', () => {
  it('memory.swap.max: no more of it is swapped out, and the OOM killer comes', async () => {
    const taking = async (swapMax: string) => {
      await using cg = await create({ memory: { max: '16M', swapMax } });
      await using job = await Process.spawn(MIBS(24), { cgroup: cg, stdio: 'ignore' });
      return { exit: await job.wait({ timeout: 50_000 }), ...(await memoryOf(cg)) };
    };
    expect(await taking('32M')).toMatchObject({ exit: { exitCode: 0 }, events: { oomKill: 0n } });
    const { exit, events, swapPeak } = await taking('4M');
    expect(exit).toMatchObject({ signal: 'SIGKILL' });
    expect(events.oomKill).toBe(1n);
    // Linux 6.5 tells.
    if (swapPeak !== undefined) expect(Number(swapPeak)).toBeLessThanOrEqual(4 * MIB);
  });

  it('memory.swap.high: it is slowed down, and that is counted', async () => {
    /** Milliseconds that a hog of 48 MiB takes to its end; undefined if it has not come to it by `deadline`. */
    async function life(limits: MemoryLimits, deadline: number): Promise<number | undefined> {
      await using cg = await create({ memory: { max: '16M', swapMax: '32M', ...limits } });
      const start = performance.now();
      await using job = await hog(cg);
      for (; job.alive; await sleep(20)) {
        if (performance.now() - start < deadline) continue;
        expect(Number((await memoryOf(cg)).swapEvents?.high)).toBeGreaterThan(0);
        return undefined;
      }
      return performance.now() - start;
    }
    const free = await life({}, 30_000);
    if (free === undefined) throw new Error('the hog takes too long');
    expect(await life({ swapHigh: '2M' }, 3 * free + 1000)).toBeUndefined();
  });

  it('memory.zswap.max: what is swapped out goes to the disk', async (context) => {
    needs(context, { linux: '5.19' });
    const enabled = '/sys/module/zswap/parameters/enabled';
    const before = readFileSync(enabled, 'utf8').trim();
    writeFileSync(enabled, 'Y');
    try {
      /** Bytes that zswap keeps of a job that does not fit. Pages of a single word would take it none. */
      const kept = async (limits: MemoryLimits) => {
        await using cg = await create({ memory: { max: '12M', ...limits } });
        const script = 'yes cofferdam | dd bs=20M count=1 iflag=fullblock | sleep 1000';
        await using _job = await Process.spawn(['sh', '-c', script], { cgroup: cg, stdio: 'ignore' });
        await until('swapped out', async () => (await memoryOf(cg)).swapped > 4 * MIB);
        return Number((await memoryOf(cg)).zswapCurrent);
      };
      expect(await kept({})).toBeGreaterThan(0);
      expect(await kept({ zswapMax: 0 })).toBe(0);
    } finally {
      writeFileSync(enabled, before);
    }
  });
});
