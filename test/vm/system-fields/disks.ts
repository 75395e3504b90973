/** What a system writes to a disk, and how quickly: the scratch disk, with a file system. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import type { LimitsConfig, SystemConfig } from '../../../src/system/config/config.ts';
import { mount } from '../../support/cgroup.ts';
import { looks, until } from '../../support/cgroup-jobs.ts';
import { type Chapter, create, fileOf, say, shell } from './felt.ts';

const DISK = '/dev/vdc';
let place: string;

function setup(): void {
  beforeAll(async () => {
    // A supervisor sees what was mounted before it came, and the last one lingers; nothing is shared in a guest.
    await sleep(1000);
    place = mkdtempSync('/var/tmp/cofferdam-test-');
    execFileSync('busybox', ['mke2fs', '-F', DISK], { stdio: 'ignore' });
    execFileSync('mount', ['-t', 'ext4', DISK, place]);
  });
  afterAll(() => {
    execFileSync('umount', [place]);
    rmSync(place, { recursive: true });
  });
}

const number = (disk: string): string => readFileSync(`/sys/block/${disk}/dev`, 'utf8').trim();

/** A system that writes to a directory of the disk. */
function onDisk(io: NonNullable<LimitsConfig['io']>): SystemConfig {
  return { root: { upper: mkdtempSync(`${place}/upper-`) }, resource_limits: { io } };
}

/** Milliseconds that 1 MiB takes to be written, and to be read again. */
async function took(max: string): Promise<readonly [write: number, read: number]> {
  await using box = await create(onDisk({ max }));
  const timed = async (words: string): Promise<number> => {
    const start = performance.now();
    const argv = ['dd', ...words.split(' '), 'bs=64k', 'count=16'];
    expect(await box.run(argv, { stdio: 'ignore', timeout: 50_000 })).toMatchObject({ exitCode: 0 });
    return performance.now() - start;
  };
  await timed('if=/dev/zero of=/usr/file');
  return [
    await timed('if=/dev/zero of=/usr/file conv=notrunc oflag=direct'),
    await timed('if=/usr/file of=/dev/null iflag=direct'),
  ];
}

/** Blocks that each of two gets to read in a while, once both read. */
async function shares(weight: number, other: number): Promise<readonly [number, number]> {
  await using first = await create(onDisk({ weight, max: 'max' }));
  await using second = await create(onDisk({ weight: other, max: 'max' }));
  const boxes = [first, second];
  for (const box of boxes) {
    await say(box, 'dd if=/dev/zero of=/usr/file bs=64k count=16 conv=fsync 2> /dev/null');
    await shell(box, 'while dd if=/usr/file of=/dev/null bs=4k iflag=direct; do :; done');
  }
  const read = () =>
    boxes.map((box) =>
      Number(new RegExp(`^${number('vdc')} .*\\brios=(\\d+)`, 'm').exec(fileOf(box, 'io.stat'))?.[1] ?? 0),
    );
  const before = read();
  await until('both at work', async () => read().every((count, index) => count > (before[index] ?? 0)));
  const [one = 0, two = 0] = read();
  await sleep(3000);
  const [oneAfter = 0, twoAfter = 0] = read();
  return [oneAfter - one, twoAfter - two];
}

export const disks: Chapter = {
  setup,
  fields: {
    'resource_limits.io.max': async () => {
      // The better of two: a busy host may hold up either.
      const [first, second] = [await took('max'), await took('max')];
      const free = first.map((time, index) => Math.min(time, second[index] ?? time));
      const limited = await took('512K');
      for (const [index, time] of limited.entries()) {
        expect(time).toBeGreaterThan(1000);
        expect(time).toBeGreaterThan(2 * (free[index] ?? 0));
      }
      // That of the layer as well.
      await using box = await create(onDisk({ max: '1M' }));
      for (const disk of ['vda', 'vdc'])
        expect(fileOf(box, 'io.max')).toContain(
          `${number(disk)} rbps=1048576 wbps=1048576 riops=max wiops=max`,
        );
    },

    'resource_limits.io.weight': async () => {
      const root = (file: string, words: string) =>
        writeFileSync(`${mount}/${file}`, `${number('vdc')} ${words}`);
      // A disk that can do a hundred reads a second, says the model; and nothing is to be learnt about it.
      root(
        'io.cost.model',
        'ctrl=user model=linear rbps=1048576 rseqiops=100 rrandiops=100 wbps=1048576 wseqiops=100 wrandiops=100',
      );
      root('io.cost.qos', 'enable=1 ctrl=user rpct=0 wpct=0 min=100.00 max=100.00');
      try {
        const [little, much] = await looks(
          () => shares(10, 1000),
          ([one, other]) => other > 3 * one,
        );
        expect(much).toBeGreaterThan(3 * little);
      } finally {
        root('io.cost.qos', 'enable=0 ctrl=auto');
      }
    },

    'root.upper': async () => {
      const upper = mkdtempSync(`${place}/upper-`);
      await using box = await create({ root: { upper } });
      expect((await say(box, 'echo written > /usr/file; cat /usr/file')).output).toBe('written');
      const files = readdirSync(upper, { recursive: true, encoding: 'utf8' });
      const file = files.find((path) => path.endsWith('usr/file'));
      expect(readFileSync(`${upper}/${file}`, 'utf8')).toBe('written\n');
      expect(readdirSync('/usr')).not.toContain('file');
      await box.stop({ gracePeriod: 0 });
      expect(readdirSync(upper)).toEqual([]);
    },
  },
};
