// Process.spawn() into a cgroup v2, where kernels differ: on this host's, and on those of the guests.
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { countFds, handles } from '../../src/handle/index.ts';
import { Process } from '../../src/process/index.ts';
import { needs, skip } from '../support/needs.ts';
import { children, expectNoMoreFds, outputOf, textOf } from './support.ts';

function cgroup2Mount(): string | undefined {
  const lines = readFileSync('/proc/self/mountinfo', 'latin1').split('\n');
  return lines.find((line) => line.includes(' - cgroup2 '))?.split(' ')[4];
}

/** A cgroup v2 of this test's own, empty. */
const parent = cgroup2Mount();
let path: string;
let fd: number;
let fds: number;
let childrenBefore: number[];
beforeEach((context) => {
  fds = countFds();
  childrenBefore = children();
  if (parent === undefined) skip(context, 'no cgroup v2 is mounted');
  path = mkdtempSync(join(parent ?? '', 'cofferdam-test-spawn-'));
  fd = openSync(path, 'r');
});
afterEach(async () => {
  if (parent === undefined) return;
  closeSync(fd);
  await removed(path);
  expect(children()).toEqual(childrenBefore);
  expect(handles.list()).toEqual([]);
  await expectNoMoreFds(fds);
});

// libuv keeps an fd in reserve from the first stream on.
beforeAll(async () => void (await outputOf(['true'])));

/** A zombie holds it for a moment. */
async function removed(directory: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

const placeOf = async () => {
  await using child = await Process.spawn(['sh', '-c', 'grep ^0: /proc/self/cgroup'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cgroup: { fd },
  });
  return { place: await textOf(child.stdout), migrated: child.migrated };
};

it('is where the program is born', async () => {
  expect(await placeOf()).toEqual({
    place: expect.stringMatching(`${basename(path)}\n$`),
    migrated: false,
  });
});

it('that was killed once takes it in all the same', async (context) => {
  needs(context, { linux: '5.14' });
  writeFileSync(join(path, 'cgroup.kill'), '1');
  // Born there or moved in: kernels differ.
  expect((await placeOf()).place).toMatch(new RegExp(`${basename(path)}\n$`));
});

it('that is gone is an error, and nothing is started', async () => {
  rmdirSync(path);
  await expect(Process.spawn(['true'], { cgroup: { fd } })).rejects.toMatchObject({
    code: 'ENOENT',
    syscall: 'clone3',
  });
  mkdirSync(path);
});

it('that is frozen is EBUSY at once: nothing could run there, nor would the event loop', async () => {
  writeFileSync(join(path, 'cgroup.freeze'), '1');
  await expect(Process.spawn(['true'], { cgroup: { fd } })).rejects.toMatchObject({
    code: 'EBUSY',
    syscall: 'clone3',
    path: 'cgroup.freeze',
  });
  writeFileSync(join(path, 'cgroup.freeze'), '0');
  expect((await placeOf()).place).toContain(basename(path));
});

it('whose pids.max is reached is EAGAIN, and is not got around', async (context) => {
  needs(context, { controller: 'pids' });
  const limited = join(path, 'limited');
  writeFileSync(join(parent ?? '', 'cgroup.subtree_control'), '+pids');
  writeFileSync(join(path, 'cgroup.subtree_control'), '+pids');
  mkdirSync(limited);
  writeFileSync(join(limited, 'pids.max'), '0');
  const directory = openSync(limited, 'r');
  await expect(Process.spawn(['true'], { cgroup: { fd: directory } })).rejects.toMatchObject({
    code: 'EAGAIN',
    syscall: 'clone3',
  });
  closeSync(directory);
  rmdirSync(limited);
});
