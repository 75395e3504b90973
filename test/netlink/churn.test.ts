/** Dumps while the kernel's tables change: NLM_F_DUMP_INTR. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { compiledUrl } from '../support/compiled.ts';
import { addAddresses, dumpAddresses, objectsOf, openWorld, RTM, type World } from './support.ts';

const STEADY = 2000;

/** Adds and deletes addresses of lo as fast as it can, in a process of its own, until disposed. */
async function churn(world: World): Promise<AsyncDisposable> {
  const source = `
    import { NetlinkSocket } from ${JSON.stringify(compiledUrl('netlink/socket.js'))};
    const socket = await NetlinkSocket.open({ protocol: 0 });
    const address = (last) => Uint8Array.of(2, 32, 0, 0, 1, 0, 0, 0, 8, 0, 2, 0, 10, 99, 0, last);
    process.stdout.write('ready\\n');
    for (let i = 0; ; i = (i + 1) % 200) {
      await socket.request({ type: 20, flags: 0x400, payload: address(i) });
      await socket.request({ type: 21, payload: address(i) });
    }
  `;
  const path = `/proc/${process.pid}/fd/${world.netns.fd}`;
  const child = spawn(
    // A test run that is killed must not leave a busy loop behind.
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      'nsenter',
      `--net=${path}`,
      process.execPath,
      '--input-type=module',
      '--eval',
      source,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

test('a dump under churn is whole, or ends in the typed error; and every address that stays is told', async () => {
  await using world = await openWorld();
  await addAddresses(world.socket, STEADY);
  await using _ = await churn(world);
  const steady = (messages: readonly { readonly type: number; readonly payload: Uint8Array }[]) =>
    objectsOf(
      messages.filter(({ payload }) => payload[13] !== 99),
      RTM.newAddress,
    );
  let whole = 0;
  let interrupted = 0;
  for (let round = 0; round < 60; round++) {
    try {
      const messages = await world.socket.dumpAll(dumpAddresses);
      whole++;
      expect(steady(messages)).toBe(STEADY);
      expect(messages.every(({ flags }) => (flags & 0x10) === 0)).toBe(true);
    } catch (error) {
      interrupted++;
      expect(error).toMatchObject({ code: 'ERR_COFFERDAM_DUMP_INTERRUPTED', attempts: 10 });
      expect((error as { partial: unknown[] }).partial.length).toBeGreaterThan(0);
    }
  }
  let iterated = 0;
  let broken = 0;
  for (let round = 0; round < 60; round++) {
    try {
      let count = 0;
      // Where there is one CPU, the other process has its turn, too.
      for await (const _message of world.socket.dump(dumpAddresses))
        if (++count === STEADY / 2) await sleep(5);
      iterated++;
    } catch (error) {
      broken++;
      expect(error).toMatchObject({ code: 'ERR_COFFERDAM_DUMP_INTERRUPTED', attempts: expect.any(Number) });
    }
  }
  console.log({ whole, interrupted, iterated, broken });
  expect(whole + interrupted).toBe(60);
  // The churn is real: without retries, iterations do get interrupted.
  expect(broken).toBeGreaterThan(0);
}, 180_000);
