/** Many routes: as a list, in batches, one by one, in columns. The same of each, from a kernel full of everything. */
import { deepStrictEqual } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DumpInterruptedError } from '../../src/netlink/error.ts';
import type { MessageSink } from '../../src/netlink/message.ts';
import { NETLINK_ROUTE, NetlinkSocket, type RequestPort } from '../../src/netlink/socket.ts';
import { writeAttribute } from '../../src/netlink/wire/attributes.ts';
import { string } from '../../src/netlink/wire/codec.ts';
import { receiveBuffer } from '../../src/netlink/wire/receive-buffer.ts';
import { WireWriter } from '../../src/netlink/wire/view.ts';
import { LinkNames } from '../../src/route/names.ts';
import { ROUTE_PRESENT, type Route, RouteService } from '../../src/route/route.ts';
import { CHUNK_ROWS } from '../../src/route/route-chunk.ts';
import { decodeRoute } from '../../src/route/route-message.ts';
import { World } from '../support/diff.ts';
import { ROUTES } from './route-fixtures.ts';
import { inet6Routes, inetRoutes, LINKS, NEXTHOPS } from './route-world.ts';

const NEW_ROUTE = 24;
const GET_ROUTE = 26;

/** What changes by itself. */
function settled({ cacheinfo: _, expires: _e, ...route }: Route): Omit<Route, 'cacheinfo' | 'expires'> {
  return route;
}
const allSettled = (routes: Iterable<Route>) => Array.from(routes, settled);

async function gathered<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) {
    expect(batch.length).toBeGreaterThan(0);
    all.push(...batch);
  }
  return all;
}

describe('a kernel full of routes', () => {
  const COUNT = 4000;
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([...LINKS, ...NEXTHOPS, ...inetRoutes(COUNT), ...inet6Routes(COUNT)]);
    // Link-local addresses bring routes when they have been found to be nobody else's.
    await world.settle();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('lists what the declarative decoder reads', async () => {
    const messages = await world.rt.route.listMessages();
    const names = new Map((await world.rt.link.list()).map(({ ifindex, ifname }) => [ifindex, ifname]));
    const named = <T extends { oif?: number; dev?: string }>(path: T): T => {
      const dev = names.get(path.oif ?? 0);
      return dev === undefined ? path : { ...path, dev };
    };
    const expected = messages.map(({ message: { payload } }) => {
      const route = named(decodeRoute(payload));
      if (route.nexthops !== undefined) route.nexthops = route.nexthops.map(named);
      return settled(route);
    });
    expect(expected.length).toBeGreaterThan(2 * COUNT * 0.9);
    deepStrictEqual(allSettled(await world.rt.route.list()), expected);
  });

  for (const filter of [
    {},
    { family: 'inet' },
    { family: 'inet6' },
    { table: 'main' },
    { dev: 'veth1' },
    { via: '10.0.0.2' },
    { protocol: 'bgp' },
    { type: 'blackhole' },
    { root: '20.3.0.0/16' },
    { table: 4711 },
  ])
    it(`says the same in every form: ${JSON.stringify(filter)}`, async () => {
      const { route } = world.rt;
      const list = allSettled(await route.list(filter));
      if (!('table' in filter && filter.table === 4711)) expect(list.length).toBeGreaterThan(0);
      deepStrictEqual(allSettled(await gathered(route.batches(filter))), list);
      const one: Route[] = [];
      for await (const each of route.dump(filter)) one.push(each);
      deepStrictEqual(allSettled(one), list);
      const table = await route.table(filter);
      expect(table.length).toBe(list.length);
      deepStrictEqual(allSettled(table), list);
      deepStrictEqual(
        list.map((_, row) => settled(table.at(row) as Route)),
        list,
      );
    });

  it('has columns that say what the objects say', async () => {
    const table = await world.rt.route.table();
    let row = 0;
    let rare = 0;
    for (const chunk of table.chunks)
      for (let i = 0; i < chunk.length; i++) {
        const route = table.at(row++) as Route;
        const has = chunk.present[i] as number;
        expect(chunk.family).toBe(route.family === 'inet' ? 2 : 10);
        expect(chunk.table[i]).toBe(route.table);
        expect(route.dst).toBe(
          route.dst.includes('/') ? `${route.dst.split('/')[0]}/${chunk.dstLength[i]}` : route.dst,
        );
        if ((has & ROUTE_PRESENT.rare) !== 0) {
          rare++;
          deepStrictEqual(settled(decodeRoute(chunk.messageOf(i) as Uint8Array)).dst, route.dst);
        } else {
          expect(chunk.oif?.[i] ?? 0).toBe(route.oif ?? 0);
          expect(chunk.metric?.[i] ?? 0).toBe(route.metric ?? 0);
          expect((has & ROUTE_PRESENT.via) !== 0).toBe(route.via !== undefined);
          expect(chunk.messageOf(i)).toBe(undefined);
        }
        if ((has & ROUTE_PRESENT.via) !== 0 && chunk.family === 2)
          expect([...(chunk.via?.subarray(4 * i, 4 * i + 4) ?? [])].join('.')).toBe(route.via);
      }
    expect(row).toBe(table.length);
    expect(rare).toBeGreaterThan(COUNT / 2);
    expect(rare).toBeLessThan(table.length - COUNT / 2);
  });

  it('counts rows as arrays do', async () => {
    const table = await world.rt.route.table({ family: 'inet' });
    expect(table.at(-1)).toEqual(table.at(table.length - 1));
    expect(table.at(-table.length)).toEqual(table.at(0));
    for (const index of [table.length, -table.length - 1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(table.at(index)).toBe(undefined);
    expect(table.at(1.9)).toEqual(table.at(1));
  });

  it('can be left in the middle, and asked again at once', async () => {
    const { route } = world.rt;
    for (let i = 0; i < 20; i++) {
      for await (const batch of route.batches()) if (batch.length > 0) break;
      for await (const _ of route.dump()) break;
    }
    expect((await route.list({ table: 'local' })).length).toBeGreaterThan(0);
  });

  it('lets other calls through, however long the reader takes', async () => {
    await using socket = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns: world.name });
    const names = new LinkNames(socket);
    let count = 0;
    const slow: MessageSink = {
      message() {
        count++;
        // Longer, with what comes in one datagram, than a turn of the loop may be held.
        for (const until = performance.now() + 0.02; performance.now() < until; );
      },
      restart() {
        count = 0;
      },
    };
    const request = { type: GET_ROUTE, payload: new Uint8Array(12) };
    for await (const _ of socket.dumpInto(request, slow))
      expect(await Promise.all([names.nameOf(1, {}), names.nameOf(4711, {})])).toEqual(['lo', undefined]);
    expect(count).toBe((await world.rt.route.table()).length);
  });

  it('waits for a slow reader without reading ahead', async () => {
    const { route } = world.rt;
    let count = 0;
    for await (const batch of route.batches()) {
      count += batch.length;
      await sleep(5);
    }
    expect(count).toBe((await route.table()).length);
  });

  it('gives up with an AbortError in every form', async () => {
    const { route } = world.rt;
    const signal = AbortSignal.abort();
    await expect(route.list({}, { signal })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(route.table({}, { signal })).rejects.toMatchObject({ name: 'AbortError' });
    await expect(gathered(route.batches({}, { signal }))).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('refuses a filter that nobody knows, in every form', async () => {
    const { route } = world.rt;
    const filter = { proto: 'bgp' } as object;
    for (const ask of [
      () => route.list(filter),
      () => route.table(filter),
      () => gathered(route.batches(filter)),
    ])
      await expect(ask()).rejects.toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT' });
  });
});

/** A port whose dumps are written here: what the kernel does only now and then, and more routes than are quickly made. */
function scripted(script: (say: (payload: Uint8Array) => void, sink: MessageSink) => Iterable<void>) {
  const asked: number[] = [];
  // RTM_NEWLINK of one link. Its name is its index's.
  const link = (index: number) => {
    const writer = new WireWriter();
    writer.reserve(4);
    writer.s32(index);
    writer.reserve(8);
    writeAttribute(writer, 3, false, () => string.encode(writer, `eth${index}`));
    return { type: 16, flags: 0, seq: 1, portId: 1, payload: writer.bytes };
  };
  const GONE = 13;
  const port: RequestPort = {
    async request({ payload }) {
      const index = new DataView(payload.buffer, payload.byteOffset).getInt32(4, true);
      asked.push(index);
      return index === GONE ? [] : [link(index)];
    },
    dump: () => {
      throw new Error('nobody asks for this');
    },
    async dumpAll() {
      asked.push(0);
      return Array.from({ length: 16 }, (_, i) => link(i + 1)).filter((_, i) => i + 1 !== GONE);
    },
    async *dumpInto(_request, sink) {
      const memory = receiveBuffer(new Uint8Array(4096));
      const say = (payload: Uint8Array) => {
        memory.bytes.fill(0xee);
        memory.bytes.set(payload, 16);
        sink.message(NEW_ROUTE, 2, memory, 16, 16 + payload.length);
      };
      for (const _ of script(say, sink)) yield;
      return undefined;
    },
  };
  return { service: new RouteService(port, new LinkNames(port)), asked };
}

/** 10.x.y.z by a link. */
function simple(i: number, oif: number): Uint8Array {
  const payload = new Uint8Array(28);
  payload.set([2, 32, 0, 0, 254, 3, 253, 1, 0, 0, 0, 0, 8, 0, 1, 0, 10, i >> 16, i >> 8, i, 8, 0, 4, 0, oif]);
  return payload;
}

describe('a scripted dump', () => {
  it('goes beyond one chunk and one piece', async () => {
    const count = 2 * CHUNK_ROWS + 5;
    const { service, asked } = scripted(function* (say) {
      for (let i = 0; i < count; i++) {
        say(simple(i, 2 + (i % 3)));
        if (i % 1000 === 0) yield;
      }
    });
    const list = await service.list();
    expect(list.length).toBe(count);
    for (const i of [0, 1, CHUNK_ROWS - 1, CHUNK_ROWS, 2 * CHUNK_ROWS - 1, 2 * CHUNK_ROWS, count - 1]) {
      const oif = 2 + (i % 3);
      const dst = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
      expect(list[i]).toEqual({
        ...{ family: 'inet', dst, table: 254, protocol: 'boot', scope: 'link', type: 'unicast' },
        ...{ oif, dev: `eth${oif}` },
      });
    }
    expect(asked.sort()).toEqual([2, 3, 4]);
    const table = await service.table();
    expect(table.chunks.map((chunk) => chunk.length)).toEqual([CHUNK_ROWS, CHUNK_ROWS, 5]);
    deepStrictEqual([...table], list);
    for (const i of [0, CHUNK_ROWS - 1, CHUNK_ROWS, count - 1]) deepStrictEqual(table.at(i), list[i]);
  });

  it('names links however many there are, and does without those that have gone', async () => {
    const { service, asked } = scripted(function* (say) {
      for (let oif = 1; oif <= 16; oif++) say(simple(oif, oif));
      yield;
      say(simple(0, 13));
      yield;
    });
    for (const routes of [
      await service.list(),
      await gathered(service.batches()),
      [...(await service.table())],
    ]) {
      expect(routes.map(({ dev }) => dev)).toEqual([
        ...Array.from({ length: 16 }, (_, i) => (i === 12 ? undefined : `eth${i + 1}`)),
        undefined,
      ]);
      expect(routes.filter((route) => 'dev' in route).length).toBe(15);
    }
    // Each by itself while a dump is under way, all at once after it.
    expect(asked.length).toBe(16 + 16 + 1);
  });

  it('mixes families, with every fixture among them', async () => {
    const payloads = ROUTES.map(({ hex }) => new Uint8Array(Buffer.from(hex, 'hex')));
    const { service } = scripted(function* (say) {
      for (const payload of payloads) say(payload);
      yield;
    });
    const list = await service.list();
    expect(list.length).toBeGreaterThan(payloads.length / 2);
    deepStrictEqual([...(await service.table())], list);
  });

  it('forgets what an interrupted dump brought, unless it has been handed on', async () => {
    const problem = new DumpInterruptedError('RTM_GETROUTE', 1);
    const { service } = scripted(function* (say, sink) {
      say(simple(1, 2));
      say(simple(2, 2));
      yield;
      sink.restart(problem);
      say(simple(3, 2));
      yield;
    });
    expect((await service.list()).map(({ dst }) => dst)).toEqual(['10.0.0.3']);
    expect((await service.table()).length).toBe(1);
    const seen: Route[] = [];
    const reading = (async () => {
      for await (const batch of service.batches()) seen.push(...batch);
    })();
    await expect(reading).rejects.toBe(problem);
    expect(seen.map(({ dst }) => dst)).toEqual(['10.0.0.1', '10.0.0.2']);
  });
});
