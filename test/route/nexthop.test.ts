import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Nexthop, NexthopInput } from '../../src/route/nexthop.ts';
import { parseIpJson, World } from '../support/diff.ts';
import { LINKS, NEXTHOPS } from './route-world.ts';

describe('nexthops in the kernel', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      ...LINKS,
      'link add br0 type bridge',
      'link add veth2 type veth peer name veth3',
      'link set veth2 master br0 up',
      'link set veth3 up',
    ]);
  });
  beforeEach(() => {
    world.ip('nexthop', 'flush');
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  const shown = (id: number) => parseIpJson(world.ip('-d', '-j', 'nexthop', 'show', 'id', String(id)))[0];

  it('adds, replaces, gets and deletes', async () => {
    const { nexthop } = world.rt;
    expect(await nexthop.add({ id: 1, via: '10.0.0.2', dev: 'veth0', protocol: 'bgp' })).toBe(1);
    expect(shown(1)).toEqual({
      id: 1,
      gateway: '10.0.0.2',
      dev: 'veth0',
      scope: 'link',
      protocol: 'bgp',
      flags: [],
    });
    expect(await nexthop.get(1)).toEqual({
      id: 1,
      family: 'inet',
      protocol: 'bgp',
      scope: 'link',
      via: '10.0.0.2',
      oif: expect.any(Number),
      dev: 'veth0',
    });
    await expect(nexthop.add({ id: 1, via: '10.0.0.3', dev: 'veth0' })).rejects.toMatchObject({
      code: 'EEXIST',
    });
    await nexthop.replace({ id: 1, via: '10.0.1.3', dev: 'veth1', flags: ['onlink'] });
    expect(shown(1)).toMatchObject({ gateway: '10.0.1.3', dev: 'veth1', flags: ['onlink'] });
    await nexthop.del(1);
    await expect(nexthop.get(1)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(nexthop.del(1)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says which id the kernel chose', async () => {
    const { nexthop } = world.rt;
    const id = await nexthop.add({ via: '10.0.0.2', dev: 'veth0' });
    const other = await nexthop.add({ blackhole: true, family: 'inet6' });
    expect(other).not.toBe(id);
    expect(shown(id)).toMatchObject({ id, gateway: '10.0.0.2' });
    expect(shown(other)).toMatchObject({ id: other, blackhole: null });
  });

  it('makes groups of both types', async () => {
    const { nexthop } = world.rt;
    await nexthop.add({ id: 1, via: '10.0.0.2', dev: 'veth0' });
    await nexthop.add({ id: 2, via: '10.0.1.2', dev: 'veth1' });
    await nexthop.add({ id: 3, group: [{ id: 1, weight: 3 }, { id: 2 }] });
    expect(shown(3)).toMatchObject({ group: [{ id: 1, weight: 3 }, { id: 2 }] });
    await nexthop.add({
      id: 4,
      group: [{ id: 1 }, { id: 2, weight: 256 }],
      groupType: 'resilient',
      resilient: { buckets: 32, idleTimer: 1.5, unbalancedTimer: 60 },
    });
    expect(shown(4)).toMatchObject({
      group: [{ id: 1 }, { id: 2, weight: 256 }],
      type: 'resilient',
      resilient_args: { buckets: 32, idle_timer: 1.5, unbalanced_timer: 60 },
    });
    expect(await nexthop.get(4)).toMatchObject({
      family: 'unspec',
      group: [
        { id: 1, weight: 1 },
        { id: 2, weight: 256 },
      ],
      groupType: 'resilient',
      resilient: { buckets: 32, idleTimer: 1.5, unbalancedTimer: 60 },
    });
  });

  it('lists by link, master, groups, fdb, family and id', async () => {
    const { nexthop } = world.rt;
    world.batch(NEXTHOPS);
    await nexthop.add({ id: 50, family: 'inet6', dev: 'veth2' });
    const ids = async (filter: Parameters<typeof nexthop.list>[0]) =>
      (await nexthop.list(filter)).map(({ id }) => id);
    expect(await ids({})).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 50]);
    expect(await ids({ groups: true })).toEqual([4, 5, 9, 14]);
    expect(await ids({ fdb: true })).toEqual([7, 8, 9, 15]);
    expect(await ids({ dev: 'veth1' })).toEqual([2, 12, 13]);
    expect(await ids({ master: 'br0' })).toEqual([50]);
    expect(await ids({ family: 'inet6' })).toEqual([6, 10, 13, 15, 50]);
    expect(await ids({ protocol: 4 })).toEqual([2]);
    expect(await ids({ protocol: 'bgp' })).toEqual([6]);
    expect(await ids({ id: 7 })).toEqual([7]);
    const dumped: Nexthop[] = [];
    for await (const one of nexthop.dump({ dev: 'veth1' })) dumped.push(one);
    expect(dumped).toEqual(await nexthop.list({ dev: 'veth1' }));
    await expect(nexthop.list({ vrf: 'x' } as object)).rejects.toMatchObject({ field: 'vrf' });
    await expect(nexthop.list({ dev: 'nothing' })).rejects.toMatchObject({ code: 'ENODEV' });
  });

  it('lists what can be deleted as it is, and added again', async () => {
    const { nexthop } = world.rt;
    world.batch(NEXTHOPS);
    const before = await nexthop.list();
    const settled = ({ unbalancedTime: _, ...one }: Nexthop) => one;
    for (const one of before) await nexthop.replace(one);
    expect((await nexthop.list()).map(settled)).toEqual(before.map(settled));
    // Groups go before their members, which would leave them on their own.
    for (const one of [...before].sort(
      (a, b) => Number(b.group !== undefined) - Number(a.group !== undefined),
    ))
      await nexthop.del(one);
    expect(await nexthop.list()).toEqual([]);
    for (const one of [...before].sort(
      (a, b) => Number(a.group !== undefined) - Number(b.group !== undefined),
    ))
      await nexthop.add(one);
    expect((await nexthop.list()).map(settled)).toEqual(before.map(settled));
  });

  it.each<[string, NexthopInput, object]>([
    [
      'a group of nothing',
      { id: 5, group: [{ id: 4711 }] },
      { code: 'EINVAL', extAck: { message: 'Invalid nexthop id' } },
    ],
    ['a gateway out of reach', { id: 5, via: '10.99.0.1', dev: 'veth0' }, { code: 'ENETUNREACH' }],
    ['no link', { id: 5, via: '10.0.0.2' }, { code: 'EINVAL' }],
    ['a link that is not there', { id: 5, dev: 'nothing' }, { code: 'ENODEV' }],
    ['a blackhole with a link', { id: 5, blackhole: true, dev: 'veth0' }, { code: 'EINVAL' }],
  ])('repeats what the kernel has to say to %s', async (_, input, expected) => {
    await expect(world.rt.nexthop.add(input)).rejects.toMatchObject(expected);
  });

  it.each([0, -1, 1.5, 2 ** 32])('refuses the id %d', async (id) => {
    await expect(world.rt.nexthop.get(id)).rejects.toMatchObject({ field: 'id' });
    await expect(world.rt.nexthop.del(id)).rejects.toMatchObject({ field: 'id' });
  });
});
