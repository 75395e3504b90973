// NativePidfd and spawn(): arguments, closing in every state, and what becomes of children when a Worker ends.
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NativePidfd, NativeSpawned, NativeSpawnRequest } from '../../src/handle/native.ts';
import { collectUntil } from '../support/collect.ts';
import { addonPath, binding, errno, fdCount, must, runScript, turns } from './support.ts';

const ECHILD = -10;
const SIGKILL = 9;

let before: number;
let handles: number;

beforeEach(() => {
  before = fdCount();
  handles = binding.openHandles();
});

afterEach(() => {
  expect(fdCount()).toBe(before);
  expect(binding.openHandles()).toBe(handles);
  expect(binding.spawnedChildren()).toEqual([]);
});

const request = (changes: Partial<NativeSpawnRequest> = {}): NativeSpawnRequest => ({
  argv: ['sleep', '60'],
  env: [],
  paths: ['/bin/sleep'],
  stdio: [-1, -1, -1],
  cwd: undefined,
  cwdFd: -1,
  netnsFd: -1,
  cgroupFd: -1,
  mounts: undefined,
  deathSignal: 0,
  ...changes,
});

function spawned(changes: Partial<NativeSpawnRequest> = {}): NativeSpawned {
  const result = binding.spawn(request(changes));
  if ('errno' in result) throw new Error(`${result.syscall}: ${result.errno}`);
  return result;
}

const closed = (pidfd: NativePidfd): Promise<void> =>
  new Promise((resolve) => {
    if (!pidfd.close(resolve)) resolve();
  });

const exists = (pid: number): boolean => readdirSync('/proc').includes(String(pid));

describe('spawn()', () => {
  it('gives a watched process, which close() kills and reaps', async () => {
    const { pidfd, pipes, migrated } = spawned();
    expect([pipes, migrated]).toEqual([[], false]);
    expect(binding.openHandles()).toBe(handles + 1);
    expect(binding.spawnedChildren()).toEqual([pidfd.pid]);
    expect(pidfd.ended()).toBe(false);
    expect(pidfd.exit()).toBe(errno.EAGAIN);
    expect(binding.reapChild(pidfd.pid)).toBe(errno.EAGAIN);
    const { pid } = pidfd;
    const released = closed(pidfd);
    expect([pidfd.fd, pidfd.pid, pidfd.ended()]).toEqual([-1, pid, false]);
    await released;
    expect(exists(pid)).toBe(false);
    expect(pidfd.close(() => {})).toBe(false);
  });

  it('tells the end once it is asked, or by the watch', async () => {
    const { pidfd } = spawned();
    let calls = 0;
    expect(pidfd.watch(() => calls++)).toBe(0);
    expect(pidfd.watch(() => {})).toBe(errno.EALREADY);
    expect(pidfd.send(SIGKILL)).toBe(0);
    while (!pidfd.ended());
    // Before libuv had a turn.
    expect(pidfd.exit()).toMatchObject({ signaled: true, status: SIGKILL });
    expect(pidfd.send(0)).toBe(errno.ESRCH);
    await turns(() => calls === 1);
    expect(pidfd.exit()).toMatchObject({ signaled: true, status: SIGKILL, usage: expect.any(Object) });
    await closed(pidfd);
    expect(calls).toBe(1);
  });

  it('closed from within the watch', async () => {
    const { pidfd } = spawned({ argv: ['true'], paths: ['/bin/true'] });
    await new Promise<void>((resolve) => {
      pidfd.watch(() => pidfd.close(resolve));
      pidfd.ref();
    });
  });

  it('is killed by the collector, where nobody closed it', async () => {
    const pids: number[] = [];
    (() => {
      for (let i = 0; i < 5; i++) pids.push(spawned().pidfd.pid);
    })();
    await collectUntil(() => binding.spawnedChildren().length === 0);
    expect(pids.filter(exists)).toEqual([]);
    await collectUntil(() => fdCount() === before);
  });

  it('says what failed, and keeps nothing', () => {
    expect(binding.spawn(request({ argv: [] }))).toEqual({ errno: errno.EINVAL, syscall: 'execve' });
    expect(binding.spawn(request({ paths: ['/nonexistent'] }))).toEqual({
      errno: errno.ENOENT,
      syscall: 'execve',
      path: 'sleep',
    });
    expect(binding.spawn(request({ netnsFd: 99_999 }))).toEqual({ errno: errno.EBADF, syscall: 'setns' });
  });

  it('throws a TypeError that names an argument of the wrong type', () => {
    const broken = (changes: object) => () => binding.spawn(request(changes));
    for (const name of ['argv', 'env', 'paths', 'stdio']) {
      for (const value of [undefined, null, 7, 'x', {}, { length: 1 }]) {
        expect(broken({ [name]: value })).toThrow(new TypeError(`${name} must be an array`));
      }
    }
    expect(broken({ argv: ['a', 7] })).toThrow(new TypeError('argv must be a string without null bytes'));
    expect(broken({ env: ['a\0b'] })).toThrow(TypeError);
    expect(broken({ stdio: ['1'] })).toThrow(new TypeError('stdio must be a 32-bit integer'));
    expect(broken({ cwd: 7 })).toThrow(TypeError);
    for (const name of ['cwdFd', 'netnsFd', 'cgroupFd', 'deathSignal']) {
      expect(broken({ [name]: undefined })).toThrow(new TypeError(`${name} must be a 32-bit integer`));
    }
    expect(broken({ mounts: { sysfs: 1, sources: [], targets: [] } })).toThrow(TypeError);
    expect(broken({ mounts: { sysfs: true, sources: [], targets: 7 } })).toThrow(TypeError);
    expect(() => binding.spawn(undefined as never)).toThrow(TypeError);
    const own = new Error('own');
    const getter = {
      ...request(),
      get argv(): string[] {
        throw own;
      },
    };
    expect(() => binding.spawn(getter)).toThrow(own);
  });
});

describe('openPidfd()', () => {
  it('stands for a process without owning it', async () => {
    const pidfd = must(binding.openPidfd(process.pid));
    expect(pidfd.pid).toBe(process.pid);
    expect(pidfd.send(0)).toBe(0);
    expect(pidfd.ended()).toBe(false);
    // None of our children, and it runs.
    expect(pidfd.exit()).toBeLessThan(0);
    expect(pidfd.close()).toBe(false);
    for (const call of [
      () => pidfd.send(0),
      () => pidfd.exit(),
      () => pidfd.watch(() => {}),
      () => pidfd.getFd(0),
    ]) {
      expect(call()).toBe(errno.EBADF);
    }
    pidfd.ref();
    expect(pidfd.hasRef()).toBe(false);
  });

  it('refuses', () => {
    expect(binding.openPidfd(0)).toBe(errno.EINVAL);
    expect(binding.openPidfd(-1)).toBe(errno.EINVAL);
    expect(binding.openPidfd(0x3fff_fff0)).toBe(errno.ESRCH);
    expect(() => binding.openPidfd('1' as never)).toThrow(TypeError);
    expect(binding.reapChild(0)).toBe(errno.EINVAL);
    expect(binding.reapChild(-1)).toBe(errno.EINVAL);
    expect(binding.reapChild(process.pid)).toBe(ECHILD);
    expect(() => binding.setSubreaper(1 as never)).toThrow(TypeError);
    const pidfd = must(binding.openPidfd(process.pid));
    expect(() => pidfd.send('SIGTERM' as never)).toThrow(TypeError);
    expect(() => pidfd.watch(undefined as never)).toThrow(TypeError);
    expect(() => new (pidfd.constructor as new () => unknown)()).toThrow(TypeError);
    pidfd.close();
  });
});

// Each Worker has children that run, that have ended, and one whose handle was closed while it ran.
const inWorker = `
  const { parentPort } = require('node:worker_threads');
  const addon = require(process.env.TEST_ADDON);
  const spawn = (...argv) => addon.spawn({ argv, env: [], paths: ['/bin/' + argv[0]], stdio: [-1, -1, -1], cwd: undefined,
    cwdFd: -1, netnsFd: -1, cgroupFd: -1, mounts: undefined, deathSignal: 0 }).pidfd;
  const running = [spawn('sleep', '60'), spawn('sleep', '60')];
  running[0].watch(() => {});
  running[1].ref();
  spawn('true');
  spawn('sleep', '60').close(() => {});
  addon.openPidfd(process.pid).watch(() => {});
`;

describe('a Worker that ends takes its children along', () => {
  it.each([
    ['terminated', `parentPort.postMessage('ready'); setInterval(() => {}, 1000);`, 'w.terminate()'],
    [
      'in the midst of it',
      `parentPort.postMessage('ready'); for (;;) spawn('true').close();`,
      'setTimeout(() => w.terminate(), 20 * Math.random())',
    ],
    ['by itself', `parentPort.postMessage('ready'); running[1].unref();`, ''],
    ['by process.exit', `parentPort.postMessage('ready'); process.exit(0);`, ''],
  ])(
    '%s',
    async (_how, body, end) => {
      const { code, signal, stdout, stderr } = await runScript(
        `
        const { Worker } = require('node:worker_threads');
        const { readdirSync, readFileSync } = require('node:fs');
        const fds = () => readdirSync('/proc/self/fd').length;
        const children = () => readdirSync('/proc').filter((name) => {
          try { return /^\\d+$/.test(name) && readFileSync('/proc/' + name + '/stat', 'latin1').split(') ')[1].split(' ')[1] === String(process.pid); }
          catch { return false; }
        });
        const source = ${JSON.stringify(inWorker)} + ${JSON.stringify(body)};
        const one = () => new Promise((resolve, reject) => {
          const w = new Worker(source, { eval: true });
          w.on('error', reject);
          w.on('exit', resolve);
          w.on('message', () => { ${end} });
        });
        (async () => {
          await Promise.all([one(), one()]);
          const before = fds();
          for (let round = 0; round < 4; round++) await Promise.all([one(), one(), one()]);
          console.log('fds', await moreThan(before, fds), 'handles', addon.openHandles(), 'children', await moreThan(0, () => children().length));
        })();
      `,
        { env: { TEST_ADDON: addonPath } },
      );
      expect(stderr).toBe('');
      expect([code, signal]).toEqual([0, null]);
      expect(stdout).toBe('fds 0 handles 0 children 0\n');
    },
    90_000,
  );
});

it('stays flat over 500 processes', async () => {
  for (let batch = 0; batch < 50; batch++) {
    const pidfds = Array.from({ length: 10 }, () => spawned().pidfd);
    await Promise.all(pidfds.map(closed));
    expect(fdCount()).toBe(before);
  }
});
