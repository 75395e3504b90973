// A host that is short of something: who goes, in which order, and who stays. Short of CPU, which can be had without harm.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import type { Readable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import type { SystemConfig } from '../../src/system/config/index.ts';
import { running as inUse } from '../../src/system/core.ts';
import { type ReclaimedSystem, reclaimUnderPressure, System } from '../../src/system/index.ts';
import { Ranking } from '../../src/system/ranking.ts';
import { readPressure } from '../../src/system/usage.ts';

// Shorter windows take CAP_SYS_RESOURCE.
const PRESSURE = { resource: 'cpu', stall: 400_000, window: 2_000_000 } as const;
const BUSY = 'while :; do :; done';
const load: ChildProcess[] = [];
afterEach(() => {
  for (const child of load.splice(0)) child.kill('SIGKILL');
});

/** By somebody who is not ours. */
function makeBusy(): void {
  for (let i = 0; i < 2 * cpus().length; i++) load.push(spawn('sh', ['-c', BUSY]));
}

let count = 0;
async function running(script: string, more: Partial<SystemConfig> = {}): Promise<System> {
  const name = `pressed-${++count}`;
  const box = await System.create({ name, group: `cofferdam-test-pressure-${process.pid}`, ...more });
  await box.start(['sh', '-c', script], { stdio: 'ignore' });
  return box;
}

it('ends who makes others wait, then who is abnormal, then who is idle; who does its work stays', async () => {
  // Little: it has to be had beside all who are busy.
  const monitoring = { interval: '200ms', cpu_threshold: 0.1 };
  const worker = await running('while :; do sleep 0.3; done');
  const idle = await running('exec sleep 1000');
  const greedy = await running(`for i in $(seq ${4 * cpus().length}); do ${BUSY} & done; wait`);
  // What it tells is a mean of ten seconds.
  await expect.poll(() => readPressure(greedy.cgroup, 'cpu'), { timeout: 90_000 }).toBeGreaterThan(0.8);
  const abort = AbortSignal.timeout(150_000);
  const gone: ReclaimedSystem[] = [];
  const options = { pressure: PRESSURE, endangering: 0.75, idleAfter: 4000, gracePeriod: 100, signal: abort };
  for await (const one of reclaimUnderPressure(options)) {
    gone.push(one);
    expect(one.end.reason).toBe('pressure');
    if (one.name === greedy.name) {
      // The host is short of it still.
      makeBusy();
    }
    if (one.name === idle.name) break;
  }
  expect(gone.map(({ name, rank }) => [name, rank])).toEqual([
    [greedy.name, 'endangering'],
    [idle.name, 'idle'],
  ]);
  expect(worker.end).toBeUndefined();
  const abnormal = await running(BUSY, { monitoring });
  for await (const { name, rank } of reclaimUnderPressure({ ...options, endangering: 1 })) {
    expect([name, rank]).toEqual([abnormal.name, 'abnormal']);
    break;
  }
  expect(worker.end).toBeUndefined();
  for (const box of [worker, idle, greedy, abnormal]) await box.stop({ gracePeriod: 0 });
}, 300_000);

it('knows who has been abnormal for long', async () => {
  await using box = await running(BUSY, { monitoring: { interval: '100ms', cpu_threshold: 0.1 } });
  await box.events().next();
  // Memory is not what it waits for.
  const ranking = new Ranking(inUse, 'memory', { idleAfter: 1e6, endangering: 1 });
  expect(ranking.first()).toMatchObject({ core: { spec: { name: box.name } }, rank: 'abnormal' });
  ranking.end();
});

it('claims no end that somebody else had in mind', async () => {
  const box = await running('exec sleep 1000');
  const script = 'trap "" TERM; echo ready; exec sleep 1000';
  const { stdout } = await box.start(['sh', '-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(stdout as Readable, 'data');
  const stopped = box.stop({ gracePeriod: 5000 });
  makeBusy();
  const signal = AbortSignal.timeout(10_000);
  const options = { pressure: PRESSURE, endangering: 1, idleAfter: 100, gracePeriod: 100, signal };
  await expect(reclaimUnderPressure(options).next()).rejects.toThrow(/aborted|timeout/i);
  expect(await stopped).toMatchObject({ reason: 'stopped' });
});

it('leaves all alone while the host is not short of anything', async () => {
  await using idle = await running('exec sleep 1000');
  const signal = AbortSignal.timeout(2500);
  const memory = { resource: 'memory', level: 'full', stall: 1_900_000, window: 2_000_000 } as const;
  const next = reclaimUnderPressure({ pressure: memory, idleAfter: 100, signal }).next();
  await expect(next).rejects.toThrow(/aborted|timeout/i);
  expect(idle.end).toBeUndefined();
});

it('says what is wrong with its options', async () => {
  await expect(reclaimUnderPressure({ endangering: 2 }).next()).rejects.toThrow(
    /endangering.*more than 0, up to 1/s,
  );
  await expect(reclaimUnderPressure({ idleAfter: 0 }).next()).rejects.toThrow(/idleAfter/);
  await expect(reclaimUnderPressure({ gracePeriod: -1 }).next()).rejects.toThrow(/gracePeriod/);
  await expect(reclaimUnderPressure({ signal: AbortSignal.abort() }).next()).rejects.toThrow(/abort/i);
});
