import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type HandleSnapshot, handles } from '../../src/handle/index.ts';
import { isLinux } from '../../src/handle/linux.ts';
import { Netns } from '../../src/netns/index.ts';
import { RouteSocket } from '../../src/route/socket.ts';
import type { NetworkSpec, VethSpec } from '../../src/system/config/spec.ts';
import { tableIdentity } from '../../src/system/nat-table.ts';
import { connectSystem } from '../../src/system/network.ts';
import { askTcp, askUdp, BRIDGED, HOST, INTERNET, NetworkWorld, PORT, veth } from './network-world.ts';

let world: NetworkWorld;
/** The namespace of a system, with a server in it. */
let system: Netns;
/** Of another system on the same bridge. */
let neighbour: Netns;

beforeAll(async () => {
  world = await NetworkWorld.open();
  system = await Netns.create();
  neighbour = await Netns.create();
  await Promise.all([world.serve(system), world.serve(world.internet)]);
}, 120_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  for (const netns of [system, neighbour]) {
    netns.close();
    await netns.closed;
  }
});
let before: HandleSnapshot;
beforeEach(() => {
  before = handles.snapshot();
});
afterEach(async () => {
  expect(await world.traces()).toEqual([]);
  expect(handles.diff(before).opened).toEqual([]);
});

const connect = (network: NetworkSpec, systemNetns: Netns = system, name = 'build-1') =>
  connectSystem(network, { systemNetns, hostNetns: world.host, name });
const forward = (hostPort: number, changes: Partial<VethSpec['forwards'][number]> = {}) =>
  ({ protocol: 'tcp', hostAddress: undefined, hostPort, port: PORT, ...changes }) as const;

describe('a veth', () => {
  it('is eth0 inside and a port of the bridge outside, with everything that was asked for', async () => {
    const routes = [
      { dst: '10.99.0.0/16', via: '10.77.0.9' },
      { dst: '10.98.0.0/16', via: undefined },
    ];
    await using network = await connect(veth(2, { mtu: 1400, routes }));
    await using inside = await RouteSocket.open({ netns: system });
    const links = await inside.link.list({ up: true });
    expect(links).toMatchObject([{ ifname: 'lo' }, { ifname: 'eth0', mtu: 1400 }]);
    const addresses = await inside.address.list({ dev: 'eth0', scope: 'global' });
    expect(addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`)).toEqual([
      '10.77.0.2/24',
      'fd77::2/64',
    ]);
    expect(addresses.flatMap(({ flags }) => flags)).not.toContain('tentative');
    const found = await inside.route.list({ table: 'main' });
    expect(found.map(({ dst, via }) => [dst, via])).toEqual(
      expect.arrayContaining([
        ['default', HOST.bridge],
        ['default', HOST.bridge6],
        ['10.99.0.0/16', '10.77.0.9'],
        ['10.98.0.0/16', undefined],
      ]),
    );
    const outside = await world.rt.link.get(network.ifname ?? '');
    expect(outside).toMatchObject({ master: 'br0', mtu: 1400, alias: 'cofferdam build-1', kind: 'veth' });
    expect(outside.ifname.length).toBeLessThanOrEqual(15);
    expect(network.table).toBeUndefined();
    expect(await world.traces()).toEqual([network.ifname]);
    expect(await askTcp(world.host, '10.77.0.2', PORT)).toBe(HOST.bridge);
    expect(await askTcp(world.host, 'fd77::2', PORT)).toBe(HOST.bridge6);
  });

  it('takes the mtu of the bridge, and leaves it its address', async () => {
    await world.rt.link.set('br0', { mtu: 1300 });
    await using first = await connect(veth(2));
    const before = (await world.rt.link.get('br0')).address;
    await using second = await connect(veth(3), neighbour, 'build-2');
    expect(first.ifname).not.toBe(second.ifname);
    await using inside = await RouteSocket.open({ netns: system });
    expect((await inside.link.get('eth0')).mtu).toBe(1300);
    expect((await world.rt.link.get('br0')).address).toBe(before);
    await world.rt.link.set('br0', { mtu: 1500 });
  });

  it('is gone when close() resolves, however often it is called, and whoever was faster', async () => {
    const network = await connect(veth(2, { nat: true }));
    await Promise.all([network.close(), network.close()]);
    expect(await world.traces()).toEqual([]);
    await network.close();
    const dead = await Netns.create();
    const late = await connect(veth(2, { nat: true }), dead);
    dead.close();
    await late.close();
    expect(await world.traces()).toEqual([]);
    const taken = await connect(veth(2));
    await world.rt.link.del(taken.ifname ?? '');
    await taken.close();
  });
});

describe('address translation', () => {
  it('takes a system out by the address of the host', async () => {
    await using plain = await connect(veth(2));
    await expect(askUdp(system, INTERNET.inet, PORT, 500)).rejects.toThrow();
    await plain.close();
    await using network = await connect(veth(2, { nat: true }));
    expect(await askTcp(system, INTERNET.inet, PORT)).toBe(HOST.inet);
    expect(await askTcp(system, INTERNET.inet6, PORT)).toBe(HOST.inet6);
    expect(await askUdp(system, INTERNET.inet, PORT)).toBe(HOST.inet);
    // Who is on the bridge sees the system itself.
    await using other = await connect(veth(3), neighbour, 'build-2');
    expect(await askTcp(neighbour, '10.77.0.2', PORT)).toBe('10.77.0.3');
    expect(other.table).toBeUndefined();
    expect(await world.traces()).toHaveLength(3);
    expect(network.tableOwned).toBe(isLinux('5.12'));
  });

  it('says on its tables whose they are', async () => {
    await using network = await connect(veth(2, { nat: true, forwards: [forward(8080)] }));
    const tables = await world.nft.tables();
    expect(tables.map(({ name }) => name).sort()).toEqual([network.table, 'cofferdam-tcp-any-8080'].sort());
    for (const table of tables) {
      expect(table.userdata?.comment).toBe('cofferdam build-1');
      expect(table.flags?.includes('owner') ?? false).toBe(network.tableOwned);
      expect(tableIdentity(table)).toMatchObject({ pid: process.pid, bootId: expect.any(String) });
      expect(tableIdentity({ ...table, name: 'mine' })).toBeUndefined();
      expect(tableIdentity({ ...table, userdata: { notes: [{ type: 205, hex: '7b7d' }] } })).toBeUndefined();
    }
  });
});

describe('forwards', () => {
  const forwards = [
    forward(8080),
    forward(8053, { protocol: 'udp' }),
    forward(8081, { hostAddress: HOST.inet }),
    forward(8082, { hostAddress: HOST.inet6 }),
  ];

  it('lead from ports of the host to the system, which sees who asks', async () => {
    await using _ = await connect(veth(2, { forwards }));
    expect(await askTcp(world.internet, HOST.inet, 8080)).toBe(INTERNET.inet);
    expect(await askTcp(world.internet, HOST.inet6, 8080)).toBe(INTERNET.inet6);
    expect(await askUdp(world.internet, HOST.inet, 8053)).toBe(INTERNET.inet);
    expect(await askUdp(world.internet, HOST.inet6, 8053)).toBe(INTERNET.inet6);
    expect(await askTcp(world.internet, HOST.inet, 8081)).toBe(INTERNET.inet);
    expect(await askTcp(world.internet, HOST.inet6, 8082)).toBe(INTERNET.inet6);
    await expect(askTcp(world.internet, HOST.inet6, 8081)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(askTcp(world.internet, HOST.inet, 8082)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('work for the host itself', async () => {
    await using _ = await connect(veth(2, { forwards }));
    expect(await askTcp(world.host, HOST.inet, 8080)).toBe(HOST.inet);
    expect(await askTcp(world.host, HOST.inet6, 8080)).toBe(HOST.inet6);
    expect(await askTcp(world.host, HOST.bridge, 8080)).toBe(HOST.bridge);
    expect(await askUdp(world.host, HOST.inet, 8053)).toBe(HOST.inet);
  });

  it('work for systems on the same bridge, the system itself among them', async () => {
    await using _ = await connect(veth(2, { forwards }));
    await using __ = await connect(veth(3), neighbour, 'build-2');
    expect(await askTcp(neighbour, HOST.bridge, 8080)).toBe(HOST.bridge);
    expect(await askTcp(neighbour, HOST.inet, 8080)).toBe(HOST.bridge);
    expect(await askTcp(neighbour, HOST.bridge6, 8080)).toBe(HOST.bridge6);
    expect(await askTcp(system, HOST.bridge, 8080)).toBe(HOST.bridge);
    expect(await askTcp(system, HOST.bridge6, 8080)).toBe(HOST.bridge6);
  });

  it('work for others on the same bridge where what is bridged passes the rules as well', async () => {
    await world.sysctl(...BRIDGED.map((setting) => `${setting}=1`));
    try {
      await using _ = await connect(veth(2, { forwards }));
      await using __ = await connect(veth(3), neighbour, 'build-2');
      for (const address of [HOST.bridge, HOST.bridge6, HOST.inet])
        expect(await askTcp(neighbour, address, 8080)).not.toBe('');
    } finally {
      await world.sysctl(...BRIDGED.map((setting) => `${setting}=0`));
    }
  });

  it('work at 127.0.0.1 where the bridge has route_localnet, and not otherwise', async () => {
    const local = veth(2, { forwards: [forward(8080, { hostAddress: '127.0.0.1' })] });
    {
      await using _ = await connect(veth(2, { forwards }));
      await expect(askTcp(world.host, '127.0.0.1', 8080)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    }
    await expect(connect(local)).rejects.toMatchObject({ field: 'network.forwards[0].hostAddress' });
    await world.sysctl('net.ipv4.conf.br0.route_localnet=1');
    try {
      for (const network of [local, veth(2, { forwards })]) {
        await using _ = await connect(network);
        expect(await askTcp(world.host, '127.0.0.1', 8080)).toBe(HOST.bridge);
      }
    } finally {
      await world.sysctl('net.ipv4.conf.br0.route_localnet=0');
    }
  });

  it('of one port go to one system', async () => {
    await using first = await connect(veth(2, { forwards: [forward(8080)] }));
    const late = veth(3, { nat: true, forwards: [forward(8081), forward(8080)] });
    await expect(connect(late, neighbour, 'build-2')).rejects.toMatchObject({
      field: 'network.forwards[1].hostPort',
      value: 8080,
    });
    expect((await world.traces()).sort()).toEqual(
      [first.ifname, first.table, 'cofferdam-tcp-any-8080'].sort(),
    );
    await first.close();
    await using second = await connect(veth(3, { forwards: [forward(8080)] }), neighbour, 'build-2');
    expect(second.table).toBeDefined();
  });
});

describe('what cannot be', () => {
  it('is said by field, value and remedy, and nothing is left', async () => {
    await expect(connect(veth(2, { bridge: 'br9' }))).rejects.toThrow(
      'network.bridge: "br9" is no link of the host; give the name of a bridge, or make it: ip link add br9 up type bridge',
    );
    await expect(connect(veth(2, { bridge: 'up0' }))).rejects.toThrow(
      'network.bridge: "up0" is no bridge but a veth',
    );
    await expect(connect(veth(2, { nat: true, gateway: ['10.78.0.1'] }))).rejects.toMatchObject({
      field: 'network.gateway',
      value: '10.78.0.1',
    });
    const routes = [{ dst: '10.99.0.0/16', via: '10.78.0.1' }];
    await expect(connect(veth(2, { routes }))).rejects.toMatchObject({ field: 'network.routes[0].via' });
    const address = ['10.77.0.2/24', '10.77.0.2/24'];
    await expect(connect(veth(2, { address }))).rejects.toMatchObject({ code: 'EEXIST' });
    await using inside = await RouteSocket.open({ netns: system });
    expect((await inside.link.list()).map(({ ifname }) => ifname)).toEqual(['lo']);
  });

  it('is a host that does not forward: it is told, and left as it is', async () => {
    await world.sysctl('net.ipv4.ip_forward=0');
    await expect(connect(veth(2, { nat: true }))).rejects.toThrow(
      'network.nat: true needs a host that forwards IPv4, and this one does not; ' +
        'give none of it, or let the host forward: sysctl -w net.ipv4.ip_forward=1',
    );
    const forwards = [forward(8080)];
    await expect(connect(veth(2, { forwards }))).rejects.toMatchObject({ field: 'network.forwards' });
    await using _ = await connect(veth(2));
    await world.sysctl('net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=0');
    await expect(connect(veth(3, { nat: true }), neighbour)).rejects.toThrow(
      'sysctl -w net.ipv6.conf.all.forwarding=1',
    );
    await world.sysctl('net.ipv6.conf.all.forwarding=1');
    expect(await world.rt.netconf.get({ family: 'inet', dev: 'br0' })).toMatchObject({ forwarding: true });
  });
});

describe('without a veth', () => {
  it('none has a loopback device that is up, host is left alone', async () => {
    const netns = await Netns.create();
    await using _ = await connect({ kind: 'host' }, netns);
    await using inside = await RouteSocket.open({ netns });
    expect(await inside.link.list({ up: true })).toEqual([]);
    await using network = await connect({ kind: 'none' }, netns);
    expect((await inside.link.list({ up: true })).map(({ ifname }) => ifname)).toEqual(['lo']);
    expect(network.ifname).toBeUndefined();
    await network.close();
    netns.close();
    await netns.closed;
  });
});
