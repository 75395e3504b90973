/** lifecycle and monitoring. */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { LimitsConfig, MonitoringConfig, SystemConfig } from '../../../src/system/config/config.ts';
import type { System, SystemEvent } from '../../../src/system/index.ts';
import { BUSY, type Chapter, create, inside, say, shell } from './felt.ts';

/** Some memory, CPU time and processes in use, and so much that each of them may be too much. */
async function loaded(
  monitoring: MonitoringConfig,
  cpu: LimitsConfig['cpu'] = { max: 'max' },
): Promise<System> {
  const box = await create({
    resource_limits: {
      memory: { max: '64M', high: 'max', swap: 0 },
      cpu,
      pids: { max: 20 },
    },
    monitoring: { memory_threshold: 1, cpu_threshold: 1, pids_threshold: 1, ...monitoring },
  });
  await shell(box, 'dd if=/dev/zero bs=24M count=1 | sleep 1000');
  for (let i = 0; i < 8; i++) await shell(box, 'exec sleep 1000');
  return box;
}

/** The first that is told of a system. */
async function told(monitoring: MonitoringConfig, cpu?: LimitsConfig['cpu']): Promise<SystemEvent> {
  await using box = await loaded({ interval: '200ms', ...monitoring }, cpu);
  if (cpu !== undefined) await shell(box, BUSY);
  for await (const event of box.events({ signal: AbortSignal.timeout(50_000) })) return event;
  throw new Error('nothing is told');
}

export const life: Chapter = {
  fields: {
    'lifecycle.timeout': async () => {
      const { result, end, took } = await inside('sleep 100', { lifecycle: { timeout: '6s' } });
      expect([result.reason, end.reason]).toEqual(['timeout', 'timeout']);
      expect(took).toBeLessThan(30_000);
    },

    'lifecycle.grace_period': async () => {
      const box = await create({ lifecycle: { grace_period: '1s' } });
      const command = await box.start(
        ['sh', '-c', 'trap "echo term" TERM; echo on; while :; do sleep 0.05; done'],
        { stdio: ['ignore', 'pipe', 'ignore'] },
      );
      const output = command.stdout as Readable;
      await once(output, 'readable');
      const start = performance.now();
      const [, words] = await Promise.all([box.stop(), text(output)]);
      expect(words).toBe('on\nterm\n');
      expect(performance.now() - start).toBeGreaterThan(900);
    },

    'lifecycle.idle_timeout': async () => {
      const { end, took } = await inside('sleep 100', { lifecycle: { idle_timeout: '3s' } });
      expect(end.reason).toBe('idle');
      expect(took).toBeGreaterThan(2400);
      const busy: SystemConfig = {
        lifecycle: { idle_timeout: '3s' },
        resource_limits: { cpu: { max: 'max' } },
      };
      expect((await inside('timeout 7 sh -c "while :; do :; done"', busy)).end.reason).toBe('stopped');
    },

    'lifecycle.cpu_time': async () => {
      const { end } = await inside(BUSY, { lifecycle: { cpu_time: '1s' } });
      expect(end.reason).toBe('cpu_time');
      expect(end.statistics['cpu.stat']?.usage_usec).toBeGreaterThan(900_000);
    },

    'lifecycle.cleanup_delay': async () => {
      const make = (cleanup_delay: string | number) => create({ name: 'kept', lifecycle: { cleanup_delay } });
      await (await make('10s')).stop();
      const start = performance.now();
      await expect(make(0)).rejects.toMatchObject({ code: 'ERR_COFFERDAM_SYSTEM_NAME_KEPT' });
      await sleep(10_000 - (performance.now() - start));
      for (let i = 0; i < 2; i++) await (await make(0)).stop();
    },

    logs: async () => {
      await using without = await create({ logs: 'none' });
      await expect(without.logs().next()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_LOGS' });
      await using box = await create({ logs: { max: '1M' } });
      await say(box, 'echo one; echo two');
      const kept: string[] = [];
      for await (const line of box.logs()) kept.push(`${line.stream} ${line.text}`);
      expect(kept).toEqual(['stdout one', 'stdout two']);
    },

    'logs.max': async () => {
      const seen: number[] = [];
      for (const max of ['8K', '64K']) {
        await using box = await create({ logs: { max } });
        await say(box, 'seq 10001 30000');
        const kept: string[] = [];
        for await (const line of box.logs()) kept.push(line.text);
        expect(kept.at(-1)).toBe('30000');
        seen.push(kept.length);
      }
      const [few = 0, many = 0] = seen;
      // Six bytes each.
      expect([few > 500, few < 1400, many > 5000, many < 11_000]).toEqual([true, true, true, true]);
    },

    'monitoring.interval': async () => {
      const quick = await told({ interval: '100ms', pids_threshold: 0.3 });
      const slow = await told({ interval: '2s', pids_threshold: 0.3 });
      // Three samples.
      expect(quick.duration).toBeGreaterThan(250);
      expect(slow.duration).toBeGreaterThan(5900);
    },

    'monitoring.memory_threshold': async () => {
      expect(await told({ memory_threshold: 0.25 })).toMatchObject({
        type: 'over',
        resource: 'memory',
        limit: 64 << 20,
        threshold: 0.25,
      });
    },

    'monitoring.cpu_threshold': async () => {
      const event = await told({ cpu_threshold: 0.5 }, { max: '20000 100000' });
      expect(event).toMatchObject({ type: 'over', resource: 'cpu', limit: 0.2, threshold: 0.5 });
      expect(event.used).toBeGreaterThan(0.1);
    },

    'monitoring.pids_threshold': async () => {
      const event = await told({ pids_threshold: 0.45 });
      expect(event).toMatchObject({ type: 'over', resource: 'pids', limit: 20, threshold: 0.45 });
      expect(event.used).toBeGreaterThanOrEqual(9);
    },

    'monitoring.action': async () => {
      const monitoring: MonitoringConfig = { interval: '200ms', memory_threshold: 0.25 };
      await using warned = await loaded(monitoring);
      await warned.events().next();
      await sleep(500);
      expect(warned.end).toBeUndefined();
      await using stopped = await loaded({ ...monitoring, action: 'stop' });
      expect(await stopped.ended()).toMatchObject({ reason: 'memory' });
    },
  },
};
