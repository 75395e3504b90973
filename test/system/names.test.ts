import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { SystemConfig } from '../../src/system/config/index.ts';
import { System, SystemNameKeptError } from '../../src/system/index.ts';

const GROUP = `cofferdam-test-${process.pid}`;
const config = (name: string, cleanup_delay: number | string, more: SystemConfig = {}): SystemConfig => ({
  name,
  group: GROUP,
  ...more,
  lifecycle: { cleanup_delay, grace_period: 0 },
});
const once = async (given: SystemConfig): Promise<void> => {
  await using _ = await System.create(given);
};

describe('the name of a system that has ended', () => {
  it('is kept for the delay, and told with what remains of it', async () => {
    await once(config('kept', '5m'));
    const error = await System.create(config('kept', 0)).catch((reason: unknown) => reason);
    if (!(error instanceof SystemNameKeptError)) throw error;
    expect(error).toMatchObject({ code: 'ERR_COFFERDAM_SYSTEM_NAME_KEPT', system: `${GROUP}/kept` });
    expect(error.remaining).toBeGreaterThan(290_000);
    expect(error.remaining).toBeLessThanOrEqual(300_000);
    expect(error.message).toBe(
      `the name ${GROUP}/kept is kept for another 5m: a system of that name ended a while ago, with its ` +
        'lifecycle.cleanup_delay; give another name or none, or wait, or let that be shorter',
    );
    // Of another group it is another name.
    await once(config('kept', 0, { group: `${GROUP}/other` }));
  });

  it('is free after the delay, and at once without one', async () => {
    const began = performance.now();
    await once(config('free', '1s'));
    const free = async (): Promise<boolean> => {
      try {
        await once(config('free', 0));
        return true;
      } catch (error) {
        expect(error).toBeInstanceOf(SystemNameKeptError);
        return false;
      }
    };
    while (!(await free())) await sleep(20);
    expect(performance.now() - began).toBeGreaterThan(1000);
    await once(config('free', 0));
  });

  it('is not kept where there was none, nor where it was made up', async () => {
    const binds = ['/usr/nonexistent/directory:/x'];
    await expect(once(config('never', '5m', { root: { binds } }))).rejects.toMatchObject({ code: 'ENOENT' });
    const controller = new AbortController();
    const making = System.create(config('never', '5m'), { signal: controller.signal });
    controller.abort();
    await expect(making).rejects.toMatchObject({ name: 'AbortError' });
    await once(config('never', 0));
    await using box = await System.create({ group: GROUP });
    const { spec } = box;
    await box.stop({ gracePeriod: 0 });
    await using again = await System.fromSpec(spec);
    expect(again.name).toBe(box.name);
  });
});
