// NativeFd: network namespaces made, opened, refused; no fd left on any path.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectUntil } from '../support/collect.ts';
import { binding, createNetns, errno, fdCount, must, runScript } from './support.ts';

let before: number;
let handles: number;

beforeEach(() => {
  before = fdCount();
  handles = binding.openHandles();
});

afterEach(() => {
  expect(fdCount()).toBe(before);
  expect(binding.openHandles()).toBe(handles);
});

describe('a namespace', () => {
  it('is new, unnamed and closed at once', () => {
    const netns = createNetns();
    expect(netns.inode).toBe(fstatSync(netns.fd).ino);
    expect(netns.device).toBe(fstatSync(netns.fd).dev);
    expect(netns.inode).not.toBe(statSync('/proc/self/ns/net').ino);
    expect(binding.openHandles()).toBe(handles + 1);
    expect(netns.close()).toBe(0);
    expect([netns.fd, netns.inode, netns.device]).toEqual([-1, 0, 0]);
    expect(netns.close()).toBe(0);
  });

  it('is opened by path, by pid and by fd', () => {
    const own = statSync('/proc/self/ns/net').ino;
    const byPath = must(binding.openNetns('/proc/self/ns/net'));
    const byPid = must(binding.openNetnsOfPid(process.pid));
    const copy = must(binding.duplicateNetns(byPath.fd));
    expect([byPath.inode, byPid.inode, copy.inode]).toEqual([own, own, own]);
    expect(new Set([byPath.fd, byPid.fd, copy.fd]).size).toBe(3);
    byPath.close();
    expect(fstatSync(copy.fd).ino).toBe(own);
    byPid.close();
    copy.close();
  });

  it('is closed by the collector, where nobody called close', async () => {
    (() => {
      for (let i = 0; i < 10; i++) createNetns();
    })();
    expect(fdCount()).toBe(before + 10);
    await collectUntil(() => fdCount() === before);
  });
});

describe('what is no namespace', () => {
  it.each([
    ['/nonexistent', errno.ENOENT],
    ['', errno.ENOENT],
    ['/etc/passwd/net', errno.ENOTDIR],
    ['/etc/passwd', errno.EINVAL],
    ['/tmp', errno.EINVAL],
    ['/dev/null', errno.EINVAL],
    ['/proc/self/ns/mnt', errno.EINVAL],
    ['/proc/self/ns/pid', errno.EINVAL],
  ])('openNetns(%j) is %i', (path, expected) => {
    expect(binding.openNetns(path)).toBe(expected);
  });

  it('is refused as an fd', () => {
    const file = openSync('/dev/null', 'r');
    expect(binding.duplicateNetns(file)).toBe(errno.EINVAL);
    expect(binding.mountNetns(file, '/nonexistent')).toBe(errno.EINVAL);
    closeSync(file);
    expect(binding.duplicateNetns(-1)).toBe(errno.EBADF);
    expect(binding.duplicateNetns(99_999)).toBe(errno.EBADF);
  });

  it('is refused as a pid', async () => {
    const child = spawn('true');
    await once(child, 'close');
    expect(binding.openNetnsOfPid(child.pid!)).toBe(errno.ESRCH);
    expect(binding.openNetnsOfPid(0)).toBe(errno.EINVAL);
    expect(binding.openNetnsOfPid(-1)).toBe(errno.EINVAL);
  });

  it('of the wrong type is a TypeError', () => {
    expect(() => binding.openNetns(7 as never)).toThrow(TypeError);
    expect(() => binding.openNetns('/proc/self/ns/net\0x')).toThrow(TypeError);
    expect(() => binding.openNetnsOfPid('1' as never)).toThrow(TypeError);
    expect(() => binding.duplicateNetns(2 ** 32)).toThrow(TypeError);
    expect(() => binding.mountNetns(0, undefined as never)).toThrow(TypeError);
    expect(() => binding.unmountNetns(undefined as never)).toThrow(TypeError);
  });
});

it('mounts, shares and unmounts, and takes down nothing else', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'cofferdam-native-'));
  const file = join(directory, 'blue');
  writeFileSync(file, '');
  // In a mount namespace of the child's own: nothing of it is seen here.
  const { code, stdout, stderr } = await runScript(
    `
      const fs = require('node:fs');
      const [directory, file] = ${JSON.stringify([directory, file])};
      const netns = addon.createNetns();
      const out = [];
      out.push(addon.shareMount(directory), addon.shareMount(directory));
      out.push(addon.unmountNetns(file));
      out.push(addon.mountNetns(netns.fd, file));
      const inode = netns.inode;
      netns.close();
      const named = addon.openNetns(file);
      out.push(named.inode === inode);
      named.close();
      out.push(addon.unmountNetns(file), addon.openNetns(file));
      out.push(addon.unmountNetns('/'), addon.unmountNetns('/proc'), addon.unmountNetns(directory));
      console.log(JSON.stringify(out));
    `,
    { prefix: ['unshare', '-m', '--propagation', 'private'] },
  );
  rmSync(directory, { recursive: true });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const { EINVAL } = errno;
  expect(JSON.parse(stdout)).toEqual([0, 0, EINVAL, 0, true, 0, EINVAL, EINVAL, EINVAL, EINVAL]);
});

it('stays flat over 2,000 namespaces opened, refused and copied', () => {
  for (let i = 0; i < 2000; i++) {
    must(binding.openNetns('/proc/self/ns/net')).close();
    binding.openNetns('/proc/self/ns/mnt');
    const own = must(binding.openNetnsOfPid(process.pid));
    must(binding.duplicateNetns(own.fd)).close();
    own.close();
  }
});
