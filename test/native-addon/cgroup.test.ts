// NativeCgroup, NativeInotify, NativePriority: the boundary alone; no fd left on any path, whoever ends them.
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readAside, writeAside } from '../../src/cgroup/aside.ts';
import type { NativeCgroup } from '../../src/handle/native.ts';
import {
  endProcesses,
  eventually,
  makeTestCgroup,
  mount,
  moveInto,
  startSleeper,
  type TestCgroup,
} from '../support/cgroup.ts';
import { collectUntil } from '../support/collect.ts';
import { addonPath, binding, errno, fdCount, must, runScript } from './support.ts';

let top: TestCgroup;
let before: number;
let handles: number;

beforeAll(() => {
  top = makeTestCgroup();
});
beforeEach(() => {
  before = fdCount();
  handles = binding.openHandles();
});
afterEach(async () => {
  await endProcesses();
  await eventually('no fd more than before', () => fdCount() <= before);
  expect(binding.openHandles()).toBe(handles);
});
afterAll(() => top.remove());

const IN_MODIFY = 2;
const nobody = (): void => {};
const open = (): NativeCgroup => must(binding.openCgroup(mount, top.path.slice(1)));

describe('a directory', () => {
  it('is read, written and closed at once', async () => {
    const cgroup = open();
    expect([cgroup.inode, cgroup.device]).toEqual([statSync(top.directory).ino, statSync(top.directory).dev]);
    expect(cgroup.read('cgroup.events')).toBe('populated 0\nfrozen 0\n');
    expect(await readAside(cgroup, 'cgroup.events')).toBe('populated 0\nfrozen 0\n');
    expect(cgroup.write('cgroup.max.depth', '5')).toBe(0);
    expect(await writeAside(cgroup, 'cgroup.max.depth', 'max')).toBe(0);
    expect(await writeAside(cgroup, 'cgroup.max.depth', 'x')).toBe(errno.EINVAL);
    expect(await readAside(cgroup, 'nothing')).toBe(errno.ENOENT);
    expect(cgroup.make('child')).toBe(0);
    expect(cgroup.children()).toEqual(['child']);
    const child = must(cgroup.open('child'));
    expect(cgroup.remove('child', child.inode)).toBe(0);
    child.close();
    expect(cgroup.close()).toBe(0);
    expect([cgroup.fd, cgroup.inode, cgroup.device, cgroup.close()]).toEqual([-1, 0, 0, 0]);
  });

  it('that is closed is EBADF', () => {
    const cgroup = open();
    cgroup.close();
    expect([
      cgroup.read('x'),
      cgroup.write('x', ''),
      cgroup.children(),
      cgroup.make('x'),
      cgroup.remove('x', 1),
      cgroup.lock(),
      cgroup.attribute('user.x'),
      cgroup.setAttribute('user.x', ''),
      cgroup.signal(0),
      cgroup.open('.'),
      cgroup.readAside('x', nobody),
      cgroup.writeAside('x', '', nobody),
    ]).toEqual(Array(12).fill(errno.EBADF));
  });

  it('stays open for what is on its way, and no longer', async () => {
    const cgroup = open();
    const reading = Array.from({ length: 20 }, () => readAside(cgroup, 'cgroup.events'));
    cgroup.close();
    expect(cgroup.fd).toBe(-1);
    expect(new Set(await Promise.all(reading))).toEqual(new Set(['populated 0\nfrozen 0\n']));
  });

  it('is closed by the collector', async () => {
    (() => {
      for (let i = 0; i < 10; i++) open();
    })();
    expect(fdCount()).toBe(before + 10);
    await collectUntil(() => fdCount() <= before);
  });

  it('refuses what is none, and arguments of the wrong type', () => {
    expect(binding.openCgroup('/tmp', '.')).toBe(-95);
    expect(binding.openCgroup(mount, '..')).toBe(-18);
    expect(() => binding.openCgroup(7 as never, '.')).toThrow(TypeError);
    expect(() => binding.openCgroup(mount, 'a\0b')).toThrow(TypeError);
    const cgroup = open();
    expect(() => cgroup.remove('x', '1' as never)).toThrow(TypeError);
    expect(() => cgroup.remove('x', 1.5)).toThrow(TypeError);
    expect(() => cgroup.read(undefined as never)).toThrow(TypeError);
    expect(() => cgroup.writeAside('x', 1 as never, nobody)).toThrow(TypeError);
    expect(() => cgroup.signal('KILL' as never)).toThrow(TypeError);
    cgroup.close();
  });
});

describe('inotify', () => {
  it('tells by the number of the watch; both closed at once', async () => {
    let ready = () => {};
    const cgroup = open();
    const first = must(binding.openInotify(() => ready()));
    // libuv watches an fd once.
    expect(binding.openInotify(() => {})).toBe(-17);
    expect(fdCount()).toBe(before + 2);
    const watch = first.watch(cgroup.fd, 'cgroup.events', IN_MODIFY);
    expect(first.take()).toEqual([]);
    const told = new Promise<void>((resolve) => {
      ready = resolve;
    });
    moveInto(top.directory, startSleeper().pid);
    await told;
    expect(first.take()).toEqual([watch, '']);
    expect(first.watch(cgroup.fd, 'nothing', IN_MODIFY)).toBe(errno.ENOENT);
    expect(first.watch(-1, 'cgroup.events', IN_MODIFY)).toBe(errno.EBADF);
    first.unwatch(watch);
    first.unwatch(4711);
    expect([first.hasRef(), first.setRef(true), first.hasRef()]).toEqual([false, undefined, true]);
    await new Promise<void>((resolve) => expect(first.close(resolve)).toBe(true));
    expect([first.fd, first.close(), first.take(), first.watch(0, 'x', 1)]).toEqual([
      -1,
      false,
      errno.EBADF,
      errno.EBADF,
    ]);
    cgroup.close();
  });

  it('may be closed by its own listener', async () => {
    const cgroup = open();
    const inotify = must(
      binding.openInotify(() => {
        inotify.close(() => closed());
      }),
    );
    let closed = () => {};
    const done = new Promise<void>((resolve) => {
      closed = resolve;
    });
    inotify.watch(cgroup.fd, 'cgroup.max.depth', IN_MODIFY);
    cgroup.write('cgroup.max.depth', 'max');
    await done;
    cgroup.close();
  });
});

describe('POLLPRI', () => {
  it('tells of changes, and once removed what it reads is ENODEV', async () => {
    const parent = open();
    parent.make('pri');
    const cgroup = must(parent.open('pri'));
    let calls = 0;
    const priority = must(binding.openPriority(cgroup.fd, 'cgroup.events', '', () => calls++));
    expect(priority.read()).toBe('populated 0\nfrozen 0\n');
    const child = startSleeper();
    moveInto(`${top.directory}/pri`, child.pid);
    await eventually('told', () => calls > 0);
    expect(priority.read()).toBe('populated 1\nfrozen 0\n');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await eventually('empty', () => priority.read() === 'populated 0\nfrozen 0\n');
    expect(parent.remove('pri', cgroup.inode)).toBe(0);
    expect(priority.read()).toBe(errno.ENODEV);
    expect(priority.pause()).toBe(0);
    await new Promise<void>((resolve) => expect(priority.close(resolve)).toBe(true));
    expect([priority.fd, priority.close(), priority.read(), priority.pause()]).toEqual([
      -1,
      false,
      errno.EBADF,
      errno.EBADF,
    ]);
    cgroup.close();
    parent.close();
  });

  it('of what cannot be had leaves no fd', () => {
    expect(binding.openPriority(-1, 'nothing', 'some 1 2', nobody)).toBe(errno.ENOENT);
    expect(binding.openPriority(-1, 'cpu', 'nonsense', nobody)).toBe(errno.EINVAL);
    const cgroup = open();
    expect(binding.openPriority(cgroup.fd, 'nothing', '', nobody)).toBe(errno.ENOENT);
    cgroup.close();
  });
});

describe('workers', () => {
  it('that are terminated in the midst of it leave nothing', async () => {
    const source = `
      const { parentPort } = require('node:worker_threads');
      const addon = require(${JSON.stringify(addonPath)});
      const cgroup = addon.openCgroup(${JSON.stringify(mount)}, ${JSON.stringify(top.path.slice(1))});
      const inotify = addon.openInotify(() => {});
      inotify.watch(cgroup.fd, 'cgroup.events', 2);
      inotify.setRef(true);
      addon.openPriority(cgroup.fd, 'cgroup.events', '', () => {});
      parentPort.postMessage('ready');
      const read = () => cgroup.readAside('cgroup.events', () => { cgroup.writeAside('cgroup.max.depth', 'max', () => {}); read(); });
      read();
    `;
    const { code, signal, stdout, stderr } = await runScript(`
      const { Worker } = require('node:worker_threads');
      const { readdirSync } = require('node:fs');
      const fds = () => readdirSync('/proc/self/fd').length;
      const one = () => new Promise((resolve, reject) => {
        const worker = new Worker(${JSON.stringify(source)}, { eval: true });
        worker.on('error', reject);
        worker.on('exit', resolve);
        worker.on('message', () => worker.terminate());
      });
      (async () => {
        await Promise.all([one(), one()]);
        const before = fds();
        for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 4 }, one));
        console.log('fds', await moreThan(before, fds), 'handles', addon.openHandles());
      })();
    `);
    expect(stderr).toBe('');
    expect([code, signal, stdout]).toEqual([0, null, 'fds 0 handles 0\n']);
  });

  it('end while handles are open, and so does the process', async () => {
    const { code, stdout, stderr } = await runScript(`
      const cgroup = addon.openCgroup(${JSON.stringify(mount)}, ${JSON.stringify(top.path.slice(1))});
      const inotify = addon.openInotify(() => {});
      inotify.watch(cgroup.fd, 'cgroup.events', 2);
      addon.openPriority(-1, 'cpu', 'some 150000 2000000', () => {});
      cgroup.readAside('cgroup.stat', (text) => console.log(text.startsWith('nr_descendants')));
    `);
    expect([code, stdout, stderr]).toEqual([0, 'true\n', '']);
  });
});

it('stays flat over 2,000 directories, watches and triggers', async () => {
  const cgroup = open();
  for (let i = 0; i < 2000; i++) {
    must(cgroup.open('.')).close();
    const inotify = must(binding.openInotify(() => {}));
    inotify.watch(cgroup.fd, 'cgroup.events', IN_MODIFY);
    inotify.close();
    must(binding.openPriority(cgroup.fd, 'cgroup.events', '', () => {})).close();
  }
  cgroup.close();
  // Closing an inotify instance waits for a grace period of the kernel's.
}, 300_000);
