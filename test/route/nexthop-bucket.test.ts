import { endianness } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeNexthopBucket } from '../../src/route/nexthop-bucket.ts';
import { World } from '../support/diff.ts';
import { expectEqualLines } from '../support/lines.ts';
import { Twin } from '../support/twin.ts';

const SETUP = [
  'link add veth0 address 02:00:00:00:00:01 type veth peer name veth1',
  'link add br0 type bridge',
  'link set veth0 up',
  'link set veth1 up',
  'addr add 192.0.2.1/24 dev veth0',
  'nexthop add id 1 via 192.0.2.2 dev veth0',
  'nexthop add id 2 via 192.0.2.3 dev veth0',
  'nexthop add id 10 group 1,3/2,1 type resilient buckets 8 idle_timer 10 unbalanced_timer 0',
  'nexthop add id 11 group 2 type resilient buckets 4',
  'nexthop add id 12 group 1/2',
];

describe('buckets of resilient groups', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch(SETUP);
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  interface Shown {
    id: number;
    bucket: { index: number; nhid: number; idle_time: number };
  }
  const shown = (...args: string[]) =>
    (JSON.parse(world.ip('-j', 'nexthop', 'bucket', 'show', ...args)) as Shown[]).map(
      ({ id, bucket: { index, nhid } }) => ({ id, index, nhid }),
    );

  it('are listed as ip lists them', async () => {
    const { nexthop } = world.rt;
    const plain = (list: Awaited<ReturnType<typeof nexthop.buckets>>) =>
      list.map(({ id, index, nhid }) => ({ id, index, nhid }));
    expect(plain(await nexthop.buckets())).toEqual(shown());
    expect(shown()).toHaveLength(12);
    expect(plain(await nexthop.buckets({ id: 10 }))).toEqual(shown('id', '10'));
    expect(plain(await nexthop.buckets({ nhid: 2 }))).toEqual(shown('nhid', '2'));
    expect(plain(await nexthop.buckets({ id: 10, nhid: 1 }))).toHaveLength(6);
    expect(plain(await nexthop.buckets({ dev: 'veth0' }))).toEqual(shown('dev', 'veth0'));
    expect(plain(await nexthop.buckets({ dev: 'veth1' }))).toEqual([]);
    expect(await nexthop.getBucket({ id: 11, index: 3 })).toMatchObject({ id: 11, index: 3, nhid: 2 });
    expect((await nexthop.getBucket({ id: 11, index: 3 })).idleTime).toBeLessThan(60);
    await expect(nexthop.getBucket({ id: 11, index: 4 })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(nexthop.getBucket({ id: 0, index: 4 })).rejects.toMatchObject({ field: 'id' });
    await expect(nexthop.buckets({ group: 1 } as object)).rejects.toMatchObject({ field: 'group' });
  });

  it('groups count packets of their members', async () => {
    const { nexthop } = world.rt;
    expect(await nexthop.get(12)).not.toHaveProperty('stats');
    const [group] = (await nexthop.list({ groups: true, stats: true })).filter(({ id }) => id === 12);
    expect(group).toMatchObject({
      stats: [
        { id: 1, packets: 0n },
        { id: 2, packets: 0n },
      ],
    });
    const [hardware] = (await nexthop.list({ stats: 'hw' })).filter(({ id }) => id === 12);
    expect(hardware).toMatchObject({ hwStats: false });
    if (hardware === undefined) throw new Error('not listed');
    // As it was listed, counters and all.
    await nexthop.del(hardware);
    await nexthop.add(hardware);
    expect(await nexthop.get(12)).toMatchObject({ group: [{ id: 1 }, { id: 2 }] });
    await nexthop.replace({ ...hardware, hwStats: true });
    expect((await nexthop.list({ stats: 'hw' })).find(({ id }) => id === 12)).toMatchObject({
      hwStats: true,
    });
    await expect(nexthop.replace({ ...hardware, hwStats: 1 as unknown as boolean })).rejects.toMatchObject({
      field: 'hwStats',
    });
  });

  it('ip nexthop bucket, word for word', { timeout: 180_000 }, async () => {
    using twin = new Twin(SETUP);
    // How long buckets have been idle is another matter in each of both.
    const lines = `
      nexthop bucket get id 11 index 4
      nexthop bucket get id 12 index 0
      nexthop bucket get id 11
      nexthop bucket get index 1
      nexthop bucket get id nonsense index 1
      nexthop bucket get id 11 index 65536
      nexthop bucket show dev nonsense
      nexthop bucket show dev veth1
      nexthop bucket show id nonsense
      nexthop bucket show nonsense
      nexthop bucket frobnicate`;
    await expectEqualLines(twin, lines, {});
    const words = (line: string) => line.split(' ');
    for (const line of ['nexthop bucket', 'nexthop bucket show id 10', 'nexthop bucket get id 11 index 3']) {
      const timeless = (text: string) => text.replaceAll(/idle_time"?[: ]?[\d.]+/g, '');
      for (const flags of [[], ['-j']]) {
        const theirs = twin.runTheirs([...flags, ...words(line)]);
        const ours = await twin.runOurs([...flags, ...words(line)]);
        expect(timeless(ours.stdout)).toBe(timeless(theirs.stdout));
        expect(ours.stdout).toContain('idle_time');
      }
    }
  });
});

describe.runIf(endianness() === 'LE')('buckets on the wire', () => {
  it('keep what nobody knows, and fail on no bytes', () => {
    const header = '0000000040000000';
    expect(
      decodeNexthopBucket(
        Buffer.from(
          `${header}08000100 0b000000 1c000d80 06000100 03000000 06000200 ff000000 08000300 02000000 0800ff00 01000000`.replaceAll(
            ' ',
            '',
          ),
          'hex',
        ),
      ),
    ).toEqual({
      id: 11,
      index: 3,
      idleTime: 0,
      nhid: 2,
      flags: ['trap'],
      raw: [
        { type: 255, hex: '01000000' },
        { type: 2, hex: 'ff00' },
      ],
    });
    expect(() => decodeNexthopBucket(Buffer.from(header.slice(0, 6), 'hex'))).toThrow('nhmsg');
  });
});
