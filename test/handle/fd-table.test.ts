import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { countFds, fdKind, readFdTable } from '../../src/handle/index.ts';

describe('readFdTable()', () => {
  it('shows an fd while it is open, with what it refers to', () => {
    const fd = openSync('/dev/null', 'r');
    expect(readFdTable().get(fd)).toBe('/dev/null');
    closeSync(fd);
    expect(readFdTable().has(fd)).toBe(false);
  });

  it('does not show the fd that reads the directory', () => {
    expect([...readFdTable().values()].filter((target) => target.includes('/fd'))).toEqual([]);
    expect(countFds()).toBe(readFdTable().size);
  });

  it('reads other processes', async () => {
    const child = spawn('sleep', ['30'], { stdio: ['ignore', 'ignore', 'ignore'] });
    try {
      const table = readFdTable(child.pid);
      expect(table.get(0)).toBe('/dev/null');
      expect([...table.keys()].slice(0, 3)).toEqual([0, 1, 2]);
    } finally {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
  });

  it('says so when there is no such process', () => {
    expect(() => readFdTable(0x7fff_fffe)).toThrow(
      expect.objectContaining({ code: 'ENOENT', name: 'SystemError' }),
    );
  });
});

describe('fdKind()', () => {
  it.each([
    ['socket:[4711]', 'socket'],
    ['net:[4026531840]', 'net'],
    ['pipe:[12]', 'pipe'],
    ['anon_inode:[eventpoll]', 'anon_inode:[eventpoll]'],
    ['anon_inode:[pidfd]', 'anon_inode:[pidfd]'],
    ['/tmp/x: y (deleted)', 'file'],
  ])('%s is %s', (target, kind) => {
    expect(fdKind(target)).toBe(kind);
  });
});
