// No thread is ever left in a wrong namespace: a process enters in every way there is, at its best and at its worst, and
// then each of its threads is looked at. (native/test/netns_fault_test.cc does the same to each system call, and plants
// a thread that stays abroad, which must be found.)
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compiledUrl } from '../support/compiled.ts';

const program = fileURLToPath(new URL('./entries.mjs', import.meta.url));

interface Entries {
  /** What came of each way of entering, of the main thread and then of each Worker. */
  readonly seen: Readonly<Record<string, readonly string[]>>[];
  readonly threads: number;
  readonly abroad: number;
}

function run(rounds: number, workers: number, under: readonly string[] = []): Entries {
  const [command = '', ...args] = [
    ...under,
    process.execPath,
    program,
    compiledUrl('index.js'),
    rounds,
    workers,
  ];
  const output = execFileSync(String(command), args.map(String), {
    encoding: 'utf8',
    timeout: 170_000,
    killSignal: 'SIGKILL',
    // LeakSanitizer cannot work where somebody traces already.
    env: { ...process.env, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=0` },
  });
  return JSON.parse(output);
}

const HAPPENS = {
  create: ['ok'],
  socket: ['ok'],
  'socket of no family': ['EAFNOSUPPORT'],
  'socket of no protocol': ['EPROTONOSUPPORT'],
  RouteSocket: ['ok'],
  GenericSocket: ['ok'],
  'RouteSocket in no netns': ['EINVAL'],
  'monitor and batch': ['ok'],
};

// What is traced takes long.
describe('every thread is at home after', { timeout: 180_000 }, () => {
  it('all that enters and all that is refused, on four threads at once', () => {
    const { seen, threads, abroad } = run(10, 3);
    expect(seen).toEqual([HAPPENS, HAPPENS, HAPPENS, HAPPENS]);
    expect(threads).toBeGreaterThan(4);
    expect(abroad).toBe(0);
  });

  // Of whatever thread.
  it.each([
    ['setns', 'EPERM', ['socket', 'RouteSocket', 'GenericSocket']],
    ['unshare', 'ENOSPC', ['create']],
    ['socket', 'EMFILE', ['socket', 'RouteSocket', 'GenericSocket', 'monitor and batch']],
  ])('%s that fails with %s', (call, code, where) => {
    const strace = ['strace', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null'];
    const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=${code}`];
    const { seen, abroad } = run(6, 1, [...strace, ...inject]);
    for (const name of where) expect(seen.flatMap((thread) => thread[name] ?? [])).toContain(code);
    expect(abroad).toBe(0);
  });
});
