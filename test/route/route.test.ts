import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Route, RouteInput } from '../../src/route/route.ts';
import { parseIpJson, World } from '../support/diff.ts';
import { lookUntil } from '../support/look.ts';
import { inet6Routes, inetRoutes, LINKS, NEXTHOPS } from './route-world.ts';

/** What changes by itself. */
function settled({ cacheinfo: _, expires: _e, ...route }: Route): Omit<Route, 'cacheinfo' | 'expires'> {
  return route;
}

describe('routes in the kernel', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([...LINKS, ...NEXTHOPS]);
  });
  beforeEach(() => {
    for (const family of ['-4', '-6'])
      for (const table of ['254', '100', '101'])
        try {
          world.ip(family, 'route', 'flush', 'table', table, 'proto', 'boot');
          world.ip(family, 'route', 'flush', 'table', table, 'proto', 'static');
        } catch {
          // A table that nobody made yet.
        }
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** As `ip` shows what is to be seen of a prefix, with details. */
  const shown = (dst: string, table = 'main', family = dst.includes(':') ? '-6' : '-4') =>
    parseIpJson(world.ip(family, '-d', '-j', 'route', 'show', 'exact', dst, 'table', table));

  it('adds what the design shows', async () => {
    const { route } = world.rt;
    await route.replace({
      dst: '10.109.0.0/16',
      table: 100,
      protocol: 'static',
      nexthops: [{ via: '10.0.0.254', dev: 'veth0', weight: 1 }],
    });
    expect(shown('10.109.0.0/16', '100')).toMatchObject([
      { dst: '10.109.0.0/16', gateway: '10.0.0.254', dev: 'veth0', protocol: 'static', flags: [] },
    ]);
    const routes = await route.list({ table: 100 });
    expect(routes).toEqual([
      {
        family: 'inet',
        dst: '10.109.0.0/16',
        table: 100,
        protocol: 'static',
        scope: 'global',
        type: 'unicast',
        via: '10.0.0.254',
        oif: expect.any(Number),
        dev: 'veth0',
      },
    ]);
    const dumped: Route[] = [];
    for await (const one of route.dump({ table: 100 })) dumped.push(one);
    expect(dumped).toEqual(routes);
  });

  it('adds, replaces, changes, appends and deletes', async () => {
    const { route } = world.rt;
    const dst = '10.50.0.0/16';
    await route.add({ dst, via: '10.0.0.2', metric: 7 });
    await expect(route.add({ dst, via: '10.0.0.3', metric: 7 })).rejects.toMatchObject({ code: 'EEXIST' });
    await route.replace({ dst, via: '10.0.0.3', metric: 7 });
    expect(shown(dst)).toMatchObject([{ gateway: '10.0.0.3', metric: 7 }]);
    await route.change({ dst, via: '10.0.0.4', metric: 7, metrics: { mtu: 1400, lock: ['mtu'] } });
    expect(shown(dst)).toMatchObject([{ gateway: '10.0.0.4', metrics: [{ mtu: 1400 }] }]);
    expect(world.ip('route', 'show', dst)).toContain('mtu lock 1400');
    await expect(route.change({ dst: '10.51.0.0/16', via: '10.0.0.4' })).rejects.toMatchObject({
      code: 'ENOENT',
    });
    await route.append({ dst, via: '10.0.0.5', metric: 7 });
    expect(shown(dst)).toMatchObject([{ gateway: '10.0.0.4' }, { gateway: '10.0.0.5' }]);
    await route.del({ dst, via: '10.0.0.5' });
    expect(shown(dst)).toMatchObject([{ gateway: '10.0.0.4' }]);
    await route.del({ dst });
    expect(shown(dst)).toEqual([]);
    await expect(route.del({ dst })).rejects.toMatchObject({ code: 'ESRCH' });
  });

  it('appends a path to an IPv6 route, and deletes one', async () => {
    const { route } = world.rt;
    const dst = '2001:db8:50::/48';
    await route.add({ dst, via: '2001:db8::2' });
    await route.append({ dst, via: '2001:db8:1::2', dev: 'veth1' });
    expect(shown(dst)).toMatchObject([
      { nexthops: [{ gateway: '2001:db8::2' }, { gateway: '2001:db8:1::2' }] },
    ]);
    const [listed] = await route.list({ dst });
    expect(listed?.nexthops).toMatchObject([
      { via: '2001:db8::2', dev: 'veth0', weight: 1 },
      { via: '2001:db8:1::2', dev: 'veth1', weight: 1 },
    ]);
    await route.del({ dst, via: '2001:db8::2' });
    expect(shown(dst)).toMatchObject([{ gateway: '2001:db8:1::2', dev: 'veth1' }]);
  });

  it.each<[string, RouteInput, object]>([
    ['a blackhole', { dst: '10.60.0.0/16', type: 'blackhole' }, { type: 'blackhole', scope: 'global' }],
    ['a route on a link', { dst: '10.60.0.0/16', dev: 'veth0' }, { dev: 'veth0', scope: 'link' }],
    ['a route by an index', { dst: '10.60.0.0/16', oif: 1 }, { dev: 'lo' }],
    ['a name before an index', { dst: '10.60.0.0/16', oif: 1, dev: 'veth1' }, { dev: 'veth1' }],
    [
      'a gateway of the other family',
      { dst: '10.60.0.0/16', via: '2001:db8::2' },
      { via: { family: 'inet6', host: '2001:db8::2' } },
    ],
    [
      'a gateway that is not there yet',
      { dst: '10.60.0.0/16', via: '10.9.9.9', dev: 'veth0', flags: ['onlink'] },
      { gateway: '10.9.9.9', flags: ['onlink'] },
    ],
    [
      'realms',
      { dst: '10.60.0.0/16', dev: 'veth0', realms: { from: 3, to: 4 } },
      { flow: { from: '3', to: '4' } },
    ],
    ['a TOS', { dst: '10.60.0.0/16', dev: 'veth0', tos: 16 }, { tos: '0x10' }],
    ['a nexthop object', { dst: '10.60.0.0/16', nexthopId: 4 }, { nhid: 4 }],
    [
      'a life',
      { dst: '2001:db8:60::/48', dev: 'veth0', expires: 1000 },
      { expires: expect.closeTo(1000, -1) },
    ],
    ['a preference', { dst: '2001:db8:60::/48', dev: 'veth0', pref: 'low' }, { pref: 'low' }],
    [
      'by source',
      { dst: '2001:db8:60::/48', from: '2001:db8:1::/64', via: '2001:db8::2' },
      { from: '2001:db8:1::/64' },
    ],
    [
      'segments',
      {
        dst: '2001:db8:60::/48',
        dev: 'veth0',
        encap: { type: 'seg6', mode: 'inline', segs: ['2001:db8::5'] },
      },
      { encap: 'seg6', mode: 'inline', segs: ['2001:db8::5', '::'] },
    ],
    [
      'an action of segment routing',
      {
        dst: '2001:db8:60::/48',
        dev: 'veth0',
        encap: { type: 'seg6local', action: 'End.DX4', nh4: '10.0.0.2' },
      },
      { encap: 'seg6local', action: 'End.DX4', nh4: '10.0.0.2' },
    ],
    [
      'tunnel parameters',
      {
        dst: '10.60.0.0/16',
        dev: 'veth0',
        encap: { type: 'ip', id: 99n, src: '10.0.0.1', dst: '10.0.0.2', ttl: 3, flags: ['key'] },
      },
      { encap: 'ip', id: 99, src: '10.0.0.1', ttl: 3, key: true },
    ],
    ['the default', { dst: 'default', dev: 'veth0', metric: 5000 }, { dst: 'default', dev: 'veth0' }],
  ])('makes what ip shows: %s', async (_, input, expected) => {
    await world.rt.route.add(input);
    expect(shown(input.dst)).toMatchObject([expected]);
    await world.rt.route.del(input);
    expect(shown(input.dst)).toEqual([]);
  });

  it('looks routes up as ip does', async () => {
    const { route } = world.rt;
    await route.add({ dst: '10.70.0.0/16', via: '10.0.0.2', realms: { to: 5 } });
    expect(await route.get('10.70.1.1')).toMatchObject({
      family: 'inet',
      dst: '10.70.1.1',
      via: '10.0.0.2',
      dev: 'veth0',
      prefsrc: '10.0.0.1',
      flags: ['cloned'],
      table: 254,
    });
    expect(await route.get('10.70.1.1', { fibmatch: true })).toMatchObject({
      dst: '10.70.0.0/16',
      realms: { to: 5 },
    });
    expect(await route.get('10.0.0.1')).toMatchObject({ type: 'local', dev: 'lo', cacheFlags: ['local'] });
    expect(await route.get('10.0.0.255', { mark: 5, uid: 7 })).toMatchObject({
      type: 'broadcast',
      mark: 5,
      uid: 7,
    });
    expect(await route.get('2001:db8::9', { from: '2001:db8::1' })).toMatchObject({
      family: 'inet6',
      dst: '2001:db8::9',
      from: '2001:db8::1',
      dev: 'veth0',
    });
    expect(await route.get('10.0.1.9', { oif: 'veth1', ipproto: 'tcp', sport: 1, dport: 443 })).toMatchObject(
      {
        dev: 'veth1',
      },
    );
    await expect(route.get('10.99.0.1')).rejects.toMatchObject({ code: 'ENETUNREACH' });
    await expect(route.get('10.0.0.0/8')).rejects.toMatchObject({ field: 'dst' });
    await expect(route.get('10.0.0.1', { from: '::1' })).rejects.toMatchObject({ field: 'from' });
    await expect(route.get('10.0.0.1', { oif: 'nothing' })).rejects.toMatchObject({ code: 'ENODEV' });
  });

  it('filters in the kernel, and holds every route against the filter once more', async () => {
    const { route } = world.rt;
    await route.add({ dst: '10.80.0.0/16', dev: 'veth0', protocol: 'static' });
    await route.add({ dst: '10.80.1.0/24', nexthops: [{ via: '10.0.0.2' }, { via: '10.0.1.2' }] });
    await route.add({ dst: '10.80.1.1', type: 'blackhole', metric: 4 });
    await route.add({ dst: '2001:db8:80::/48', dev: 'veth1' });
    await route.add({ dst: 'default', dev: 'veth0' });
    const dst = async (filter: Parameters<typeof route.list>[0]) =>
      (await route.list(filter)).map((one) => one.dst);
    expect(await dst({ root: '10.80.0.0/16' })).toEqual(['10.80.0.0/16', '10.80.1.0/24', '10.80.1.1']);
    expect(await dst({ match: '10.80.1.7', table: 'main' })).toEqual([
      'default',
      '10.80.0.0/16',
      '10.80.1.0/24',
    ]);
    expect(await dst({ exact: '10.80.1.0/24' })).toEqual(['10.80.1.0/24']);
    expect(await dst({ dst: '10.80.1.1' })).toEqual(['10.80.1.1']);
    expect(await dst({ root: '10.80.0.0/16', dev: 'veth1' })).toEqual(['10.80.1.0/24']);
    expect(await dst({ via: '10.0.1.2', table: 254 })).toEqual(['10.80.1.0/24']);
    expect(await dst({ type: 'blackhole', metric: 4 })).toEqual(['10.80.1.1']);
    expect(await dst({ protocol: 4, table: 254 })).toEqual(['10.80.0.0/16']);
    expect(await dst({ protocol: 'static', table: 254 })).toEqual(['10.80.0.0/16']);
    expect(await dst({ family: 'inet6', root: '2001:db8:80::/44' })).toEqual(['2001:db8:80::/48']);
    expect(await dst({ family: 'inet', exact: 'default' })).toEqual(['default']);
    expect(await dst({ table: 4711 })).toEqual([]);
    expect(await dst({ cached: true })).toEqual([]);
    const dumped: string[] = [];
    for await (const one of route.dump({ table: 4711 })) dumped.push(one.dst);
    expect(dumped).toEqual([]);
    await expect(route.list({ proto: 'static' } as object)).rejects.toMatchObject({ field: 'proto' });
    await expect(route.list({ root: 'x' })).rejects.toMatchObject({ field: 'root' });
    await expect(route.list({ dev: 'nothing' })).rejects.toMatchObject({ code: 'ENODEV' });
  });

  it('repeats what the kernel has to say', async () => {
    const { route } = world.rt;
    await expect(route.add({ dst: '10.90.0.0/16', via: '10.99.99.99' })).rejects.toMatchObject({
      code: 'ENETUNREACH',
      extAck: { message: 'Nexthop has invalid gateway' },
    });
    await expect(route.add({ dst: '10.90.0.0/16', nexthopId: 4711 })).rejects.toMatchObject({
      code: 'EINVAL',
      extAck: { message: 'Nexthop id does not exist' },
    });
    await expect(route.add({ dst: '10.90.0.1/16', dev: 'veth0' })).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(route.add({ dst: '10.90.0.0/16', dev: 'nothing' })).rejects.toMatchObject({
      code: 'ENODEV',
    });
    await expect(
      route.add({ dst: '10.90.0.0/16', nexthops: [{ dev: 'veth0' }, { dev: 'no such thing' }] }),
    ).rejects.toMatchObject({ field: 'nexthops[1].dev' });
  });

  it('lists what can be deleted as it is, and added again', async () => {
    const { route } = world.rt;
    world.batch([...inetRoutes(300), ...inet6Routes(300)].filter((line) => !line.includes('proto kernel')));
    const before = await route.list();
    // What the kernel makes with its addresses may have no metric, or several links to one prefix.
    const ours = before.filter((one) => one.protocol !== 'kernel');
    expect(ours.length).toBeGreaterThan(590);
    for (const one of ours) await route.del(one);
    expect((await route.list()).filter((one) => one.protocol !== 'kernel')).toEqual([]);
    for (const one of ours) await route.add(one);
    const after = (await route.list()).filter((one) => one.protocol !== 'kernel');
    const sorted = (routes: Route[]) =>
      routes.map(settled).sort((a, b) => (route.type.key(a as Route) < route.type.key(b as Route) ? -1 : 1));
    expect(sorted(after)).toEqual(sorted(ours));
    for (const one of after) await route.replace(one);
    const replaced = (await route.list()).filter((one) => one.protocol !== 'kernel');
    expect(sorted(replaced)).toEqual(sorted(ours));
    for (const one of replaced) await route.del(one);
  }, 180_000);

  it('keeps what is left of a life', async () => {
    const { route } = world.rt;
    const dst = '2001:db8:70::/48';
    const life = 1000;
    const start = performance.now();
    const look = async () => (await route.list({ dst }))[0] as Route;
    /** What is left, which the kernel tells in seconds, lies between what is left when we have looked and `most`. */
    const left = ({ expires = 0 }: Route, most: number) => {
      expect(expires).toBeGreaterThanOrEqual(Math.floor(life - (performance.now() - start) / 1000));
      expect(expires).toBeLessThanOrEqual(most);
      return expires;
    };
    await route.add({ dst, dev: 'veth0', expires: life });
    const first = left(await look(), life);
    const later = await lookUntil(look, ({ expires = 0 }) => expires < first);
    const second = left(later, first - 1);
    await route.del(later);
    await route.add(later);
    left(await look(), second);
    await route.del({ dst });
  });

  const octet = fc.integer({ min: 1, max: 254 });
  const path = fc.record(
    {
      via: fc.constantFrom('10.0.0.2', '10.0.0.3', '10.0.1.2', '2001:db8::2', '2001:db8:1::9'),
      weight: fc.integer({ min: 1, max: 256 }),
    },
    { requiredKeys: ['via', 'weight'] },
  );
  const path6 = fc.record({
    via: fc.constantFrom('2001:db8::2', '2001:db8::3', '2001:db8:1::2', '2001:db8:1::9'),
    weight: fc.integer({ min: 1, max: 256 }),
  });
  const metrics = fc.record(
    {
      mtu: fc.integer({ min: 1280, max: 9000 }),
      advmss: fc.integer({ min: 500, max: 1460 }),
      rtt: fc.integer({ min: 1, max: 80 }).map((n) => n / 8),
      rttvar: fc.integer({ min: 1, max: 40 }).map((n) => n / 4),
      hoplimit: fc.integer({ min: 1, max: 255 }),
      quickack: fc.constant(1),
      congctl: fc.constantFrom('cubic', 'reno'),
      features: fc.constant(['ecn']),
      initcwnd: fc.integer({ min: 1, max: 100 }),
    },
    { requiredKeys: ['mtu'] },
  );
  const common = {
    protocol: fc.constantFrom('static', 'bgp', '77'),
    metric: fc.integer({ min: 1, max: 0xfffffffe }),
    metrics,
  };
  const inet = fc.record(
    {
      dst: fc.tuple(octet, octet).map(([a, b]) => `30.${a}.${b}.0/24`),
      nexthops: fc.uniqueArray(path, { minLength: 2, maxLength: 4, selector: (one) => one.via }),
      tos: fc.integer({ min: 1, max: 63 }).map((n) => 4 * n),
      ...common,
    },
    { requiredKeys: ['dst', 'nexthops'] },
  );
  const inet6 = fc.record(
    {
      dst: fc.tuple(octet, octet).map(([a, b]) => `2001:db8:${a}:${b}::/64`),
      nexthops: fc.uniqueArray(path6, { minLength: 2, maxLength: 4, selector: (one) => one.via }),
      pref: fc.constantFrom('low', 'medium', 'high'),
      ...common,
    },
    { requiredKeys: ['dst', 'nexthops'] },
  );
  // Without nexthops: by one gateway.
  const single = (input: object): RouteInput => {
    const { nexthops, ...rest } = input as RouteInput;
    return { ...rest, via: nexthops?.[0]?.via ?? '' };
  };
  const any = fc.oneof(inet, inet6, inet.map(single), inet6.map(single)) as fc.Arbitrary<RouteInput>;

  it('makes, lists, deletes and makes again any route', async () => {
    const { route } = world.rt;
    await fc.assert(
      fc.asyncProperty(any, async (input) => {
        await route.add({ table: 101, ...input });
        const family = input.dst.includes(':') ? 'inet6' : 'inet';
        const list = () => route.list({ family, table: 101 });
        const [listed, ...others] = await list();
        try {
          expect(others).toEqual([]);
          expect(listed).toMatchObject(input);
        } finally {
          if (listed !== undefined) await route.del(listed);
        }
        expect(await list()).toEqual([]);
        if (listed === undefined) return;
        await route.add(listed);
        const [again] = await list();
        await route.del(listed);
        expect(again === undefined ? again : settled(again)).toEqual(settled(listed));
      }),
      { numRuns: 300 },
    );
  }, 180_000);
});
