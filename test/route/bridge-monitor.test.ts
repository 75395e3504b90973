import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bridgePortType } from '../../src/route/bridge-port.ts';
import { fdbType } from '../../src/route/fdb.ts';
import { mdbType } from '../../src/route/mdb.ts';
import { netconfType } from '../../src/route/netconf.ts';
import type { ObjectType } from '../../src/route/object.ts';
import { World } from '../support/diff.ts';
import { lookUntil, turns } from '../support/look.ts';

/** Whoever follows the news from a first look on knows what a second look would find. */
const TYPES = {
  fdb: fdbType,
  mdb: mdbType,
  bridgePort: bridgePortType,
  netconf: netconfType,
} as unknown as Readonly<Record<string, ObjectType<object>>>;

describe('news of bridges', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add br0 type bridge mcast_igmp_version 3',
      ...[0, 1].map((i) => `link add v${i} type veth peer name w${i}`),
      'link add vx0 type vxlan id 42 dstport 4789 local 10.0.0.1 nolearning',
    ]);
    for (const dev of ['br0', 'v0', 'w0', 'v1', 'w1', 'vx0']) {
      world.sysctl([`net.ipv6.conf.${dev}.disable_ipv6=1`]);
      world.ip('link', 'set', dev, 'up');
    }
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  async function look(): Promise<Map<string, object>> {
    const view = new Map<string, object>();
    for (const [name, type] of Object.entries(TYPES)) {
      const service = world.rt[name as 'fdb'] as { snapshot(): Promise<object[]> };
      for (const one of await service.snapshot()) view.set(`${name} ${type.key(one)}`, lasting(one, type));
    }
    return view;
  }
  /** Without what ticks, and what news and dumps of ports tell differently. */
  function lasting(one: object, { volatile = [] }: ObjectType<object>): object {
    return Object.fromEntries(Object.entries(one).filter(([field]) => !volatile.includes(field)));
  }

  it('lead to what a second look finds', async () => {
    const { rt } = world;
    await using monitor = await rt.monitor(['fdb', 'mdb', 'bridgePort', 'netconf'], { resync: true });
    const view = await look();
    const before = new Map(view);
    world.batch(['link set w0 master br0', 'link set w1 master br0']);
    const to = { dev: 'w0', master: 'br0' };
    await rt.fdb.add({ ...to, mac: '02:fd:00:00:00:01', state: 'static' });
    await rt.fdb.add({ ...to, mac: '02:fd:00:00:00:02', state: 'dynamic' });
    // It moves to another port.
    await rt.fdb.replace({ dev: 'w1', master: 'br0', mac: '02:fd:00:00:00:02', state: 'dynamic' });
    await rt.fdb.add({ dev: 'vx0', mac: '00:00:00:00:00:00', dst: '192.0.2.1' });
    await rt.fdb.append({ dev: 'vx0', mac: '00:00:00:00:00:00', dst: '192.0.2.2', vni: 7 });
    await rt.fdb.append({ dev: 'vx0', mac: '00:00:00:00:00:00', dst: '192.0.2.3' });
    await rt.fdb.del({ dev: 'vx0', mac: '00:00:00:00:00:00', dst: '192.0.2.1' });
    const group = { dev: 'br0', grp: '239.1.1.1', state: 'permanent' };
    await rt.mdb.add({ ...group, port: 'w0' });
    await rt.mdb.add({ ...group, port: 'w1', sources: [{ address: '192.0.2.9' }], filterMode: 'include' });
    await rt.mdb.del({ ...group, port: 'w0' });
    await rt.bridgePort.set({ dev: 'w0', bridgePort: { mcastRouter: 2 } });
    world.sysctl(['net.ipv4.conf.w0.forwarding=1', 'net.ipv4.conf.w1.rp_filter=2']);
    world.ip('link', 'set', 'w1', 'nomaster');
    await rt.fdb.add({ dev: 'br0', mac: '02:fd:00:00:00:ff' });

    const kinds = new Set<string>();
    const following = (async () => {
      for await (const event of monitor) {
        if (!('object' in event)) continue;
        const type = TYPES[event.object];
        if (type === undefined) continue;
        kinds.add(`${event.object} ${event.type}`);
        const key = `${event.object} ${type.key(event.value)}`;
        if (event.type === 'del') view.delete(key);
        else view.set(key, lasting(event.value, type));
      }
    })();
    const keys = (map: Map<string, object>) => [...map.keys()].sort();
    // Group addresses that links listen to are told of by no news.
    const told = (list: string[]) => list.filter((key) => !/^fdb self \d+ (01|33):/.test(key));
    /** What is known, and what is there: carriers that come up are news, too, and come when they come. */
    const both = async () => {
      const after = await look();
      await turns();
      const values = [...after].filter(([key]) => /^(netconf|fdb master)/.test(key));
      return {
        after,
        known: { keys: told(keys(view)), values: values.map(([key]) => [key, view.get(key)]) },
        found: { keys: told(keys(after)), values },
      };
    };
    const { after, known, found } = await lookUntil(both, (seen) =>
      isDeepStrictEqual(seen.known, seen.found),
    );
    monitor.close();
    await following;
    expect([...kinds].sort()).toEqual(
      expect.arrayContaining([
        'bridgePort del',
        'bridgePort new',
        'fdb change',
        'fdb del',
        'fdb new',
        'mdb del',
        'mdb new',
        'netconf change',
      ]),
    );
    expect(known).toEqual(found);
    expect(keys(before)).not.toEqual(keys(after));
  });

  it('of all objects at once, also where the kernel lacks some', async () => {
    await using monitor = await world.rt.monitor(undefined, { resync: true });
    await world.rt.fdb.add({ dev: 'br0', mac: '02:fd:00:00:01:01' });
    for await (const event of monitor) {
      if ('object' in event && event.object === 'fdb' && event.value.mac === '02:fd:00:00:01:01') break;
    }
    expect(monitor.fd).toBeGreaterThan(0);
  });
});
