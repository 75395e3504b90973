import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Address, AddressInput } from '../../src/route/address.ts';
import { World } from '../support/diff.ts';

/** Verbs on the kernel; what they did is read back with `ip`. */

interface Shown {
  addr_info: Record<string, unknown>[];
}

describe('rt.address', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch(['link add veth0 type veth peer name veth1', 'link set lo up']);
    for (const dev of ['veth0', 'veth1']) world.exec('sysctl', '-qw', `net.ipv6.conf.${dev}.addr_gen_mode=1`);
    world.batch(['link set veth0 up', 'link set veth1 up']);
  });
  afterAll(async () => world[Symbol.asyncDispose]());
  beforeEach(() => {
    world.ip('address', 'flush', 'dev', 'veth0');
    world.ip('address', 'flush', 'dev', 'veth1');
  });

  const shown = (dev = 'veth0') => {
    const [link] = JSON.parse(world.ip('-j', 'address', 'show', 'dev', dev)) as [Shown];
    return link.addr_info;
  };

  it.each<[AddressInput, object]>([
    [
      { dev: 'veth0', local: '192.0.2.1/24' },
      { local: '192.0.2.1', prefixlen: 24, scope: 'global' },
    ],
    [
      { dev: 'veth0', address: '192.0.2.1/24' },
      { local: '192.0.2.1', prefixlen: 24 },
    ],
    [
      { dev: 'veth0', local: '192.0.2.1' },
      { local: '192.0.2.1', prefixlen: 32 },
    ],
    [
      { dev: 'veth0', local: '192.0.2.1/24', broadcast: '+', label: 'veth0:x', metric: 7 },
      { broadcast: '192.0.2.255', label: 'veth0:x', metric: 7 },
    ],
    [
      { dev: 'veth0', local: '192.0.2.1', peer: '192.0.2.2/30', scope: 'link' },
      { local: '192.0.2.1', address: '192.0.2.2', prefixlen: 30, scope: 'link' },
    ],
    [
      { dev: 'veth0', local: '192.0.2.1/24', flags: ['noprefixroute'], scope: '77' },
      { noprefixroute: true, scope: '77' },
    ],
    [
      { dev: 'veth0', local: '2001:db8::1/64', flags: ['nodad', 'home'] },
      { family: 'inet6', local: '2001:db8::1', prefixlen: 64, nodad: true, home: true },
    ],
    [
      { dev: 'veth0', local: '2001:db8::1', peer: '2001:db8::2', flags: ['nodad'] },
      { local: '2001:db8::1', address: '2001:db8::2', prefixlen: 128 },
    ],
    [
      { dev: 'veth0', local: '2001:db8::1/64', flags: ['nodad'], validLifetime: 9000, preferredLifetime: 0 },
      { dynamic: true, deprecated: true, preferred_life_time: 0 },
    ],
  ])('add %o', async (input, expected) => {
    await world.rt.address.add(input);
    expect(shown()).toHaveLength(1);
    expect(shown()[0]).toMatchObject(expected);
    await expect(world.rt.address.add(input)).rejects.toMatchObject({ code: 'EEXIST' });
    await world.rt.address.del(input);
    expect(shown()).toEqual([]);
    await expect(world.rt.address.del(input)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  it('replaces and changes what is there', async () => {
    const input = { dev: 'veth0', local: '2001:db8::1/64', flags: ['nodad'] };
    // The kernel adds what it was to change, for both families.
    await world.rt.address.change(input);
    await world.rt.address.replace({ ...input, validLifetime: 5000, metric: 9 });
    expect(shown()).toHaveLength(1);
    expect(shown()[0]).toMatchObject({ dynamic: true, metric: 9 });
    await world.rt.address.change({ ...input, validLifetime: 'forever' });
    expect(shown()[0]).not.toHaveProperty('dynamic');
  });

  it('adds and deletes what was listed, as it is', async () => {
    world.batch([
      'address add 192.0.2.1/24 broadcast + dev veth0 label veth0:a',
      'address add 192.0.2.2/24 dev veth0 valid_lft 7200 preferred_lft 3600 noprefixroute metric 50',
      'address add 203.0.113.3/24 dev veth0 scope link',
      'address add 198.51.100.1 peer 198.51.100.2/30 dev veth0',
      'address add 239.1.2.3/32 dev veth0 autojoin',
      'address add 2001:db8::1/64 dev veth0 nodad home',
      'address add 2001:db8::2 peer 2001:db8::3 dev veth0 nodad metric 9',
      'address add 2001:db8:1::1/64 dev veth0 mngtmpaddr valid_lft 7200 preferred_lft 0',
      'address add 2001:db8:2::1/64 dev veth0',
    ]);
    const clocks = /"(valid|preferred)_life_time":\d+/g;
    const text = () => JSON.stringify(shown()).replace(clocks, '').replaceAll('"tentative":true,', '');
    const before = text();
    const listed = await world.rt.address.list({ dev: 'veth0' });
    expect(listed).toHaveLength(9);
    // Secondary ones first: with the primary one they would go by themselves.
    for (const address of listed.toReversed()) await world.rt.address.del(address);
    expect(shown()).toEqual([]);
    for (const address of listed) {
      // IPv6 lists the newest of a scope first.
      if (address.family === 'inet') await world.rt.address.add(address);
    }
    for (const address of listed.toReversed()) {
      if (address.family === 'inet6') await world.rt.address.add(address);
    }
    expect(text()).toBe(before);
  });

  it('lists by family, link, scope, label and address', async () => {
    await world.rt.address.add({ dev: 'veth0', local: '192.0.2.1/24', label: 'veth0:a' });
    await world.rt.address.add({ dev: 'veth1', local: '192.0.2.2/24', scope: 'link' });
    await world.rt.address.add({ dev: 'veth1', local: '2001:db8::1/64', flags: ['nodad'] });
    const { address } = world.rt;
    const locals = (list: Address[]) => list.map(({ local }) => local);
    expect(locals(await address.list())).toEqual([
      '127.0.0.1',
      '192.0.2.2',
      '192.0.2.1',
      '::1',
      '2001:db8::1',
    ]);
    expect(locals(await address.list({ family: 'inet6' }))).toEqual(['::1', '2001:db8::1']);
    expect(locals(await address.list({ dev: 'veth1' }))).toEqual(['192.0.2.2', '2001:db8::1']);
    const [{ ifindex } = { ifindex: 0 }] = await address.list({ label: 'veth0:a' });
    expect(locals(await address.list({ ifindex }))).toEqual(['192.0.2.1']);
    expect(locals(await address.list({ scope: 'link' }))).toEqual(['192.0.2.2']);
    expect(locals(await address.list({ local: '2001:DB8:0::1' }))).toEqual(['2001:db8::1']);
    await expect(address.list({ dev: 'nothere' })).rejects.toMatchObject({ code: 'ENODEV' });
  });

  it('names the links, when listing and when dumping', async () => {
    await world.rt.address.add({ dev: 'veth1', local: '192.0.2.2/24' });
    const names = new Set<string | undefined>();
    for await (const address of world.rt.address.dump({ family: 'inet' })) names.add(address.dev);
    expect([...names]).toEqual(['lo', 'veth1']);
    expect((await world.rt.address.list({ family: 'inet' })).map(({ dev }) => dev)).toEqual(['lo', 'veth1']);
  });

  it('gets one', async () => {
    await world.rt.address.add({ dev: 'veth0', local: '192.0.2.1/24' });
    await world.rt.address.add({ dev: 'veth0', local: '192.0.2.1/32' });
    expect(await world.rt.address.get({ local: '192.0.2.1/32' })).toMatchObject({
      prefixlen: 32,
      dev: 'veth0',
    });
    expect(await world.rt.address.get('127.0.0.1')).toMatchObject({ dev: 'lo', scope: 'host' });
    await expect(world.rt.address.get('192.0.2.9')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
    await expect(world.rt.address.get({ dev: 'lo', local: '192.0.2.1' })).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    });
  });

  it('deletes by the address alone, whatever its prefix', async () => {
    await world.rt.address.add({ dev: 'veth0', local: '192.0.2.1/24' });
    await world.rt.address.add({ dev: 'veth0', local: '2001:db8::1/64', flags: ['nodad'] });
    await world.rt.address.del({ dev: 'veth0', local: '192.0.2.1' });
    await world.rt.address.del({ dev: 'veth0', local: '2001:db8::1' });
    expect(shown()).toEqual([]);
    await expect(world.rt.address.del({ dev: 'veth0', local: '2001:db8::1' })).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    });
  });

  it('lets the name of the link win over its index', async () => {
    await world.rt.address.add({ dev: 'veth1', ifindex: 1, local: '192.0.2.1/24' });
    expect(shown('veth1')).toHaveLength(1);
    await expect(world.rt.address.add({ local: '192.0.2.1/24' })).rejects.toMatchObject({ field: 'dev' });
    await expect(world.rt.address.add({ ifindex: 9999, local: '192.0.2.1/24' })).rejects.toMatchObject({
      code: 'ENODEV',
    });
  });

  it('rejects with what the kernel says is wrong', async () => {
    await expect(
      world.rt.address.add({ dev: 'veth0', local: '192.0.2.1/24', validLifetime: 10, preferredLifetime: 20 }),
    ).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(world.rt.address.add({ dev: 'veth0', local: 'ff02::1/64' })).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    });
  });
});
