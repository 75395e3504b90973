// The supervisor runs out of fds: each request is refused with the call that failed, nothing is left of what was begun,
// and all that it has lives on.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { System } from '../../src/system/index.ts';
import { atRest } from '../support/at-rest.ts';
import { mount } from '../support/cgroup.ts';

const GROUP = `cofferdam-test-${process.pid}-fds`;
const make = (name: string, group: string): Promise<System> =>
  System.create({ name, group, lifecycle: { grace_period: 0, cleanup_delay: 0 } });

let box: System;
let supervisor: number;
let limit: string;

beforeEach(async () => {
  box = await make('box', GROUP);
  supervisor = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${box.pid}/status`, 'utf8'))?.[1]);
  const output = execFileSync('prlimit', [
    '--pid',
    `${supervisor}`,
    '--nofile',
    '--output=SOFT',
    '--noheadings',
  ]);
  limit = output.toString().trim();
  await atRest(supervisor);
});
afterEach(async () => {
  setLimit(limit);
  box.close();
  await box.closed;
  expect(existsSync(join(mount, GROUP))).toBe(false);
});

/** How many fds it may have from here on. */
function setLimit(count: number | string): void {
  execFileSync('prlimit', ['--pid', `${supervisor}`, `--nofile=${count}:`]);
}

const fds = (): string[] => readdirSync(`/proc/${supervisor}/fd`).sort();

it('a program is refused, and others go on', async () => {
  const before = fds();
  setLimit(before.length);
  const cat = { stdio: 'ignore' } as const;
  await expect(box.run(['true'], cat)).rejects.toMatchObject({ code: 'EMFILE', syscall: 'recvmsg' });
  await atRest(supervisor);
  expect(fds()).toEqual(before);
  setLimit(limit);
  expect(await box.run(['true'], cat)).toMatchObject({ exitCode: 0 });
});

it('a system is refused, whichever of its fds is the one too many, and nothing of it is left', async () => {
  const group = `${GROUP}-many`;
  const before = fds();
  // The groups above are made with it.
  const path = `${group}/of/them`;
  const refusals: string[] = [];
  for (let more = 0; ; more++) {
    setLimit(before.length + more);
    try {
      const another = await make('another', path);
      another.close();
      await another.closed;
      break;
    } catch (error) {
      expect(error).toMatchObject({ code: 'EMFILE' });
      refusals.push((error as NodeJS.ErrnoException).syscall as string);
    }
    expect(existsSync(join(mount, group))).toBe(false);
    await atRest(supervisor);
    // What it kept for the next system it may have let go of.
    expect(before).toEqual(expect.arrayContaining(fds()));
  }
  expect(refusals).toEqual(expect.arrayContaining(['openat2', 'socketpair', 'fsopen']));
  expect(existsSync(join(mount, group))).toBe(false);
  setLimit(limit);
  expect(await box.run(['true'], { stdio: 'ignore' })).toMatchObject({ exitCode: 0 });
});
