// A system of another process: programs in it, its end, and who may not.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import { System } from '../../src/system/index.ts';
import { eventually, mount } from '../support/cgroup.ts';
import { compiledDist, compiledUrl } from '../support/compiled.ts';
import { often } from '../support/needs.ts';

const GROUP = `cofferdam-test-${process.pid}`;
const NAME = `${GROUP}/one`;
let box: System;

beforeAll(() => {
  compiledDist();
}, 240_000);
beforeEach(async () => {
  box = await System.create({
    name: 'one',
    group: GROUP,
    environment: { PATH: '/usr/bin:/bin', ONE: '1', TWO: '2' },
    workdir: '/usr',
    lifecycle: { grace_period: '1s', cleanup_delay: 0 },
  });
});
afterEach(async () => {
  await box.stop({ gracePeriod: 0 });
  await eventually('nothing is left', () => !existsSync(join(mount, GROUP)));
  await eventually(
    'no handle open',
    () => handles.list().filter(({ state }) => state === 'open').length === 0,
  );
});

/** The parent of its pid 1. */
const supervisorOf = (system: System): number =>
  Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${system.pid}/status`, 'utf8'))?.[1]);
const fdsOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return 'gone';
    }
  });

async function said(system: Pick<System, 'start'>, script: string): Promise<string> {
  const command = await system.start(['sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const output = await text(command.stdout as Readable);
  await command.wait();
  return output.trim();
}

describe('a program of a visitor', () => {
  it('has what the programs of the owner have, and is confined as they are', async () => {
    await using other = await System.attach(NAME);
    expect([other.name, other.group, other.cgroup, other.pid]).toEqual(['one', GROUP, box.cgroup, box.pid]);
    const script =
      'hostname; pwd; env | sort; grep -E "^(Cap|NoNewPrivs|Seccomp|Uid|Gid|Groups)" /proc/self/status; ls -l /proc/self/ns /proc/self/fd 2> /dev/null | sed -n "s/.*-> //p"; cat /proc/self/cgroup';
    const normal = (output: string): string => output.replaceAll(/pipe:\[\d+\]|\/proc\/\d+\/fd/g, '');
    expect(normal(await said(other, script))).toBe(normal(await said(box, script)));
    expect(await said(other, 'cat /proc/self/status')).toMatch(/^Seccomp:\s+2$/m);
  });

  it('may have an environment, a directory and a user of its own', async () => {
    await using other = await System.attach(NAME);
    const command = await other.start(['sh', '-c', 'pwd; id -u; echo $ONE $TWO $THREE'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: '/tmp',
      env: { TWO: 'two', THREE: '3' },
      user: { uid: 7, gid: 8 },
    });
    expect(await text(command.stdout as Readable)).toBe('/tmp\n7\n1 two 3\n');
  });

  it('has its exit code told, whoever else has programs there', async () => {
    await using one = await System.attach(NAME);
    await using other = await System.attach(NAME);
    const results = await Promise.all([
      box.run(['sh', '-c', 'sleep 0.1; exit 1']),
      one.run(['sh', '-c', 'exit 2']),
      other.run(['sh', '-c', 'sleep 0.05; kill -TERM $$']),
      one.run(['sh', '-c', 'sleep 0.1; exit 4']),
    ]);
    expect(results.map(({ exitCode }) => exitCode)).toEqual([1, 2, 143, 4]);
    await expect(one.run(['no-such-program'])).rejects.toMatchObject({ code: 'ENOENT', syscall: 'execve' });
  });

  it('is killed by its number, and those of others are not', async () => {
    await using other = await System.attach(NAME);
    const owners = await box.start(['sleep', '100'], { stdio: 'ignore' });
    const visitors = await other.start(['sleep', '100'], { stdio: 'ignore' });
    await visitors.kill('SIGINT');
    expect(await visitors.wait()).toMatchObject({ exitCode: 130, reason: 'killed', signal: 'SIGINT' });
    expect(owners.result).toBeUndefined();
    await other.kill('SIGTERM');
    expect(await owners.wait()).toMatchObject({ exitCode: 143 });
  });

  it('goes with its visitor; what the owner has started lives on', async () => {
    const other = await System.attach(NAME);
    const command = await other.start(['sleep', '1000'], { stdio: 'ignore' });
    const owners = await box.start(['sleep', '1001'], { stdio: 'ignore' });
    const sleeping = (): string => readFileSync(`${mount}${box.cgroup}/cgroup.procs`, 'utf8').trim();
    expect(sleeping().split('\n')).toHaveLength(3);
    other.close();
    expect((await command.wait()).reason).toBe('closed');
    await eventually('it is killed', () => sleeping().split('\n').length === 2);
    expect(owners.result).toBeUndefined();
    expect((await box.run(['true'])).exitCode).toBe(0);
    await expect(other.run(['true'])).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  it('goes with its visitor when that is killed', async () => {
    const script = `
      const { System } = await import(${JSON.stringify(compiledUrl('system/index.js'))});
      const other = await System.attach(${JSON.stringify(NAME)});
      const command = await other.start(['sleep', '1000'], { stdio: 'ignore' });
      console.log('started');
      await command.wait();
    `;
    const visitor = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(visitor.stdout, 'data');
    const pids = (): string[] =>
      readFileSync(`${mount}${box.cgroup}/cgroup.procs`, 'utf8').trim().split('\n');
    expect(pids()).toHaveLength(2);
    visitor.kill('SIGKILL');
    await eventually('it is killed', () => pids().length === 1);
    expect(box.end).toBeUndefined();
  });
});

describe('the end of a system', () => {
  it('is told with the exit of what its owner has run', async () => {
    await using other = await System.attach(NAME);
    await other.run(['sh', '-c', 'exit 3']);
    await box.run(['sh', '-c', 'exit 7']);
    const [end] = await Promise.all([other.ended(), box.stop({ gracePeriod: 0 })]);
    expect(end).toMatchObject({ reason: 'stopped', exit: { exitCode: 7, reason: 'exited' } });
    expect(end.exit?.usage?.maxRss).toBeGreaterThan(100_000);
    expect(end.statistics['cpu.stat']?.usage_usec).toBeGreaterThan(0);
    expect(other.end).toEqual(end);
  });

  it('cuts programs short, of the owner and of visitors', async () => {
    await using other = await System.attach(NAME);
    const command = await other.start(['sleep', '100'], { stdio: 'ignore' });
    const owners = await box.start(['sleep', '100'], { stdio: 'ignore' });
    const [end] = await Promise.all([other.ended(), box.stop({ gracePeriod: 0 })]);
    expect(end).toMatchObject({ reason: 'stopped', exit: undefined });
    expect(await command.wait()).toMatchObject({ exitCode: 137, reason: 'stopped' });
    expect(await owners.wait()).toMatchObject({ exitCode: 137, reason: 'stopped' });
    await expect(other.run(['true'])).rejects.toMatchObject({
      code: 'ESRCH',
      message: 'ESRCH: the system one has ended (stopped)',
      reason: 'stopped',
    });
  });

  it('is told where the owner is killed', async () => {
    const script = `
      const { System } = await import(${JSON.stringify(compiledUrl('system/index.js'))});
      const box = await System.create({ name: 'two', group: ${JSON.stringify(GROUP)} });
      console.log('made');
      setInterval(() => {}, 1000);
    `;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    await using other = await System.attach(`${GROUP}/two`);
    const command = await other.start(['sleep', '100'], { stdio: 'ignore' });
    owner.kill('SIGKILL');
    expect((await other.ended()).reason).toBe('owner');
    expect((await command.wait()).reason).toBe('owner');
    expect(existsSync(mount + other.cgroup)).toBe(false);
  });

  it('is told where the supervisor is killed', async () => {
    const script = `
      const { System } = await import(${JSON.stringify(compiledUrl('system/index.js'))});
      const box = await System.create({ name: 'two', group: ${JSON.stringify(GROUP)} });
      console.log('made');
      await box.ended();
    `;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    await using other = await System.attach(`${GROUP}/two`);
    process.kill(Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${other.pid}/status`, 'utf8'))?.[1]), 9);
    expect((await other.ended()).reason).toBe('supervisor');
    await eventually('the janitor is done', () => !existsSync(mount + other.cgroup));
  });

  it('races with programs that are started, and each gets a clean answer', async () => {
    for (let round = 0; round < often(40); ++round) {
      const system = await System.create({
        name: `race-${round}`,
        group: GROUP,
        lifecycle: { grace_period: 0 },
      });
      const other = await System.attach(`${GROUP}/race-${round}`);
      const runs = Array.from({ length: 6 }, (_, index) =>
        (index % 2 === 0 ? other : system).run(['sleep', '100'], { stdio: 'ignore' }).catch((error) => error),
      );
      await sleep(round % 8);
      const began = performance.now();
      const gone = system.stop({ gracePeriod: 0 });
      const late = System.attach(`${GROUP}/race-${round}`).then(
        async (attached) => await attached.run(['true']).finally(() => attached.close()),
      );
      const outcomes = await Promise.all([...runs, late.catch((error) => error)]);
      await gone;
      expect(performance.now() - began).toBeLessThan(30_000);
      for (const outcome of outcomes) {
        if (outcome instanceof Error) {
          expect(outcome).toMatchObject({
            code: expect.stringMatching(/^(ESRCH|ERR_COFFERDAM_SYSTEM_NAME|ERR_COFFERDAM_CLOSED)$/),
          });
        } else expect(outcome.exitCode === 137 || outcome.exitCode === 0).toBe(true);
      }
      other.close();
    }
  }, 240_000);
});

describe('attaching', () => {
  it('names what is not there, and what is not clear', async () => {
    await expect(System.attach('nobody')).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_SYSTEM_NAME',
      message: 'Cannot find system "nobody"',
    });
    await using same = await System.create({ name: 'one', group: `${GROUP}/more` });
    await expect(System.attach('one')).rejects.toMatchObject({ message: /several.*\/more\/one/ });
    await same.stop({ gracePeriod: 0 });
  });

  it('leaves no fd behind, here or in the supervisor', async () => {
    const pid = supervisorOf(box);
    const round = async (): Promise<void> => {
      await using other = await System.attach(NAME);
      await other.run(['true']);
      await expect(other.run(['no-such-program'])).rejects.toThrow();
    };
    await round();
    const [ours, theirs] = [fdsOf(process.pid).length, fdsOf(pid).length];
    for (let index = 0; index < often(50); ++index) await round();
    // It may not have heard yet, in the beginning, that the first had gone.
    await eventually('as before', () => fdsOf(pid).length <= theirs && fdsOf(process.pid).length <= ours);
  });

  it('is aborted by a signal; who waits for the end of what is detached is told', async () => {
    await expect(System.attach(NAME, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    const controller = new AbortController();
    const attaching = System.attach(NAME, { signal: controller.signal });
    controller.abort();
    await expect(attaching).rejects.toMatchObject({ name: 'AbortError' });
    const waiting = await System.attach(NAME);
    const ended = waiting.ended();
    waiting.close();
    await expect(ended).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  it('is refused to who may not trace the supervisor', async () => {
    const script = `
      const { System, listSystems } = await import(${JSON.stringify(compiledUrl('system/index.js'))});
      const [entry] = (await listSystems()).filter(({ group }) => group === ${JSON.stringify(GROUP)});
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      await System.attach(entry).then(() => console.log('in'), ({ code, message }) => console.log(code, message));
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    expect(stdout).toMatch(/^EPERM .*of user 0/);
  });
});
