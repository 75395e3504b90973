// Pidfd: any process, by a handle that means no other; signals, waits, fds of others.
import { type ChildProcess, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { release } from 'node:os';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countFds, handles } from '../../src/handle/index.ts';
import { Pidfd, Process } from '../../src/process/index.ts';
import { expectFlatFds } from '../../src/testing/index.ts';
import { eventually } from '../support/cgroup.ts';
import { collectUntil } from '../support/collect.ts';
import { children, expectNoMoreFds } from './support.ts';

const NO_PID = 0x3fff_fff0;

/** PIDFD_INFO_EXIT. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const TELLS_EXITS = major > 6 || (major === 6 && minor >= 15);

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

/** Ends a child of Node's, streams and all. */
async function kill(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

describe('open()', () => {
  it('opens this process, which says who it is', async () => {
    await using self = await Pidfd.open(process.pid);
    expect(self.kind).toBe('pidfd');
    expect(self.pid).toBe(process.pid);
    expect(self.alive).toBe(true);
    expect(self.exit).toBeUndefined();
    const fields = readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ');
    expect(self.identity).toEqual({
      pid: process.pid,
      startTime: Number(fields?.[19]),
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
    });
    expect(JSON.parse(JSON.stringify(self.identity))).toEqual(self.identity);
    expect(inspect(self)).toBe(`Pidfd <pidfd, open, fd ${self.fd}, pid ${process.pid}>`);
  });

  it('a thread is EINVAL', async () => {
    const thread =
      readdirSync('/proc/self/task')
        .map(Number)
        .find((tid) => tid !== process.pid) ?? 0;
    await expect(Pidfd.open(thread)).rejects.toMatchObject({ code: 'EINVAL', syscall: 'pidfd_open' });
  });

  it('opens a process again by what was written down, and no other with its number', async () => {
    await using self = await Pidfd.open(process.pid);
    const { identity } = self;
    (await Pidfd.open(identity)).close();
    for (const stranger of [
      { ...identity, startTime: identity.startTime + 1 },
      { ...identity, bootId: '00000000-0000-0000-0000-000000000000' },
    ]) {
      await expect(Pidfd.open(stranger)).rejects.toMatchObject({
        code: 'ESRCH',
        syscall: 'pidfd_open',
        pid: process.pid,
        expected: stranger,
        found: identity,
      });
    }
  });

  it('knows a zombie, which is still that process', async () => {
    // Reaped only when its parent ends.
    const parent = nodeSpawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(String(line));
    await using zombie = await Pidfd.open(pid);
    await zombie.wait({ timeout: 30_000 });
    expect(zombie.alive).toBe(false);
    (await Pidfd.open(zombie.identity)).close();
    zombie.send('SIGTERM'); // nobody minds
    await kill(parent);
  });

  it.each<[unknown, string]>([
    [0, 'pid'],
    [-1, 'pid'],
    [1.5, 'pid'],
    [Number.NaN, 'pid'],
    [2 ** 32, 'pid'],
    ['1', 'process'],
    [undefined, 'process'],
    [{ pid: 1 }, 'process'],
    [{ pid: 1, startTime: '7', bootId: 'x' }, 'process'],
    [{ pid: -1, startTime: 7, bootId: 'x' }, 'pid'],
  ])('%j is refused', async (value, field) => {
    await expect(Pidfd.open(value as number)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field,
    });
  });

  it('of what is none is ESRCH', async () => {
    await expect(Pidfd.open(NO_PID)).rejects.toMatchObject({
      name: 'SystemError',
      code: 'ESRCH',
      syscall: 'pidfd_open',
      pid: NO_PID,
    });
  });
});

describe('send()', () => {
  it('takes names and numbers, and nothing else', async () => {
    await using child = await Process.spawn(['sleep', '60']);
    await using other = await Pidfd.open(child.pid);
    for (const signal of [0, 65, -1, 1.5, 'TERM', 'SIGNONE', 'toString', undefined, null]) {
      expect(() => other.send(signal as number)).toThrow(
        expect.objectContaining({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT', field: 'signal', value: signal }),
      );
    }
    other.send('SIGSTOP');
    other.send('SIGCONT');
    other.send(15);
    expect(await child.wait()).toMatchObject({ signal: 'SIGTERM' });
  });
});

describe('wait()', () => {
  it('many may wait, each with a limit of its own', async () => {
    await using child = await Process.spawn(['sleep', '60']);
    await using other = await Pidfd.open(child.pid);
    const controller = new AbortController();
    const waits = [
      other.wait(),
      other.wait({ timeout: 10 }),
      other.wait({ signal: controller.signal }),
      child.wait(),
    ];
    const settled = Promise.allSettled(waits);
    await expect(waits[1]).rejects.toMatchObject({ code: 'ERR_COFFERDAM_TIMEOUT', timeout: 10 });
    controller.abort();
    await expect(waits[2]).rejects.toMatchObject({ name: 'AbortError' });
    other.send('SIGINT');
    const results = await settled;
    expect(results[3]).toMatchObject({ status: 'fulfilled', value: { signal: 'SIGINT' } });
    expect(results[0]?.status).toBe('fulfilled');
    await expect(other.wait({ signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('tells how a child of node:child_process ended, and leaves it to Node', async () => {
    for (let round = 0; round < 5; round++) {
      const child = nodeSpawn('sh', ['-c', `exit ${round}`]);
      const nodeKnows = once(child, 'exit');
      const pidfd = await Pidfd.open(child.pid as number).catch(() => undefined);
      const exit = await pidfd?.wait({ timeout: 30_000 });
      expect((await nodeKnows)[0]).toBe(round);
      if (TELLS_EXITS && exit !== undefined)
        expect(exit).toMatchObject({ reason: 'exited', exitCode: round });
      else expect(['exited', 'unknown', undefined]).toContain(exit?.reason);
      await pidfd?.[Symbol.asyncDispose]();
    }
  });

  it("of somebody else's child tells its end and, where the kernel does, how", async () => {
    for (let round = 0; ; round++) {
      const parent = nodeSpawn('sh', ['-c', 'sleep 60 & echo $!; wait $!; exec sleep 60'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      await using pidfd = await Pidfd.open(Number(String(line)));
      pidfd.send('SIGTERM');
      const exit = await pidfd.wait({ timeout: 30_000 });
      expect(exit).not.toHaveProperty('usage');
      expect(pidfd.exit).toEqual(exit);
      // As long as its parent has not reaped it, it takes signals.
      await eventually('its parent reaps it', () => !existsSync(`/proc/${pidfd.pid}`));
      expect(() => pidfd.send('SIGTERM')).toThrow(expect.objectContaining({ code: 'ESRCH' }));
      await kill(parent);
      // That parent may have been late: a wait has a tenth of a second for it.
      if (TELLS_EXITS && exit.reason === 'unknown' && round < 5) continue;
      if (TELLS_EXITS) expect(exit).toMatchObject({ reason: 'killed', signal: 'SIGTERM' });
      else expect(exit).toEqual({ reason: 'unknown' });
      break;
    }
  });

  it('ends with the handle', async () => {
    await using child = await Process.spawn(['sleep', '60']);
    const other = await Pidfd.open(child.pid);
    const waiting = other.wait();
    other.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
    expect(() => other.alive).toThrow(expect.objectContaining({ code: 'ERR_COFFERDAM_CLOSED' }));
    expect(child.alive).toBe(true);
    await other.closed;
  });

  it('holds its handle', async () => {
    await using child = await Process.spawn(['sleep', '60']);
    const waiting = (async () => (await Pidfd.open(child.pid)).wait())();
    const { leaked } = handles.counters;
    for (let i = 0; i < 10; i++) {
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    child.send('SIGTERM');
    expect((await waiting).reason).not.toBe('exited');
    expect(handles.counters.leaked).toBe(leaked);
    // Forgotten, from here on.
    const { onLeak } = handles;
    handles.onLeak = 'ignore';
    await collectUntil(() => handles.counters.leaked === leaked + 1 && handles.list().length === 1);
    handles.onLeak = onLeak;
  });
});

describe('getfd()', () => {
  it('is the same open file', async () => {
    await using child = await Process.spawn(['sleep', '60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const file = openSync('/proc/self/status', 'r');
    await using self = await Pidfd.open(process.pid);
    await using copy = await self.getfd(file);
    expect(copy.fd).not.toBe(file);
    expect(fstatSync(copy.fd).ino).toBe(fstatSync(file).ino);
    expect(copy.target).toBe(`/proc/${process.pid}/status`);
    readSync(file, Buffer.alloc(10));
    expect(readFileSync(`/proc/self/fdinfo/${copy.fd}`, 'latin1')).toMatch(/^pos:\t10\n/);
    closeSync(file);
    await using stdout = await child.getfd(1);
    expect(stdout.target).toMatch(/^pipe:\[\d+\]$/);
    expect(inspect(stdout)).toMatch(/^DuplicatedFd <fd, open, fd \d+, pid \d+, target pipe:\[\d+\]>$/);
  });

  it('of none is EBADF, of a process that is gone ESRCH', async () => {
    await using child = await Process.spawn(['true']);
    await child.wait();
    await expect(child.getfd(0)).rejects.toMatchObject({ code: 'ESRCH', syscall: 'pidfd_getfd' });
    await using self = await Pidfd.open(process.pid);
    await expect(self.getfd(99_999)).rejects.toMatchObject({ code: 'EBADF', fd: 99_999 });
    await expect(self.getfd(-1)).rejects.toMatchObject({ field: 'fd' });
  });
});

it('keeps the fd table flat', async () => {
  await using child = await Process.spawn(['sleep', '60']);
  await expectFlatFds(
    async () => {
      await using other = await Pidfd.open(child.pid);
      await other.wait({ timeout: 1 }).catch(() => {});
      await using copy = await other.getfd(1);
      if (copy.fd < 0) throw new Error('no fd');
      await Pidfd.open(NO_PID).catch(() => {});
      await Pidfd.open({ ...child.identity, startTime: 1 }).catch(() => {});
    },
    { iterations: 200 },
  );
});
