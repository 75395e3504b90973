// A system that ends while it is being made: whoever waits for it is told why. Its cgroup is born frozen, so that its pid 1
// never gets to the end of its beginning.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SystemConfig } from '../../src/system/config/index.ts';
import { System } from '../../src/system/index.ts';
import { eventually, makeTestCgroup, type TestCgroup } from '../support/cgroup.ts';

let group: TestCgroup;
beforeEach(() => {
  group = makeTestCgroup();
  writeFileSync(join(group.directory, 'cgroup.freeze'), '1');
});
afterEach(() => group.remove());

const make = (lifecycle: SystemConfig['lifecycle']): Promise<System> =>
  System.create({ name: 'box', group: group.path.slice(1), lifecycle: { cleanup_delay: 0, ...lifecycle } });

function pids(): number[] {
  const path = join(group.directory, 'cofferdam-box', 'cgroup.procs');
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean).map(Number) : [];
}

it('because its time is over', async () => {
  await expect(make({ timeout: 0.2 })).rejects.toMatchObject({
    code: 'ETIMEDOUT',
    syscall: 'clone3',
    reason: 'timeout',
    message: expect.stringContaining('lifecycle.timeout'),
  });
  expect(readdirSync(group.directory)).not.toContain('cofferdam-box');
});

it('because somebody kills its pid 1', async () => {
  const refused = expect(make({})).rejects.toMatchObject({
    code: 'ECANCELED',
    reason: 'init',
    message: expect.stringContaining('somebody killed its pid 1'),
  });
  await eventually('it is born', () => pids().length === 1);
  process.kill(pids()[0] as number, 'SIGKILL');
  await refused;
  expect(readdirSync(group.directory)).not.toContain('cofferdam-box');
});
