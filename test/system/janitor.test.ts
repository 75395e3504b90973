// The janitor of a supervisor is there as long as the supervisor is, whatever becomes of one of them.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { System } from '../../src/system/index.ts';
import { atRest } from '../support/at-rest.ts';
import { eventually } from '../support/cgroup.ts';

let box: System;
let supervisor: number;
let first: number;

beforeEach(async () => {
  box = await System.create({
    name: 'box',
    group: `cofferdam-test-${process.pid}-janitor`,
    lifecycle: { grace_period: 0, cleanup_delay: 0 },
  });
  supervisor = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${box.pid}/status`, 'utf8'))?.[1]);
  await eventually('the first', () => janitors().length === 1);
  first = janitors()[0] as number;
});
afterEach(async () => {
  box.close();
  await box.closed;
});

/** Those that wait for its end, which is all that they do. */
function janitors(): number[] {
  const children = readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number).filter(isJanitor);
}

function isJanitor(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes('(cofferdam-janit) S');
  } catch {
    // Reaped since it was listed.
    return false;
  }
}

it('another one follows it', async () => {
  process.kill(first, 'SIGKILL');
  await eventually('another one', () => janitors().some((pid) => pid !== first));
  expect(janitors()).not.toContain(first);
});

it('also where there was no fd for one at first', async () => {
  const limit = (count: string | number): Buffer =>
    execFileSync('prlimit', ['--pid', `${supervisor}`, `--nofile=${count}:`]);
  const before = execFileSync('prlimit', [
    '--pid',
    `${supervisor}`,
    '--nofile',
    '--output=SOFT',
    '--noheadings',
  ]);
  const held = (): number => readdirSync(`/proc/${supervisor}/fd`).length;
  await atRest(supervisor);
  const fds = held();
  limit(3);
  process.kill(first, 'SIGKILL');
  await eventually('it is missed', () => held() < fds);
  expect(janitors()).toEqual([]);
  limit(before.toString().trim());
  await eventually('another one', () => janitors().length === 1);
  expect(await box.run(['true'], { stdio: 'ignore' })).toMatchObject({ exitCode: 0 });
});
