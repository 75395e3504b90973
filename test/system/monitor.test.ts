import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import type { SystemConfig } from '../../src/system/config/index.ts';
import { System, type SystemEvent } from '../../src/system/index.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';

/** CPU time is counted on every host; the rest is felt in guests. */

const GROUP = `cofferdam-test-${process.pid}`;
let count = 0;
const config = (monitoring: SystemConfig['monitoring'] = {}): SystemConfig => ({
  name: `monitored-${++count}`,
  group: GROUP,
  lifecycle: { grace_period: 0 },
  // Little: it has to be had beside all who are busy.
  monitoring: { interval: '100ms', cpu_threshold: 0.2, ...monitoring },
});
const BUSY = ['sh', '-c', 'while :; do :; done'];

beforeAll(() => {
  compiledUrl('index.js');
}, 120_000);
afterEach(() => {
  expect(handles.list().filter(({ state }) => state === 'open')).toEqual([]);
});

describe('monitoring', () => {
  it('tells what is too much for three samples, and when it is over; the system goes on', async () => {
    await using box = await System.create(config());
    const busy = await box.start(BUSY, { stdio: 'ignore' });
    const told: SystemEvent[] = [];
    for await (const event of box.events()) {
      told.push(event);
      if (event.type === 'under') break;
      await busy.kill('SIGKILL');
    }
    const [over, under] = told;
    expect(told).toHaveLength(2);
    expect(over).toMatchObject({ type: 'over', resource: 'cpu', limit: 0.5, threshold: 0.2 });
    expect(over?.used).toBeGreaterThanOrEqual(0.1);
    expect(over?.duration).toBeGreaterThan(250);
    expect(under).toMatchObject({ type: 'under', resource: 'cpu' });
    expect(under?.used).toBeLessThan(0.1);
    expect(under?.duration).toBeGreaterThan(over?.duration ?? 0);
    expect(box.end).toBeUndefined();
  });

  it('says nothing of what is not for long', async () => {
    // Two samples at most have to do with it.
    await using box = await System.create(config({ interval: '1s' }));
    await box.start(['sh', '-c', 'timeout 0.4 sh -c "while :; do :; done"; sleep 100'], { stdio: 'ignore' });
    const reading = box.events().next();
    expect(await Promise.race([reading, sleep(4500, 'nothing')])).toBe('nothing');
    box.close();
    expect(await reading).toEqual({ done: true, value: undefined });
  });

  it('ends the system where the configuration says so', async () => {
    const box = await System.create(config({ action: 'stop' }));
    const events = box.events();
    const told = events.next();
    expect(await box.run(BUSY)).toMatchObject({ exitCode: 137, reason: 'cpu' });
    expect(await told).toMatchObject({ value: { type: 'over', resource: 'cpu' } });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(await box.ended()).toMatchObject({ reason: 'cpu' });
    box.close();
  });

  it('ends with an AbortError by its signal, and at once where there is no system any more', async () => {
    const box = await System.create(config());
    const controller = new AbortController();
    const reading = box.events({ signal: controller.signal }).next();
    controller.abort();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    await expect(box.events({ signal: controller.signal }).next()).rejects.toMatchObject({
      name: 'AbortError',
    });
    await box.stop({ gracePeriod: 0 });
    expect(await box.events().next()).toEqual({ done: true, value: undefined });
    expect(() => box.events({ signal: 1 as never })).toThrow(/signal/);
  });
});

describe('the event loop', () => {
  const made = (action: 'warn' | 'stop') => `
    const { System } = await import(${JSON.stringify(compiledUrl('system/index.js'))});
    const box = await System.create(${JSON.stringify(config({ action }))});
  `;

  it('is not kept alive by samples that nobody waits for', async () => {
    expect(await runModule(made('stop'))).toMatchObject({ code: 0, stderr: '' });
  });

  it('is kept alive by who waits for what they tell', async () => {
    const waits = `
      await box.start(${JSON.stringify(BUSY)}, { stdio: 'ignore' });
      console.log((await box.events().next()).value.resource);
    `;
    expect(await runModule(made('warn') + waits)).toMatchObject({ code: 0, stdout: 'cpu\n' });
  });
});
