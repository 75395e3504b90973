import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RouteInput } from '../../src/index.ts';
import { inet6Routes, inetRoutes } from './route-world.ts';
import { counts, syncWorld, TABLE } from './sync-fixture.ts';

describe('declared routes, many and odd', () => {
  const fixture = syncWorld();
  const { sync, there } = fixture;

  it.each([
    ['inet', inetRoutes],
    ['inet6', inet6Routes],
  ] as const)(
    'of every form of %s that the kernel takes are as they were listed',
    { timeout: 180_000 },
    async (family, lines) => {
      fixture.world.batch([...lines(400)]);
      const all = (await fixture.world.rt.route.list({ family })).filter(
        ({ protocol, table }) => protocol !== 'kernel' && table !== TABLE,
      );
      expect(all.length).toBeGreaterThan(300);
      // Into one table, as one protocol's: in places of their own.
      const places = new Map(
        all.map((route) => [`${route.dst} ${route.metric} ${route.tos} ${route.from}`, route]),
      );
      const desired = [...places.values()].map(
        ({ table: _, protocol: __, cacheinfo: ___, ...route }) => route,
      );
      const first = await sync(desired, { family });
      expect(first.failed).toEqual([]);
      expect(counts(first)).toEqual({ added: desired.length });
      expect(counts(await sync(desired, { family }))).toEqual({ unchanged: desired.length });
      expect(counts(await sync([], { family }))).toEqual({ deleted: desired.length });
    },
  );

  it('are reached from whatever was there before', { timeout: 180_000 }, async () => {
    const via = fc.constantFrom('10.0.0.2', '10.0.0.3', '10.0.1.2');
    const via6 = fc.constantFrom('2001:db8::2', '2001:db8::3', '2001:db8:1::2');
    const paths = (address: fc.Arbitrary<string>): fc.Arbitrary<Partial<RouteInput>> =>
      fc.oneof(
        fc.record({ via: address }),
        fc.constantFrom({ dev: 'veth0' }, { dev: 'veth1' }),
        fc.constantFrom<Partial<RouteInput>>({ type: 'blackhole' }, { type: 'throw' }),
        fc
          .uniqueArray(address, { minLength: 1, maxLength: 3 })
          .chain((list) =>
            fc.tuple(
              ...list.map((one) =>
                fc.record({ via: fc.constant(one), weight: fc.integer({ min: 1, max: 3 }) }),
              ),
            ),
          )
          .map((nexthops) => ({ nexthops })),
      );
    const more = fc.record(
      { metrics: fc.constantFrom({ mtu: 1400 }, { mtu: 1300 }), metric: fc.constantFrom(5, 9) },
      { requiredKeys: [] },
    );
    const route = fc
      .oneof(
        fc.tuple(
          fc.record({ dst: fc.constantFrom('10.1.0.0/16', '10.2.0.0/16', 'default') }),
          paths(via),
          more,
        ),
        fc.tuple(fc.record({ dst: fc.constantFrom('2001:db8:7::/48', '2001:db8:8::1') }), paths(via6), more),
      )
      .map((parts) => Object.assign({}, ...parts) as RouteInput);
    const state = fc.uniqueArray(route, { maxLength: 8, selector: ({ dst, metric }) => `${dst} ${metric}` });
    const seen = async () => (await there()).map(({ cacheinfo: _, ...one }) => JSON.stringify(one)).sort();
    await fc.assert(
      fc.asyncProperty(state, state, async (before, after) => {
        await sync([]);
        expect((await sync(after)).added).toHaveLength(after.length);
        const fresh = await seen();
        await sync([]);
        expect((await sync(before)).failed).toEqual([]);
        const result = await sync(after);
        expect([result.failed, result.conflicts]).toEqual([[], []]);
        expect(counts(await sync(after))).toEqual(after.length === 0 ? {} : { unchanged: after.length });
        expect((await seen()).length).toBe(fresh.length);
      }),
      { numRuns: 150 },
    );
  });

  it('by the thousand, while others change theirs', { timeout: 180_000 }, async () => {
    const desired = (via: string): RouteInput[] =>
      Array.from({ length: 5000 }, (_, i) => ({
        dst: `10.${100 + (i >> 8)}.${i & 255}.0/24`,
        via,
        metric: 10 + (i % 3),
      }));
    let churning = true;
    let changes = 0;
    const churn = (async () => {
      for (let i = 0; churning; i++) {
        const route = {
          dst: `10.${100 + (i % 20)}.7.0/24`,
          dev: 'veth1',
          table: TABLE,
          protocol: 'bgp',
          metric: 99,
        };
        await fixture.world.rt.route.replace(route);
        if (i % 3 === 0) await fixture.world.rt.route.del(route);
        changes++;
      }
    })();
    expect(counts(await sync(desired('10.0.0.2')))).toEqual({ added: 5000 });
    expect(counts(await sync(desired('10.0.0.2')))).toEqual({ unchanged: 5000 });
    const half = [...desired('10.0.0.2').slice(0, 2000), ...desired('10.0.0.3').slice(2000, 4000)];
    expect(counts(await sync(half))).toEqual({ unchanged: 2000, replaced: 2000, deleted: 1000 });
    expect(counts(await sync(half))).toEqual({ unchanged: 4000 });
    expect(counts(await sync([]))).toEqual({ deleted: 4000 });
    churning = false;
    await churn;
    expect(changes).toBeGreaterThan(50);
    expect((await there()).every(({ protocol }) => protocol === 'bgp')).toBe(true);
  });
});
