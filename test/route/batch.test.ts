import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type BatchFailure,
  type BatchResult,
  handles,
  type RouteInput,
  RouteSocket,
} from '../../src/index.ts';
import { expectFlatFds } from '../../src/testing/index.ts';
import { World } from '../support/diff.ts';

/** What is to be seen of results, shortly. */
function states(results: readonly BatchResult[]): string[] {
  return results.map((result) => (result.ok ? 'ok' : result.state));
}

function failure(results: readonly BatchResult[], index: number): BatchFailure {
  const result = results[index];
  if (result === undefined || result.ok) throw new Error(`item ${index} did not fail`);
  return result;
}

function tally(results: readonly BatchResult[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const state of states(results)) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** `count` host routes in a table, over veth0. */
function hosts(count: number, table = 100): RouteInput[] {
  return Array.from({ length: count }, (_, i) => ({
    dst: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    dev: 'veth0',
    table,
  }));
}

describe('batches', () => {
  let world: World;
  let rt: RouteSocket;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link set lo up',
      'link add veth0 type veth peer name veth1',
      'link set veth0 up',
      'link set veth1 up',
      'addr add 192.168.0.1/24 dev veth0',
      'addr add 2001:db8::1/64 dev veth0 nodad',
    ]);
    rt = world.rt;
  });
  beforeEach(() => {
    for (const family of ['-4', '-6'])
      try {
        world.ip(family, 'route', 'flush', 'table', '100');
      } catch {
        // A table that nobody made yet.
      }
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  const routes = async (table = 100) => (await rt.route.list({ table })).length;

  it('answer each call, in order, whatever the service', async () => {
    const added = { dst: '10.1.0.0/16', via: '192.168.0.2', table: 100 };
    const indexes: number[] = [];
    const results = await rt.batch((b) => {
      indexes.push(
        b.route.add(added),
        b.route.add(added),
        b.rule.add({ family: 'inet', priority: 1000, table: 100 }),
        b.route.del({ dst: '10.9.0.0/16', table: 100 }),
        b.neighbour.replace({
          dst: '192.168.0.9',
          lladdr: '02:00:00:00:00:09',
          dev: 'veth0',
          state: ['PERMANENT'],
        }),
        b.route.add({ dst: '10.2.0.0/16', via: '172.16.0.1', table: 100 }),
        b.nexthop.add({ id: 7, via: '192.168.0.3', dev: 'veth0' }),
        b.route.add({ dst: '10.3.0.0/16', nexthopId: 7, table: 100 }),
        b.route.add({ dst: '10.4.0.1/16', dev: 'veth0', table: 100 }),
        b.route.add({ dst: 'nonsense', dev: 'veth0' }),
        b.address.add({ dev: 'veth1', local: '192.168.7.1', prefixlen: 24 }),
        b.route.add({ dst: '10.5.0.0/16', dev: 'nothere', table: 100 }),
        b.route.replace({ dst: '10.1.0.0/16', nexthops: [{ via: '192.168.0.4', weight: 3 }], table: 100 }),
        b.rule.del({ family: 'inet', priority: 1000, table: 100 }),
        b.address.del({ dev: 'veth1', local: '192.168.7.1', prefixlen: 24 }),
      );
    });
    expect(indexes).toEqual(indexes.map((_, i) => i));
    expect(states(results)).toEqual([
      ...[
        'ok',
        'refused',
        'ok',
        'refused',
        'ok',
        'refused',
        'ok',
        'ok',
        'refused',
        'invalid',
        'ok',
        'refused',
      ],
      ...['ok', 'ok', 'ok'],
    ]);
    expect(failure(results, 1)).toMatchObject({
      index: 1,
      object: 'route',
      verb: 'add',
      args: [added],
      error: { code: 'EEXIST', name: 'NetlinkError' },
    });
    expect(failure(results, 1).args[0]).toBe(added);
    expect(failure(results, 3).error).toMatchObject({ code: 'ESRCH', syscall: 'RTM_DELROUTE' });
    expect(failure(results, 5).error).toMatchObject({
      code: 'ENETUNREACH',
      extAck: { message: 'Nexthop has invalid gateway' },
    });
    expect(failure(results, 8).error).toMatchObject({
      code: 'EINVAL',
      extAck: { message: expect.stringContaining('prefix') },
    });
    expect(failure(results, 9).error).toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT', field: 'dst' });
    expect(failure(results, 11).error).toMatchObject({ code: 'ENODEV', syscall: 'RTM_GETLINK' });
    expect(await rt.route.list({ table: 100 })).toMatchObject([
      { dst: '10.1.0.0/16', via: '192.168.0.4' },
      { dst: '10.3.0.0/16', nexthopId: 7 },
    ]);
    await rt.nexthop.del({ id: 7 });
    await rt.neighbour.del({ dst: '192.168.0.9', dev: 'veth0' });
  });

  it('reach the kernel in the order of the calls', async () => {
    const route = { dst: '10.1.0.0/16', dev: 'veth0', table: 100 };
    const results = await rt.batch((b) => {
      for (let i = 0; i < 700; i++) {
        b.route.add(route);
        b.route.add({ ...route, metrics: { mtu: 1400 } });
        b.route.del(route);
        b.route.del(route);
      }
      b.route.add(route);
    });
    const expected = Array.from({ length: 700 }, () => ['ok', 'refused', 'ok', 'refused']).flat();
    expect(states(results)).toEqual([...expected, 'ok']);
    expect(await routes()).toBe(1);
  });

  it('names the attribute that the kernel refuses, in the middle of a window', async () => {
    const wrong = { dst: '10.200.0.0/16', dev: 'veth0', table: 100, raw: [{ type: 8, hex: '00' }] };
    const results = await rt.batch((b) => [
      ...hosts(300).map((route) => b.route.add(route)),
      b.route.add(wrong),
      ...hosts(300, 101).map((route) => b.route.add(route)),
    ]);
    expect(tally(results)).toEqual({ ok: 600, refused: 1 });
    expect(failure(results, 300).error).toMatchObject({ code: 'ERANGE' });
    const single = rt.route.add(wrong);
    await expect(single).rejects.toMatchObject({ message: failure(results, 300).error.message });
    world.ip('route', 'flush', 'table', '101');
  });

  it('tell 100,000 apart', { timeout: 180_000 }, async () => {
    const want = hosts(100_000);
    // Every thousandth is there already.
    const there = await rt.batch((b) => {
      for (const [i, route] of want.entries()) if (i % 1000 === 500) b.route.add(route);
    });
    expect(tally(there)).toEqual({ ok: 100 });
    const results = await rt.batch((b) => want.map((route) => b.route.add(route)));
    expect(tally(results)).toEqual({ ok: 99_900, refused: 100 });
    for (let i = 500; i < want.length; i += 1000)
      expect(failure(results, i)).toMatchObject({ index: i, args: [want[i]], error: { code: 'EEXIST' } });
    expect(await routes()).toBe(100_000);
    const deleted = await rt.batch((b) => want.map((route) => b.route.del(route)));
    expect(tally(deleted)).toEqual({ ok: 100_000 });
    expect(await routes()).toBe(0);
  });

  it('lose no answer when all fail, each with the kernel’s reasons', { timeout: 180_000 }, async () => {
    const results = await rt.batch((b) =>
      hosts(20_000).map(({ dst }) => b.route.add({ dst, via: '172.16.0.1', table: 100 })),
    );
    expect(tally(results)).toEqual({ refused: 20_000 });
    for (const result of results)
      if (!result.ok)
        expect((result.error as { extAck?: { message?: string } }).extAck?.message).toBe(
          'Nexthop has invalid gateway',
        );
  });

  it('may be empty, and its callback async', async () => {
    const { opened } = handles.counters;
    expect(await rt.batch(() => [])).toEqual([]);
    expect(await rt.batch(() => {})).toEqual([]);
    expect(handles.counters.opened).toBe(opened);
    const results = await rt.batch(async (b) => {
      await Promise.resolve();
      b.route.add({ dst: '10.1.0.0/16', dev: 'veth0', table: 100 });
    });
    expect(results).toEqual([{ ok: true }]);
  });

  it('send nothing, and keep nothing, when the callback throws', async () => {
    const { opened } = handles.counters;
    const thrown = new Error('no');
    const batch = rt.batch((b) => {
      b.route.add({ dst: '10.1.0.0/16', dev: 'veth0', table: 100 });
      throw thrown;
    });
    await expect(batch).rejects.toBe(thrown);
    expect(await routes()).toBe(0);
    expect(handles.counters.opened).toBe(opened);
  });

  it('take nothing more once the callback has returned', async () => {
    let late: (() => number) | undefined;
    await rt.batch((b) => {
      late = () => b.route.add({ dst: '10.1.0.0/16', dev: 'veth0', table: 100 });
    });
    expect(late).toThrow(expect.objectContaining({ code: 'ERR_COFFERDAM_BATCH_SEALED' }));
    expect(await routes()).toBe(0);
  });

  it('refuse options that nobody knows, and say what to use instead of a transaction', async () => {
    for (const options of [
      { windows: 3 },
      { window: 0 },
      { window: 513 },
      { timeout: -1 },
      { onError: 'ignore' },
    ])
      await expect(
        rt.batch((b) => b.route.add({ dst: '10.1.0.0/16', dev: 'veth0', table: 100 }), options as object),
      ).rejects.toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT' });
    const atomic = rt.batch(() => {}, { atomic: true } as object);
    await expect(atomic).rejects.toThrow("onError: 'undo'");
    expect(await routes()).toBe(0);
  });

  it.each([1, 2, 7, 511])('go in windows of %i', async (window) => {
    const want = hosts(1500);
    const results = await rt.batch(
      (b) => want.flatMap((route, i) => [b.route.add(route), ...(i % 5 === 0 ? [b.route.add(route)] : [])]),
      { window },
    );
    expect(tally(results)).toEqual({ ok: 1500, refused: 300 });
    expect(await routes()).toBe(1500);
  });

  it('make links and go on with them by name', async () => {
    const results = await rt.batch((b) => {
      b.link.add({ kind: 'veth', ifname: 'va', peer: { ifname: 'vb' } });
      b.link.set('va', { up: true, altnames: ['another-name-for-va'] });
      b.link.set('vb', { up: true });
      b.address.add({ dev: 'another-name-for-va', local: '192.168.50.1', prefixlen: 24 });
      b.route.add({ dst: '10.1.0.0/16', dev: 'va', table: 100 });
      b.route.add({ dst: '10.2.0.0/16', via: '192.168.50.2', table: 100 });
      b.link.del('va');
      b.route.add({ dst: '10.3.0.0/16', dev: 'va', table: 100 });
      b.link.add({ kind: 'veth', ifname: 'va', peer: { ifname: 'vb' } });
      b.link.set('va', { up: true });
      b.link.add({ kind: 'veth', ifname: 'va', peer: { ifname: 'vc' } });
      b.route.add({ dst: '10.4.0.0/16', dev: 'va', table: 100 });
    });
    const expected = new Array(12).fill('ok');
    expected[7] = expected[10] = 'refused';
    expect(states(results)).toEqual(expected);
    expect(failure(results, 7).error).toMatchObject({ code: 'ENODEV' });
    expect(await rt.route.list({ table: 100 })).toMatchObject([{ dst: '10.4.0.0/16', dev: 'va' }]);
    await rt.link.del('va');
  });

  it('see what was done before where a verb has to look first', async () => {
    // An IPv6 address without its length is looked up; a nexthop without its id is told it by an echo.
    const results = await rt.batch((b) => {
      b.address.add({ dev: 'veth1', local: '2001:db8:7::1', prefixlen: 64 });
      b.address.del({ dev: 'veth1', local: '2001:db8:7::1' });
      b.address.del({ dev: 'veth1', local: '2001:db8:7::1' });
      b.nexthop.add({ via: '192.168.0.3', dev: 'veth0' });
      b.nexthop.add({ id: 9, via: '192.168.0.3', dev: 'veth0' });
    });
    expect(states(results)).toEqual(['ok', 'ok', 'refused', 'ok', 'ok']);
    for (const { id } of await rt.nexthop.list()) await rt.nexthop.del({ id });
  });

  describe('that stop at a failure', () => {
    it('send nothing after what the kernel refuses', async () => {
      const want = hosts(2000);
      await rt.route.add(want[1234] as RouteInput);
      const results = await rt.batch((b) => want.map((route) => b.route.add(route)), { onError: 'stop' });
      expect(tally(results)).toEqual({ ok: 1234, refused: 1, unsent: 765 });
      expect(failure(results, 1234).error).toMatchObject({ code: 'EEXIST' });
      expect(failure(results, 1235).error).toMatchObject({
        code: 'ERR_COFFERDAM_BATCH_STOPPED',
        index: 1234,
      });
      expect(await routes()).toBe(1235);
    });

    it('send nothing after what is invalid', async () => {
      const want: unknown[] = hosts(2000);
      want[1234] = { dst: '10.0.0.0/8', nonsense: true };
      const results = await rt.batch((b) => want.map((route) => b.route.add(route as RouteInput)), {
        onError: 'stop',
      });
      expect(tally(results)).toEqual({ ok: 1234, invalid: 1, unsent: 765 });
      expect(await routes()).toBe(1234);
    });

    it('send nothing after a link that could not be made', async () => {
      const results = await rt.batch(
        (b) => {
          b.route.add({ dst: '10.1.0.0/16', dev: 'veth0', table: 100 });
          b.link.add({ kind: 'veth', ifname: 'veth0', peer: { ifname: 'other' } });
          b.route.add({ dst: '10.2.0.0/16', dev: 'veth0', table: 100 });
        },
        { onError: 'stop' },
      );
      expect(states(results)).toEqual(['ok', 'refused', 'unsent']);
      expect(await routes()).toBe(1);
    });

    it('undo what was added, the last first', async () => {
      const before = await rt.route.list({ table: 100 });
      const results = await rt.batch(
        (b) => {
          b.link.add({ kind: 'veth', ifname: 'va', peer: { ifname: 'vb', up: true }, up: true });
          b.nexthop.add({ id: 7, dev: 'va' });
          b.route.add({ dst: '10.1.0.0/16', nexthopId: 7, table: 100 });
          b.rule.add({ family: 'inet', priority: 1000, table: 100 });
          b.route.add({ dst: '10.2.0.0/16', via: '172.16.0.1', table: 100 });
          b.route.add({ dst: '10.3.0.0/16', dev: 'veth0', table: 100 });
        },
        { onError: 'undo' },
      );
      expect(states(results)).toEqual(['undone', 'undone', 'undone', 'undone', 'refused', 'unsent']);
      expect(failure(results, 0).error).toBe(failure(results, 4).error);
      expect(await rt.route.list({ table: 100 })).toEqual(before);
      expect(await rt.nexthop.list()).toEqual([]);
      expect((await rt.rule.list()).filter(({ priority }) => priority === 1000)).toEqual([]);
      await expect(rt.link.get('va')).rejects.toMatchObject({ code: 'ENODEV' });
    });

    it('keep everything when nothing fails, and undo nothing but additions', async () => {
      const results = await rt.batch((b) => hosts(600).map((route) => b.route.add(route)), {
        onError: 'undo',
      });
      expect(tally(results)).toEqual({ ok: 600 });
      const replacing = rt.batch((b) => b.route.replace({ dst: '10.0.0.1', dev: 'veth0' }), {
        onError: 'undo',
      });
      await expect(replacing).rejects.toMatchObject({ code: 'ERR_COFFERDAM_INVALID_ARGUMENT' });
    });
  });

  it('keep the number of fds flat', { timeout: 180_000 }, async () => {
    const want = hosts(20, 102);
    await expectFlatFds(
      async () => {
        await using own = await RouteSocket.open({ netns: world.name });
        await own.batch((b) => want.map((route) => b.route.add(route)));
        await own.batch((b) => want.map((route) => b.route.del(route)));
        await own.batch(() => Promise.reject(new Error('no'))).catch(() => {});
        const controller = new AbortController();
        const batch = own.batch((b) => want.map((route) => b.route.add(route)), {
          signal: controller.signal,
        });
        controller.abort();
        await batch.catch(() => {});
        await own.batch((b) => want.map((route) => b.route.del(route)));
      },
      { iterations: 200 },
    );
  });
});
