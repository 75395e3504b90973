// What becomes of a request to the supervisor when it is not answered: because the system ends meanwhile, because the
// supervisor takes too long, or because its socket is full.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  handles,
  InvalidArgumentError,
  loadBinding,
  type NativeControl,
  SystemError,
  TimeoutError,
} from '../../src/handle/index.ts';
import type { SystemSeat } from '../../src/system/connection.ts';
import { System } from '../../src/system/index.ts';
import { Programs } from '../../src/system/programs.ts';
import { encodeMessage, Kind, Message, Tag } from '../../src/system/wire.ts';
import { mount } from '../support/cgroup.ts';

const GROUP = `cofferdam-test-${process.pid}-requests`;
/** Milliseconds after which a request is given up. */
const ANSWER_TIMEOUT = 30_000;
/** Milliseconds that a busy machine may take. */
const PATIENCE = { timeout: 20_000 };
let count = 0;
const make = (): Promise<System> =>
  System.create({ name: `box-${++count}`, group: GROUP, lifecycle: { grace_period: 0 } });

afterEach(() => {
  expect(existsSync(join(mount, GROUP))).toBe(false);
  expect(handles.list().filter(({ state }) => state === 'open')).toEqual([]);
});

const pidsOf = (box: System): number[] =>
  readFileSync(`${mount}${box.cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);

describe('a program that is being started when its system ends', () => {
  it('is refused at once: the system is closed', async () => {
    const box = await make();
    // Or else it might be started first.
    process.kill(box.pid, 'SIGSTOP');
    const started = box.start(['true'], { stdio: 'ignore' });
    box.close();
    await expect(started).rejects.toMatchObject({ code: 'ESRCH' });
    await box.closed;
  });

  it('is refused at once: the system is stopped', async () => {
    const box = await make();
    // Or else it might be started first.
    process.kill(box.pid, 'SIGSTOP');
    const started = box.start(['true'], { stdio: 'ignore' });
    const stopped = box.stop({ gracePeriod: 0 });
    await expect(started).rejects.toMatchObject({ code: 'ESRCH' });
    expect(await stopped).toMatchObject({ reason: 'stopped' });
  });
});

describe('while the supervisor is stopped', () => {
  let box: System;
  let supervisor: number;

  beforeEach(async () => {
    box = await make();
    supervisor = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${box.pid}/status`, 'utf8'))?.[1]);
    expect(readFileSync(`/proc/${supervisor}/comm`, 'utf8')).toBe('cofferdam-super\n');
    process.kill(supervisor, 'SIGSTOP');
  });
  afterEach(async () => {
    vi.useRealTimers();
    process.kill(supervisor, 'SIGCONT');
    box.close();
    await box.closed;
  });

  /** Has time pass until the request is given up. */
  async function givenUp(request: () => Promise<unknown>): Promise<void> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const refused = expect(request()).rejects.toBeInstanceOf(TimeoutError);
    // It may look at the host before it asks.
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1), PATIENCE);
    vi.advanceTimersByTime(ANSWER_TIMEOUT);
    await refused;
    vi.useRealTimers();
    process.kill(supervisor, 'SIGCONT');
  }

  it('a system is given up, and ended as soon as it is made', async () => {
    await givenUp(make);
    const path = join(mount, GROUP, `cofferdam-box-${count}`);
    // Answered behind the request for it.
    expect(await box.run(['true'], { stdio: 'ignore' })).toMatchObject({ exitCode: 0 });
    await vi.waitFor(() => expect(existsSync(path)).toBe(false), PATIENCE);
  });

  it('a program is given up, and killed as soon as it is started', async () => {
    await givenUp(() => box.start(['sleep', '100'], { stdio: 'ignore' }));
    expect(await box.run(['true'], { stdio: 'ignore' })).toMatchObject({ exitCode: 0 });
    await vi.waitFor(() => expect(pidsOf(box)).toEqual([box.pid]), PATIENCE);
  });

  it('a visitor who detaches waits no more', async () => {
    process.kill(supervisor, 'SIGCONT');
    const visitor = await System.attach(`${GROUP}/${box.name}`);
    process.kill(supervisor, 'SIGSTOP');
    const started = visitor.start(['true'], { stdio: 'ignore' });
    visitor.close();
    await expect(started).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  it('who gives up attaching waits no more', async () => {
    const controller = new AbortController();
    const attaching = System.attach(`${GROUP}/${box.name}`, { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    await expect(attaching).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('more is asked than its socket has room for, and all of it is done', async () => {
    // 4 MiB, which the kernel doubles.
    const env = { FILLER: 'x'.repeat(120_000) };
    const runs = Array.from({ length: 100 }, () => box.run(['true'], { stdio: 'ignore', env }));
    // Nor does another thread have to wait for that room.
    const another = loadBinding().connectSupervisor('/nonexistent', () => {});
    expect(another).not.toHaveProperty('errno');
    (another as NativeControl).close();
    process.kill(supervisor, 'SIGCONT');
    expect((await Promise.all(runs)).map(({ exitCode }) => exitCode)).toEqual(runs.map(() => 0));
  });
});

it('a program is killed that runs when there is no fd left for its terminal', async () => {
  const told: unknown[] = [];
  const seat: SystemSeat = {
    tell: (kind, fields) => told.push([kind, fields]),
    ask: async () => ({ message: new Message(encodeMessage(Kind.Started, 1, 1, [])), fds: [] }),
    waiting: async (work) => await work(),
    leave() {},
  };
  const failing = new Programs(seat, 'box').start([], [], () => {
    throw new SystemError(-24, 'fcntl');
  });
  await expect(failing).rejects.toMatchObject({ code: 'EMFILE' });
  expect(told).toEqual([
    [
      Kind.Signal,
      [
        [Tag.Command, 1],
        [Tag.SignalNumber, 9],
      ],
    ],
  ]);
});

describe('before anything is asked', () => {
  const refused = (call: Promise<unknown>, field: string): Promise<void> =>
    expect(call).rejects.toMatchObject({
      name: InvalidArgumentError.name,
      field,
      remedy: expect.stringMatching(/\d/),
    });

  it('a user that the kernel would take for "as it is" is refused', async () => {
    await using box = await make();
    for (const id of [-1, 0xffff_ffff, 1.5, Number.NaN, 2 ** 32]) {
      await refused(box.start(['true'], { user: { uid: id, gid: 0 } }), 'user.uid');
      await refused(box.start(['true'], { user: { uid: 0, gid: id } }), 'user.gid');
    }
  });

  it('a grace period is any time', async () => {
    const box = await make();
    for (const time of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await refused(box.stop({ gracePeriod: time }), 'gracePeriod');
    }
    expect(await box.stop({ gracePeriod: 0.5 })).toMatchObject({ reason: 'stopped' });
  });
});
