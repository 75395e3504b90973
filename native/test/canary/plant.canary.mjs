import { createRequire } from 'node:module';
import { expect, it } from 'vitest';

it('opens and closes, and leaks only where COFFERDAM_CANARY asks for it', async () => {
  const addon = createRequire(import.meta.url)(process.env.COFFERDAM_ADDON);
  const options = { protocol: 0, netnsFd: -1, receiveBuffer: 0, datagramCapacity: 32_768 };
  const handle = addon.openNetlink(options);
  handle.startPolling(() => {});
  await new Promise((resolve) => {
    if (!handle.close(resolve)) resolve();
  });
  if (process.env.COFFERDAM_CANARY !== undefined) expect(addon.plantLeak('memory')).toBeGreaterThan(0);
});
