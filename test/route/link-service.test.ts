import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFdTable } from '../../src/handle/fd-table.ts';
import { InvalidArgumentError } from '../../src/handle/index.ts';
import { isLinux } from '../../src/handle/linux.ts';
import { NetlinkError } from '../../src/netlink/error.ts';
import { Netns } from '../../src/netns/index.ts';
import type { LinkInput, LinkService, LinkSettings } from '../../src/route/link.ts';
import { RouteSocket } from '../../src/route/socket.ts';
import { parseIpJson, World } from '../support/diff.ts';
import { thereAndBack } from '../support/link-trip.ts';

/** rt.link on the real kernel; `ip` is the witness. */

type Json = Record<string, unknown> & { linkinfo?: { info_data?: Json; info_slave_data?: Json } };

describe('rt.link', () => {
  let world: World;
  let link: LinkService;
  beforeEach(async () => {
    world = await World.open();
    link = world.rt.link;
  });
  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  const shown = (name: string) => parseIpJson(world.ip('-d', '-j', 'link', 'show', 'dev', name))[0] as Json;
  const names = async () => (await link.list()).map(({ ifname }) => ifname);

  it('gets by name, altname and index, also one too long for a name', async () => {
    await link.add({ kind: 'veth', ifname: 'a', altnames: ['short', 'a-name-of-more-than-fifteen-bytes'] });
    const { ifindex } = await link.get('a');
    for (const reference of [
      ifindex,
      'short',
      'a-name-of-more-than-fifteen-bytes',
      { ifname: 'a' },
      { ifindex },
    ])
      expect((await link.get(reference)).ifname).toBe('a');
    await expect(link.get('nonesuch')).rejects.toMatchObject({ name: 'NetlinkError', code: 'ENODEV' });
    await expect(link.get(4711)).rejects.toMatchObject({ code: 'ENODEV' });
    for (const bad of ['', 'a b', 'a/b', 'x'.repeat(128), 0, -1, 1.5, Number.NaN])
      await expect(link.get(bad), String(bad)).rejects.toBeInstanceOf(InvalidArgumentError);
  });

  it('lists and dumps with filters', async () => {
    await link.add({ kind: 'bridge', ifname: 'br0', up: true });
    await link.add({ kind: 'veth', ifname: 'a', peer: { ifname: 'b' }, master: 'br0', group: 7 });
    await link.add({ kind: 'ifb', ifname: 'i' });
    const ask = async (filter: Parameters<LinkService['list']>[0]) => {
      const listed = (await link.list(filter)).map(({ ifname }) => ifname);
      const dumped: string[] = [];
      for await (const one of link.dump(filter)) dumped.push(one.ifname);
      expect(dumped).toEqual(listed);
      return listed.sort();
    };
    expect(await ask({})).toEqual(['a', 'b', 'br0', 'i', 'lo']);
    expect(await ask({ kind: 'veth' })).toEqual(['a', 'b']);
    expect(await ask({ kind: 'nonesuch' })).toEqual([]);
    expect(await ask({ master: 'br0' })).toEqual(['a']);
    expect(await ask({ master: null })).toEqual(['b', 'br0', 'i', 'lo']);
    expect(await ask({ portKind: 'bridge' })).toEqual(['a']);
    expect(await ask({ up: true })).toEqual(['br0']);
    expect(await ask({ up: false, kind: 'veth' })).toEqual(['a', 'b']);
    expect(await ask({ group: 7 })).toEqual(['a']);
    await expect(link.list({ master: 'nonesuch' })).rejects.toMatchObject({ code: 'ENODEV' });
    // Names come also where the filter left out the links that have them.
    expect((await link.list({ kind: 'veth' })).map(({ master }) => master)).toContain('br0');
    if (!isLinux('6.19')) expect((await link.list())[0]?.afSpec?.inet6?.stats).toBeUndefined();
    expect((await link.list({ mib: true }))[0]?.afSpec?.inet6?.stats?.length).toBeGreaterThan(30);
    expect((await link.get('lo', { mib: true })).afSpec?.inet6?.icmp6stats?.length).toBeGreaterThan(5);
    expect(typeof (await link.list())[0]?.stats64?.rxBytes).toBe('bigint');
    for await (const _ of link.dump()) break;
    expect(await names()).toHaveLength(5);
  });

  it('adds the example of the documentation: a veth whose other end is elsewhere', async () => {
    const host = await Netns.create();
    await link.add({ kind: 'veth', ifname: 'eth0', peer: { ifname: 'veth1', netns: host, up: true } });
    await using there = await RouteSocket.open({ netns: host });
    expect(await there.link.get('veth1')).toMatchObject({
      kind: 'veth',
      flags: expect.arrayContaining(['UP']),
    });
    const here = await link.get('eth0');
    expect(here.linkNetnsid).toBeGreaterThanOrEqual(0);
    expect(await link.netnsid(host)).toBe(here.linkNetnsid);
    expect(here).not.toHaveProperty('link');
    host.close();
    expect(await names()).toEqual(expect.arrayContaining(['lo', 'eth0']));
  });

  it('puts a link into a namespace by name, on adding and on setting; no fd stays open', async () => {
    await using other = await World.open();
    const before = readFdTable().size;
    await link.add({ kind: 'ifb', ifname: 'i', netns: other.name });
    await link.add({ kind: 'veth', ifname: 'a', peer: { ifname: 'b', netns: other.name } });
    await link.set('a', { netns: other.name });
    expect((await other.rt.link.list()).map(({ ifname }) => ifname).sort()).toEqual(['a', 'b', 'i', 'lo']);
    expect(await names()).toEqual(['lo']);
    await expect(link.add({ kind: 'ifb', netns: 'cofferdam-test-nonesuch' })).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(readFdTable().size).toBe(before);
  });

  it('adds every setting that a link can be made with', async () => {
    await link.add({ kind: 'bridge', ifname: 'br0' });
    await link.add({
      kind: 'veth',
      ifname: 'a',
      peer: {
        ifname: 'b',
        mtu: 1400,
        address: '02:00:00:00:00:02',
        txqlen: 7,
        up: true,
        group: 3,
        arp: false,
      },
      mtu: 1450,
      txqlen: 5,
      address: '02:00:00:00:00:01',
      broadcast: '02:ff:ff:ff:ff:ff',
      group: 9,
      alias: 'hello',
      linkmode: 'DORMANT',
      master: 'br0',
      altnames: ['one', 'two'],
      numTxQueues: 4,
      numRxQueues: 3,
      gsoMaxSize: 30_000,
      gsoMaxSegs: 100,
      promisc: true,
      allmulticast: true,
      multicast: false,
      up: true,
      afSpec: { inet6: { addrGenMode: 'none' } },
      bridgePort: { cost: 77, hairpin: true, isolated: true },
      index: 4711,
    });
    expect(shown('a')).toMatchObject({
      ifindex: 4711,
      mtu: 1450,
      txqlen: 5,
      address: '02:00:00:00:00:01',
      broadcast: '02:ff:ff:ff:ff:ff',
      group: '9',
      ifalias: 'hello',
      linkmode: 'DORMANT',
      master: 'br0',
      altnames: ['one', 'two'],
      num_tx_queues: 4,
      num_rx_queues: 3,
      gso_max_size: 30_000,
      gso_max_segs: 100,
      inet6_addr_gen_mode: 'none',
      flags: ['NO-CARRIER', 'BROADCAST', 'ALLMULTI', 'PROMISC', 'UP', 'LOWER_UP'], // by its dormant mode
      linkinfo: { info_slave_data: { cost: 77, hairpin: true, isolated: true, flood: true } },
    });
    expect(shown('b')).toMatchObject({
      mtu: 1400,
      txqlen: 7,
      group: '3',
      address: '02:00:00:00:00:02',
      flags: expect.arrayContaining(['NOARP', 'UP']),
    });
    expect(world.ip('-6', 'addr', 'show', 'dev', 'a')).not.toContain('fe80');
  });

  it('sets and unsets', async () => {
    await link.add({ kind: 'bridge', ifname: 'br0' });
    await link.add({ kind: 'veth', ifname: 'a', peer: { ifname: 'b' } });
    const set = async (settings: LinkSettings, expected: object) => {
      await link.set('a', settings);
      expect(shown('a')).toMatchObject(expected);
    };
    await set({ up: true, mtu: 1450 }, { mtu: 1450, flags: expect.arrayContaining(['UP']) });
    await set({ up: false }, { flags: expect.not.arrayContaining(['UP']) });
    await set({ address: '02:00:00:00:00:09' }, { address: '02:00:00:00:00:09' });
    await set({ alias: 'x'.repeat(255) }, { ifalias: 'x'.repeat(255) });
    await link.set('a', { alias: '' });
    expect(shown('a')).not.toHaveProperty('ifalias');
    await set({ group: 42, txqlen: 11 }, { group: '42', txqlen: 11 });
    await set(
      { arp: false, promisc: true, allmulticast: true, multicast: false },
      { flags: ['BROADCAST', 'NOARP', 'ALLMULTI', 'PROMISC', 'M-DOWN'] },
    );
    await set(
      { arp: true, promisc: false, allmulticast: false, multicast: true },
      { flags: ['BROADCAST', 'MULTICAST', 'M-DOWN'] },
    );
    // The port's settings need the master first.
    await set(
      { master: 'br0', bridgePort: { cost: 9, mcastRouter: 2 } },
      { master: 'br0', linkinfo: { info_slave_data: { cost: 9, multicast_router: 2 } } },
    );
    await link.set('b', { master: 'br0' });
    await set({ bridgePort: { backupPort: 'b' } }, { linkinfo: { info_slave_data: { backup_port: 'b' } } });
    expect((await link.get('a')).bridgePort).toMatchObject({ backupPort: 'b', cost: 9 });
    await link.set('a', { bridgePort: { backupPortIndex: 0 } });
    expect((await link.get('a')).bridgePort).not.toHaveProperty('backupPort');
    await link.set('a', { master: null });
    expect(shown('a')).not.toHaveProperty('master');
    await set({ altnames: ['one', 'two'] }, { altnames: ['one', 'two'] });
    await link.set('two', { altnames: ['two', 'three'] });
    expect((await link.get('a')).altnames?.sort()).toEqual(['three', 'two']);
    await link.set('a', { altnames: [] });
    expect(await link.get('a')).not.toHaveProperty('altnames');
    await link.set('a', { ifname: 'renamed', afSpec: { inet6: { addrGenMode: 'random' } } });
    expect(shown('renamed')).toMatchObject({ inet6_addr_gen_mode: 'random' });
    await link.set(await link.get('renamed'), { ifname: 'a' });
    await link.set('a', {});
    await expect(link.set('nonesuch', { up: true })).rejects.toMatchObject({ code: 'ENODEV' });
  });

  it('sets what belongs to the kind', async () => {
    await link.add({ kind: 'bridge', ifname: 'br0' });
    await link.set('br0', {
      bridge: { stpState: 1, forwardDelay: 400, mcastQueryIntvl: 9000, noLinklocalLearn: true },
    });
    expect(shown('br0').linkinfo?.info_data).toMatchObject({
      stp_state: 1,
      forward_delay: 400,
      mcast_query_intvl: 9000,
      no_linklocal_learn: 1,
    });
    await link.set('br0', { bridge: { noLinklocalLearn: false } });
    expect(shown('br0').linkinfo?.info_data).toMatchObject({ no_linklocal_learn: 0, forward_delay: 400 });
    await link.add({ kind: 'ifb', ifname: 'i' });
    await link.add({ kind: 'macvlan', ifname: 'm', link: 'i', macvlan: { mode: 'source' } });
    const sources = ['02:00:00:00:00:01', '02:00:00:00:00:02'];
    await link.set('m', { macvlan: { macaddrData: sources } });
    expect((await link.get('m')).macvlan?.macaddrData?.sort()).toEqual(sources);
    await link.set('m', { macvlan: { macaddrMode: 'del', macaddr: '02:00:00:00:00:01' } });
    expect((await link.get('m')).macvlan?.macaddrData).toEqual(['02:00:00:00:00:02']);
    await link.add({ kind: 'vxlan', ifname: 'vx', vxlan: { id: 7, remote: '192.0.2.1', port: 4789 } });
    await link.set('vx', { vxlan: { remote: '192.0.2.9', learning: false } });
    expect(shown('vx').linkinfo?.info_data).toMatchObject({ id: 7, remote: '192.0.2.9', learning: false });
    // Of another kind: the kernel says so.
    await expect(link.set('br0', { vxlan: { id: 8 } })).rejects.toBeInstanceOf(NetlinkError);
  });

  it('names the attribute that the kernel refuses, down to the kind', async () => {
    await expect(link.add({ kind: 'vxlan', ifname: 'x', vxlan: { id: 1 << 24 } })).rejects.toMatchObject({
      code: 'ERANGE',
      extAck: { attributePath: 'IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_VXLAN_ID' },
    });
    await link.add({ kind: 'veth', ifname: 'a' });
    await expect(link.set('a', { mtu: 17 })).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(link.add({ kind: 'veth', ifname: 'a' })).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(link.add({ kind: 'nonesuch' })).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  });

  it('removes a link, by name, by index, or as it was listed', async () => {
    for (const ifname of ['a', 'b', 'c', 'd']) await link.add({ kind: 'ifb', ifname });
    await link.del('a');
    await link.del((await link.get('b')).ifindex);
    await link.del(await link.get('c'));
    await link.set('d', { altnames: ['by-an-alternative-name'] });
    await link.del('by-an-alternative-name');
    expect(await names()).toEqual(['lo']);
    await expect(link.del('a')).rejects.toMatchObject({ code: 'ENODEV' });
  });

  it('leaves nothing behind when a link cannot be finished', async () => {
    await link.add({ kind: 'ifb', ifname: 'taken', altnames: ['in-use'] });
    await expect(link.add({ kind: 'ifb', ifname: 'half', altnames: ['in-use'] })).rejects.toMatchObject({
      code: 'EEXIST',
    });
    await expect(link.add({ kind: 'ifb', ifname: 'half', bridgePort: { cost: 1 } })).rejects.toBeInstanceOf(
      NetlinkError,
    );
    expect(await names()).toEqual(['lo', 'taken']);
  });

  it('lets the kernel choose the name', async () => {
    await link.add({ kind: 'ifb', alias: 'nameless' });
    expect((await link.list()).find(({ alias }) => alias === 'nameless')?.ifname).toMatch(/^ifb\d+$/);
  });

  describe('adds again what was listed', () => {
    const cases: Record<string, readonly LinkInput[]> = {
      veth: [
        {
          kind: 'veth',
          ifname: 'x',
          peer: { ifname: 'y' },
          mtu: 1400,
          address: '02:00:00:00:00:01',
          alias: 'hello',
          altnames: ['one'],
          group: 3,
          promisc: true,
          afSpec: { inet6: { addrGenMode: 'none' } },
        },
      ],
      'a port of a bridge': [
        { kind: 'bridge', ifname: 'br0' },
        {
          kind: 'veth',
          ifname: 'x',
          peer: { ifname: 'y' },
          master: 'br0',
          up: true,
          address: '02:00:00:00:00:01',
          bridgePort: { cost: 77, isolated: true },
        },
      ],
      bridge: [
        {
          kind: 'bridge',
          ifname: 'x',
          address: '02:00:00:00:00:01',
          up: true,
          bridge: {
            stpState: 1,
            priority: 4096,
            forwardDelay: 400,
            groupFwdMask: 8,
            mcastSnooping: false,
            noLinklocalLearn: true,
            mcastQuerier: true,
          },
        },
      ],
      vxlan: [
        { kind: 'ifb', ifname: 'low', up: true },
        {
          kind: 'vxlan',
          ifname: 'x',
          address: '02:00:00:00:00:01',
          up: true,
          vxlan: {
            id: 42,
            group: '239.1.1.1',
            link: 'low',
            port: 4789,
            ttlInherit: true,
            tos: 1,
            gbp: true,
            df: 'inherit',
            portRange: { low: 100, high: 200 },
          },
        },
      ],
      'vxlan over IPv6': [
        {
          kind: 'vxlan',
          ifname: 'x',
          address: '02:00:00:00:00:01',
          vxlan: {
            id: 42,
            remote: '2001:db8::1',
            local: '2001:db8::2',
            port: 4789,
            label: 0x12345,
            udpZeroCsum6Tx: true,
            learning: false,
          },
        },
      ],
      'vxlan for routes to use': [
        {
          kind: 'vxlan',
          ifname: 'x',
          address: '02:00:00:00:00:01',
          vxlan: { external: true, vnifilter: true, port: 4789 },
        },
      ],
      macvlan: [
        { kind: 'ifb', ifname: 'low', up: true },
        {
          kind: 'macvlan',
          ifname: 'x',
          link: 'low',
          address: '02:00:00:00:00:01',
          up: true,
          macvlan: {
            mode: 'source',
            macaddrData: ['02:00:00:00:00:02', '02:00:00:00:00:03'],
            bcqueuelen: 2000,
            flags: ['nodst'],
          },
        },
      ],
      ifb: [{ kind: 'ifb', ifname: 'x', numTxQueues: 2, up: true, txqlen: 0, address: '02:00:00:00:00:01' }],
    };
    for (const [name, inputs] of Object.entries(cases)) it(name, () => thereAndBack(world, inputs));

    it('but not a link without a kind', async () => {
      await expect(link.add(await link.get('lo'))).rejects.toMatchObject({ field: 'kind' });
    });
  });

  describe('refuses before it asks the kernel, naming the field', () => {
    const refused: Record<string, readonly LinkInput[]> = {
      mtu: [
        { kind: 'ifb', mtu: -1 },
        { kind: 'ifb', mtu: 1.5 },
        { kind: 'ifb', mtu: 2 ** 32 },
      ],
      ifname: [
        { kind: 'ifb', ifname: '' },
        { kind: 'ifb', ifname: 'x'.repeat(16) },
        { kind: 'ifb', ifname: 'a b' },
        { kind: 'ifb', ifname: 'a/b' },
        { kind: 'ifb', ifname: '..' },
      ],
      kind: [{} as LinkInput, { kind: '' }],
      address: [{ kind: 'ifb', address: 'nonsense' }],
      alias: [{ kind: 'ifb', alias: 'x'.repeat(256) }],
      mtuu: [{ kind: 'ifb', mtuu: 1500 } as LinkInput],
      up: [{ kind: 'ifb', up: 1 as unknown as boolean }],
      flags: [{ kind: 'ifb', flags: ['NONESUCH'] }],
      linkmode: [{ kind: 'ifb', linkmode: 'nonesuch' }],
      peer: [{ kind: 'ifb', peer: {} }],
      'peer.mtu': [{ kind: 'veth', peer: { mtu: -1 } }],
      'peer.ifname': [{ kind: 'veth', peer: { ifname: 'a:b' } }],
      'peer.alias': [{ kind: 'veth', peer: { alias: 'x' } as object }],
      vxlan: [{ kind: 'bridge', vxlan: { id: 1 } }],
      'vxlan.id': [{ kind: 'vxlan', vxlan: { id: -1 } }],
      'vxlan.remote': [{ kind: 'vxlan', vxlan: { remote: '192.0.2' } }],
      'vxlan.portRange.low': [{ kind: 'vxlan', vxlan: { portRange: { low: 70_000, high: 1 } } }],
      'vxlan.vni': [{ kind: 'vxlan', vxlan: { vni: 1 } as object }],
      'macvlan.mode': [{ kind: 'macvlan', macvlan: { mode: 'nonesuch' } }],
      'macvlan.macaddrData': [
        { kind: 'macvlan', macvlan: { macaddrData: ['nonsense'] } },
        { kind: 'macvlan', macvlan: { macaddrData: '02:00:00:00:00:01' as unknown as string[] } },
      ],
      'vlan.flags': [{ kind: 'vlan', vlan: { flags: ['NONESUCH'] } }],
      'vlan.egressQos.from': [{ kind: 'vlan', vlan: { egressQos: [{ from: -1, to: 1 }] } }],
      altnames: [
        { kind: 'ifb', altnames: 'x' as unknown as string[] },
        { kind: 'ifb', altnames: ['a b'] },
      ],
      link: [null as unknown as LinkInput, { kind: 'macvlan', link: {} as unknown as string }],
      master: [{ kind: 'ifb', master: {} as unknown as string }],
      'bridge.forwardDelay': [{ kind: 'bridge', bridge: { forwardDelay: '4s' as unknown as number } }],
      'bridge.mcastQueryIntvl': [{ kind: 'bridge', bridge: { mcastQueryIntvl: -1 } }],
      'bridgePort.cost': [{ kind: 'ifb', bridgePort: { cost: -1 } }],
      netns: [
        { kind: 'ifb', netns: process.pid, alias: 'x' },
        { kind: 'ifb', netns: {} as unknown as string },
      ],
    };
    for (const [field, inputs] of Object.entries(refused))
      for (const [i, input] of inputs.entries())
        it(`add: ${field} (${i})`, async () => {
          await expect(link.add(input)).rejects.toMatchObject({ name: 'InvalidArgumentError', field });
          expect(await names()).toEqual(['lo']);
        });
    const unset: Record<string, LinkSettings> = {
      qdisc: { qdisc: 'noop' } as LinkSettings,
      ifindex: { ifindex: 3 } as LinkSettings,
      numTxQueues: { numTxQueues: 3 } as LinkSettings,
      flags: { flags: ['UP'] } as LinkSettings,
      link: { link: 'lo' } as LinkSettings,
      'bridge.gcTimer': { bridge: { gcTimer: 1 } },
      'tun.type': { tun: { type: 'tun' } },
      nonesuch: { nonesuch: 1 } as LinkSettings,
    };
    for (const [field, settings] of Object.entries(unset))
      it(`set: ${field}`, async () => {
        await expect(link.set('lo', settings)).rejects.toMatchObject({ name: 'InvalidArgumentError', field });
      });
  });
});
