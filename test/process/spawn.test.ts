// Process.spawn(): programs started, refused, limited and killed, by the real kernel; nothing left on any path.
import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countFds, handles } from '../../src/handle/index.ts';
import { Netns } from '../../src/netns/index.ts';
import { Pidfd, Process, type SpawnOptions } from '../../src/process/index.ts';
import { expectFlatFds } from '../../src/testing/index.ts';
import { eventually } from '../support/cgroup.ts';
import { collectUntil } from '../support/collect.ts';
import { children, expectNoMoreFds, outputOf, textOf } from './support.ts';

let fds: number;
let childrenBefore: number[];
beforeEach(() => {
  fds = countFds();
  childrenBefore = children();
});
afterEach(async () => {
  expect(children()).toEqual(childrenBefore);
  expect(handles.list()).toEqual([]);
  await expectNoMoreFds(fds);
});

describe('a program', () => {
  it('gets its arguments, its environment and its directory', async () => {
    const { output, exit } = await outputOf(['sh', '-c', 'echo "$1,$A,$PWD,$(env | wc -l)"', 'sh', 'x y'], {
      env: { A: '1', PATH: process.env.PATH, B: undefined },
      cwd: '/usr',
    });
    expect(output).toBe('x y,1,/usr,3\n');
    expect(exit).toMatchObject({ reason: 'exited', exitCode: 0 });
    const directory = openSync('/etc', 'r');
    expect((await outputOf(['pwd'], { cwd: { fd: directory } })).output).toBe('/etc\n');
    closeSync(directory);
  });

  it('talks through streams', async () => {
    await using child = await Process.spawn(['sh', '-c', 'cat; echo done >&2; exit 3'], { stdio: 'pipe' });
    child.stdin?.end('a line\n');
    expect(await Promise.all([textOf(child.stdout), textOf(child.stderr)])).toEqual(['a line\n', 'done\n']);
    expect(await child.wait()).toMatchObject({ reason: 'exited', exitCode: 3 });
    expect(child.exit).toMatchObject({ exitCode: 3 });
  });

  it('moves megabytes through pipes', async () => {
    await using child = await Process.spawn(['cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const bytes = Buffer.alloc(5 << 20, 'cofferdam ');
    child.stdin?.end(bytes);
    expect((await textOf(child.stdout)) === bytes.toString()).toBe(true);
  });

  it('has the fds that it is given and no others', async () => {
    const file = openSync('/dev/zero', 'r');
    const { output } = await outputOf(
      ['sh', '-c', 'for fd in 0 2 3 4; do readlink /proc/$$/fd/$fd; done; ls /proc/$$/fd'],
      { stdio: [file, 'pipe', 'ignore', { fd: file }, file] },
    );
    closeSync(file);
    expect(output).toBe('/dev/zero\n/dev/null\n/dev/zero\n/dev/zero\n0\n1\n2\n3\n4\n');
  });

  it("has none where it is given 'none', whatever is there of ours", async () => {
    const file = openSync('/dev/zero', 'r');
    const { output } = await outputOf(['sh', '-c', 'readlink /proc/$$/fd/6; ls /proc/$$/fd'], {
      stdio: ['none', 'pipe', 'inherit', 'none', 'none', 'none', file, 'none'],
    });
    closeSync(file);
    expect(output).toBe('/dev/zero\n1\n2\n6\n');
  });

  it('has default signal dispositions and nothing blocked, though Node ignores SIGPIPE', async () => {
    const ignored = /SigIgn:\t(\w+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    expect(Number.parseInt(ignored ?? '', 16) & (1 << (constants.signals.SIGPIPE - 1))).not.toBe(0);
    const { output } = await outputOf(['grep', '-E', '^Sig(Blk|Ign)', '/proc/self/status']);
    expect(output).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
  });

  it('is told with what it used', async () => {
    const { exit } = await outputOf(['sh', '-c', 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done']);
    if (exit.reason !== 'exited') throw new Error(exit.reason);
    expect(exit.usage?.userTime).toBeGreaterThan(1000);
    expect(exit.usage?.maxRss).toBeGreaterThan(500_000);
  });

  it('killed by a signal says by which', async () => {
    await using child = await Process.spawn(['sleep', '60']);
    child.send('SIGUSR1');
    expect(await child.wait()).toMatchObject({ reason: 'killed', signal: 'SIGUSR1', coreDumped: false });
    await using realTime = await Process.spawn(['sleep', '60']);
    realTime.send(40);
    expect(await realTime.wait()).toMatchObject({ reason: 'killed', signal: 'SIG40' });
    expect(() => child.send('SIGTERM')).toThrow(
      expect.objectContaining({ code: 'ESRCH', syscall: 'pidfd_send_signal', pid: child.pid }),
    );
  });

  it('is found by its identity as long as it is there', async () => {
    await using child = await Process.spawn(['sleep', '60']);
    {
      using other = await Pidfd.open(child.identity);
      expect(other.identity).toEqual(child.identity);
      expect(other.alive).toBe(true);
    }
    const { identity } = child;
    await child[Symbol.asyncDispose]();
    await expect(Pidfd.open(identity)).rejects.toMatchObject({ code: 'ESRCH' });
  });
});

describe('PATH', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'spawn-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const script = (name: string, text: string, mode = 0o755): void =>
    writeFileSync(join(directory, name), text, { mode });

  it('of the environment given is searched, not ours', async () => {
    script('mine', '#!/bin/sh\necho mine\n');
    expect((await outputOf(['mine'], { env: { PATH: `/nonexistent:${directory}` } })).output).toBe('mine\n');
    await expect(Process.spawn(['mine'])).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'execve',
      path: 'mine',
      argv: ['mine'],
    });
    // Where there is none: /bin and /usr/bin.
    expect((await outputOf(['echo', 'x'], { env: {} })).output).toBe('x\n');
  });

  it('passes over what may not be executed, and says so where nothing else is found', async () => {
    script('mine', '#!/bin/sh\n', 0o644);
    await expect(Process.spawn(['mine'], { env: { PATH: `${directory}:/bin` } })).rejects.toMatchObject({
      code: 'EACCES',
      path: join(directory, 'mine'),
    });
  });

  it('runs a script without a first line by sh, as execvp(3) does', async () => {
    script('mine', 'echo "$# $1"\n');
    expect((await outputOf(['mine', 'a b'], { env: { PATH: directory } })).output).toBe('1 a b\n');
  });

  it('is searched from the directory that the program starts in', async () => {
    script('mine', '#!/bin/sh\necho here\n');
    expect((await outputOf(['./mine'], { cwd: directory })).output).toBe('here\n');
    expect((await outputOf(['mine'], { cwd: directory, env: { PATH: '' } })).output).toBe('here\n');
  });
});

describe('what fails', () => {
  it.each<[string, readonly string[], SpawnOptions, object]>([
    ['no program', ['/nonexistent/x'], {}, { code: 'ENOENT', syscall: 'execve', path: '/nonexistent/x' }],
    ['a directory', ['/etc'], {}, { code: 'EACCES', syscall: 'execve', path: '/etc' }],
    ['no cwd', ['true'], { cwd: '/nonexistent' }, { code: 'ENOENT', syscall: 'chdir', path: '/nonexistent' }],
    ['a cwd fd', ['true'], { cwd: { fd: 0x7fff_0000 } }, { code: 'EBADF', syscall: 'fchdir' }],
    ['an fd', ['true'], { stdio: ['ignore', 99_999, 'ignore'] }, { code: 'EBADF', syscall: 'dup3' }],
    ['a netns', ['true'], { netns: { fd: 99_999 } }, { code: 'EBADF', syscall: 'setns' }],
    ['a cgroup', ['true'], { cgroup: { fd: 99_999 } }, { code: 'EBADF', syscall: 'clone3' }],
    [
      'a bind mount',
      ['true'],
      { mounts: { binds: [{ source: '/etc/passwd', target: '/nonexistent' }] } },
      { code: 'ENOENT', syscall: 'mount', path: '/nonexistent' },
    ],
    ['too much', ['true', 'x'.repeat(4 << 20)], {}, { code: 'E2BIG', syscall: 'execve' }],
  ])('%s', async (_what, argv, options, error) => {
    await expect(Process.spawn(argv, { stdio: 'ignore', ...options })).rejects.toMatchObject({
      name: 'SystemError',
      ...error,
    });
  });

  it.each<[string, unknown, unknown]>([
    ['argv', [], {}],
    ['argv', 'true', {}],
    ['argv[1]', ['true', 7], {}],
    ['argv[0]', ['tr\0ue'], {}],
    ['env', ['true'], { env: { 'A=B': '1' } }],
    ['env.A', ['true'], { env: { A: 'x\0' } }],
    ['cwd', ['true'], { cwd: 'x\0' }],
    ['cwd', ['true'], { cwd: 7 }],
    ['stdio', ['true'], { stdio: 'pip' }],
    ['stdio[1]', ['true'], { stdio: ['ignore', -1] }],
    ['stdio[3]', ['true'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] }],
    ['netns', ['true'], { netns: 'blue' }],
    ['cgroup', ['true'], { cgroup: { fd: -1 } }],
    ['mounts.sysfs', ['true'], { mounts: { sysfs: 1 } }],
    ['mounts.binds[0].target', ['true'], { mounts: { binds: [{ source: '/etc' }] } }],
    ['deathSignal', ['true'], { deathSignal: 'TERM' }],
    ['killSignal', ['true'], { killSignal: 0 }],
    ['timeout', ['true'], { timeout: 0 }],
    ['signal', ['true'], { signal: {} }],
    ['netnns', ['true'], { netnns: 7 }],
    ['uid', ['true'], { uid: 1000 }],
    ['mounts.bind', ['true'], { mounts: { bind: [] } }],
    ['options', ['true'], null],
  ])('%s is refused by name', async (field, argv, options) => {
    await expect(Process.spawn(argv as string[], options as SpawnOptions)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field,
    });
  });

  it('leaves nothing open, whatever the words', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (text) => {
        await expect(Process.spawn([`/nonexistent/${text}`])).rejects.toMatchObject({
          code: expect.stringMatching(/^(ENOENT|ENAMETOOLONG|ERR_COFFERDAM_INVALID_ARGUMENT)$/),
        });
      }),
    );
  });
});

describe('limits', () => {
  it('timeout kills, and wait() says so', async () => {
    await using child = await Process.spawn(['sleep', '60'], { timeout: 30 });
    await expect(child.wait()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_TIMEOUT', timeout: 30 });
    expect(child.exit).toMatchObject({ reason: 'killed', signal: 'SIGKILL' });
  });

  it('an abort kills, by the signal chosen', async () => {
    const controller = new AbortController();
    await using child = await Process.spawn(['sleep', '60'], {
      signal: controller.signal,
      killSignal: 'SIGTERM',
    });
    controller.abort(new Error('enough'));
    await expect(child.wait()).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'enough' } });
    expect(child.exit).toMatchObject({ signal: 'SIGTERM' });
    await expect(Process.spawn(['true'], { signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  it('that come after the end change nothing', async () => {
    const controller = new AbortController();
    await using child = await Process.spawn(['true'], { signal: controller.signal, timeout: 10_000 });
    await child.wait();
    controller.abort();
    expect(await child.wait()).toMatchObject({ exitCode: 0 });
  });

  it('of the wait leave the process alone', async () => {
    await using child = await Process.spawn(['sleep', '60']);
    await expect(child.wait({ timeout: 20 })).rejects.toMatchObject({ code: 'ERR_COFFERDAM_TIMEOUT' });
    await expect(child.wait({ signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(child.alive).toBe(true);
  });
});

describe('close()', () => {
  it('kills and reaps, streams and all', async () => {
    const child = await Process.spawn(['sh', '-c', 'trap "" TERM HUP; while :; do sleep 1; done'], {
      stdio: 'pipe',
    });
    const waiting = child.wait();
    child.close();
    expect(child.fd).toBe(-1);
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
    await child.closed;
    expect(children()).toEqual(childrenBefore);
    expect(child.stdin?.destroyed).toBe(true);
    child.close();
    expect(() => child.send('SIGTERM')).toThrow(expect.objectContaining({ code: 'ERR_COFFERDAM_CLOSED' }));
    await expect(child.wait()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  it('of the forgotten comes with the collector, and is told', async () => {
    const onLeak = handles.onLeak;
    const leaks: string[] = [];
    handles.onLeak = (leak) => leaks.push(`${leak.kind} ${leak.detail.command}`);
    try {
      await (async () => {
        for (let i = 0; i < 5; i++) await Process.spawn(['sleep', '60'], { stdio: 'ignore' });
      })();
      await collectUntil(() => children().length === childrenBefore.length);
      await collectUntil(() => leaks.length === 5);
      expect(new Set(leaks)).toEqual(new Set(['process sleep']));
    } finally {
      handles.onLeak = onLeak;
    }
  });
});

it('reaps what nobody waits for', async () => {
  const child = await Process.spawn(['true'], { stdio: 'ignore' });
  await eventually('it is reaped', () => children().length === childrenBefore.length);
  expect(children()).toEqual(childrenBefore);
  expect(await child.wait()).toMatchObject({ exitCode: 0 });
  await child[Symbol.asyncDispose]();
});

it('does not disturb children of node:child_process, nor they us', async () => {
  const node = Array.from({ length: 10 }, (_, i) => nodeSpawn('sh', ['-c', `exit ${i}`]));
  const ends = node.map((child) => once(child, 'exit'));
  const watched = node.map((child) => Pidfd.open(child.pid as number));
  const ours = Array.from({ length: 10 }, (_, i) =>
    outputOf(['sh', '-c', `echo ${i}; exit ${i}`]).then(({ output, exit }) => [output, exit]),
  );
  expect((await Promise.all(ends)).map(([code]) => code)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const [i, [output, exit]] of (await Promise.all(ours)).entries()) {
    expect([output, exit]).toEqual([`${i}\n`, expect.objectContaining({ exitCode: i })]);
  }
  for (const settled of await Promise.allSettled(watched)) {
    if (settled.status === 'fulfilled') await settled.value[Symbol.asyncDispose]();
  }
});

describe('netns', () => {
  it('is where the program starts, and every thread of ours stays at home', async () => {
    const home = readlinkSync('/proc/self/ns/net');
    await using netns = await Netns.create();
    const { output } = await outputOf(['readlink', '/proc/self/ns/net'], { netns });
    expect(output).toBe(`net:[${netns.inode}]\n`);
    for (const thread of readdirSync('/proc/self/task')) {
      expect(readlinkSync(`/proc/self/task/${thread}/ns/net`)).toBe(home);
    }
  });

  it('with mounts of its own shows its links in /sys, and files of its own in /etc', async () => {
    await using netns = await Netns.create();
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1');
    const { output } = await outputOf(['sh', '-c', 'ls /sys/class/net; head -c 4 /etc/hosts'], {
      netns,
      mounts: { sysfs: true, binds: [{ source: '/bin/sh', target: '/etc/hosts' }] },
    });
    expect(output).toBe('lo\n\x7fELF');
    expect(readFileSync('/proc/self/mountinfo', 'latin1')).toBe(mounts);
  });
});

it('keeps the fd table flat', async () => {
  await expectFlatFds(
    async () => {
      await using child = await Process.spawn(['true'], { stdio: ['pipe', 'pipe', 'ignore'] });
      await child.wait();
      await Process.spawn(['/nonexistent']).catch(() => {});
    },
    { iterations: 100 },
  );
});
