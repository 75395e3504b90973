/** What callers without types give: a typed error that names the field, never a TypeError from within, never silence. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OBJECT_NAMES, type ObjectName } from '../../src/route/object.ts';
import { RouteSocket } from '../../src/route/socket.ts';
import { World } from '../support/diff.ts';

const NO_OBJECTS: readonly unknown[] = [null, '', 'blue', 5, 5n, true, [], Symbol('x'), Number.NaN];

/** As JavaScript sees the interface. */
interface Loose {
  add(...given: unknown[]): Promise<unknown>;
  set(...given: unknown[]): Promise<unknown>;
  get(...given: unknown[]): Promise<unknown>;
  list(...given: unknown[]): Promise<unknown>;
  dump(...given: unknown[]): AsyncIterable<unknown>;
}

const READ_ONLY: readonly ObjectName[] = ['netconf', 'bridgePort'];

describe('arguments', () => {
  let world: World;
  let rt: Record<ObjectName, Loose>;
  beforeAll(async () => {
    world = await World.open();
    rt = world.rt as unknown as Record<ObjectName, Loose>;
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  const refused = (field: string) => ({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT', field });

  it.each(OBJECT_NAMES)('%s: no object', async (object) => {
    for (const value of NO_OBJECTS) {
      // What is only read has nothing to add.
      if (!READ_ONLY.includes(object))
        await expect(rt[object].add(value)).rejects.toMatchObject(refused(object));
      await expect(rt[object].list(value)).rejects.toMatchObject(refused('filter'));
    }
  });

  it.each(OBJECT_NAMES)('%s: a filter that nobody knows does not list everything', async (object) => {
    await expect(rt[object].list({ bogus: 1 })).rejects.toMatchObject(refused('bogus'));
    await expect(async () => {
      for await (const _ of rt[object].dump({ bogus: 1 }));
    }).rejects.toMatchObject(refused('bogus'));
  });

  it('a rule is listed, and found, by whatever it says', async () => {
    await world.rt.rule.add({ src: '10.7.0.0/16', fwmark: 7, table: 70, priority: 700 });
    await world.rt.rule.add({ src: '10.8.0.0/16', fwmark: 7, table: 70, priority: 800 });
    const [rule] = await world.rt.rule.list({ src: '10.8.0.0/16', fwmark: 7 });
    expect(rule).toMatchObject({ priority: 800 });
    expect(await world.rt.rule.get(rule ?? {})).toEqual(rule);
    await expect(rt.rule.get(5)).rejects.toMatchObject(refused('filter'));
  });

  const NO_LISTS = [5, true, 'bogus', { x: 1 }, Symbol('x')];
  const ODD_FIELDS: readonly [ObjectName, object, string, readonly unknown[]][] = [
    ['route', { dst: '10.9.0.0/16', dev: 'lo' }, 'flags', [...NO_LISTS, [null], ['bogus']]],
    ['route', { dst: '10.9.0.0/16', dev: 'lo' }, 'encap', [null, 5, [], {}]],
    ['route', { dst: '10.9.0.0/16', dev: 'lo' }, 'table', [null, Symbol('x'), {}, 5n, 'bogus']],
    ['route', { dst: '10.9.0.0/16', dev: 'lo' }, 'scope', [Symbol('x'), {}, [200]]],
    ['address', { dev: 'lo', local: '10.9.0.1/24' }, 'flags', NO_LISTS],
    ['rule', { priority: 9 }, 'flags', NO_LISTS],
    ['rule', { priority: 9 }, 'tunId', [null, 1.5, 'bogus', {}, Number.NaN, Symbol('x')]],
    ['rule', { priority: 9 }, 'uidrange', [null, [], 'x', -1]],
    ['rule', { priority: 9 }, 'realms', [null, 5, {}]],
    ['neighbour', { dev: 'lo', dst: '10.9.0.9' }, 'flags', NO_LISTS],
    ['neighbour', { dev: 'lo', dst: '10.9.0.9' }, 'state', [...NO_LISTS, [5], [null]]],
    ['nexthop', { id: 9, blackhole: true }, 'flags', [...NO_LISTS, ['bogus']]],
    ['nexthop', { id: 9, dev: 'lo' }, 'via', [null, 5, {}]],
    ['link', { kind: 'bridge', ifname: 'odd0' }, 'flags', NO_LISTS],
    ['link', { kind: 'bridge', ifname: 'odd0' }, 'altnames', NO_LISTS],
    ['link', { kind: 'bridge', ifname: 'odd0' }, 'afSpec', [null]],
  ];
  it.each(ODD_FIELDS)('%s %j: %s of the wrong type', async (object, base, field, values) => {
    for (const value of values) {
      const problem: unknown = await rt[object].add({ ...base, [field]: value }).then(
        () => 'no problem',
        (error: unknown) => error,
      );
      expect(problem, String(value)).toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT' });
      expect((problem as { field: string }).field.split(/[.[]/)[0]).toBe(field);
    }
  });

  const RAW_BASES: readonly [string, (raw: unknown) => Promise<unknown>][] = [
    ['link', (raw) => rt.link.set('lo', { raw })],
    ['address', (raw) => rt.address.add({ dev: 'lo', local: '10.9.0.1/24', raw })],
    ['route', (raw) => rt.route.add({ dev: 'lo', dst: '10.9.0.0/24', raw })],
    ['rule', (raw) => rt.rule.add({ priority: 9, raw })],
    ['neighbour', (raw) => rt.neighbour.add({ dev: 'lo', dst: '10.9.0.9', raw })],
    ['nexthop', (raw) => rt.nexthop.add({ id: 9, dev: 'lo', raw })],
  ];
  it.each(RAW_BASES)('%s: raw attributes of the wrong type', async (_, write) => {
    for (const raw of [null, 5, 'x', {}, [null], [5], [{ type: 'x', hex: '' }], [{ type: 60, hex: 5 }]])
      await expect(write(raw), JSON.stringify(raw)).rejects.toMatchObject({
        code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
        field: expect.stringMatching(/^raw/),
      });
  });

  it('a lookup that asks for what nobody knows', async () => {
    await expect(rt.route.get('127.0.0.1', { fwmark: 1 })).rejects.toMatchObject(refused('fwmark'));
  });

  it('a nexthop in the midst of a route', async () => {
    for (const value of NO_OBJECTS)
      await expect(rt.route.add({ dst: '10.0.0.0/8', nexthops: [value] })).rejects.toMatchObject(
        refused('nexthops[0]'),
      );
  });

  it('deadlines and signals', async () => {
    for (const timeout of [
      0,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      5n,
      '5',
      true,
      [5],
      null,
      Symbol('x'),
    ]) {
      await expect(rt.link.get('lo', { timeout })).rejects.toMatchObject(refused('timeout'));
      await expect(RouteSocket.open({ timeout } as object)).rejects.toMatchObject(refused('timeout'));
    }
    for (const signal of [{}, 5, 'x', new AbortController()]) {
      await expect(rt.link.get('lo', { signal })).rejects.toMatchObject(refused('signal'));
      await expect(RouteSocket.open({ signal } as object)).rejects.toMatchObject(refused('signal'));
    }
    await expect(rt.link.get('lo', { timeout: Number.NaN })).rejects.toThrow('timeout: NaN is no deadline');
  });

  it('options of a socket: none is taken for the own namespace by mistake', async () => {
    for (const value of NO_OBJECTS)
      await expect(RouteSocket.open(value as object)).rejects.toMatchObject(refused('options'));
    await expect(RouteSocket.open({ netNs: 'blue' } as object)).rejects.toMatchObject(refused('netNs'));
  });

  it('what to monitor', async () => {
    const monitor = world.rt.monitor.bind(world.rt) as (...given: unknown[]) => Promise<unknown>;
    for (const value of ['link', 5, {}, null])
      await expect(monitor(value)).rejects.toMatchObject(refused('objects'));
    for (const queue of [0, -1, 1.5, Number.NaN, '5'])
      await expect(monitor(['link'], { queue })).rejects.toMatchObject(refused('queue'));
    await expect(monitor(['link'], { reSync: true })).rejects.toMatchObject(refused('reSync'));
  });
});
