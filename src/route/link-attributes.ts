import { formatIp, parseIp } from '../netlink/wire/address.ts';
import { attribute, attributeTable, nest, repeated } from '../netlink/wire/attributes.ts';
import {
  array,
  bool8,
  type Codec,
  enumeration,
  hex,
  ipv6,
  lladdr,
  reserved,
  s32,
  string,
  text,
  u8,
  u16,
  u32,
  u64,
  ValueError,
} from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { linkInfo } from './link-info.ts';
import { vfInfoList } from './link-vf.ts';
import { LINK_MODES, OPERSTATES } from './link-words.ts';
import { ALT_IFNAME_MAX, IFNAME_MAX } from './names.ts';

/** struct ifinfomsg, uapi/linux/rtnetlink.h. */
export const ifinfomsg = struct('ifinfomsg', {
  family: u8,
  reserved: reserved(1),
  type: u16,
  ifindex: s32,
  flags: u32,
  change: u32,
});

/** IFALIASZ with its NUL, net/core: 256. */
const ALIAS_MAX = 255;

/** A link-layer address. Those of IP tunnels are IP addresses: taken in either spelling. */
const linkAddress: Codec<string> = {
  decode: (view, start, end) => lladdr.decode(view, start, end),
  encode(writer, value) {
    const ip =
      typeof value === 'string' && !/^[0-9a-f]{1,2}(:[0-9a-f]{1,2})+$/i.test(value)
        ? parseIp(value)
        : undefined;
    if (ip === undefined) lladdr.encode(writer, value);
    else writer.raw(ip);
  },
};

/** Without a NUL, which the kernel would take for a part of it: an empty one takes the alias away. */
const aliasText: Codec<string> = {
  decode: (view, start, end) => string.decode(view, start, end),
  encode(writer, value) {
    if (typeof value !== 'string' || value.includes('\0') || Buffer.byteLength(value) > ALIAS_MAX)
      throw new ValueError(value, `at most ${ALIAS_MAX} bytes without NUL`);
    writer.raw(Buffer.from(value));
  },
};

/** NLA_UINT: 4 bytes, or 8 where they are needed. */
const uint: Codec<bigint> = {
  decode: (view, start, end) =>
    end - start === 4 ? BigInt(u32.decode(view, start, end)) : u64.decode(view, start, end),
  encode(writer, value) {
    if (typeof value === 'bigint' && value >= 0n && value < 1n << 32n) writer.u32(Number(value));
    else u64.encode(writer, value);
  },
};

const TUNNELS_OVER_IPV4 = new Set(['ipip', 'sit', 'gre']);
const TUNNELS_OVER_IPV6 = new Set(['tunnel6', 'gre6']);

/** The address of a link of this type as `ip` spells it, from the octets that {@link linkAddress} decoded. */
export function spellAddress(octets: string, linkType: string): string {
  const isIp =
    (octets.length === 11 && TUNNELS_OVER_IPV4.has(linkType)) ||
    (octets.length === 47 && TUNNELS_OVER_IPV6.has(linkType));
  return isIp ? formatIp(Uint8Array.from(octets.split(':'), (octet) => Number.parseInt(octet, 16))) : octets;
}

const counters = {
  rxPackets: u64,
  txPackets: u64,
  rxBytes: u64,
  txBytes: u64,
  rxErrors: u64,
  txErrors: u64,
  rxDropped: u64,
  txDropped: u64,
  multicast: u64,
  collisions: u64,
  rxLengthErrors: u64,
  rxOverErrors: u64,
  rxCrcErrors: u64,
  rxFrameErrors: u64,
  rxFifoErrors: u64,
  rxMissedErrors: u64,
  txAbortedErrors: u64,
  txCarrierErrors: u64,
  txFifoErrors: u64,
  txHeartbeatErrors: u64,
  txWindowErrors: u64,
  rxCompressed: u64,
  txCompressed: u64,
  rxNohandler: u64,
  rxOtherhostDropped: u64,
} as const;

type Newer = 'rxNohandler' | 'rxOtherhostDropped';

/** Counters of a link. uapi/linux/if_link.h says what each counts. */
export type LinkStats = Record<Exclude<keyof typeof counters, Newer>, bigint> & {
  [Name in Newer]?: bigint;
} & {
  /** In hex: counters that a newer kernel has appended. */
  tail?: string;
};

/** struct rtnl_link_stats64: 23 counters at first, more with newer kernels. */
const stats64: Codec<LinkStats> = struct('rtnl_link_stats64', counters, 23 * 8);

/** IFLA_INET6_*: what IPv6 has to say of a link. Arrays are indexed by DEVCONF_*, uapi/linux/ipv6.h, and by MIB. */
const inet6 = attributeTable('IFLA_INET6', {
  flags: attribute(1, 'IFLA_INET6_FLAGS', u32),
  conf: attribute(2, 'IFLA_INET6_CONF', array(s32)),
  stats: attribute(3, 'IFLA_INET6_STATS', array(u64)),
  cacheinfo: attribute(
    5,
    'IFLA_INET6_CACHEINFO',
    struct('ifla_cacheinfo', { maxReasmLen: u32, tstamp: u32, reachableTime: u32, retransTime: u32 }),
  ),
  icmp6stats: attribute(6, 'IFLA_INET6_ICMP6STATS', array(u64)),
  token: attribute(7, 'IFLA_INET6_TOKEN', ipv6),
  addrGenMode: attribute(
    8,
    'IFLA_INET6_ADDR_GEN_MODE',
    enumeration(u8, { 0: 'eui64', 1: 'none', 2: 'stable_secret', 3: 'random' }),
  ),
  raMtu: attribute(9, 'IFLA_INET6_RA_MTU', u32),
});

const afSpec = attributeTable('AF', {
  inet: nest(
    2,
    'AF_INET',
    /** Indexed by IPV4_DEVCONF_* less one, uapi/linux/ip.h. */
    attributeTable('IFLA_INET', { conf: attribute(1, 'IFLA_INET_CONF', array(s32)) }),
  ),
  inet6: nest(10, 'AF_INET6', inet6),
});

const xdp = attributeTable('IFLA_XDP', {
  fd: attribute(1, 'IFLA_XDP_FD', s32),
  attached: attribute(
    2,
    'IFLA_XDP_ATTACHED',
    enumeration(u8, { 0: 'none', 1: 'drv', 2: 'skb', 3: 'hw', 4: 'multi' }),
  ),
  flags: attribute(3, 'IFLA_XDP_FLAGS', u32),
  progId: attribute(4, 'IFLA_XDP_PROG_ID', u32),
  drvProgId: attribute(5, 'IFLA_XDP_DRV_PROG_ID', u32),
  skbProgId: attribute(6, 'IFLA_XDP_SKB_PROG_ID', u32),
  hwProgId: attribute(7, 'IFLA_XDP_HW_PROG_ID', u32),
  expectedFd: attribute(8, 'IFLA_XDP_EXPECTED_FD', s32),
});

/** Which port of a devlink device it is. DEVLINK_ATTR_*, uapi/linux/devlink.h. */
const devlinkPort = attributeTable('DEVLINK_ATTR', {
  busName: attribute(1, 'DEVLINK_ATTR_BUS_NAME', string),
  devName: attribute(2, 'DEVLINK_ATTR_DEV_NAME', string),
  portIndex: attribute(3, 'DEVLINK_ATTR_PORT_INDEX', u32),
});

/** Which pin of a phase-locked loop gives it its clock. DPLL_A_PIN_*, uapi/linux/dpll.h. */
const dpllPin = attributeTable('DPLL_A_PIN', { id: attribute(1, 'DPLL_A_PIN_ID', u32) });

/** IFLA_*, uapi/linux/if_link.h, up to Linux 6.18. */
export const linkAttributes = attributeTable('IFLA', {
  address: attribute(1, 'IFLA_ADDRESS', linkAddress),
  broadcast: attribute(2, 'IFLA_BROADCAST', linkAddress),
  ifname: attribute(3, 'IFLA_IFNAME', text(IFNAME_MAX)),
  mtu: attribute(4, 'IFLA_MTU', u32),
  linkIndex: attribute(5, 'IFLA_LINK', u32),
  qdisc: attribute(6, 'IFLA_QDISC', string),
  /** struct rtnl_link_stats: the first 32 bits of the same counters. */
  stats32: attribute(7, 'IFLA_STATS', hex),
  /** 0 takes it away. */
  masterIndex: attribute(10, 'IFLA_MASTER', u32),
  wireless: attribute(11, 'IFLA_WIRELESS', hex),
  txqlen: attribute(13, 'IFLA_TXQLEN', u32),
  map: attribute(
    14,
    'IFLA_MAP',
    struct('rtnl_link_ifmap', {
      memStart: u64,
      memEnd: u64,
      baseAddr: u64,
      irq: u16,
      dma: u8,
      port: u8,
      padding: reserved(4),
    }),
  ),
  weight: attribute(15, 'IFLA_WEIGHT', u32),
  operstate: attribute(16, 'IFLA_OPERSTATE', enumeration(u8, OPERSTATES)),
  linkmode: attribute(17, 'IFLA_LINKMODE', enumeration(u8, LINK_MODES)),
  linkInfo: linkInfo(18),
  netnsPid: attribute(19, 'IFLA_NET_NS_PID', u32),
  alias: attribute(20, 'IFLA_IFALIAS', aliasText),
  numVf: attribute(21, 'IFLA_NUM_VF', u32),
  vfinfoList: vfInfoList,
  stats64: attribute(23, 'IFLA_STATS64', stats64),
  vfPorts: attribute(24, 'IFLA_VF_PORTS', hex),
  portSelf: attribute(25, 'IFLA_PORT_SELF', hex),
  afSpec: nest(26, 'IFLA_AF_SPEC', afSpec),
  group: attribute(27, 'IFLA_GROUP', u32),
  netnsFd: attribute(28, 'IFLA_NET_NS_FD', u32),
  extMask: attribute(29, 'IFLA_EXT_MASK', u32),
  promiscuity: attribute(30, 'IFLA_PROMISCUITY', u32),
  numTxQueues: attribute(31, 'IFLA_NUM_TX_QUEUES', u32),
  numRxQueues: attribute(32, 'IFLA_NUM_RX_QUEUES', u32),
  carrier: attribute(33, 'IFLA_CARRIER', bool8),
  physPortId: attribute(34, 'IFLA_PHYS_PORT_ID', hex),
  carrierChanges: attribute(35, 'IFLA_CARRIER_CHANGES', u32),
  physSwitchId: attribute(36, 'IFLA_PHYS_SWITCH_ID', hex),
  /** The namespace of `linkIndex`, as this namespace numbers it; -1 for one without a number. */
  linkNetnsid: attribute(37, 'IFLA_LINK_NETNSID', s32),
  physPortName: attribute(38, 'IFLA_PHYS_PORT_NAME', string),
  protoDown: attribute(39, 'IFLA_PROTO_DOWN', bool8),
  gsoMaxSegs: attribute(40, 'IFLA_GSO_MAX_SEGS', u32),
  gsoMaxSize: attribute(41, 'IFLA_GSO_MAX_SIZE', u32),
  xdp: nest(43, 'IFLA_XDP', xdp),
  event: attribute(
    44,
    'IFLA_EVENT',
    enumeration(u32, {
      0: 'NONE',
      1: 'REBOOT',
      2: 'FEATURE CHANGE',
      3: 'BONDING FAILOVER',
      4: 'NOTIFY PEERS',
      5: 'RESEND IGMP',
      6: 'BONDING OPTION',
    }),
  ),
  newNetnsid: attribute(45, 'IFLA_NEW_NETNSID', s32),
  targetNetnsid: attribute(46, 'IFLA_TARGET_NETNSID', s32),
  carrierUpCount: attribute(47, 'IFLA_CARRIER_UP_COUNT', u32),
  carrierDownCount: attribute(48, 'IFLA_CARRIER_DOWN_COUNT', u32),
  newIfindex: attribute(49, 'IFLA_NEW_IFINDEX', s32),
  minMtu: attribute(50, 'IFLA_MIN_MTU', u32),
  maxMtu: attribute(51, 'IFLA_MAX_MTU', u32),
  properties: nest(
    52,
    'IFLA_PROP_LIST',
    attributeTable('IFLA', { altnames: repeated(53, 'IFLA_ALT_IFNAME', text(ALT_IFNAME_MAX)) }),
  ),
  altIfname: attribute(53, 'IFLA_ALT_IFNAME', text(ALT_IFNAME_MAX)),
  permaddr: attribute(54, 'IFLA_PERM_ADDRESS', linkAddress),
  protoDownReason: nest(
    55,
    'IFLA_PROTO_DOWN_REASON',
    attributeTable('IFLA_PROTO_DOWN_REASON', {
      mask: attribute(1, 'IFLA_PROTO_DOWN_REASON_MASK', u32),
      value: attribute(2, 'IFLA_PROTO_DOWN_REASON_VALUE', u32),
    }),
  ),
  parentdev: attribute(56, 'IFLA_PARENT_DEV_NAME', string),
  parentbus: attribute(57, 'IFLA_PARENT_DEV_BUS_NAME', string),
  groMaxSize: attribute(58, 'IFLA_GRO_MAX_SIZE', u32),
  tsoMaxSize: attribute(59, 'IFLA_TSO_MAX_SIZE', u32),
  tsoMaxSegs: attribute(60, 'IFLA_TSO_MAX_SEGS', u32),
  /** How many want all multicast; above 0 it is on. */
  allmulti: attribute(61, 'IFLA_ALLMULTI', u32),
  devlinkPort: nest(62, 'IFLA_DEVLINK_PORT', devlinkPort),
  gsoIpv4MaxSize: attribute(63, 'IFLA_GSO_IPV4_MAX_SIZE', u32),
  groIpv4MaxSize: attribute(64, 'IFLA_GRO_IPV4_MAX_SIZE', u32),
  dpllPin: nest(65, 'IFLA_DPLL_PIN', dpllPin),
  maxPacingOffloadHorizon: attribute(66, 'IFLA_MAX_PACING_OFFLOAD_HORIZON', uint),
  netnsImmutable: attribute(67, 'IFLA_NETNS_IMMUTABLE', bool8),
  headroom: attribute(68, 'IFLA_HEADROOM', u16),
  tailroom: attribute(69, 'IFLA_TAILROOM', u16),
});

/** What a request for one link is made of: a fraction of the table above, and that much quicker to encode. */
export const linkRequestAttributes = attributeTable('IFLA', {
  ifname: linkAttributes.specs.ifname,
  extMask: linkAttributes.specs.extMask,
  altIfname: linkAttributes.specs.altIfname,
});
