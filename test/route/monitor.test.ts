import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import type { Monitor, MonitorEvent } from '../../src/route/monitor.ts';
import { collect, collectUntil } from '../support/collect.ts';
import { World } from '../support/diff.ts';
import { turns } from '../support/look.ts';

/** Reads events until one passes `last`. */
async function until(monitor: Monitor, last: (event: MonitorEvent) => boolean): Promise<MonitorEvent[]> {
  const events: MonitorEvent[] = [];
  for await (const event of monitor) {
    events.push(event);
    if (last(event)) return events;
  }
  throw new Error(`the monitor ended after ${events.length} events`);
}

describe('monitor', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    // No addresses that come by themselves, and are news.
    world.sysctl(['net.ipv6.conf.default.addr_gen_mode=1']);
    world.batch(['link add veth0 type veth peer name veth1', 'link set veth0 up', 'link set veth1 up']);
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  it('tells new, change and del of each kind of object', async () => {
    await using monitor = await world.rt.monitor(undefined, { resync: true });
    world.batch([
      'link add br0 type bridge',
      'link set br0 mtu 1400',
      'address add 10.1.0.1/24 dev veth0',
      'route add 10.2.0.0/16 via 10.1.0.2',
      'neighbour add 10.1.0.2 lladdr 02:00:00:00:00:02 dev veth0',
      'nexthop add id 7 via 10.1.0.2 dev veth0',
      'rule add from 10.3.0.0/16 table 100',
      'rule del from 10.3.0.0/16 table 100',
      'nexthop del id 7',
      'neighbour del 10.1.0.2 dev veth0',
      'route del 10.2.0.0/16',
      'address del 10.1.0.1/24 dev veth0',
      'link del br0',
    ]);
    const events = await until(
      monitor,
      (event) => event.type === 'del' && event.object === 'link' && event.value.ifname === 'br0',
    );
    const told = (type: string, object: string) =>
      events.some((event) => event.type === type && 'object' in event && event.object === object);
    for (const object of ['link', 'address', 'route', 'rule', 'neighbour', 'nexthop']) {
      expect(told('new', object), `new ${object}`).toBe(true);
      expect(told('del', object), `del ${object}`).toBe(true);
    }
    const mtus = events.filter(
      (event) => event.type === 'change' && event.object === 'link' && event.value.mtu === 1400,
    );
    expect(mtus.length).toBeGreaterThan(0);
  });

  it('takes a port that leaves its bridge for a change, not for a deletion', async () => {
    world.batch(['link add br1 type bridge', 'link set veth1 master br1']);
    await using monitor = await world.rt.monitor(['link'], { resync: true });
    world.batch(['link set veth1 nomaster', 'link del br1']);
    const events = await until(
      monitor,
      (event) => event.type === 'del' && event.object === 'link' && event.value.ifname === 'br1',
    );
    const gone = events.filter((event) => event.type === 'del');
    expect(gone).toHaveLength(1);
  });

  it('tells of an overrun, reads anew, and its view converges', async () => {
    world.batch(Array.from({ length: 100 }, (_, i) => `address add 10.5.${i}.1/24 dev veth0`));
    await using monitor = await world.rt.monitor(['address', 'route'], { resync: true, receiveBuffer: 4096 });
    // Nobody reads while this process is inside ip: the socket's buffer must overflow.
    const lines = Array.from({ length: 250 }, (_, i) => `address add 10.6.${i}.1/24 dev veth0`);
    lines.push(...Array.from({ length: 50 }, (_, i) => `address del 10.5.${i}.1/24 dev veth0`));
    execFileSync('ip', ['-n', world.name, '-batch', '-'], { input: `${lines.join('\n')}\n` });
    world.ip('address', 'add', '10.200.0.1/32', 'dev', 'lo');

    const addresses = new Set(Array.from({ length: 100 }, (_, i) => `10.5.${i}.1`));
    let overruns = 0;
    const wanted = (await world.rt.address.list({ family: 'inet' })).map((address) => address.local).sort();
    for await (const event of monitor) {
      if (event.type === 'overrun') overruns++;
      else if (!('object' in event) || event.object !== 'address') {
        // counted by what they lead to
      } else if (event.value.family === 'inet' && event.value.local !== undefined) {
        if (event.type === 'del') addresses.delete(event.value.local);
        else addresses.add(event.value.local);
      }
      if (event.type === 'resynced') break;
    }
    expect(overruns).toBeGreaterThan(0);
    expect([...addresses].sort()).toEqual(wanted);
    // Not deaf afterwards: libuv stops a watcher on the EPOLLERR that an overrun raises.
    world.ip('address', 'add', '10.201.0.1/32', 'dev', 'lo');
    await until(
      monitor,
      (event) => event.type === 'new' && event.object === 'address' && event.value.local === '10.201.0.1',
    );
  });

  it("bounds what it keeps for a slow reader: what then comes is the kernel's to drop, and counted", async () => {
    await using monitor = await world.rt.monitor(['address'], { queue: 10, receiveBuffer: 4096 });
    world.batch(Array.from({ length: 40 }, (_, i) => `address add 10.8.${i}.1/24 dev veth0`));
    await world.rt.link.get('lo');
    const events = await until(monitor, (event) => event.type === 'overrun');
    expect(events.length).toBeLessThan(40);
    const { received, dropped, overruns } = monitor.stats;
    expect(received + dropped).toBe(40);
    expect(dropped).toBeGreaterThan(0);
    expect(overruns).toBe(1);
  });

  it('makes up for what a slow reader lost, with resync', async () => {
    const options = { queue: 10, receiveBuffer: 4096, resync: true };
    await using monitor = await world.rt.monitor(['address'], options);
    world.batch(Array.from({ length: 40 }, (_, i) => `address add 10.12.${i}.1/24 dev veth0`));
    await world.rt.link.get('lo');
    // Turns of the loop, in which the news arrive and nobody reads.
    await turns();
    expect(monitor.stats.queued).toBeLessThanOrEqual(40 - 1);
    const events = await until(monitor, (event) => event.type === 'resynced');
    expect(events.filter((event) => event.type === 'overrun')).toHaveLength(1);
    const told = events.flatMap((event) =>
      event.type === 'new' && event.object === 'address' ? [event.value.local] : [],
    );
    for (let i = 0; i < 40; i++) expect(told.filter((local) => local === `10.12.${i}.1`)).toHaveLength(1);
    expect(monitor.stats).toMatchObject({ overruns: 1, resyncs: 1, queued: 0, malformed: 0 });
  });

  it('does not take what came before a loss for newer than what it reads anew', async () => {
    await using monitor = await world.rt.monitor(['address'], { receiveBuffer: 4096, resync: true });
    world.ip('address', 'add', '10.13.0.1/24', 'dev', 'veth0');
    // The deletion lies in the buffer when it overflows, the address is there again when that is found out.
    world.batch([
      'address del 10.13.0.1/24 dev veth0',
      ...Array.from({ length: 60 }, (_, i) => `address add 10.14.${i}.1/24 dev veth0`),
      'address add 10.13.0.1/24 dev veth0',
    ]);
    const view = new Set<string>();
    await until(monitor, (event) => {
      if (!('object' in event) || event.object !== 'address') return event.type === 'resynced';
      const local = event.value.local ?? '';
      if (event.type === 'del') view.delete(local);
      else view.add(local);
      return false;
    });
    expect(monitor.stats.dropped).toBeGreaterThan(0);
    expect(view).toContain('10.13.0.1');
  });

  it('ends when it is closed, and rejects when it is aborted', async () => {
    const monitor = await world.rt.monitor(['link']);
    setTimeout(() => monitor.close(), 10);
    for await (const event of monitor) expect(event.type).not.toBe('overrun');
    expect(monitor.fd).toBe(-1);

    const controller = new AbortController();
    const aborted = await world.rt.monitor(['link'], { signal: controller.signal });
    setTimeout(() => controller.abort(), 10);
    await expect(until(aborted, () => false)).rejects.toMatchObject({ name: 'AbortError' });
    expect(aborted.fd).toBe(-1);
  });

  it('is not collected while a loop waits for its news, though nobody else holds it', async () => {
    const seen: string[] = [];
    const loop = (async () => {
      const monitor = await world.rt.monitor(['address']);
      for await (const event of monitor) {
        // Link-local addresses announce themselves when they are ready.
        if (!('object' in event) || event.object !== 'address' || event.value.family !== 'inet') continue;
        seen.push(event.value.local ?? '');
        if (seen.length === 2) return monitor.close();
      }
    })();
    for (const address of ['10.202.0.1', '10.203.0.1']) {
      for (let round = 0; round < 20; round++) await collect();
      world.ip('address', 'add', `${address}/32`, 'dev', 'lo');
    }
    await loop;
    expect(seen).toEqual(['10.202.0.1', '10.203.0.1']);
  });

  it('is found as a leak when it is forgotten, also after it was read', async () => {
    const { leaked } = handles.counters;
    const { onLeak } = handles;
    handles.onLeak = 'ignore';
    try {
      await (async () => {
        const events = (await world.rt.monitor(['address']))[Symbol.asyncIterator]();
        const first = events.next();
        world.ip('address', 'add', '10.204.0.1/32', 'dev', 'lo');
        expect(await first).toMatchObject({ done: false });
      })();
      await collectUntil(() => handles.counters.leaked > leaked);
    } finally {
      handles.onLeak = onLeak;
    }
    expect(handles.counters.leaked).toBe(leaked + 1);
  });

  it('refuses what it cannot monitor', async () => {
    await expect(world.rt.monitor(['lnik' as 'link'])).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field: 'objects',
    });
  });
});
