import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import type { LinkInput } from '../../src/route/link.ts';
import { World } from '../support/diff.ts';
import { thereAndBack } from '../support/link-trip.ts';
import { type Needs, needs } from '../support/needs.ts';

/** Links of the kinds that need a module, there and back on the real kernel. What needs none is in test/route. */

interface Case {
  /** The last of them is called x. */
  readonly links: readonly LinkInput[];
  readonly needs?: Needs;
  /** What the installed `ip` does not know of it. */
  readonly extra?: readonly string[];
}

const mac = '02:00:00:00:00:01';
const low: LinkInput = { kind: 'dummy', ifname: 'low', up: true, address: '02:00:00:00:00:0a' };
const x = <T extends Partial<LinkInput>>(kind: string, more: T): LinkInput => ({
  kind,
  ifname: 'x',
  ...more,
});
const data = (names: readonly string[]) =>
  ['', ...names.map((name) => `.${name}`)].map((name) => `linkinfo.info_data${name}`);

const CASES: Record<string, Case> = {
  dummy: {
    links: [x('dummy', { address: mac, mtu: 1400, numTxQueues: 4, alias: 'hello', group: 7, up: true })],
  },
  nlmon: { links: [x('nlmon', { up: true })] },
  wireguard: { links: [x('wireguard', { mtu: 1380 })] },
  vcan: { links: [x('vcan', { up: true, mtu: 72 })] },
  vxcan: { links: [x('vxcan', { peer: { ifname: 'y' } })] },
  team: { links: [x('team', { address: mac })] },
  vlan: {
    links: [
      low,
      x('vlan', {
        link: 'low',
        address: mac,
        up: true,
        vlan: {
          id: 7,
          flags: ['REORDER_HDR', 'GVRP', 'LOOSE_BINDING'],
          egressQos: [
            { from: 1, to: 2 },
            { from: 3, to: 4 },
          ],
          ingressQos: [{ from: 5, to: 6 }],
        },
      }),
    ],
  },
  'vlan, 802.1ad': { links: [low, x('vlan', { link: 'low', vlan: { id: 4094, protocol: '802.1ad' } })] },
  'vlan, bound to a bridge': {
    links: [
      { kind: 'bridge', ifname: 'br0', bridge: { vlanFiltering: true } },
      x('vlan', { link: 'br0', vlan: { id: 7, flags: ['REORDER_HDR', 'BRIDGE_BINDING'] } }),
    ],
  },
  vrf: { links: [x('vrf', { address: mac, up: true, vrf: { table: 1000 } })] },
  'a port of a vrf': {
    links: [
      { kind: 'vrf', ifname: 'red', up: true, vrf: { table: 1000 } },
      x('dummy', { address: mac, master: 'red', up: true }),
    ],
  },
  'bond, balance-rr': {
    links: [
      x('bond', { address: mac, bond: { miimon: 100, updelay: 200, downdelay: 300, packetsPerSlave: 3 } }),
    ],
  },
  'bond, active-backup by ARP': {
    links: [
      x('bond', {
        address: mac,
        bond: {
          mode: 'active-backup',
          arpInterval: 500,
          arpIpTarget: ['192.0.2.1', '192.0.2.2'],
          arpValidate: 'active',
          arpAllTargets: 'all',
          failOverMac: 'active',
          primaryReselect: 'better',
          numPeerNotif: 3,
        },
      }),
    ],
  },
  'bond, 802.3ad': {
    links: [
      x('bond', {
        address: mac,
        bond: {
          mode: '802.3ad',
          miimon: 100,
          minLinks: 2,
          xmitHashPolicy: 'layer3+4',
          adLacpRate: 'fast',
          adSelect: 'count',
          adActorSysPrio: 7,
          adUserPortKey: 9,
          adActorSystem: '02:00:00:00:00:07',
        },
      }),
    ],
  },
  'bond, balance-tlb': {
    links: [x('bond', { address: mac, bond: { mode: 'balance-tlb', tlbDynamicLb: false } })],
  },
  'bond, balance-alb': {
    links: [x('bond', { address: mac, bond: { mode: 'balance-alb', lpInterval: 5, resendIgmp: 2 } })],
  },
  'bond, balance-xor': {
    links: [x('bond', { address: mac, bond: { mode: 'balance-xor', xmitHashPolicy: 'encap2+3' } })],
  },
  'bond, broadcast': {
    links: [x('bond', { address: mac, bond: { mode: 'broadcast', allSlavesActive: true } })],
  },
  'a port of a bond': {
    links: [
      { kind: 'bond', ifname: 'bo', bond: { mode: 'active-backup', miimon: 100 }, address: mac },
      x('dummy', { address: mac, master: 'bo', bondPort: { queueId: 3 } }),
    ],
  },
  ipvlan: { links: [low, x('ipvlan', { link: 'low', ipvlan: { mode: 'l3', flags: ['private'] } })] },
  ipvtap: { links: [low, x('ipvtap', { link: 'low', ipvtap: { mode: 'l2', flags: ['vepa'] } })] },
  macvlan: {
    links: [low, x('macvlan', { link: 'low', address: mac, macvlan: { mode: 'vepa', bcqueuelen: 2000 } })],
  },
  macvtap: { links: [low, x('macvtap', { link: 'low', address: mac, macvtap: { mode: 'bridge' } })] },
  gre: {
    links: [
      x('gre', {
        gre: {
          local: '192.0.2.1',
          remote: '192.0.2.2',
          ttl: 9,
          tos: 4,
          ikey: '0.0.0.7',
          okey: '1.2.3.4',
          icsum: true,
          ocsum: true,
        },
      }),
    ],
  },
  'gre on a link': {
    links: [
      low,
      x('gre', {
        up: true,
        gre: { link: 'low', local: '192.0.2.1', remote: '192.0.2.2', oseq: true, iseq: true, fwmark: 7 },
      }),
    ],
  },
  'gre for routes to use': { links: [x('gre', { gre: { external: true } })] },
  gretap: {
    links: [
      x('gretap', {
        address: mac,
        gretap: {
          local: '192.0.2.1',
          remote: '192.0.2.2',
          ignoreDf: true,
          pmtudisc: false,
          encapType: 'fou',
          encapSport: 5555,
          encapDport: 6666,
          encapFlags: ['csum'],
        },
      }),
    ],
  },
  'gretap for routes to use': { links: [x('gretap', { address: mac, gretap: { external: true } })] },
  'erspan, version 1': {
    links: [
      x('erspan', {
        address: mac,
        erspan: {
          local: '192.0.2.1',
          remote: '192.0.2.2',
          ikey: 7,
          okey: 7,
          iseq: true,
          oseq: true,
          erspanVer: 1,
          erspanIndex: 123,
        },
      }),
    ],
  },
  'erspan, version 2': {
    links: [
      x('erspan', {
        address: mac,
        erspan: {
          local: '192.0.2.1',
          remote: '192.0.2.2',
          ikey: 7,
          okey: 7,
          iseq: true,
          oseq: true,
          erspanVer: 2,
          erspanDir: 'egress',
          erspanHwid: 17,
        },
      }),
    ],
  },
  ip6gre: {
    links: [
      x('ip6gre', {
        ip6gre: {
          local: '2001:db8::1',
          remote: '2001:db8::2',
          ttl: 9,
          encapLimit: 5,
          tclass: 7,
          flowlabel: 0x12345,
          ikey: 7,
          okey: 8,
        },
      }),
    ],
  },
  ip6gretap: {
    links: [
      x('ip6gretap', {
        address: mac,
        ip6gretap: {
          local: '2001:db8::1',
          remote: '2001:db8::2',
          flags: ['ign_encap_limit', 'use_orig_tclass'],
        },
      }),
    ],
  },
  ip6erspan: {
    links: [
      x('ip6erspan', {
        address: mac,
        ip6erspan: {
          local: '2001:db8::1',
          remote: '2001:db8::2',
          ikey: 7,
          okey: 7,
          iseq: true,
          oseq: true,
          erspanVer: 1,
          erspanIndex: 5,
        },
      }),
    ],
  },
  ipip: {
    links: [
      x('ipip', {
        ipip: {
          local: '192.0.2.1',
          remote: '192.0.2.2',
          ttl: 64,
          tos: 1,
          proto: 'any',
          encapType: 'gue',
          encapDport: 5555,
        },
      }),
    ],
  },
  'ipip for routes to use': { links: [x('ipip', { ipip: { external: true } })] },
  sit: {
    links: [
      x('sit', {
        sit: {
          local: '192.0.2.1',
          remote: '192.0.2.2',
          ttl: 64,
          proto: 'ip6ip',
          prefix: '2001:db8::',
          prefixlen: 32,
          relayPrefix: '10.0.0.0',
          relayPrefixlen: 8,
        },
      }),
    ],
  },
  'sit, isatap': { links: [x('sit', { sit: { local: '192.0.2.1', flags: ['isatap'], ttl: 64 } })] },
  ip6tnl: {
    links: [
      x('ip6tnl', {
        ip6tnl: {
          local: '2001:db8::1',
          remote: '2001:db8::2',
          proto: 'ipip6',
          ttl: 9,
          encapLimit: 3,
          tclass: 1,
          flowlabel: 9,
          flags: ['use_orig_fwmark'],
        },
      }),
    ],
  },
  'ip6tnl on a link': {
    links: [
      low,
      x('ip6tnl', { ip6tnl: { link: 'low', local: '2001:db8::1', remote: '2001:db8::2', proto: 'ip6ip6' } }),
    ],
  },
  vti: {
    links: [
      x('vti', {
        vti: { local: '192.0.2.1', remote: '192.0.2.2', ikey: '0.0.0.7', okey: '0.0.0.8', fwmark: 9 },
      }),
    ],
  },
  vti6: {
    links: [
      x('vti6', { vti6: { local: '2001:db8::1', remote: '2001:db8::2', ikey: '0.0.0.7', okey: '0.0.0.8' } }),
    ],
  },
  xfrm: { links: [low, x('xfrm', { xfrm: { link: 'low', ifId: 0x1234 } })] },
  'xfrm for routes to use': { links: [x('xfrm', { xfrm: { external: true } })], needs: { linux: '6.1' } },
  geneve: {
    links: [
      x('geneve', {
        address: mac,
        geneve: { id: 42, remote: '192.0.2.1', ttl: 7, tos: 4, port: 6082, df: 'set', udpCsum: true },
      }),
    ],
  },
  'geneve over IPv6': {
    links: [
      x('geneve', {
        address: mac,
        geneve: {
          id: 42,
          remote: '2001:db8::1',
          label: 0x12345,
          udpZeroCsum6Tx: true,
          udpZeroCsum6Rx: true,
          ttlInherit: true,
        },
      }),
    ],
  },
  'geneve for routes to use': { links: [x('geneve', { address: mac, geneve: { external: true } })] },
  macsec: {
    links: [
      low,
      x('macsec', {
        link: 'low',
        macsec: {
          sci: '0200000000000007',
          cipherSuite: 'GCM-AES-256',
          encrypt: true,
          window: 32,
          replayProtect: true,
          validation: 'check',
          es: true,
        },
      }),
    ],
  },
  'macsec whose identifier is not sent': {
    links: [low, x('macsec', { link: 'low', macsec: { port: 7, incSci: false, scb: true, protect: false } })],
  },
  hsr: {
    links: [
      low,
      { kind: 'dummy', ifname: 'low2', up: true },
      x('hsr', { hsr: { slave1: 'low', slave2: 'low2', supervision: 45, version: 1 } }),
    ],
    needs: { module: 'hsr' },
  },
  batadv: { links: [x('batadv', { address: mac, batadv: { ra: 'BATMAN_IV' } })] },
  gtp: {
    links: [x('gtp', { gtp: { createSockets: true, role: 'sgsn', restartCount: 7 } })],
    needs: { linux: '6.1' },
  },
  netkit: {
    links: [x('netkit', { peer: { ifname: 'y' }, netkit: { mode: 'l3', policy: 'blackhole' } })],
    needs: { linux: '6.7' },
    extra: data(['mode', 'type', 'policy', 'peer_policy', 'scrub', 'peer_scrub', 'headroom', 'tailroom']),
  },
  ifb: { links: [x('ifb', { address: mac, up: true })] },
};

describe('kinds of links, there and back', () => {
  let world: World;
  beforeAll(async () => {
    execFileSync('modprobe', ['-a', 'fou']);
    world = await World.open();
  });
  afterAll(() => world[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const { ifname } of await world.rt.link.list())
      if (ifname !== 'lo') await world.rt.link.del(ifname).catch(() => {});
  });

  for (const [name, { links, needs: wanted = {}, extra = [] }] of Object.entries(CASES))
    it(name, async (context) => {
      needs(context, wanted);
      await thereAndBack(world, links, { extra });
    });
});
