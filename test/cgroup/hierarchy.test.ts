// Where cgroup2 is, and how its cgroups are named.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  cgroupMode,
  hierarchy,
  joinPath,
  normalPath,
  pathOfPid,
  splitPath,
} from '../../src/cgroup/hierarchy.ts';
import { mount } from '../support/cgroup.ts';

const where = { mount: '/sys/fs/cgroup/unified', root: '/' };
const line = (root: string, point: string) =>
  `41 31 0:38 ${root} ${point} rw - cgroup2 cgroup2 rw,nsdelegate`;

describe('mountinfo', () => {
  it('finds the mount of this host', () => {
    expect(hierarchy().mount).toBe(mount);
  });

  it('prefers the mount that shows the whole tree', () => {
    const part = line('/ci-jobs/abc', '/run/part');
    const all = line('/', '/run/all');
    for (const lines of [
      [part, all],
      [all, part],
    ])
      expect(cgroupMode(lines.join('\n'), () => [])).toMatchObject({ mount: '/run/all', root: '/' });
    expect(cgroupMode(part, () => [])).toMatchObject({ mount: '/run/part', root: '/ci-jobs/abc' });
  });

  it('takes none that another mount covers', () => {
    const covered = [line('/', '/sys/fs/cgroup'), line('/ci-jobs/abc', '/sys/fs/cgroup')];
    expect(cgroupMode(covered.join('\n'), () => [])).toMatchObject({
      mount: '/sys/fs/cgroup',
      root: '/ci-jobs/abc',
    });
    const tmpfs = '42 31 0:39 / /sys/fs/cgroup rw - tmpfs tmpfs rw';
    expect(cgroupMode(`${covered[0]}\n${tmpfs}`, () => [])).toMatchObject({ mode: 'none', mount: undefined });
  });

  it('takes none that a mount further up covers', () => {
    const sysfs = (id: number, parent: number) => `${id} ${parent} 0:21 / /sys rw - sysfs sysfs rw`;
    const cgroup = (parent: number) => `31 ${parent} 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw`;
    const root = '20 1 8:1 / / rw - ext4 /dev/root rw';
    const found = (...lines: string[]) => cgroupMode(lines.join('\n'), () => []).mount;
    expect(found(root, sysfs(21, 20), cgroup(21), sysfs(22, 21))).toBe(undefined);
    expect(found(root, sysfs(21, 20), sysfs(22, 21), cgroup(22))).toBe('/sys/fs/cgroup');
    // The order of the lines says nothing: a root file system that others were moved to is listed after them.
    expect(found(sysfs(21, 20), cgroup(21), root)).toBe('/sys/fs/cgroup');
    // In a chroot(2) that is no mount by itself, the mount that holds it is not listed.
    expect(found(sysfs(21, 20), cgroup(21))).toBe('/sys/fs/cgroup');
    // The first one of a guest is its own parent.
    expect(found('1 1 0:2 / / rw - rootfs none rw', sysfs(21, 1), cgroup(21))).toBe('/sys/fs/cgroup');
  });
});

describe('a path', () => {
  it.each([
    ['/', '/'],
    ['/ci-jobs', '/ci-jobs'],
    ['//ci-jobs//build/', '/ci-jobs/build'],
    ['/ci-jobs/./build', '/ci-jobs/build'],
    ['/sys/fs/cgroup/unified', '/'],
    ['/sys/fs/cgroup/unified/ci-jobs', '/ci-jobs'],
    ['/sys/fs/cgroup/unified-2', '/sys/fs/cgroup/unified-2'],
  ])('%j is %j', (given, normal) => expect(normalPath(given, where)).toBe(normal));

  it.each(['', 'ci-jobs', './ci-jobs', '/ci-jobs/..', '/../etc', '/a\0b', 7])('%j is refused', (given) => {
    expect(() => normalPath(given as string, where)).toThrow(
      expect.objectContaining({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT', field: 'path' }),
    );
  });

  it('comes apart and together', () => {
    expect(splitPath('/a/b')).toEqual({ parent: '/a', name: 'b' });
    expect(splitPath('/a')).toEqual({ parent: '/', name: 'a' });
    expect(joinPath('/', 'a')).toBe('/a');
    expect(joinPath('/a', 'b')).toBe('/a/b');
  });
});

describe('the cgroup of a process', () => {
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];

  it('is what /proc says, below the mount', () => {
    expect(pathOfPid('self', where)).toBe(own);
    expect(pathOfPid(process.pid, where)).toBe(own);
  });

  it('of nobody is ESRCH', () => {
    expect(() => pathOfPid(0x3fff_fff0)).toThrow(
      expect.objectContaining({ code: 'ESRCH', pid: 0x3fff_fff0 }),
    );
  });

  it('outside of what is mounted is EXDEV, and says so', () => {
    expect(() => pathOfPid('self', { mount: '/run/part', root: '/ci-jobs/abc' })).toThrow(
      /^EXDEV: pid self is in cgroup .* outside of \/ci-jobs\/abc, all that is mounted on \/run\/part$/,
    );
  });
});
