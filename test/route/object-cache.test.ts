import { describe, expect, it } from 'vitest';
import { NLM_F } from '../../src/netlink/wire/message.ts';
import type { ObjectType } from '../../src/route/object.ts';
import { type Change, ObjectCache } from '../../src/route/object-cache.ts';
import { type Route, routeType } from '../../src/route/route.ts';
import { ignoring, sameData } from '../../src/route/same-data.ts';

function route(fields: Partial<Route> = {}): Route {
  return {
    family: 'inet',
    dst: '10.0.0.0/8',
    table: 254,
    protocol: 'boot',
    scope: 'universe',
    type: 'unicast',
    ...fields,
  };
}

function differences<T extends object>(cache: ObjectCache<T>, values: readonly T[]): Change<T>[] {
  return [...cache.replace(values)].filter((change) => change !== undefined);
}

describe('sameData', () => {
  it('compares what was decoded, whatever the order of fields', () => {
    const one = { a: 1, b: [1n, { c: 'x' }], d: undefined, e: null };
    expect(sameData(one, { e: null, b: [1n, { c: 'x' }], a: 1 })).toBe(true);
    for (const other of [
      { ...one, a: 2 },
      { ...one, b: [1n] },
      { ...one, b: [2n, { c: 'x' }] },
      { ...one, b: [1n, { c: 'y' }] },
      { ...one, b: { 0: 1n, 1: { c: 'x' } } },
      { ...one, f: 1 },
      { ...one, e: undefined },
      { b: one.b, e: null },
    ]) {
      expect(sameData(one, other), JSON.stringify(Object.keys(other))).toBe(false);
      expect(sameData(other, one)).toBe(false);
    }
    expect(sameData(Number.NaN, Number.NaN)).toBe(true);
  });

  it('passes over what ticks by itself, also inside, also in lists', () => {
    const ignored = ignoring(['ticks', 'inner.ticks', 'list.inner.ticks', 'inner.deep.ticks']);
    const thing = (ticks: number, rest: number) => ({
      ticks,
      inner: { ticks, rest: 1, deep: { ticks } },
      list: [{ inner: { ticks, rest } }],
    });
    expect(sameData(thing(1, 1), thing(2, 1), ignored)).toBe(true);
    expect(sameData(thing(1, 1), thing(1, 2), ignored)).toBe(false);
    expect(sameData(thing(1, 1), { ...thing(1, 1), ticks: undefined }, ignored)).toBe(true);
    // A field of the same name elsewhere counts.
    expect(sameData({ list: [{ ticks: 1 }] }, { list: [{ ticks: 2 }] }, ignored)).toBe(false);
  });
});

describe('object cache', () => {
  it('tells IPv4 routes apart that append made under one prefix', () => {
    const cache = new ObjectCache<Route>(routeType);
    const [first, second, third] = ['10.1.0.1', '10.1.0.2', '10.1.0.3'].map((via) => route({ via }));
    if (first === undefined || second === undefined || third === undefined) throw new Error('three of them');
    expect(cache.apply('new', first, NLM_F.create)).toMatchObject({ type: 'new' });
    expect(cache.apply('new', second, NLM_F.create | NLM_F.append)).toMatchObject({ type: 'new' });
    expect(cache.apply('new', { ...second }, 0)).toMatchObject({ type: 'change' });
    expect(differences(cache, [first, second])).toEqual([]);
    // One goes, another comes: the one in between stays.
    expect(differences(cache, [second, third])).toEqual([
      { type: 'del', value: first },
      { type: 'new', value: third },
    ]);
    expect(cache.apply('del', first)).toBeUndefined();
    expect(cache.apply('del', third)).toMatchObject({ type: 'del' });
    expect(cache.apply('del', second)).toMatchObject({ type: 'del' });
    expect(cache.size).toBe(0);
  });

  it('takes a replaced route for a change of the first, as the kernel does', () => {
    const cache = new ObjectCache<Route>(routeType);
    cache.apply('new', route({ via: '10.1.0.1' }), NLM_F.create);
    cache.apply('new', route({ via: '10.1.0.2' }), NLM_F.create | NLM_F.append);
    const replaced = route({ via: '10.1.0.9' });
    expect(cache.apply('new', replaced, NLM_F.replace)).toEqual({ type: 'change', value: replaced });
    expect(differences(cache, [replaced, route({ via: '10.1.0.2' })])).toEqual([]);
    // Where the replacement itself was lost, it is one all the same.
    const single = new ObjectCache<Route>(routeType);
    single.apply('new', route({ via: '10.1.0.1' }));
    expect(differences(single, [replaced])).toEqual([{ type: 'change', value: replaced }]);
  });

  it('does not take counters of segment routing for a change', () => {
    const cache = new ObjectCache<Route>(routeType);
    const counted = (packets: bigint) =>
      route({ family: 'inet6', encap: { type: 'seg6local', action: 'End', counters: { packets } } as never });
    cache.apply('new', counted(1n));
    expect(differences(cache, [counted(2n)])).toEqual([]);
  });

  it('puts together news that tell only what changed', () => {
    interface Thing {
      id: number;
      a?: number;
      b?: number;
    }
    const type = {
      key: ({ id }: Thing) => String(id),
      merge: (known: Thing, news: Thing) => ({ ...known, ...news }),
    } as unknown as ObjectType<Thing>;
    const cache = new ObjectCache<Thing>(type);
    cache.apply('new', { id: 1, a: 1, b: 1 });
    expect(cache.apply('new', { id: 1, b: 2 })).toEqual({ type: 'change', value: { id: 1, a: 1, b: 2 } });
    expect(differences(cache, [{ id: 1, a: 1, b: 2 }])).toEqual([]);
  });

  it('breathes in a long comparison', () => {
    const cache = new ObjectCache<Route>(routeType);
    const many = Array.from({ length: 10_000 }, (_, i) => route({ dst: `10.0.${i >> 8}.${i & 255}` }));
    expect(differences(cache, many)).toHaveLength(10_000);
    expect([...cache.replace(many)].length).toBeGreaterThan(100);
    expect(differences(cache, many)).toEqual([]);
  });
});
