import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import { readStatus } from '../../src/process/identity.ts';
import type { SystemConfig } from '../../src/system/config/index.ts';
import { System } from '../../src/system/index.ts';
import { eventually, mount } from '../support/cgroup.ts';

const GROUP = `cofferdam-test-${process.pid}`;
let count = 0;
const config = (more: SystemConfig = {}): SystemConfig => ({ name: `box-${++count}`, group: GROUP, ...more });

afterEach(() => {
  expect(existsSync(join(mount, GROUP))).toBe(false);
  expect(handles.list().filter(({ state }) => state === 'open')).toEqual([]);
});

/** What a program in a new system says. */
async function said(script: string, more: SystemConfig = {}): Promise<string> {
  await using box = await System.create(config(more));
  const command = await box.start(['sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const output = await text(command.stdout as Readable);
  expect(await command.wait()).toMatchObject({ exitCode: 0 });
  return output.trim();
}

/** Pids of the host's that are in a cgroup. */
const pidsOf = (box: System): number[] =>
  readFileSync(`${mount}${box.cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);

/** Undefined where there is no such process. */
function startTimeOf(pid: number): number | undefined {
  try {
    return readStatus(pid).startTime;
  } catch {
    return undefined;
  }
}

describe('a program in a system', () => {
  it('has its exit code told', async () => {
    await using box = await System.create(config());
    expect(await box.run(['true'])).toMatchObject({ exitCode: 0, reason: 'exited', signal: undefined });
    expect(await box.run(['sh', '-c', 'exit 7'])).toMatchObject({ exitCode: 7, reason: 'exited' });
    expect(await box.run(['sh', '-c', 'kill -TERM $$'])).toMatchObject({
      exitCode: 143,
      reason: 'killed',
      signal: 'SIGTERM',
    });
  });

  it('tells what it used', async () => {
    await using box = await System.create(config());
    const { usage } = await box.run(['sh', '-c', 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done']);
    expect(usage?.userTime).toBeGreaterThan(1000);
    expect(usage?.maxRss).toBeGreaterThan(100_000);
  });

  it('is connected by pipes', async () => {
    await using box = await System.create(config());
    const cat = await box.start(['cat'], { stdio: 'pipe' });
    cat.stdin?.end('through\n');
    expect(await text(cat.stdout as Readable)).toBe('through\n');
    expect(await cat.wait()).toMatchObject({ exitCode: 0 });
  });

  it('has the environment and the directory that it is given, and nothing else of ours', async () => {
    process.env.COFFERDAM_TEST_SECRET = 'secret';
    await using box = await System.create(config({ environment: { ONE: '1', PATH: '/usr/bin:/bin' } }));
    const env = await box.start(['env'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { TWO: '2' },
      cwd: '/usr',
    });
    const lines = (await text(env.stdout as Readable)).split('\n');
    expect(lines).toEqual(expect.arrayContaining(['ONE=1', 'TWO=2']));
    expect(lines.join()).not.toContain('COFFERDAM_TEST_SECRET');
    const pwd = await box.start(['pwd'], { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/usr' });
    expect(await text(pwd.stdout as Readable)).toBe('/usr\n');
    delete process.env.COFFERDAM_TEST_SECRET;
  });

  it('that is not there is said to be so, by its path', async () => {
    await using box = await System.create(config());
    await expect(box.run(['/usr/nonexistent/program'])).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'execve',
      path: '/usr/nonexistent/program',
    });
    await expect(box.run(['no-such-program'])).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(box.run(['/etc/passwd'])).rejects.toMatchObject({ code: 'EACCES', syscall: 'execve' });
    await expect(box.run([])).rejects.toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT' });
    await expect(box.run(['true'], { cwd: '/nowhere' })).rejects.toMatchObject({ syscall: 'chdir' });
  });

  it('gets no fds but those that it is given', async () => {
    const fds = await said('ls /proc/self/fd');
    // The last is of ls itself.
    expect(fds.split(/\s+/)).toEqual(['0', '1', '2', '3']);
  });

  it('ends by an AbortSignal and by its time', async () => {
    await using box = await System.create(config());
    await expect(box.run(['sleep', '100'], { timeout: 100 })).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_TIMEOUT',
    });
    // Too late to be refused, and too early for the program to be there.
    const controller = new AbortController();
    const run = box.run(['sleep', '100'], { signal: controller.signal });
    controller.abort();
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    const signal = AbortSignal.timeout(100);
    await expect(box.run(['sleep', '100'], { signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(await box.run(['true'])).toMatchObject({ exitCode: 0 });
  });

  it('may be one of many', async () => {
    await using box = await System.create(config({ resource_limits: {} }));
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => box.run(['sh', '-c', `exit ${index}`])),
    );
    expect(results.map(({ exitCode }) => exitCode)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });
});

describe('a system', () => {
  it('has a name, processes, a root and a network of its own', async () => {
    expect(await said('hostname')).toBe(`box-${count}`);
    expect(await said('echo $$')).toMatch(/^\d$/);
    const links = await said('ls /sys/class/net | grep -v bonding_masters');
    expect(links).toMatch(/^lo/);
    expect(await said('cat /sys/class/net/lo/operstate /sys/class/net/lo/flags')).toContain('0x9');
    for (const name of ['pid', 'net', 'mnt', 'uts', 'ipc', 'user', 'cgroup']) {
      const inside = await said(`readlink /proc/self/ns/${name}`);
      expect(inside).not.toBe((await import('node:fs')).readlinkSync(`/proc/self/ns/${name}`));
    }
  });

  it('may write anywhere, and nothing of it is left', async () => {
    const name = `cofferdam-test-${process.pid}`;
    const places = ['/', '/etc', '/usr/bin', '/tmp', '/var/tmp', '/root', '/run', '/dev/shm'];
    const script = places.map((place) => `echo x > ${place}/${name} && cat ${place}/${name}`).join(' && ');
    expect(await said(script)).toBe(places.map(() => 'x').join('\n'));
    for (const place of places) expect(existsSync(join(place, name))).toBe(false);
  });

  it('does not see what is private to the host', async () => {
    const secret = join(tmpdir(), `cofferdam-test-${process.pid}-secret`);
    writeFileSync(secret, 'secret');
    try {
      expect(await said(`cat ${secret} 2>&1 || true`)).toMatch(/No such file/);
      expect(await said('ls -A /root /run /tmp')).not.toMatch(/\w\.\w/);
    } finally {
      (await import('node:fs')).rmSync(secret);
    }
  });

  it('has a name that nobody else has meanwhile', async () => {
    const one = config();
    await using _box = await System.create(one);
    await expect(System.create(one)).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it('ends in order: SIGTERM, which its programs may heed', async () => {
    const box = await System.create(config());
    const command = await box.start(
      ['sh', '-c', 'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.01; done'],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    let output = '';
    for await (const chunk of command.stdout ?? []) {
      output += chunk;
      if (output === 'ready\n') void box.stop({ gracePeriod: 5000 });
    }
    expect(output).toBe('ready\nbye\n');
    expect(await command.wait()).toMatchObject({ exitCode: 5, reason: 'exited' });
    expect(await box.ended()).toMatchObject({ reason: 'stopped' });
    await box.closed;
  });

  it('ends in time where they do not', async () => {
    const box = await System.create(config());
    const command = await box.start(['sh', '-c', 'trap "" TERM; echo on; while :; do sleep 0.01; done'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(command.stdout as Readable, 'data');
    const start = performance.now();
    expect(await box.stop({ gracePeriod: 200 })).toMatchObject({ reason: 'stopped' });
    expect(performance.now() - start).toBeGreaterThan(150);
    expect(performance.now() - start).toBeLessThan(30_000);
    expect(await command.wait()).toMatchObject({ exitCode: 137, reason: 'stopped' });
  });

  it('ends when its time is up, on its own', async () => {
    const box = await System.create(config({ lifecycle: { timeout: '2s', grace_period: 0 } }));
    expect(await box.run(['sleep', '100'])).toMatchObject({ exitCode: 137, reason: 'timeout' });
    expect(await box.ended()).toMatchObject({ reason: 'timeout' });
    await expect(box.run(['true'])).rejects.toMatchObject({ code: 'ESRCH', reason: 'timeout' });
    box.close();
  });

  it('ends when its CPU time is used up, and when it does nothing', async () => {
    const busy = await System.create(config({ lifecycle: { cpu_time: '1s', grace_period: 0 } }));
    expect(await busy.run(['sh', '-c', 'while :; do :; done'])).toMatchObject({ reason: 'cpu_time' });
    expect((await busy.ended()).statistics['cpu.stat']?.usage_usec).toBeGreaterThan(900_000);
    busy.close();
    const idle = await System.create(config({ lifecycle: { idle_timeout: '2s', grace_period: 0 } }));
    const start = performance.now();
    expect(await idle.run(['sleep', '100'])).toMatchObject({ reason: 'idle' });
    expect(performance.now() - start).toBeGreaterThan(1500);
    idle.close();
  });

  it('answers those who start something while it ends', async () => {
    const box = await System.create(config());
    // Its pid 1 has the request, and does not come to answer it.
    process.kill(box.pid, 'SIGSTOP');
    const start = box.start(['true']);
    await sleep(50);
    box.close();
    await expect(start).rejects.toMatchObject({ code: 'ESRCH' });
    await box.closed;
  });

  it('has the network of the host where it asks for that', async () => {
    expect(
      await said('readlink /proc/self/ns/net; touch /sys/x 2> /dev/null || echo refused', {
        network: 'host',
      }),
    ).toBe(`${readlinkSync('/proc/self/ns/net')}\nrefused`);
  });

  // A bomb is bounded by its user's RLIMIT_NPROC, from which root is exempt: one of root's takes all pids of the host, and
  // nobody beside it can start anything.
  const BOMB = "bash -c 'ulimit -u 200; b() { while :; do b & done; }; b' > /dev/null 2>&1 & true";
  it.each<[string, string, number, SystemConfig?]>([
    ['a daemon that forked twice', '(setsid sh -c "sleep 100 & sleep 100" > /dev/null 2>&1 &) ; true', 3],
    ['a fork bomb', BOMB, 100, { user: 65534 }],
    ['stopped processes', 'sleep 100 & kill -STOP $!; true', 2],
    ['hundreds of processes', 'for i in $(seq 300); do sleep 100 & done; true', 300],
  ])('leaves nothing of %s', async (_, script, least, more) => {
    const box = await System.create(config(more));
    await box.run(['sh', '-c', script], { stdio: 'ignore' });
    await eventually(`${least} processes`, () => pidsOf(box).length >= least);
    const started = pidsOf(box).map((pid) => [pid, startTimeOf(pid)] as const);
    box.close();
    await box.closed;
    // Its number may be another process's by now.
    for (const [pid, time] of started) expect(startTimeOf(pid) === time && time !== undefined).toBe(false);
  });

  it('leaves nothing where it never came to be', async () => {
    const bad = config({ root: { binds: [{ source: '/usr/nonexistent/directory', target: '/x' }] } });
    await expect(System.create(bad)).rejects.toMatchObject({
      code: 'ENOENT',
      path: '/usr/nonexistent/directory',
    });
    // Found out by pid 1, when all the rest is there.
    const late = config({ root: { binds: [{ source: '/usr', target: '/etc/passwd/usr' }] } });
    await expect(System.create(late)).rejects.toMatchObject({ code: 'ENOTDIR', path: '/etc/passwd' });
  });

  it('outlives the abort of a wait, not that of its making', async () => {
    const signal = AbortSignal.abort();
    await expect(System.create(config(), { signal })).rejects.toMatchObject({ name: 'AbortError' });
    const controller = new AbortController();
    const making = System.create(config(), { signal: controller.signal });
    controller.abort();
    await expect(making).rejects.toMatchObject({ name: 'AbortError' });
    await eventually('nothing is left', () => !existsSync(join(mount, GROUP)));
  });

  it('shares what is bound into it', async () => {
    const { mkdtempSync, rmSync } = await import('node:fs');
    const directory = mkdtempSync(join(tmpdir(), 'cofferdam-test-'));
    try {
      const binds = [
        { source: directory, target: '/in', read_only: false },
        { source: directory, target: '/ro', read_only: true },
      ];
      const output = await said('cd /in; echo out > file; cd /ro; cat file; echo no > file || echo refused', {
        root: { binds },
      });
      expect(output).toBe('out\nrefused');
      expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('out\n');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

it('50 systems at once, and none is left', async () => {
  const boxes = await Promise.all(Array.from({ length: 50 }, () => System.create(config())));
  const results = await Promise.all(boxes.map((box) => box.run(['true'])));
  expect(results.every(({ exitCode }) => exitCode === 0)).toBe(true);
  expect(readdirSync(join(mount, GROUP)).filter((name) => name.startsWith('cofferdam-'))).toHaveLength(50);
  await Promise.all(boxes.map((box) => box.stop({ gracePeriod: 0 })));
});
