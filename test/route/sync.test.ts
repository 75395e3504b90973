import { describe, expect, it } from 'vitest';
import type { Route, RouteInput, RouteSyncOptions } from '../../src/index.ts';
import { counts, OWN, syncWorld, TABLE } from './sync-fixture.ts';

describe('declared routes', () => {
  const fixture = syncWorld();
  const { sync, there } = fixture;

  it('are added, and then left alone', async () => {
    const desired: RouteInput[] = [
      { dst: '10.1.0.0/16', via: '10.0.0.2' },
      { dst: '10.2.0.0/16', dev: 'veth0', table: TABLE, protocol: 'static' },
      { dst: '10.3.0.1', nexthops: [{ via: '10.0.0.2', weight: 3 }, { via: '10.0.1.2' }] },
      { dst: 'default', type: 'blackhole', metric: 7 },
      { dst: '2001:db8:1::/48', via: '2001:db8::2' },
      { dst: '2001:db8:2::/48', nexthops: [{ via: '2001:db8::2' }, { via: '2001:db8:1::2', weight: 2 }] },
      { dst: '2001:db8:3::/48', type: 'unreachable' },
      { dst: '10.4.0.0/16', nexthopId: 4 },
    ];
    const first = await sync(desired);
    expect(counts(first)).toEqual({ added: 8 });
    expect(first.added).toContainEqual({
      dst: '10.1.0.0/16',
      via: '10.0.0.2',
      table: TABLE,
      protocol: 'static',
    });
    expect(await there()).toHaveLength(8);
    const second = await sync(desired);
    expect(counts(second)).toEqual({ unchanged: 8 });
    // What is there is as good a description of it.
    expect(counts(await sync(await there()))).toEqual({ unchanged: 8 });
    expect(counts(await sync([]))).toEqual({ deleted: 8 });
    expect(await there()).toEqual([]);
  });

  it.each<[string, RouteInput, RouteInput]>([
    ['another gateway', { dst: '10.1.0.0/16', via: '10.0.0.2' }, { dst: '10.1.0.0/16', via: '10.0.0.3' }],
    [
      'a link instead of a gateway',
      { dst: '10.1.0.0/16', via: '10.0.0.2' },
      { dst: '10.1.0.0/16', dev: 'veth0' },
    ],
    ['another type', { dst: '10.1.0.0/16', via: '10.0.0.2' }, { dst: '10.1.0.0/16', type: 'prohibit' }],
    [
      'metrics',
      { dst: '10.1.0.0/16', via: '10.0.0.2' },
      { dst: '10.1.0.0/16', via: '10.0.0.2', metrics: { mtu: 1400, lock: ['mtu'] } },
    ],
    [
      'a weight',
      { dst: '10.1.0.0/16', nexthops: [{ via: '10.0.0.2' }, { via: '10.0.1.2' }] },
      { dst: '10.1.0.0/16', nexthops: [{ via: '10.0.0.2' }, { via: '10.0.1.2', weight: 2 }] },
    ],
    [
      'another source address',
      { dst: '10.1.0.0/16', dev: 'veth1' },
      { dst: '10.1.0.0/16', dev: 'veth1', prefsrc: '10.0.1.1' },
    ],
    ['an object', { dst: '10.1.0.0/16', via: '10.0.0.2' }, { dst: '10.1.0.0/16', nexthopId: 1 }],
    [
      'a tunnel',
      { dst: '10.1.0.0/16', via: '10.0.0.2' },
      { dst: '10.1.0.0/16', via: '10.0.0.2', encap: { type: 'ip', id: 7n, dst: '10.0.0.2' } },
    ],
    [
      'another gateway, IPv6',
      { dst: '2001:db8:5::/48', via: '2001:db8::2' },
      { dst: '2001:db8:5::/48', via: '2001:db8::3' },
    ],
    [
      'more paths, IPv6',
      { dst: '2001:db8:5::/48', via: '2001:db8::2' },
      { dst: '2001:db8:5::/48', nexthops: [{ via: '2001:db8::3' }, { via: '2001:db8:1::3' }] },
    ],
    [
      'fewer paths, IPv6',
      {
        dst: '2001:db8:5::/48',
        nexthops: [{ via: '2001:db8::3' }, { via: '2001:db8:1::3' }, { via: '2001:db8:1::4' }],
      },
      { dst: '2001:db8:5::/48', via: '2001:db8::2' },
    ],
    [
      'a link instead of a gateway, IPv6',
      { dst: '2001:db8:5::/48', via: '2001:db8::2' },
      { dst: '2001:db8:5::/48', dev: 'veth1' },
    ],
    [
      'another type, IPv6',
      { dst: '2001:db8:5::/48', dev: 'veth1' },
      { dst: '2001:db8:5::/48', type: 'blackhole' },
    ],
    [
      'a preference',
      { dst: '2001:db8:5::/48', via: '2001:db8::2' },
      { dst: '2001:db8:5::/48', via: '2001:db8::2', pref: 'high' },
    ],
    [
      'segments',
      { dst: '2001:db8:5::/48', dev: 'veth0', encap: { type: 'seg6', mode: 'encap', segs: ['2001:db8::5'] } },
      { dst: '2001:db8:5::/48', dev: 'veth0', encap: { type: 'seg6', mode: 'encap', segs: ['2001:db8::6'] } },
    ],
  ])('are replaced, never missing meanwhile: %s', async (_, from, to) => {
    for (const [a, b] of [
      [from, to],
      [to, from],
    ] as const) {
      await sync([a]);
      await using monitor = await fixture.world.rt.monitor(['route']);
      const result = await sync([b]);
      expect(counts(result)).toEqual({ replaced: 1 });
      expect(result.replaced[0]).toMatchObject({ from: { dst: a.dst }, to: b });
      expect(await there()).toHaveLength(1);
      expect(counts(await sync([b]))).toEqual({ unchanged: 1 });
      // All news so far, and one more to know when they are through.
      await fixture.world.rt.route.add({
        dst: '10.255.0.0/16',
        dev: 'veth0',
        table: TABLE,
        protocol: 'boot',
      });
      const news: string[] = [];
      for await (const event of monitor) {
        if (!('value' in event)) throw new Error(event.type);
        const route = event.value as Route;
        if (route.dst === '10.255.0.0/16') break;
        if (route.dst === b.dst) news.push(event.type);
      }
      expect(news.length).toBeGreaterThan(0);
      // IPv6 tells of the paths that a replacement took away.
      if (!b.dst.includes(':')) expect(news).not.toContain('del');
      await fixture.world.rt.route.del({ dst: '10.255.0.0/16', table: TABLE, protocol: 'boot' });
    }
    await sync([]);
  });

  it('see nothing of other protocols and tables, and leave theirs alone', async () => {
    fixture.world.batch([
      `route add 10.1.0.0/16 via 10.0.0.9 table ${TABLE} proto bgp`,
      `route add 10.2.0.0/16 via 10.0.0.9 table ${TABLE} proto bgp`,
      `route add 10.3.0.0/16 via 10.0.0.9 table ${TABLE} proto bgp metric 5`,
      `route add 2001:db8:1::/48 via 2001:db8::9 table ${TABLE} proto bgp`,
      'route add 10.9.0.0/16 via 10.0.0.9 table 501 proto static',
    ]);
    const foreign = await there();
    const desired = [
      { dst: '10.1.0.0/16', via: '10.0.0.2' },
      { dst: '10.3.0.0/16', via: '10.0.0.2' },
      { dst: '2001:db8:1::/48', via: '2001:db8::2' },
    ];
    const result = await sync(desired);
    expect(counts(result)).toEqual({ added: 1, conflicts: 2 });
    expect(result.conflicts).toMatchObject([
      { desired: { dst: '10.1.0.0/16' }, existing: { dst: '10.1.0.0/16', protocol: 'bgp', via: '10.0.0.9' } },
      { desired: { dst: '2001:db8:1::/48' }, existing: { protocol: 'bgp' } },
    ]);
    expect(counts(await sync(desired))).toEqual({ unchanged: 1, conflicts: 2 });
    expect(counts(await sync([]))).toEqual({ deleted: 1 });
    const left = await there();
    expect(left.map(({ cacheinfo: _, ...route }) => route)).toEqual(
      foreign.map(({ cacheinfo: _, ...route }) => route),
    );
    expect(await fixture.world.rt.route.list({ table: 501 })).toHaveLength(1);
    fixture.world.ip('route', 'flush', 'table', '501');
  });

  it('of one family leave the other alone', async () => {
    const both = [
      { dst: '10.1.0.0/16', via: '10.0.0.2' },
      { dst: '2001:db8:1::/48', via: '2001:db8::2' },
    ];
    await sync(both);
    expect(counts(await sync([], { family: 'inet' }))).toEqual({ deleted: 1 });
    expect(counts(await sync(both))).toEqual({ added: 1, unchanged: 1 });
    expect(counts(await sync(both.slice(0, 1), { family: 'inet' }))).toEqual({ unchanged: 1 });
    await expect(sync(both, { family: 'inet6' })).rejects.toMatchObject({ field: 'desired[0].family' });
  });

  it('are only talked about in a dry run', async () => {
    await sync([
      { dst: '10.1.0.0/16', via: '10.0.0.2' },
      { dst: '10.2.0.0/16', via: '10.0.0.2' },
      { dst: '10.3.0.0/16', via: '10.0.0.2' },
    ]);
    const before = await there();
    const desired = [
      { dst: '10.1.0.0/16', via: '10.0.0.2' },
      { dst: '10.2.0.0/16', via: '10.0.0.3' },
      { dst: '10.4.0.0/16', via: '10.0.0.3' },
    ];
    const dry = await sync(desired, { dryRun: true });
    expect(counts(dry)).toEqual({ added: 1, replaced: 1, deleted: 1, unchanged: 1 });
    expect(await there()).toEqual(before);
    expect(await sync(desired)).toEqual(dry);
  });

  it('need not say what the kernel says by itself', async () => {
    const desired: RouteInput[] = [
      { dst: '10.1.2.3/32', via: '10.0.0.2', tos: 0, metric: 0, flags: [], scope: 'global' },
      { dst: '10.2.0.0/16', nexthops: [{ via: '10.0.0.2', weight: 9 }] },
      {
        dst: '10.3.0.0/16',
        nexthops: [{ via: '10.0.1.2' }, { via: '10.0.0.2', dev: 'veth0' }],
        metrics: { mtu: 0 },
      },
      {
        dst: '10.4.0.0/16',
        via: '10.0.0.2',
        metrics: { mtu: 70_000, advmss: 70_000, hoplimit: 300, quickack: 0 },
      },
      { dst: '2001:DB8:0:0::1/128', via: '2001:db8:0::2', metric: 1024 },
      { dst: '2001:db8:2::/48', via: '2001:db8::2', pref: 'medium', metric: 0 },
      { dst: '2001:db8:3::/48', type: 'blackhole', dev: 'veth0' },
      { dst: '2001:db8:4::/48', dev: 'veth0', expires: 3600 },
      { dst: '2001:db8:5::/48', dev: 'veth0', encap: { type: 'ip6', id: 7n, dst: '2001:db8::7' } },
      { dst: '10.5.0.0/16', dev: 'veth0', encap: { type: 'ip', dst: '10.0.0.2', ttl: 0, flags: [] } },
      {
        dst: '2001:db8:6::/48',
        dev: 'veth0',
        encap: { type: 'seg6local', action: 'End', counters: { packets: 0n, bytes: 0n, errors: 0n } },
      },
      { dst: '10.6.0.0/16', nexthopId: 3 },
      { dst: '10.7.0.0/16', via: '2001:db8::2', dev: 'veth0' },
      { dst: '10.8.0.0/16', via: '10.9.9.9', dev: 'veth0', flags: ['onlink'] },
    ];
    const first = await sync(desired);
    expect(first.failed).toEqual([]);
    expect(counts(first)).toEqual({ added: desired.length });
    expect(counts(await sync(desired))).toEqual({ unchanged: desired.length });
    expect(counts(await sync(await there()))).toEqual({ unchanged: desired.length });
    // In another order of paths, too.
    const turned = desired.map((route) =>
      route.nexthops ? { ...route, nexthops: route.nexthops.toReversed() } : route,
    );
    expect(counts(await sync(turned))).toEqual({ unchanged: desired.length });
  });

  it.each([
    ['table', {}, { protocol: 'static' }],
    ['protocol', {}, { table: TABLE }],
    ['protocol', {}, { table: TABLE, protocol: 'kernel' }],
    ['protocol', {}, { table: TABLE, protocol: 'nobody' }],
    ['protocol', {}, { table: TABLE, protocol: 256 }],
    ['table', {}, { table: 0, protocol: 'static' }],
    ['family', {}, { ...OWN, family: 'mpls' }],
    ['dry', {}, { ...OWN, dry: true }],
    ['desired[1].table', { table: 7 }, OWN],
    ['desired[1].protocol', { protocol: 'bgp' }, OWN],
    ['desired[1].dst', { dst: '10.1.2.0/16' }, OWN],
    ['desired[1].dst', { dst: '2001:db8::1/64' }, OWN],
    ['desired[1].from', { dst: '2001:db8::/64', from: '2001:db8::1/64' }, OWN],
    ['desired[1].via', { via: 'nowhere' }, OWN],
    ['desired[1].gateway', { gateway: '10.0.0.1' }, OWN],
    ['desired[1]', { dst: '10.1.0.0/16' }, OWN],
  ])('are refused for their %s, before anything is done', async (field, wrong, options) => {
    await sync([{ dst: '10.200.0.0/16', dev: 'veth0' }]);
    const desired = [
      { dst: '10.1.0.0/16', dev: 'veth0' },
      { dst: '10.2.0.0/16', dev: 'veth0', ...wrong },
    ];
    const refused = fixture.world.rt.route.sync(desired, options as RouteSyncOptions);
    await expect(refused).rejects.toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT', field });
    expect((await there()).map(({ dst }) => dst)).toEqual(['10.200.0.0/16']);
  });

  it('that cannot be are told, and keep no other from being', async () => {
    await sync([
      { dst: '10.3.0.0/16', dev: 'veth0' },
      { dst: '10.4.0.0/16', dev: 'veth0' },
    ]);
    const result = await sync([
      { dst: '10.1.0.0/16', via: '172.16.0.1' },
      { dst: '10.2.0.0/16', dev: 'veth0' },
      { dst: '10.3.0.0/16', dev: 'nothere' },
    ]);
    expect(counts(result)).toEqual({ added: 1, deleted: 1, failed: 2 });
    expect(result.failed).toMatchObject([
      { verb: 'add', route: { dst: '10.3.0.0/16' }, state: 'refused', error: { code: 'ENODEV' } },
      { verb: 'add', route: { dst: '10.1.0.0/16' }, state: 'refused', error: { code: 'ENETUNREACH' } },
    ]);
    // What is in the place of a route that cannot be judged stays.
    expect((await there()).map(({ dst }) => dst).sort()).toEqual(['10.2.0.0/16', '10.3.0.0/16']);
  });

  it('add the way to a gateway before the routes through it', async () => {
    const desired = [
      { dst: '10.90.0.0/16', via: '10.80.0.1', dev: 'veth0' },
      { dst: '10.80.0.0/16', dev: 'veth0' },
    ];
    const main = { table: 'main', protocol: 77 };
    expect(counts(await fixture.world.rt.route.sync(desired, main))).toEqual({ added: 2 });
    expect(counts(await fixture.world.rt.route.sync(desired, main))).toEqual({ unchanged: 2 });
    expect(counts(await fixture.world.rt.route.sync([], main))).toEqual({ deleted: 2 });
  });

  it('put one in the place of several that were appended', async () => {
    fixture.world.batch([
      `route add 10.1.0.0/16 via 10.0.0.2 table ${TABLE} proto static`,
      `route append 10.1.0.0/16 via 10.0.0.3 table ${TABLE} proto static`,
      `route append 10.1.0.0/16 via 10.0.0.4 table ${TABLE} proto static`,
    ]);
    expect(counts(await sync([{ dst: '10.1.0.0/16', via: '10.0.0.3' }]))).toEqual({
      deleted: 2,
      unchanged: 1,
    });
    expect(await there()).toMatchObject([{ via: '10.0.0.3' }]);
    fixture.world.ip(
      'route',
      'append',
      '10.1.0.0/16',
      'via',
      '10.0.0.5',
      'table',
      String(TABLE),
      'proto',
      'static',
    );
    expect(counts(await sync([{ dst: '10.1.0.0/16', via: '10.0.0.9' }]))).toEqual({
      deleted: 1,
      replaced: 1,
    });
    expect(await there()).toMatchObject([{ via: '10.0.0.9' }]);
  });

  it('may be given up', async () => {
    const signal = AbortSignal.abort();
    await expect(sync([{ dst: '10.1.0.0/16', dev: 'veth0' }], { signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(await there()).toEqual([]);
  });
});
