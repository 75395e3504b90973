/** What a monitor hears: groups, namespaces, message types. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messageTypeFilter } from '../../src/netlink/message-filter.ts';
import type { NewsSink } from '../../src/netlink/news.ts';
import { NETLINK_ROUTE, NetlinkSocket } from '../../src/netlink/socket.ts';
import type { Monitor, MonitorEvent, MonitorOptions } from '../../src/route/monitor.ts';
import { MONITOR_GROUPS } from '../../src/route/monitor-groups.ts';
import { World } from '../support/diff.ts';
import { lookUntil, turns } from '../support/look.ts';

describe('what a monitor hears', () => {
  let world: World;
  let other: World;
  beforeAll(async () => {
    world = await World.open();
    other = await World.open();
    // No addresses and routes that come by themselves, and are news.
    for (const one of [world, other]) one.sysctl(['net.ipv6.conf.default.addr_gen_mode=1']);
    world.batch(['link add veth0 type veth peer name veth1', 'link set veth0 up', 'link set veth1 up']);
    world.ip('link', 'set', 'lo', 'up');
    other.ip('link', 'set', 'lo', 'up');
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  });

  /** What came until everything that `act` caused is here. */
  async function hear(
    objects: Parameters<World['rt']['monitor']>[0],
    act: () => void,
    options: MonitorOptions = {},
  ): Promise<MonitorEvent[]> {
    await using monitor: Monitor = await world.rt.monitor(objects, options);
    act();
    const events: MonitorEvent[] = [];
    const reading = (async () => {
      for await (const batch of monitor.batches()) events.push(...batch);
    })();
    await turns();
    const { resync = false } = options;
    await lookUntil(
      () => monitor.stats,
      ({ queued, overruns, resyncs }) => queued === 0 && (!resync || overruns === resyncs),
    );
    monitor.close();
    await reading;
    return events;
  }

  it('is one group by name, or by number', async () => {
    const act = () =>
      world.batch([
        'route add 10.7.0.0/16 dev veth0',
        'route add 2001:db8::/64 dev veth0',
        'route del 10.7.0.0/16',
        'route del 2001:db8::/64',
      ]);
    for (const group of ['ipv4-route', MONITOR_GROUPS['ipv4-route']] as const) {
      const events = await hear([group], act);
      expect(events.map((event) => event.type)).toEqual(['new', 'del']);
      expect(events).toMatchObject([{ object: 'route', value: { family: 'inet' } }, { object: 'route' }]);
    }
    expect(await hear(['ipv6-route', 'ipv4-route'], act)).toHaveLength(4);
  });

  it('resyncs no more than the groups tell of', async () => {
    world.batch(['route add 2001:db8:1::/64 dev veth0']);
    const events = await hear(
      ['ipv4-route'],
      () => world.batch(Array.from({ length: 60 }, (_, i) => `route add 10.9.${i}.0/24 dev veth0`)),
      { receiveBuffer: 4096, resync: true },
    );
    world.batch(Array.from({ length: 60 }, (_, i) => `route del 10.9.${i}.0/24 dev veth0`));
    expect(events.map((event) => event.type)).toContain('resynced');
    const families = events.flatMap((event) =>
      'object' in event && event.object === 'route' ? [event.value.family] : [],
    );
    expect(new Set(families)).toEqual(new Set(['inet']));
    expect(families).toHaveLength(60);
  });

  it('tells messages of a group that are no object of ours, as they are', async () => {
    const events = await hear([MONITOR_GROUPS.link, 'tc'], () => {
      world.batch(['link add br3 type bridge', 'link set veth1 master br3', 'link del br3']);
      // An action is no object of its own.
      world.exec(
        'tc',
        'actions',
        'add',
        'action',
        'mirred',
        'egress',
        'redirect',
        'dev',
        'veth0',
        'index',
        '7',
      );
      world.exec('tc', 'actions', 'del', 'action', 'mirred', 'index', '7');
    });
    const messages = events.filter((event) => event.type === 'message');
    expect(messages.map(({ group, message }) => [group, message.type])).toEqual([
      [MONITOR_GROUPS.tc, 48],
      [MONITOR_GROUPS.tc, 49],
    ]);
    const objects = events.map((event) => ('object' in event ? event.object : ''));
    expect(objects).toEqual(expect.arrayContaining(['link', 'bridgePort']));
    // By object, only the object; raw, everything as it is.
    const act = () => world.batch(['link add br3 type bridge', 'link set veth1 master br3', 'link del br3']);
    const links = await hear(['link'], act);
    expect(links.every((event) => 'object' in event && event.object === 'link')).toBe(true);
    const raw = await hear(['link'], act, { raw: true });
    expect(raw.length).toBeGreaterThan(links.length);
    for (const event of raw)
      expect(event).toMatchObject({ type: 'message', group: 1, message: { portId: 0 } });
    await expect(world.rt.monitor(['link'], { raw: true, resync: true })).rejects.toMatchObject({
      field: 'raw',
    });
  });

  it('hears of other namespaces where it is asked to, and says of which', async () => {
    world.ip('netns', 'set', other.name, '7');
    const act = () => {
      other.ip('address', 'add', '10.66.0.1/32', 'dev', 'lo');
      world.ip('address', 'add', '10.66.0.2/32', 'dev', 'lo');
      other.ip('address', 'del', '10.66.0.1/32', 'dev', 'lo');
      world.ip('address', 'del', '10.66.0.2/32', 'dev', 'lo');
    };
    const told = (events: MonitorEvent[]) =>
      events.flatMap((event) => {
        if (!('object' in event) || event.object !== 'address') return [['?', event.type]];
        // Link-local addresses announce themselves when they are ready.
        const { family, local } = event.value;
        return family === 'inet' ? [[event.type, local, event.nsid ?? 'own']] : [];
      });
    for (const resync of [false, true]) {
      expect(told(await hear(['address'], act, { allNsid: true, resync }))).toEqual([
        ['new', '10.66.0.1', 7],
        ['new', '10.66.0.2', 'own'],
        ['del', '10.66.0.1', 7],
        ['del', '10.66.0.2', 'own'],
      ]);
    }
    expect(told(await hear(['address'], act))).toHaveLength(2);
  });

  it('refuses groups that cannot be', async () => {
    for (const group of ['ipv5-route', 0, -1, 1.5, 2 ** 31, null, undefined, {}] as never[]) {
      await expect(world.rt.monitor([group])).rejects.toMatchObject({ field: 'objects' });
    }
    await expect(world.rt.monitor('link' as never)).rejects.toMatchObject({ field: 'objects' });
    // One that is in range, and that the kernel does not have.
    await expect(world.rt.monitor([100_000])).rejects.toMatchObject({ code: 'EINVAL' });
  });
});

describe('message type filter', () => {
  it('lets only its types reach the socket, and counts nothing else as lost', async () => {
    await using world = await World.open();
    await using netlink = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns: world.name });
    const types: number[] = [];
    const sink: NewsSink = {
      full: false,
      datagrams(bytes, _used, table, count) {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        for (let row = 0, at = 0; row < count; row++) {
          types.push(view.getUint16(at + 4, true));
          at += ((table[row * 3] ?? 0) + 3) & ~3;
        }
      },
      lost: () => types.push(-1),
      failed: () => types.push(-2),
    };
    const listen = async (filter: Uint8Array | undefined) => {
      types.length = 0;
      await using news = netlink.news({ groups: [1], receiveBuffer: 1 << 20, filter }, sink);
      world.batch(['link add veth5 type veth peer name veth6', 'link set veth5 mtu 1400', 'link del veth5']);
      await turns();
      expect(news.drops).toBe(0);
      return [...types];
    };
    const everything = await listen(undefined);
    expect(new Set(everything)).toEqual(new Set([16, 17]));
    expect(new Set(await listen(messageTypeFilter([17])))).toEqual(new Set([17]));
    expect(new Set(await listen(messageTypeFilter([99, 16, 98])))).toEqual(new Set([16]));
    expect(await listen(messageTypeFilter([16, 17]))).toHaveLength(everything.length);
    expect(await listen(messageTypeFilter([]))).toEqual([]);
    expect(() => messageTypeFilter(Array.from({ length: 256 }, (_, i) => i))).toThrow('too many types');
  });
});
