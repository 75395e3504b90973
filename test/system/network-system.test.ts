import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isLinux } from '../../src/handle/linux.ts';
import { Process } from '../../src/process/index.ts';
import { mount } from '../support/cgroup.ts';
import { compiledUrl } from '../support/compiled.ts';
import { askTcp, HOST, INTERNET, NetworkWorld, PORT } from './network-world.ts';

/** Whole systems, on a host that is a namespace of the test's own. */

const GROUP = `cofferdam-test-network-${process.pid}`;
let world: NetworkWorld;
beforeAll(async () => {
  compiledUrl('index.js');
  world = await NetworkWorld.open();
  await world.serve(world.internet);
}, 120_000);
afterAll(() => world[Symbol.asyncDispose]());

/** Inside: asks the internet who it is, says so, and answers whoever asks, with his address. */
const INSIDE = `
  const net = require('node:net');
  net.createServer((socket) => socket.end(socket.remoteAddress)).listen(${PORT}, '0.0.0.0', () =>
    net.connect(${PORT}, '${INTERNET.inet}').on('data', (text) => console.log('seen as ' + text)));
`;

/** The owner of a system, in the namespace of the host: ends it when it is told to. */
const owner = () => `
  const { System } = await import(${JSON.stringify(compiledUrl('system/index.js'))});
  const network = { bridge: 'br0', address: '10.77.0.2/24', gateway: '10.77.0.1', nat: true, forwards: ['8080:80/tcp'] };
  const box = await System.create({ name: 'connected', group: '${GROUP}', network });
  await box.start([process.execPath, '--eval', ${JSON.stringify(INSIDE)}], { stdio: ['ignore', 'inherit', 'inherit'] });
  process.stdin.resume().on('end', async () => {
    box.close();
    await box.closed;
    console.log('closed');
  });
`;

async function start(): Promise<Process> {
  return await Process.spawn([process.execPath, '--input-type=module', '--eval', owner()], {
    netns: world.host,
    stdio: ['pipe', 'pipe', 'inherit'],
    deathSignal: 'SIGKILL',
  });
}

async function line(process: Process): Promise<string> {
  if (process.stdout === undefined) throw new Error('no stdout');
  const [text] = await once(process.stdout, 'data', { signal: AbortSignal.timeout(50_000) });
  return String(text).trim();
}

const PATIENCE = 30_000;

async function nothingLeft(): Promise<void> {
  const left = async () => [...(await world.traces()), ...(existsSync(join(mount, GROUP)) ? [GROUP] : [])];
  const deadline = Date.now() + PATIENCE;
  while ((await left()).length > 0 && Date.now() < deadline) await sleep(5);
  expect(await left()).toEqual([]);
}

it('a system goes out by the address of the host, is reached by its port, and leaves nothing', async () => {
  await using process = await start();
  expect(await line(process)).toBe(`seen as ${HOST.inet}`);
  expect(await askTcp(world.internet, HOST.inet, 8080)).toBe(INTERNET.inet);
  expect(await world.traces()).toHaveLength(3);
  process.stdin?.end();
  expect(await line(process)).toBe('closed');
  expect(await world.traces()).toEqual([]);
  expect(await process.wait({ timeout: PATIENCE })).toMatchObject({ exitCode: 0 });
  await nothingLeft();
});

it.runIf(isLinux('5.12'))('a system whose owner is killed leaves nothing either', async () => {
  await using process = await start();
  expect(await line(process)).toBe(`seen as ${HOST.inet}`);
  // The connection that said so may still be open, and would keep the namespace for as long as TCP repeats itself.
  process.send('SIGKILL');
  await process.wait({ timeout: PATIENCE });
  await nothingLeft();
});
