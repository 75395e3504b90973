import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeNetconf, type Netconf } from '../../src/route/netconf.ts';
import { World } from '../support/diff.ts';

/** `ip netconf` prints the same, under names of its own. */
interface Shown {
  family: string;
  interface: string;
  forwarding?: boolean;
  rp_filter?: string;
  mc_forwarding?: boolean;
  proxy_neigh?: boolean;
  ignore_routes_with_linkdown?: boolean;
}

function asShown({ family, dev, ...netconf }: Netconf): Shown {
  return {
    family,
    interface: dev ?? '?',
    ...(netconf.forwarding !== undefined && { forwarding: netconf.forwarding }),
    ...(netconf.rpFilter !== undefined && { rp_filter: netconf.rpFilter }),
    ...(netconf.mcForwarding !== undefined && { mc_forwarding: netconf.mcForwarding }),
    ...(netconf.proxyNeigh !== undefined && { proxy_neigh: netconf.proxyNeigh }),
    ...(netconf.ignoreRoutesWithLinkdown !== undefined && {
      ignore_routes_with_linkdown: netconf.ignoreRoutesWithLinkdown,
    }),
  };
}

describe('rt.netconf', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch(['link add veth0 type veth peer name veth1', 'link set veth0 up']);
    world.sysctl([
      'net.ipv4.conf.veth0.forwarding=1',
      'net.ipv4.conf.veth0.rp_filter=2',
      'net.ipv4.conf.veth1.rp_filter=1',
      'net.ipv4.conf.veth1.proxy_arp=1',
      'net.ipv4.conf.default.ignore_routes_with_linkdown=1',
      'net.ipv4.conf.veth0.bc_forwarding=1',
      'net.ipv6.conf.veth1.forwarding=1',
      'net.ipv6.conf.veth1.proxy_ndp=1',
    ]);
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  const shown = (...flags: string[]) =>
    JSON.parse(world.ip(...flags, '-j', 'netconf', 'show').replace('][', ',')) as Shown[];

  it('lists what ip lists', async () => {
    const listed = (await world.rt.netconf.list()).filter(({ family }) => family !== 'mpls');
    expect(listed.map(asShown)).toEqual(shown());
    expect(listed.length).toBeGreaterThan(8);
    expect((await world.rt.netconf.list({ family: 'inet6' })).map(asShown)).toEqual(shown('-6'));
    const dumped: Netconf[] = [];
    for await (const one of world.rt.netconf.dump({ family: 'inet' })) dumped.push(one);
    expect(dumped.map(asShown)).toEqual(shown('-4'));
  });

  it('gets and filters', async () => {
    const { netconf } = world.rt;
    expect(await netconf.get({ family: 'inet', dev: 'veth0' })).toMatchObject({
      dev: 'veth0',
      forwarding: true,
      rpFilter: 'loose',
      bcForwarding: true,
      proxyNeigh: false,
    });
    expect(await netconf.get({ family: 'inet', dev: 'veth1' })).toMatchObject({
      rpFilter: 'strict',
      proxyNeigh: true,
    });
    expect(await netconf.get({ family: 'inet', dev: 'default' })).toMatchObject({
      ifindex: -2,
      dev: 'default',
      ignoreRoutesWithLinkdown: true,
    });
    expect(await netconf.get({ family: 'inet6', dev: 'all' })).toMatchObject({ ifindex: -1, dev: 'all' });
    expect((await netconf.list({ dev: 'veth1' })).map(({ family }) => family)).toEqual(['inet', 'inet6']);
    expect(await netconf.list({ dev: 'all', family: 'inet' })).toHaveLength(1);
    await expect(netconf.get({ family: 'inet', dev: 'nosuch' })).rejects.toMatchObject({ code: 'ENODEV' });
    await expect(netconf.list({ family: 'ipx' as 'inet' })).rejects.toMatchObject({ field: 'family' });
    await expect(netconf.list({ ifindex: 1 } as object)).rejects.toMatchObject({ field: 'ifindex' });
  });

  it('is monitored; news that tell one setting leave the others known', async () => {
    await using monitor = await world.rt.monitor(['netconf'], { resync: true });
    world.sysctl(['net.ipv4.conf.veth1.forwarding=1']);
    for await (const event of monitor) {
      if (!('object' in event) || event.object !== 'netconf') continue;
      expect(event).toMatchObject({
        type: 'change',
        value: { family: 'inet', forwarding: true, rpFilter: 'strict', proxyNeigh: true },
      });
      break;
    }
  });

  it('keeps what it does not know, and fails on no bytes', () => {
    const hex = '02000000080001000300000008000200010000000800630001000000060003000100';
    expect(decodeNetconf(Buffer.from(`${hex}0000`, 'hex'))).toEqual({
      family: 'inet',
      ifindex: 3,
      forwarding: true,
      raw: [
        { type: 99, hex: '01000000' },
        { type: 3, hex: '0100' },
      ],
    });
    expect(() => decodeNetconf(Buffer.from('0200', 'hex'))).toThrow('netconfmsg');
  });
});
