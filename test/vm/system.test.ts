// Each field of a configuration that needs a kernel with all controllers: felt by a program in the system, not merely
// accepted.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import type { SystemConfig } from '../../src/system/config/index.ts';
import { type RunResult, System, type SystemEnd } from '../../src/system/index.ts';
import { mount } from '../support/cgroup.ts';

const GROUP = `cofferdam-test-${process.pid}`;
const subtree = `${mount}/cgroup.subtree_control`;
let count = 0;
let before: string[];

const words = (file: string): string[] => readFileSync(file, 'utf8').trim().split(' ').filter(Boolean);
beforeAll(() => {
  before = words(subtree);
});
afterAll(() => {
  const added = words(subtree).filter((name) => !before.includes(name));
  if (added.length > 0) writeFileSync(subtree, added.map((name) => `-${name}`).join(' '));
});
afterEach(() => {
  expect(handles.list().filter(({ state }) => state === 'open')).toEqual([]);
});

interface Outcome {
  readonly result: RunResult;
  readonly end: SystemEnd;
  readonly output: string;
  readonly took: number;
}

async function inside(script: string, config: SystemConfig): Promise<Outcome> {
  await using box = await System.create({ name: `box-${++count}`, group: GROUP, ...config });
  expect(box.warnings).toEqual([]);
  const start = performance.now();
  const command = await box.start(['sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const output = await text(command.stdout as Readable);
  const result = await command.wait({ timeout: 50_000 });
  const took = performance.now() - start;
  return { result, output: output.trim(), took, end: await box.stop({ gracePeriod: 0 }) };
}

const busy = (rounds: number): string => `i=0; while [ $i -lt ${rounds} ]; do i=$((i+1)); done`;

it('resource_limits.memory.max: more than that is an OOM, and told as one', async () => {
  const { result } = await inside('tail /dev/zero 2> /dev/null; exit $?', {
    resource_limits: { memory: { max: '32M', swap: 0, high: '32M' } },
  });
  expect(result).toMatchObject({ exitCode: 137, reason: 'oom' });
});

it('the defaults of memory: 1G, of which 800M slow down, and 500M of swap', async () => {
  await using box = await System.create({ name: `box-${++count}`, group: GROUP });
  const read = (file: string): string => readFileSync(`${mount}${box.cgroup}/${file}`, 'utf8').trim();
  expect(read('memory.max')).toBe(String(1 << 30));
  expect(read('memory.high')).toBe(String(800 << 20));
  expect(read('memory.swap.max')).toBe(String(500 << 20));
  expect(read('cpu.max')).toBe('50000 100000');
  expect(read('cpu.weight')).toBe('100');
  expect(read('pids.max')).toBe('100');
});

it('resource_limits.memory.high: it is slowed down, and goes on', async () => {
  await using box = await System.create({
    name: `box-${++count}`,
    group: GROUP,
    resource_limits: { memory: { max: '256M', high: '8M', swap: 0 } },
  });
  const command = await box.start(['tail', '/dev/zero'], { stdio: 'ignore' });
  const events = (): string => readFileSync(`${mount}${box.cgroup}/memory.events`, 'utf8');
  for (let i = 0; i < 300 && !/^high [1-9]/m.test(events()); i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(events()).toMatch(/^high [1-9]/m);
  expect(events()).toMatch(/^oom_kill 0/m);
  expect(command.result).toBeUndefined();
});

it('resource_limits.cpu.max: it is throttled', async () => {
  const { end } = await inside(busy(60_000), { resource_limits: { cpu: { max: '10000 100000' } } });
  expect(end.statistics['cpu.stat']?.nr_throttled).toBeGreaterThan(1);
});

it('resource_limits.cpuset: it is allowed no other', async () => {
  const { output } = await inside('grep -E "(Cpus|Mems)_allowed_list" /proc/self/status', {
    resource_limits: { cpuset: { cpus: '0', mems: '0' } },
  });
  expect(output.split(/\s+/)).toEqual(['Cpus_allowed_list:', '0', 'Mems_allowed_list:', '0']);
});

it('resource_limits.pids.max: a fork is refused', async () => {
  const { end } = await inside('for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; true', {
    resource_limits: { pids: { max: 5 } },
  });
  // The shell gives up, or goes on; the kernel has counted.
  expect(end.statistics['pids.events']?.max).toBeGreaterThan(0);
});

it('lifecycle.timeout and grace_period: SIGTERM when it is up, SIGKILL after', async () => {
  const box = await System.create({
    name: `box-${++count}`,
    group: GROUP,
    lifecycle: { timeout: '4s', grace_period: '500ms' },
  });
  const start = performance.now();
  const command = await box.start(
    ['sh', '-c', 'trap "echo term" TERM; echo on; while :; do sleep 0.05; done'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  expect((await text(command.stdout as Readable)).split('\n')[1]).toBe('term');
  expect(await box.ended()).toMatchObject({ reason: 'timeout' });
  expect(performance.now() - start).toBeGreaterThan(500);
  box.close();
});

it('security.capabilities.drop: they are gone from all sets', async () => {
  const { output } = await inside('grep Cap /proc/self/status', {
    security: { capabilities: { drop: ['CAP_SYS_ADMIN', 'CAP_NET_RAW', 'CAP_CHOWN'] } },
  });
  for (const line of output.split('\n')) {
    const mask = BigInt(`0x${line.split(/\s+/)[1]}`);
    for (const bit of [21n, 13n, 0n]) expect((mask >> bit) & 1n).toBe(0n);
  }
});

it('security.seccomp: a filter is there, or not where nobody wants one', async () => {
  const status = 'grep "Seccomp:" /proc/self/status';
  expect((await inside(status, {})).output).toMatch(/2$/);
  expect((await inside(status, { security: { seccomp: 'unconfined' } })).output).toMatch(/0$/);
});

it('user, workdir, hostname and environment', async () => {
  const { output } = await inside('id -u; id -g; pwd; hostname; echo $ONE', {
    user: 1234,
    workdir: '/usr',
    hostname: 'somebody',
    environment: { ONE: 'two', PATH: '/usr/bin:/bin' },
  });
  expect(output.split('\n')).toEqual(['1234', '1234', '/usr', 'somebody', 'two']);
});

it('root: what is written vanishes, and does not fit beyond its size', async () => {
  const { output } = await inside(
    'dd if=/dev/zero of=/usr/big bs=1M count=64 2>&1 | tail -1; ls -s /usr/big',
    {
      root: { upper: 'tmpfs', size: '16M' },
    },
  );
  expect(output).toMatch(/No space left|15[.\d]*M|16[.\d]*M|16384/);
  expect(() => readFileSync('/usr/big')).toThrow(/ENOENT/);
});
