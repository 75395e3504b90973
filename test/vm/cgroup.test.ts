// Limits on a kernel that has every controller: set, read back, and felt. Events and pressure; removal without
// cgroup.kill.
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  Cgroup,
  type CgroupEvent,
  type CgroupEvents,
  type CgroupLimits,
  PressureTrigger,
} from '../../src/cgroup/index.ts';
import { Process } from '../../src/process/index.ts';
import { mount } from '../support/cgroup.ts';
import { busy, create, handDownAllControllers, hog, output, shell, TOP } from '../support/cgroup-jobs.ts';

handDownAllControllers();

/** All events up to the end of the last process. */
async function untilEmpty(events: CgroupEvents): Promise<CgroupEvent[]> {
  const seen: CgroupEvent[] = [];
  for await (const event of events) {
    seen.push(event);
    if (event.type === 'populated' && !event.populated) break;
  }
  return seen;
}

const countOf = (events: readonly CgroupEvent[], type: 'oom' | 'oomKill' | 'high' | 'max'): number =>
  events.reduce((sum, event) => sum + (event.type === type ? event.count : 0), 0);

it('limits are set, read back, and set again as they were read', async () => {
  const limits: CgroupLimits = {
    cpu: { weight: 200, max: '50000 100000' },
    memory: { max: '1G', high: '800M', low: '1M', min: 0, swapMax: '500M', swapHigh: 'max', oomGroup: true },
    pids: { max: 100 },
    io: { max: { '/dev/vdc': { rbps: '10M', wbps: '10M', riops: 1000 } } },
    cpuset: { cpus: '0', mems: '0' },
    hugetlb: { '2MB': { max: '4M', rsvdMax: '8M' } },
  };
  await using cg = await create(limits);
  const read = await cg.limits();
  expect(read).toMatchObject({
    cpu: { weight: 200, max: { quota: 50_000, period: 100_000 } },
    memory: {
      max: 1n << 30n,
      high: 800n << 20n,
      low: 1n << 20n,
      min: 0n,
      swapMax: 500n << 20n,
      swapHigh: 'max',
      oomGroup: true,
    },
    pids: { max: 100n },
    cpuset: { cpus: '0', mems: '0' },
    hugetlb: { '2MB': { max: 4n << 20n, rsvdMax: 8n << 20n } },
  });
  expect(Object.values(read.io?.max ?? {})).toEqual([
    { rbps: 10n << 20n, wbps: 10n << 20n, riops: 1000n, wiops: 'max' },
  ]);
  await cg.set(read);
  expect(await cg.limits()).toEqual(read);
  const stat = await cg.stat();
  expect(stat.memory).toMatchObject({
    current: expect.any(BigInt),
    stat: { anon: 0n },
    events: { oomKill: 0n },
  });
  expect(stat.pids?.current).toBe(0n);
  expect(stat.cpu?.nrThrottled).toBe(0n);
  expect(Object.keys(stat.pressure)).toEqual(expect.arrayContaining(['cpu', 'memory', 'io']));
});

it('what newer kernels have is set where it is, and else said to need another', async () => {
  await using cg = await create({ cpu: { max: '50000 100000' }, memory: { max: '1G' } });
  for (const [limits, file, since] of [
    [{ cpu: { burst: 10_000 } }, 'cpu.max.burst', '5.14'],
    [{ cpu: { idle: true } }, 'cpu.idle', '5.15'],
    [{ memory: { zswapMax: 1n << 20n } }, 'memory.zswap.max', '5.19'],
  ] as const) {
    if (existsSync(`${mount}${cg.path}/${file}`)) {
      await cg.set(limits);
      expect(await cg.limits()).toMatchObject(limits);
    } else {
      await expect(cg.set(limits)).rejects.toThrow(
        new RegExp(`there is no ${file} in .*it needs Linux ${since}`),
      );
    }
  }
});

it('a quota and a burst are set together, whichever of them has to be first', async () => {
  await using cg = await create({ cpu: { max: '50000 100000' } });
  if (!existsSync(`${mount}${cg.path}/cpu.max.burst`)) return;
  for (const [quota, burst] of [
    [50_000, 40_000],
    [20_000, 10_000],
    [90_000, 80_000],
  ] as const) {
    await cg.set({ cpu: { max: quota, burst } });
    expect((await cg.limits()).cpu).toMatchObject({ max: { quota, period: 100_000 }, burst });
  }
  await expect(cg.set({ cpu: { max: 20_000 } })).rejects.toThrow(/cpu\.max\.burst of it is '80000'$/);
  await expect(cg.set({ cpu: { burst: 90_001 } })).rejects.toThrow(/cpu\.max of it is '90000 100000'$/);
});

describe('a job feels', () => {
  it('cpu.max: it is throttled', async () => {
    await using cg = await create({ cpu: { max: '5000 100000' } });
    const [share] = await busy(2000, cg);
    expect(share).toBeLessThan(0.2);
    expect(Number((await cg.stat()).cpu?.nrThrottled)).toBeGreaterThan(2);
  });

  it('cpu.weight: it gets its share of the CPU that two want', async () => {
    await using light = await create({ cpu: { weight: 10 }, cpuset: { cpus: '0' } }, 'light');
    await using heavy = await create({ cpu: { weight: 1000 }, cpuset: { cpus: '0' } }, 'heavy');
    const [little = 1, much = 0] = await busy(2500, light, heavy);
    expect(much).toBeGreaterThan(4 * little);
  });

  it('cpuset.cpus: it is allowed no other', async () => {
    await using cg = await create({ cpuset: { cpus: '0' } });
    expect(await output(cg, 'grep Cpus_allowed_list: /proc/self/status')).toMatch(
      /^Cpus_allowed_list:\s+0$/m,
    );
  });

  it('pids.max: a fork is refused, and that is an event', async () => {
    await using cg = await create({ pids: { max: 3 } });
    const events = cg.events();
    // The shell gives up at the first refusal.
    await using bomb = await shell(cg, 'for i in 1 2 3 4 5 6; do sleep 100 & done; wait');
    const seen: CgroupEvent[] = [];
    for await (const event of events) {
      seen.push(event);
      if (event.type === 'max') break;
    }
    expect(seen.find(({ type }) => type === 'max')).toMatchObject({ type: 'max', controller: 'pids' });
    expect(Number((await cg.stat()).pids?.current)).toBeLessThanOrEqual(3);
    await cg.remove({ recursive: true });
    await bomb.wait({ timeout: 30_000 });
  });

  it('memory.high: it is slowed down, and goes on', async () => {
    await using cg = await create({ memory: { high: '8M', swapMax: 0 } });
    const events = cg.events();
    await using job = await hog(cg);
    for await (const event of events) if (event.type === 'high') break;
    expect(job.alive).toBe(true);
    expect((await cg.stat()).memory?.events.oomKill).toBe(0n);
    await cg.kill();
    await job.wait({ timeout: 40_000 });
  });

  it('memory.oom.group: with one, all of them are killed', async () => {
    await using cg = await create({ memory: { max: '16M', swapMax: 0, oomGroup: true } });
    const events = cg.events();
    await using bystander = await Process.spawn(['sleep', '100'], { cgroup: cg, stdio: 'ignore' });
    await using job = await hog(cg);
    expect(await job.wait({ timeout: 30_000 })).toMatchObject({ signal: 'SIGKILL' });
    expect(await bystander.wait({ timeout: 30_000 })).toMatchObject({ signal: 'SIGKILL' });
    // The kernel counts the one that it chose twice.
    expect(countOf(await untilEmpty(events), 'oomKill')).toBeGreaterThanOrEqual(2);
  });
});

describe('an OOM', () => {
  it('within a millisecond of the start is told exactly once, before the end', async () => {
    for (let round = 0; round < 10; round++) {
      // Not enough to begin with: the kernel ends it while it executes its program, or at its first pages.
      await using cg = await create({ memory: { max: '64K', swapMax: 0 } });
      const events = cg.events();
      const job = await hog(cg).catch(() => undefined);
      const exit = await job?.wait({ timeout: 40_000 });
      if (exit !== undefined) expect(exit).toMatchObject({ signal: 'SIGKILL' });
      // The kernel tells late; whoever knows of the end asks.
      cg.checkEvents();
      await cg.remove();
      const seen: CgroupEvent[] = [];
      for await (const event of events) seen.push(event);
      const types = seen.map(({ type }) => type);
      expect(countOf(seen, 'oomKill')).toBe(1);
      expect(types.filter((type) => type === 'oomKill')).toHaveLength(1);
      expect(types.at(-1)).toBe('removed');
      const end = seen.findIndex((event) => event.type === 'populated' && !event.populated);
      if (end >= 0) expect(types.indexOf('oomKill')).toBeLessThan(end);
      job?.close();
      await job?.closed;
    }
  });

  it('of a job that runs is told by the kernel itself', async () => {
    await using cg = await create({ memory: { max: '16M', swapMax: 0 } });
    const events = cg.events();
    await using job = await hog(cg);
    const seen = await untilEmpty(events);
    expect(seen.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['populated', 'max', 'oom', 'oomKill']),
    );
    expect(seen.at(-1)).toEqual({ type: 'populated', populated: false });
    expect(countOf(seen, 'oomKill')).toBe(1);
    await job.wait({ timeout: 30_000 });
  });
});

describe('pressure', () => {
  it('on memory fires a trigger, with a window of half a second', async () => {
    await using cg = await create({ memory: { high: '8M', swapMax: 0 } });
    await using trigger = await PressureTrigger.open({
      resource: 'memory',
      stall: 25_000,
      window: 500_000,
      cgroup: cg,
    });
    await using job = await hog(cg);
    expect(await trigger.wait({ timeout: 50_000 })).toBeGreaterThan(0);
    await cg.kill();
    await job.wait({ timeout: 40_000 });
  });

  it('is an event of its cgroup', async () => {
    await using cg = await create({ cpu: { max: '5000 100000' } });
    const events = cg.events({ pressure: [{ resource: 'cpu', stall: 50_000, window: 500_000 }] });
    await using _job = await shell(cg, 'while :; do :; done');
    for await (const event of events) {
      if (event.type !== 'pressure') continue;
      expect(event).toEqual({ type: 'pressure', resource: 'cpu', level: 'some' });
      break;
    }
    await cg.remove({ recursive: true });
  });
});

// With cgroup.kill and, on 5.10, without it.
describe('remove() leaves nothing of', () => {
  it('processes that fork, are stopped, and are frozen, three deep', async () => {
    const cg = await Cgroup.create(TOP, 'job');
    const deep = await Cgroup.create(
      await Cgroup.create(cg, 'a').then((handle) => {
        made.push(handle);
        return handle;
      }),
      'b',
    );
    made.push(deep);
    const jobs = [
      await shell(cg, 'while :; do sleep 0.01 & done'),
      await shell(deep, 'while :; do (sleep 0.01) & sleep 0.01; done'),
      await Process.spawn(['sleep', '100'], { cgroup: deep, stdio: 'ignore' }),
    ];
    await cg.set({ pids: { max: 60 } });
    await sleep(300);
    jobs[2]?.send('SIGSTOP');
    await deep.freeze();
    await cg.remove({ recursive: true, timeout: 60_000 });
    expect(existsSync(mount + cg.path)).toBe(false);
    for (const job of jobs) {
      await job.wait({ timeout: 30_000 });
      job.close();
      await job.closed;
    }
    for (const handle of made.splice(0)) handle.close();
  }, 150_000);
  const made: Cgroup[] = [];

  it('a tree with a threaded cgroup, which by itself refuses to be killed', async () => {
    await using cg = await create({});
    await using threads = await create({}, 'threads', cg);
    await using job = await shell(cg, 'sleep 600; true');
    writeFileSync(`${mount}${threads.path}/cgroup.type`, 'threaded');
    writeFileSync(`${mount}${threads.path}/cgroup.threads`, String(job.pid));
    for (const call of [() => threads.kill(), () => threads.remove({ recursive: true })])
      await expect(call()).rejects.toThrow(/^EOPNOTSUPP: .* is threaded: .* Kill the cgroup above it/);
    expect([threads.removal, job.alive]).toEqual(['none', true]);
    await threads.attach(job.pid);
    await cg.remove({ recursive: true, timeout: 60_000 });
    await job.wait({ timeout: 30_000 });
    await threads.remove();
  });

  it('cgroups, not even in the count of the dying', async () => {
    for (let index = 0; index < 50; index++) {
      await using cg = await create({ memory: { max: '64M' }, pids: { max: 10 } });
      await using _job = await shell(cg, 'true');
      cg.events();
    }
    await using top = await Cgroup.open(TOP);
    const dying = async () => (await top.stat()).nrDyingDescendants;
    for (const until = performance.now() + 60_000; (await dying()) > 5 && performance.now() < until; )
      await sleep(100);
    // The last ones may wait for the kernel to give pages back.
    expect(await dying()).toBeLessThanOrEqual(5);
  }, 150_000);
});
