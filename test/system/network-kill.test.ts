import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isLinux } from '../../src/handle/linux.ts';
import { compiledUrl, runModule } from '../support/compiled.ts';
import { NetworkWorld, veth } from './network-world.ts';

let world: NetworkWorld;
beforeAll(async () => {
  compiledUrl('index.js');
  world = await NetworkWorld.open();
}, 120_000);
afterAll(() => world[Symbol.asyncDispose]());

/** A program that connects a system and is killed, with everything in place; or says goodbye in order. */
async function owner(end: string) {
  const forwards = [{ protocol: 'tcp', hostAddress: undefined, hostPort: 8080, port: 80 }] as const;
  return await runModule(`
    const { Netns } = await import(${JSON.stringify(compiledUrl('netns/index.js'))});
    const { connectSystem } = await import(${JSON.stringify(compiledUrl('system/network.js'))});
    const hostNetns = await Netns.open('/proc/${process.pid}/fd/${world.host.fd}');
    const systemNetns = await Netns.create();
    const network = ${JSON.stringify(veth(2, { nat: true, forwards }))};
    const { ifname, table } = await connectSystem(network, { systemNetns, hostNetns, name: 'doomed' });
    console.log(ifname, table);
    ${end}
  `);
}

const PATIENCE = 30_000;

it.runIf(isLinux('5.12')).each([
  ['is killed', `process.kill(process.pid, 'SIGKILL')`],
  ['exits without a word', 'process.exit()'],
])('an owner that %s leaves neither a veth nor a table', async (_, end) => {
  const { stdout, stderr, signal } = await owner(end);
  expect(stderr).toBe('');
  expect(signal).toBe(end.includes('kill') ? 'SIGKILL' : null);
  expect(stdout).toMatch(/^cd\w+ cofferdam-\w+\n$/);
  // The socket closed with the process; the veth goes with the namespace, which the kernel takes apart in its own time.
  expect((await world.nft.tables()).map(({ name }) => name)).toEqual([]);
  const deadline = Date.now() + PATIENCE;
  while ((await world.traces()).length > 0 && Date.now() < deadline) await sleep(5);
  expect(await world.traces()).toEqual([]);
});
