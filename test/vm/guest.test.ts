import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { release } from 'node:os';
import { expect, it } from 'vitest';
import { lack, needs } from '../support/needs.ts';

/** The guest is what the tests of this tier count on. A test that asks for less than this needs no skip. */

it('has cgroup v2 and nothing but that, with every controller', () => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  expect(mounts.filter((line) => / - cgroup /.test(line))).toEqual([]);
  expect(mounts.filter((line) => / - cgroup2 /.test(line))).toHaveLength(1);
  const controllers = readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').trim().split(' ');
  expect(controllers).toEqual(expect.arrayContaining(['cpu', 'cpuset', 'hugetlb', 'io', 'memory', 'pids']));
});

it('tells of pressure', () => {
  for (const resource of ['cpu', 'io', 'memory'])
    expect(readFileSync(`/proc/pressure/${resource}`, 'utf8')).toMatch(/^some avg10=/);
});

it('has modules for its kernel, and a disk to write to', () => {
  const modules = readFileSync(`/lib/modules/${release()}/modules.dep`, 'utf8');
  for (const name of ['dummy', 'bonding', 'wireguard', 'vcan', 'sch_netem'])
    expect(modules).toContain(`/${name}.ko`);
  expect(readFileSync('/sys/block/vdc/ro', 'utf8')).toBe('0\n');
});

it('has everything that a test can ask for, and skips what asks for more', (context) => {
  expect(lack({ linux: '5.10', module: 'bonding', controller: 'memory' })).toBeUndefined();
  expect(lack({ linux: '99.1' })).toBe('Linux 99.1 or later');
  expect(lack({ before: '5.9' })).toBe('Linux before 5.9');
  expect(lack({ module: 'nonesuch' })).toBe('the module nonesuch');
  expect(lack({ controller: 'nonesuch' })).toBe('the cgroup v2 controller nonesuch');
  needs(context, { linux: '5.14' });
  mkdirSync('/sys/fs/cgroup/cofferdam-test');
  try {
    expect(existsSync('/sys/fs/cgroup/cofferdam-test/cgroup.kill')).toBe(true);
  } finally {
    rmdirSync('/sys/fs/cgroup/cofferdam-test');
  }
});
