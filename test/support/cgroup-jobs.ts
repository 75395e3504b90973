/** Jobs in cgroups of a guest, where every controller may be handed down. */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { Cgroup, type CgroupLimits, type CgroupReference } from '../../src/cgroup/index.ts';
import { handles } from '../../src/handle/index.ts';
import { Process } from '../../src/process/index.ts';
import { mount } from './cgroup.ts';

/** Has every controller, while the tests of a file run. */
export const TOP = `/cofferdam-test-${process.pid}`;

/** Makes {@link TOP} for the tests of a file, and sees after each that it left nothing in it. */
export function handDownAllControllers(): void {
  const subtree = `${mount}/cgroup.subtree_control`;
  const words = (file: string) => readFileSync(file, 'utf8').trim().split(' ').filter(Boolean);
  let before: string[];

  beforeAll(() => {
    before = words(subtree);
    mkdirSync(mount + TOP);
    writeFileSync(
      subtree,
      words(`${mount}/cgroup.controllers`)
        .map((name) => `+${name}`)
        .join(' '),
    );
  });
  afterAll(() => {
    rmdirSync(mount + TOP);
    const added = words(subtree).filter((name) => !before.includes(name));
    writeFileSync(subtree, added.map((name) => `-${name}`).join(' '));
  });
  afterEach(() => {
    const left = readdirSync(mount + TOP, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(left).toEqual([]);
    expect(handles.list().filter(({ state }) => state === 'open')).toEqual([]);
  });
}

/** A cgroup that is removed with all that runs in it. */
export const create = (limits: CgroupLimits, name = 'job', parent: CgroupReference = TOP): Promise<Cgroup> =>
  Cgroup.create(parent, name, limits, { removeOnDispose: true });

/** Five times where a host that has other work gives the guest's new process no turn within the two seconds that it has. */
export async function shell(cgroup: Cgroup, script: string): Promise<Process> {
  for (let left = 4; ; left--) {
    try {
      return await Process.spawn(['sh', '-c', script], { cgroup, stdio: ['ignore', 'pipe', 'ignore'] });
    } catch (error) {
      if (left === 0 || (error as NodeJS.ErrnoException).code !== 'ETIMEDOUT') throw error;
    }
  }
}

/** What a script in it prints. */
export async function output(cgroup: Cgroup, script: string): Promise<string> {
  await using job = await shell(cgroup, script);
  let printed = '';
  for await (const text of job.stdout ?? []) printed += text;
  await job.wait({ timeout: 40_000 });
  return printed;
}

/** Takes memory until somebody stops it: a line that never ends. */
export const hog = (cgroup: Cgroup): Promise<Process> =>
  Process.spawn(['tail', '/dev/zero'], { cgroup, stdio: 'ignore' });

/** Microseconds of CPU time. */
const used = async (cgroup: Cgroup): Promise<number> => Number((await cgroup.stat()).cpu?.usageUsec);

/** The part of a CPU that a busy loop gets in a while, from when it is at work: each of them, where there are several. */
export async function busy(milliseconds: number, ...cgroups: readonly Cgroup[]): Promise<number[]> {
  const loops: Process[] = [];
  const look = async () => await Promise.all(cgroups.map(used));
  try {
    const idle = await look();
    for (const cgroup of cgroups) loops.push(await shell(cgroup, 'while :; do :; done'));
    const atWork = async () => (await look()).every((time, index) => time > (idle[index] ?? 0));
    await until('all are at work', atWork);
    const start = performance.now();
    const before = await look();
    await sleep(milliseconds);
    const after = await look();
    const took = 1000 * (performance.now() - start);
    return after.map((time, index) => (time - (before[index] ?? 0)) / took);
  } finally {
    for (const loop of loops) loop.close();
    await Promise.all(loops.map(({ closed }) => closed));
  }
}

/**
 * Looks a few times, until it is as it should be: who has much of something has to ask for it, which takes a CPU at the right
 * time, and a busy host keeps that for long. What nobody limits no look finds limited.
 */
export async function looks<T>(look: () => Promise<T>, good: (seen: T) => boolean): Promise<T> {
  let seen = await look();
  for (let more = 0; more < 4 && !good(seen); more++) seen = await look();
  return seen;
}

/** Waits until it is so. */
export async function until(what: string, holds: () => Promise<boolean>, timeout = 40_000): Promise<void> {
  for (const deadline = performance.now() + timeout; !(await holds()); await sleep(50))
    if (performance.now() > deadline) throw new Error(`not within ${timeout} ms: ${what}`);
}

/** Of the words of a file the one in brackets: the one that holds. */
export const chosen = (file: string): string => /\[(\S+)\]/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
