import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isSystemCall, SYSCALLS } from '../../../src/system/seccomp/syscalls.ts';

/** The table has been made from headers of Linux 7.3, which number up to here. */
const LAST = 472;

const others = (table: readonly (readonly [string, number])[], known: ReadonlyMap<string, number>) =>
  table.filter(([name, number]) => number <= LAST && known.get(name) !== number);

describe.runIf(process.arch === 'x64')('the tables of system calls', () => {
  const script = fileURLToPath(new URL('../../../scripts/syscalls.mjs', import.meta.url));
  const output = execFileSync(process.execPath, [script, '--json'], {
    encoding: 'utf8',
    env: { ...process.env, LD_PRELOAD: '' },
  });
  const installed = JSON.parse(output) as Record<
    'x86_64' | 'aarch64' | 'i386',
    [name: string, number: number][]
  >;

  it.each(['x86_64', 'aarch64'] as const)(
    'of %s have all names of the headers, with their numbers',
    (arch) => {
      expect(installed[arch].length).toBeGreaterThan(300);
      expect(others(installed[arch], SYSCALLS[arch])).toEqual([]);
      expect(Math.max(...SYSCALLS[arch].values())).toBe(LAST);
    },
  );

  it('have no name that the headers have not, but those that are newer', () => {
    for (const arch of ['x86_64', 'aarch64'] as const) {
      const newest = Math.max(...installed[arch].map(([, number]) => number));
      const names = new Set(installed[arch].map(([name]) => name));
      const more = [...SYSCALLS[arch]].filter(([name, number]) => !names.has(name) && number <= newest);
      // Of x86-64 alone: it was given a number of the past, Linux 6.11 and 6.18.
      expect(more.map(([name]) => name).filter((name) => name !== 'uretprobe' && name !== 'uprobe')).toEqual(
        [],
      );
    }
  });

  it('know the names of 32-bit architectures, and no others', () => {
    for (const [name] of installed.i386) expect([name, isSystemCall(name)]).toEqual([name, true]);
    expect(isSystemCall('opennat')).toBe(false);
  });

  it('are found out by a name that is none, and by a wrong number', () => {
    const planted = [...installed.x86_64, ['nonesuch', 7], ['read', 1]] as const;
    expect(others(planted, SYSCALLS.x86_64).map(([name]) => name)).toEqual(['nonesuch', 'read']);
  });
});
