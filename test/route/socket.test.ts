import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClosedError, handles, Netns, RouteSocket } from '../../src/index.ts';
import { World } from '../support/diff.ts';

describe('RouteSocket', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add veth0 type veth peer name veth1',
      'link set veth0 up',
      'link set veth1 up',
      ...Array.from({ length: 200 }, (_, i) => `address add 10.7.${i}.1/24 dev veth0`),
    ]);
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  it('finds a link by name, altname and index, as in the documentation', async () => {
    world.ip('link', 'property', 'add', 'dev', 'veth0', 'altname', 'a-name-longer-than-fifteen-bytes');
    const lo = await world.rt.link.get('lo');
    expect(lo.ifname).toBe('lo');
    expect((await world.rt.link.get(lo.ifindex)).ifname).toBe('lo');
    expect((await world.rt.link.get('a-name-longer-than-fifteen-bytes')).ifname).toBe('veth0');
  });

  it('rejects with the kernel’s error, code and request', async () => {
    await expect(world.rt.link.get('nothere')).rejects.toMatchObject({ code: 'ENODEV' });
  });

  it('serves two dumps and 100 gets at once', async () => {
    const { rt } = world;
    const [addresses, routes, ...links] = await Promise.all([
      rt.address.list(),
      rt.route.list({ table: 255 }),
      ...Array.from({ length: 100 }, () => rt.link.get('veth0')),
    ]);
    expect(addresses.filter((address) => address.family === 'inet')).toHaveLength(200);
    expect(routes.length).toBeGreaterThanOrEqual(400);
    expect(links.map((link) => link.ifname)).toEqual(new Array(100).fill('veth0'));
  });

  it('survives leaving a dump early', async () => {
    for (let i = 0; i < 50; i++) {
      let seen = 0;
      for await (const address of world.rt.address.dump()) {
        expect(address.ifindex).toBeGreaterThan(0);
        if (++seen > i) break;
      }
      expect((await world.rt.link.get('lo')).ifname).toBe('lo');
    }
    expect(await world.rt.address.list({ dev: 'veth0', family: 'inet' })).toHaveLength(200);
  });

  it('ends dumps under churn whole or with the typed error', async () => {
    let churning = true;
    const churn = (async () => {
      for (let i = 0; churning; i++) {
        await world.rt.address.add({ dev: 'veth1', local: `10.9.${i % 250}.1/24` });
        await world.rt.address.del({ dev: 'veth1', local: `10.9.${i % 250}.1/24` });
      }
    })();
    await using other = await RouteSocket.open({ netns: world.name });
    let whole = 0;
    let interrupted = 0;
    for (let i = 0; i < 200; i++) {
      try {
        const addresses = await other.address.list({ dev: 'veth0', family: 'inet' });
        expect(addresses).toHaveLength(200);
        whole++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_COFFERDAM_DUMP_INTERRUPTED' });
        interrupted++;
      }
    }
    churning = false;
    await churn;
    expect(whole + interrupted).toBe(200);
    expect(whole).toBeGreaterThan(0);
  });

  it('rejects everything that is pending when it is closed', async () => {
    const rt = await RouteSocket.open({ netns: world.name });
    const monitor = await rt.monitor(['link']);
    const pending = [
      // Behind the first dump in the queue, so that they are pending when close() comes.
      rt.route.list({ table: 255 }),
      rt.address.list(),
      rt.route.list(),
      (async () => {
        for await (const _ of rt.address.dump()) rt.close();
      })(),
    ];
    const events = (async () => {
      for await (const event of monitor) throw new Error(`unexpected ${event.type}`);
    })();
    rt.close();
    rt.close();
    expect(rt.fd).toBe(-1);
    const settled = await Promise.allSettled(pending);
    expect(settled.map(({ status }) => status)).not.toContain('fulfilled');
    for (const result of settled)
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ClosedError);
    await events;
    await rt.closed;
    await expect(rt.link.get('lo')).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  it('rejects with AbortError, before and during a call', async () => {
    await expect(world.rt.link.list({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    const controller = new AbortController();
    const list = world.rt.route.list({ table: 255 }, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(list).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'enough' } });
    expect((await world.rt.link.get('lo')).ifname).toBe('lo');
  });

  it('opens in a namespace by name, path, pid and handle, and leaves this thread where it is', async () => {
    const home = readlinkSync('/proc/thread-self/ns/net');
    const before = handles.snapshot();
    {
      await using netns = await Netns.open(world.name);
      await using byName = await RouteSocket.open({ netns: world.name });
      await using byPath = await RouteSocket.open({ netns: `/run/netns/${world.name}` });
      await using byHandle = await RouteSocket.open({ netns });
      for (const rt of [byName, byPath, byHandle])
        expect((await rt.link.list()).map((link) => link.ifname)).toContain('veth0');
      await using byPid = await RouteSocket.open({ netns: process.pid });
      expect((await byPid.link.list()).map((link) => link.ifname)).not.toContain('veth0');
    }
    expect(readlinkSync('/proc/thread-self/ns/net')).toBe(home);
    expect(handles.diff(before).opened).toEqual([]);
  });

  it('names what is wrong with a namespace', async () => {
    await expect(RouteSocket.open({ netns: 'no-such-netns' })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(RouteSocket.open({ netns: '/proc/self/ns/mnt' })).rejects.toMatchObject({ code: 'EINVAL' });
  });
});
