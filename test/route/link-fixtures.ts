import type { LinkInput, LinkSettings } from '../../src/route/link.ts';
import type { Resolved } from '../../src/route/link-settings.ts';

/**
 * What `ip` 6.1 sends (the RTM_NEWLINK's payload, in hex), what that is as an object, and what to tell us so that we
 * send the same. eth0 is the link with index 3.
 */
export interface Fixture {
  readonly command: string;
  readonly hex: string;
  /** Fields of the decoded message that matter here. */
  readonly decoded: object;
  readonly add?: LinkInput;
  readonly set?: LinkSettings;
  readonly ifindex?: number;
  readonly resolved?: Resolved;
}

export const fixtures: readonly Fixture[] = [
  {
    command:
      'ip link add link eth0 name eth0.5 mtu 1400 type vlan protocol 802.1ad id 5 reorder_hdr off gvrp on loose_binding on mvrp off bridge_binding off egress-qos-map 1:2 3:4 ingress-qos-map 0:7',
    hex: '00000000000000000000000000000000080004007805000008000500030000000b000300657468302e3500005800120008000100766c616e4c0002000600050088a8000006000100050000001c0003000c00010001000000020000000c0001000300000004000000100004000c00010000000000070000000c000200060000001f000000',
    decoded: {
      ifname: 'eth0.5',
      kind: 'vlan',
      linkIndex: 3,
      mtu: 1400,
      vlan: {
        id: 5,
        protocol: '802.1ad',
        flags: ['GVRP', 'LOOSE_BINDING'],
        egressQos: [
          { from: 1, to: 2 },
          { from: 3, to: 4 },
        ],
        ingressQos: [{ from: 0, to: 7 }],
      },
    },
    add: {
      kind: 'vlan',
      ifname: 'eth0.5',
      mtu: 1400,
      vlan: {
        id: 5,
        protocol: '802.1ad',
        flags: ['GVRP', 'LOOSE_BINDING'],
        egressQos: [
          { from: 1, to: 2 },
          { from: 3, to: 4 },
        ],
        ingressQos: [{ from: 0, to: 7 }],
      },
    },
    resolved: { linkIndex: 3 },
  },
  {
    command: 'ip link add dum0 numtxqueues 4 address 02:00:00:00:00:01 type dummy',
    hex: '0000000000000000000000000000000008001f00040000000a00010002000000000100000900030064756d3000000000100012000900010064756d6d79000000',
    decoded: { ifname: 'dum0', kind: 'dummy', numTxQueues: 4, address: '02:00:00:00:00:01' },
    add: { kind: 'dummy', ifname: 'dum0', numTxQueues: 4, address: '02:00:00:00:00:01' },
  },
  {
    command: 'ip link add red type vrf table 1000',
    hex: '0000000000000000000000000000000008000300726564001800120007000100767266000c00020008000100e8030000',
    decoded: { ifname: 'red', kind: 'vrf', vrf: { table: 1000 } },
    add: { kind: 'vrf', ifname: 'red', vrf: { table: 1000 } },
  },
  {
    command: 'ip link add va mtu 1300 txqueuelen 5 type veth peer name vb address 02:00:00:00:00:02 mtu 1280',
    hex: '00000000000000000000000000000000080004001405000008000d000500000007000300766100004000120008000100766574683400020030000100000000000000000000000000000000000a000100020000000002000008000400000500000700030076620000',
    decoded: { ifname: 'va', kind: 'veth', mtu: 1300, txqlen: 5 },
    add: {
      kind: 'veth',
      ifname: 'va',
      mtu: 1300,
      txqlen: 5,
      peer: { ifname: 'vb', address: '02:00:00:00:00:02', mtu: 1280 },
    },
  },
  {
    command:
      'ip link add br9 type bridge forward_delay 400 ageing_time 6000 stp_state 1 priority 8192 group_fwd_mask 8 mcast_snooping 0 mcast_query_interval 10000 no_linklocal_learn 1',
    hex: '0000000000000000000000000000000008000300627239005c0012000a00010062726964676500004c0002000800010090010000080004007017000008000500010000000600060000200000060009000800000005001700000000000c00210010270000000000000c002e000100000001000000',
    decoded: {
      ifname: 'br9',
      kind: 'bridge',
      bridge: {
        forwardDelay: 400,
        ageingTime: 6000,
        stpState: 1,
        priority: 8192,
        groupFwdMask: 8,
        mcastSnooping: false,
        mcastQueryIntvl: 10_000,
        noLinklocalLearn: true,
      },
    },
    add: {
      kind: 'bridge',
      ifname: 'br9',
      bridge: {
        forwardDelay: 400,
        ageingTime: 6000,
        stpState: 1,
        priority: 8192,
        groupFwdMask: 8,
        mcastSnooping: false,
        mcastQueryIntvl: 10_000,
        noLinklocalLearn: true,
      },
    },
  },
  {
    command:
      'ip link add vx0 type vxlan id 42 remote 2001:db8::1 local 2001:db8::2 ttl 7 tos 0x10 srcport 32000 33000 dstport 4789 learning ageing 77 maxaddress 9 udp6zerocsumtx flowlabel 0x12345 df set gbp',
    hex: '000000000000000000000000000000000800030076783000980012000900010076786c616e000000880002000500050007000000050006001000000008000a007d0080e8080008004d0000000800090009000000050013000100000008001a000001234505001d000100000004001700080001002a0000001400110020010db80000000000000000000000021400100020010db8000000000000000000000001050007000100000006000f0012b50000',
    decoded: {
      kind: 'vxlan',
      vxlan: {
        id: 42,
        remote: '2001:db8::1',
        local: '2001:db8::2',
        ttl: 7,
        tos: 16,
        portRange: { low: 32_000, high: 33_000 },
        port: 4789,
        learning: true,
        ageing: 77,
        limit: 9,
        udpZeroCsum6Tx: true,
        label: 0x12345,
        df: 'set',
        gbp: true,
      },
    },
    add: {
      kind: 'vxlan',
      ifname: 'vx0',
      vxlan: {
        id: 42,
        remote: '2001:db8::1',
        local: '2001:db8::2',
        ttl: 7,
        tos: 16,
        portRange: { low: 32_000, high: 33_000 },
        port: 4789,
        learning: true,
        ageing: 77,
        limit: 9,
        udpZeroCsum6Tx: true,
        label: 0x12345,
        df: 'set',
        gbp: true,
      },
    },
  },
  {
    command: 'ip link add mv0 link eth0 type macvlan mode passthru nopromisc bcqueuelen 2000',
    hex: '000000000000000000000000000000000800050003000000080003006d7630002c0012000b0001006d6163766c616e001c00020008000700d007000008000100080000000600020001000000',
    decoded: {
      ifname: 'mv0',
      kind: 'macvlan',
      macvlan: { mode: 'passthru', flags: ['nopromisc'], bcqueuelen: 2000 },
    },
    add: {
      kind: 'macvlan',
      ifname: 'mv0',
      macvlan: { mode: 'passthru', flags: ['nopromisc'], bcqueuelen: 2000 },
    },
    resolved: { linkIndex: 3 },
  },
  {
    command:
      'ip link set eth0 mtu 1450 txqueuelen 500 address 02:00:00:00:00:03 broadcast ff:ff:ff:ff:ff:fe alias hello group 7 up arp off promisc on addrgenmode none',
    hex: '0000000003000000810100008101000008000400aa05000008000d00f40100000a00010002000000000300000a000200fffffffffffe00000900140068656c6c6f00000008001b000700000010001a000c000a000500080001000000',
    decoded: {
      ifindex: 3,
      flags: ['NOARP', 'PROMISC', 'UP'],
      mtu: 1450,
      txqlen: 500,
      address: '02:00:00:00:00:03',
      broadcast: 'ff:ff:ff:ff:ff:fe',
      alias: 'hello',
      group: 7,
      afSpec: { inet6: { addrGenMode: 'none' } },
    },
    set: {
      mtu: 1450,
      txqlen: 500,
      address: '02:00:00:00:00:03',
      broadcast: 'ff:ff:ff:ff:ff:fe',
      alias: 'hello',
      group: 7,
      up: true,
      arp: false,
      promisc: true,
      afSpec: { inet6: { addrGenMode: 'none' } },
    },
    ifindex: 3,
  },
  {
    command: 'ip link set eth0 gso_max_size 32768 gso_max_segs 100 mode dormant',
    hex: '00000000030000000000000000000000080029000080000008002800640000000500110001000000',
    decoded: { ifindex: 3, gsoMaxSize: 32_768, gsoMaxSegs: 100, linkmode: 'DORMANT' },
    set: { gsoMaxSize: 32_768, gsoMaxSegs: 100, linkmode: 'DORMANT' },
    ifindex: 3,
  },
];
