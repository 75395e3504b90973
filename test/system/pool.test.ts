// Systems made ahead: had at once, used once, and none left.
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { hierarchy } from '../../src/cgroup/index.ts';
import { checkSystemConfig, type SystemConfig } from '../../src/system/config/index.ts';
import { running } from '../../src/system/core.ts';
import { listSystems, type System, SystemPool } from '../../src/system/index.ts';
import { begin, makeAhead } from '../../src/system/system.ts';

const group = `cofferdam-test-pool-${process.pid}`;
const config = (more: Partial<SystemConfig> = {}): SystemConfig => ({ name: 'pooled', group, ...more });
const isThere = (system: System): boolean => existsSync(hierarchy().mount + system.cgroup);

it('gives one that waits, and makes another in its place', async () => {
  await using pool = await SystemPool.create(config(), { size: 2 });
  expect(pool.ready).toBe(2);
  await using one = await pool.take();
  expect(pool.ready).toBe(1);
  await using other = await pool.take();
  await using third = await pool.take();
  expect(new Set([one.name, other.name, third.name]).size).toBe(3);
  for (const box of [one, other, third]) {
    expect(box.name).toMatch(/^pooled-[0-9a-f]{8}$/);
    const { exitCode } = await box.run([
      'sh',
      '-c',
      `[ $(hostname) = ${box.name} ] && [ ! -e /tmp/x ] && touch /tmp/x`,
    ]);
    expect(exitCode).toBe(0);
  }
  await expect.poll(() => pool.ready, { timeout: 20_000 }).toBe(2);
  await pool.close();
  // Who was taken lives on.
  expect((await one.run(['test', '-e', '/tmp/x'])).exitCode).toBe(0);
});

it('leaves nothing of those that waited', async () => {
  const pool = await SystemPool.create(config(), { size: 3 });
  const box = await pool.take();
  expect(isThere(box)).toBe(true);
  await box.stop({ gracePeriod: 0 });
  await pool.close();
  await pool.close();
  expect(pool.ready).toBe(0);
  expect(existsSync(`${hierarchy().mount}/${group}`)).toBe(false);
  await expect(pool.take()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
});

it('the time of a system begins when it is taken', async () => {
  await using pool = await SystemPool.create(config({ lifecycle: { timeout: '400ms', grace_period: 0 } }), {
    size: 1,
  });
  await sleep(700);
  const start = performance.now();
  await using box = await pool.take();
  expect((await box.ended()).reason).toBe('timeout');
  expect(performance.now() - start).toBeGreaterThan(390);
});

it('one that died while it waited is not given', async () => {
  await using pool = await SystemPool.create(config(), { size: 1 });
  await using first = await pool.take();
  await expect.poll(() => pool.ready, { timeout: 20_000 }).toBe(1);
  const all = await listSystems();
  const waiting = all.find((entry) => entry.group === group && entry.name !== first.name);
  expect(waiting).toBeDefined();
  process.kill(waiting?.pids[0] ?? Number.NaN, 'SIGKILL');
  await expect.poll(() => pool.ready, { timeout: 20_000 }).toBe(0);
  expect(existsSync(`${hierarchy().mount}/${group}/cofferdam-${waiting?.name}`)).toBe(false);
  await using second = await pool.take();
  expect(second.name).not.toBe(waiting?.name);
  expect((await second.run(['true'])).exitCode).toBe(0);
});

it('one that has ended before its time begins is not taken for one in use', async () => {
  const box = await makeAhead(checkSystemConfig(config()));
  process.kill(box.pid, 'SIGKILL');
  await box.ended();
  begin(box);
  expect([...running]).toEqual([]);
  box.close();
});

it('what it cannot make it says at once', async () => {
  await expect(SystemPool.create(config({ root: { layers: ['/nonexistent'] } }))).rejects.toMatchObject({
    code: 'ENOENT',
  });
  await expect(SystemPool.create(config(), { size: 0 })).rejects.toThrow(/size.*1 to 1024/);
  await expect(SystemPool.create(config({ name: 'x'.repeat(60) }))).rejects.toThrow(
    /name.*too long for a pool.*up to 55/s,
  );
  await expect(SystemPool.create(config(), { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  expect(existsSync(`${hierarchy().mount}/${group}`)).toBe(false);
});
