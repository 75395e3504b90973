// PSI triggers on the real kernel.

import { existsSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Cgroup, PressureTrigger } from '../../src/cgroup/index.ts';
import { handles } from '../../src/handle/index.ts';
import { expectFlatFds } from '../../src/testing/index.ts';
import {
  endProcesses,
  eventually,
  makeTestCgroup,
  mount,
  start,
  type TestCgroup,
} from '../support/cgroup.ts';
import { skip } from '../support/needs.ts';

let top: TestCgroup;

beforeAll(() => {
  top = makeTestCgroup();
});
afterEach(async () => {
  await endProcesses();
  await eventually('no handle open', () => handles.list().length === 0);
});
afterAll(() => top.remove());

const CPU = { resource: 'cpu', stall: 50_000, window: 2_000_000 } as const;

const mayUseAnyWindow = (): boolean => {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
};

/** More processes that want a CPU than there are. */
async function crowd(cg: Cgroup): Promise<void> {
  for (let index = 0; index <= availableParallelism(); index++)
    await cg.attach(start('sh', ['-c', 'while :; do :; done']).pid);
}

describe('a trigger', () => {
  it('of a cgroup fires when its tasks wait, and shows itself', async () => {
    await using cg = await Cgroup.create(top.path, 'crowd', {}, { removeOnDispose: true });
    await using trigger = await PressureTrigger.open({ ...CPU, cgroup: cg });
    expect(handles.list().find(({ kind }) => kind === 'pressure')?.detail).toEqual({ ...CPU, level: 'some' });
    await expect(trigger.wait({ timeout: 20 })).rejects.toMatchObject({ code: 'ERR_COFFERDAM_TIMEOUT' });
    await crowd(cg);
    expect(await trigger.wait({ timeout: 50_000 })).toBeGreaterThan(0);
    for await (const count of trigger) {
      expect(count).toBeGreaterThan(0);
      break;
    }
  });

  it('is an event of its cgroup', async () => {
    await using cg = await Cgroup.create(top.path, 'events', {}, { removeOnDispose: true });
    const events = cg.events({ pressure: [CPU] });
    await crowd(cg);
    for await (const event of events) {
      if (event.type !== 'pressure') continue;
      expect(event).toEqual({ type: 'pressure', resource: 'cpu', level: 'some' });
      break;
    }
  });

  it('outlives its cgroup without a sound, and ends with the events', async () => {
    const cg = await Cgroup.create(top.path, 'gone');
    const events = cg.events({ pressure: [CPU] });
    await using alone = await PressureTrigger.open({ ...CPU, cgroup: cg });
    await cg.remove();
    const seen: string[] = [];
    for await (const { type } of events) seen.push(type);
    expect(seen).toEqual(['removed']);
    expect(handles.list().filter(({ kind, state }) => kind === 'pressure' && state === 'open')).toHaveLength(
      1,
    );
    expect(alone.state).toBe('open');
  });

  it('of a cgroup that somebody else removes has not fired, and ends', async () => {
    const cg = await Cgroup.create(top.path, 'taken');
    const quiet = { resource: 'memory', stall: 1_900_000, window: 2_000_000 } as const;
    const events = cg.events({ pressure: [quiet] });
    await using trigger = await PressureTrigger.open({ ...quiet, cgroup: cg });
    await using looped = await PressureTrigger.open({ ...quiet, cgroup: cg });
    const waiting = trigger.wait({ timeout: 60_000 }).catch((error: unknown) => error);
    rmdirSync(`${mount}${cg.path}`);
    expect(await waiting).toMatchObject({ code: 'ENODEV', path: 'memory.pressure' });
    await expect(trigger.wait()).rejects.toMatchObject({ code: 'ENODEV' });
    for await (const _count of looped) throw new Error('it has not fired');
    const seen: string[] = [];
    for await (const { type } of events) seen.push(type);
    expect(seen).toEqual(['removed']);
    cg.close();
  });

  it('says what else may have ended it', async (context) => {
    await using cg = await Cgroup.create(top.path, 'off', {}, { removeOnDispose: true });
    const file = `${mount}${cg.path}/cgroup.pressure`;
    if (!existsSync(file)) skip(context, 'it takes Linux 6.1');
    await using trigger = await PressureTrigger.open({ ...CPU, cgroup: cg });
    const waiting = trigger.wait({ timeout: 60_000 });
    writeFileSync(file, '0');
    await expect(waiting).rejects.toThrow(/^ENODEV: .* removed, or its cgroup\.pressure is 0$/);
  });

  it('rejects what waits when it is closed or aborted', async () => {
    const trigger = await PressureTrigger.open({ resource: 'memory', stall: 1_900_000, window: 2_000_000 });
    const controller = new AbortController();
    const aborted = trigger.wait({ signal: controller.signal });
    controller.abort('no');
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError', cause: 'no' });
    const waiting = trigger.wait();
    trigger.close();
    expect(trigger.fd).toBe(-1);
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
    await expect(trigger.wait()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
    for await (const _count of trigger) throw new Error('it is closed');
    await trigger.closed;
  });

  it('is flat over many', async () => {
    await expectFlatFds(
      async () => {
        await using _trigger = await PressureTrigger.open(CPU);
      },
      { iterations: 100 },
    );
  });
});

describe('what is refused', () => {
  it.each([
    [{ ...CPU, resource: 'disk' }, 'pressure.resource'],
    [{ ...CPU, level: 'most' }, 'pressure.level'],
    [{ ...CPU, window: 499_999 }, 'pressure.window'],
    [{ ...CPU, window: 10_000_001 }, 'pressure.window'],
    [{ ...CPU, stall: 0 }, 'pressure.stall'],
    [{ ...CPU, stall: 2_000_001 }, 'pressure.stall'],
    [undefined, 'pressure.resource'],
  ])('%o by its field', async (threshold, field) => {
    await expect(PressureTrigger.open(threshold as never)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field,
    });
  });

  it.skipIf(mayUseAnyWindow())('a short window without CAP_SYS_RESOURCE, with the reason', async () => {
    const error = PressureTrigger.open({ ...CPU, window: 1_000_000 });
    await expect(error).rejects.toMatchObject({ code: 'EINVAL', path: 'cpu' });
    await expect(error).rejects.toThrow(
      /takes CAP_SYS_RESOURCE, which this process lacks; multiples of 2000000 do not/,
    );
  });

  it('of a closed cgroup', async () => {
    const cg = await Cgroup.open(top.path);
    cg.close();
    await expect(PressureTrigger.open({ ...CPU, cgroup: cg })).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_CLOSED',
    });
  });
});
