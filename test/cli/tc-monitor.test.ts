import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePayload } from '../../src/netlink/wire/attributes.ts';
import { encodeMessage, NLM_F } from '../../src/netlink/wire/message.ts';
import { actionList } from '../../src/route/action-list.ts';
import { encodeFilter, type TcFilterInput } from '../../src/route/filter-message.ts';
import { compiledDist } from '../support/compiled.ts';
import { compareText, describe as inWords, World } from '../support/diff.ts';
import { SEED } from '../support/random.ts';
import { written } from '../support/random-bytes.ts';
import { CLASSES, QDISCS } from '../support/tc-layouts.ts';
import { classHeader, messages, qdiscHeader } from '../support/tc-messages.ts';
import { captured } from '../support/twin.ts';
import { runCli } from './run-cli.ts';

/** `cofferdam tc monitor` beside `tc monitor`: of a file with random messages, and live. */

let world: World;
const scratch = mkdtempSync(join(tmpdir(), 'cofferdam-tc-monitor-'));
beforeAll(async () => {
  compiledDist();
  world = await World.open();
  world.batch(['link set lo up', 'link add veth0 type veth peer name veth1', 'link set veth0 up']);
}, 180_000);
afterAll(async () => {
  rmSync(scratch, { recursive: true });
  await world[Symbol.asyncDispose]();
});

/** RTM_NEWQDISC to RTM_DELQDISC, RTM_NEWTCLASS to RTM_DELTCLASS. */
const NEWS = fc.oneof(
  fc
    .constantFrom(...Object.entries(QDISCS))
    .chain(([kind, layout]) => fc.tuple(fc.constantFrom(36, 37), messages(kind, layout, qdiscHeader))),
  fc
    .constantFrom(...Object.entries(CLASSES))
    .chain(([kind, layout]) => fc.tuple(fc.constantFrom(40, 41), messages(kind, layout, classHeader))),
);
const ADDED = NLM_F.create | NLM_F.excl;

/** A chain has the header and the attributes of a filter. */
const CHAINS = (
  [
    { ifindex: 1, parent: '1:', chain: 0 },
    { ifindex: 1, parent: 'ffff:', chain: 0xffffffff },
    { block: 3, chain: 7, kind: 'flower', flower: { dst: '10.0.0.0/8' } },
  ] as TcFilterInput[]
).map((chain) => encodeFilter(chain, 0));

/** RTM_NEWTFILTER as `tc` sent it. */
const FILTERS = (
  JSON.parse(readFileSync(new URL('../fixtures/filters.json', import.meta.url), 'utf8')) as {
    type: number;
    hex: string;
  }[]
)
  .filter(({ type }) => type === 44)
  .map(({ hex }) => Buffer.from(hex, 'hex'));

const FLAGS = fc.constantFrom(0, NLM_F.create | NLM_F.excl, NLM_F.create | NLM_F.replace, NLM_F.replace);

describe('cofferdam tc monitor', () => {
  it.each([[[]], [['-d', '-s']], [['-r', '-iec']]])('of a file, with %j', async (flags) => {
    const news = fc.sample(fc.tuple(NEWS, FLAGS), { numRuns: 200, seed: SEED });
    const file = join(scratch, 'news');
    const bytes = news.map(([[type, payload], bits]) =>
      encodeMessage({ type, flags: bits, seq: 0, portId: 0 }, payload),
    );
    writeFileSync(file, Buffer.concat(bytes));
    const expected = execFileSync('tc', ['-n', world.name, ...flags, 'monitor', 'file', file], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    const ours = await captured(['-n', world.name, 'tc', ...flags, 'monitor', 'file', file]);
    expect(ours.code).toBe(0);
    expect(inWords(compareText(expected, ours.stdout).differences), `seed ${SEED}`).toBe('');
    const json = (await captured(['-n', world.name, 'tc', '-j', 'monitor', 'file', file])).stdout
      .trim()
      .split('\n');
    expect(json.map((line) => JSON.parse(line).object)).toEqual(
      news.map(([[type]]) => (type < 40 ? 'qdisc' : 'class')),
    );
  });

  it.each([[[]], [['-d', '-s']]])('of filters and chains, with %j', async (flags) => {
    const file = join(scratch, 'filters');
    const news = (type: number, gone: number, payload: Uint8Array, i: number) => [
      encodeMessage({ type, flags: [0, ADDED, NLM_F.create][i % 3] as number, seq: 0, portId: 0 }, payload),
      encodeMessage({ type: gone, flags: 0, seq: 0, portId: 0 }, payload),
    ];
    const bytes = [
      ...FILTERS.flatMap((payload, i) => news(44, 45, payload, i)),
      ...CHAINS.flatMap((payload, i) => news(100, 101, payload, i)),
    ];
    writeFileSync(file, Buffer.concat(bytes));
    const expected = execFileSync('tc', ['-n', world.name, ...flags, 'monitor', 'file', file], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      // tc complains of the captured requests that make tables: an answer has more.
      stdio: 'pipe',
    });
    const ours = await captured(['-n', world.name, 'tc', ...flags, 'monitor', 'file', file]);
    expect(inWords(compareText(expected, ours.stdout).differences)).toBe('');
    expect(expected).toMatch(/^added filter .*^deleted filter .*^added chain .*^deleted chain /ms);
  });

  it('of actions', async () => {
    const file = join(scratch, 'actions');
    const list = (index: number) => [
      { kind: 'gact', index, control: 'drop', cookie: '0102' },
      { kind: 'vlan', index, control: 'pipe', vlan: { action: 'push', id: 7 } },
    ];
    const payload = (...attributes: [number, Uint8Array][]) =>
      Buffer.concat([new Uint8Array(4), written(attributes)]);
    const tab = actionList(1, 'TCA_ROOT_TAB');
    const table = (index: number) =>
      payload([1, encodePayload((writer) => tab.codec.encode(writer, list(index)))]);
    const flushed = payload([
      1,
      written([
        [
          0,
          written([
            [1, Buffer.from('gact\0')],
            [6, Uint8Array.of(1, 2, 0, 0)],
          ]),
        ],
      ]),
    ]);
    const news: [number, number, Uint8Array][] = [
      [48, ADDED, table(1)],
      [48, NLM_F.create | NLM_F.replace, table(2)],
      [48, 0, table(3)],
      [49, 0, table(4)],
      [49, NLM_F.root, flushed],
    ];
    const bytes = news.map(([type, bits, one]) =>
      encodeMessage({ type, flags: bits, seq: 0, portId: 0 }, one),
    );
    writeFileSync(file, Buffer.concat(bytes));
    const expected = execFileSync('tc', ['-n', world.name, 'monitor', 'file', file], { encoding: 'utf8' });
    const ours = await captured(['-n', world.name, 'tc', 'monitor', 'file', file]);
    expect(ours.stdout).toBe(expected);
    expect(expected).toMatch(/Replaced action .*Deleted action .*Flushed table {2}gact \(513 entries\)/s);
  });

  it('tells of what is none of its news on stderr', async () => {
    const file = join(scratch, 'other');
    writeFileSync(file, encodeMessage({ type: 99, flags: 7, seq: 0, portId: 0 }, new Uint8Array(8)));
    const { stdout, stderr } = await captured(['-n', world.name, 'tc', 'monitor', 'file', file]);
    expect(stdout).toBe('');
    expect(stderr).toBe('Unknown message: length 00000024 type 00000063 flags 00000007\n');
  });

  it('refuses words that it does not know', async () => {
    expect(await captured(['tc', 'monitor', 'nonsense'])).toMatchObject({ code: 2 });
  });

  it('tells live of what happens, until a signal', async () => {
    let heard = '';
    const running = runCli(['-n', world.name, 'tc', 'monitor'], {
      timeout: 100_000,
      onOutput(text, kill) {
        heard += text;
        if (/^deleted qdisc pfifo 7:/m.test(heard)) kill('SIGINT');
      },
    });
    await listening();
    const place = ['dev', 'veth0', 'root'];
    execFileSync('tc', [
      '-n',
      world.name,
      'qdisc',
      'replace',
      ...place,
      'handle',
      '7:',
      'pfifo',
      'limit',
      '77',
    ]);
    execFileSync('tc', ['-n', world.name, 'qdisc', 'del', ...place]);
    const { stdout, code } = await running;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^qdisc pfifo 7: dev veth0 root refcnt \d+ limit 77p$/m);
  }, 180_000);
});

/** RTNLGRP_TC among the groups that /proc/net/netlink tells of. */
const TC_BIT = 1 << 3;

/** Until a socket of the namespace hears of traffic control. */
async function listening(): Promise<void> {
  for (let look = 0; look < 1800; look++) {
    const sockets = world.exec('cat', '/proc/net/netlink').split('\n').slice(1);
    if (sockets.some((line) => (Number.parseInt(line.split(/\s+/)[3] ?? '', 16) & TC_BIT) !== 0)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nobody listens');
}
