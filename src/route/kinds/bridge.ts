import { type AttributesOf, attribute, attributeTable, nest } from '../../netlink/wire/attributes.ts';
import {
  be16,
  bool8,
  enumeration,
  flag,
  ipv4,
  ipv6,
  lladdr,
  u8,
  u16,
  u32,
} from '../../netlink/wire/codec.ts';
import { struct } from '../../netlink/wire/struct.ts';
import { bridgeId, clock, defineKind, VLAN_PROTOCOLS } from './kind.ts';

/** IFLA_BR_*, uapi/linux/if_link.h. Times are in hundredths of a second. */
const table = attributeTable('IFLA_BR', {
  forwardDelay: attribute(1, 'IFLA_BR_FORWARD_DELAY', u32),
  helloTime: attribute(2, 'IFLA_BR_HELLO_TIME', u32),
  maxAge: attribute(3, 'IFLA_BR_MAX_AGE', u32),
  ageingTime: attribute(4, 'IFLA_BR_AGEING_TIME', u32),
  /** 0 off, 1 the kernel's spanning tree, 2 a daemon's. */
  stpState: attribute(5, 'IFLA_BR_STP_STATE', u32),
  priority: attribute(6, 'IFLA_BR_PRIORITY', u16),
  vlanFiltering: attribute(7, 'IFLA_BR_VLAN_FILTERING', bool8),
  vlanProtocol: attribute(8, 'IFLA_BR_VLAN_PROTOCOL', enumeration(be16, VLAN_PROTOCOLS)),
  /** Bit n: forward frames to 01:80:c2:00:00:0n. */
  groupFwdMask: attribute(9, 'IFLA_BR_GROUP_FWD_MASK', u16),
  rootId: attribute(10, 'IFLA_BR_ROOT_ID', bridgeId),
  bridgeId: attribute(11, 'IFLA_BR_BRIDGE_ID', bridgeId),
  rootPort: attribute(12, 'IFLA_BR_ROOT_PORT', u16),
  rootPathCost: attribute(13, 'IFLA_BR_ROOT_PATH_COST', u32),
  topologyChange: attribute(14, 'IFLA_BR_TOPOLOGY_CHANGE', bool8),
  topologyChangeDetected: attribute(15, 'IFLA_BR_TOPOLOGY_CHANGE_DETECTED', bool8),
  helloTimer: attribute(16, 'IFLA_BR_HELLO_TIMER', clock),
  tcnTimer: attribute(17, 'IFLA_BR_TCN_TIMER', clock),
  topologyChangeTimer: attribute(18, 'IFLA_BR_TOPOLOGY_CHANGE_TIMER', clock),
  gcTimer: attribute(19, 'IFLA_BR_GC_TIMER', clock),
  groupAddr: attribute(20, 'IFLA_BR_GROUP_ADDR', lladdr),
  /** Forgets all learned addresses; a command, never told. */
  fdbFlush: attribute(21, 'IFLA_BR_FDB_FLUSH', flag),
  /** 0 never, 1 as learned, 2 always forwards multicast to the bridge itself. */
  mcastRouter: attribute(22, 'IFLA_BR_MCAST_ROUTER', u8),
  mcastSnooping: attribute(23, 'IFLA_BR_MCAST_SNOOPING', bool8),
  mcastQueryUseIfaddr: attribute(24, 'IFLA_BR_MCAST_QUERY_USE_IFADDR', bool8),
  mcastQuerier: attribute(25, 'IFLA_BR_MCAST_QUERIER', bool8),
  mcastHashElasticity: attribute(26, 'IFLA_BR_MCAST_HASH_ELASTICITY', u32),
  mcastHashMax: attribute(27, 'IFLA_BR_MCAST_HASH_MAX', u32),
  mcastLastMemberCnt: attribute(28, 'IFLA_BR_MCAST_LAST_MEMBER_CNT', u32),
  mcastStartupQueryCnt: attribute(29, 'IFLA_BR_MCAST_STARTUP_QUERY_CNT', u32),
  mcastLastMemberIntvl: attribute(30, 'IFLA_BR_MCAST_LAST_MEMBER_INTVL', clock),
  mcastMembershipIntvl: attribute(31, 'IFLA_BR_MCAST_MEMBERSHIP_INTVL', clock),
  mcastQuerierIntvl: attribute(32, 'IFLA_BR_MCAST_QUERIER_INTVL', clock),
  mcastQueryIntvl: attribute(33, 'IFLA_BR_MCAST_QUERY_INTVL', clock),
  mcastQueryResponseIntvl: attribute(34, 'IFLA_BR_MCAST_QUERY_RESPONSE_INTVL', clock),
  mcastStartupQueryIntvl: attribute(35, 'IFLA_BR_MCAST_STARTUP_QUERY_INTVL', clock),
  nfCallIptables: attribute(36, 'IFLA_BR_NF_CALL_IPTABLES', bool8),
  nfCallIp6tables: attribute(37, 'IFLA_BR_NF_CALL_IP6TABLES', bool8),
  nfCallArptables: attribute(38, 'IFLA_BR_NF_CALL_ARPTABLES', bool8),
  vlanDefaultPvid: attribute(39, 'IFLA_BR_VLAN_DEFAULT_PVID', u16),
  vlanStatsEnabled: attribute(41, 'IFLA_BR_VLAN_STATS_ENABLED', bool8),
  mcastStatsEnabled: attribute(42, 'IFLA_BR_MCAST_STATS_ENABLED', bool8),
  mcastIgmpVersion: attribute(43, 'IFLA_BR_MCAST_IGMP_VERSION', u8),
  mcastMldVersion: attribute(44, 'IFLA_BR_MCAST_MLD_VERSION', u8),
  vlanStatsPerPort: attribute(45, 'IFLA_BR_VLAN_STATS_PER_PORT', bool8),
  multiBoolopt: attribute(
    46,
    'IFLA_BR_MULTI_BOOLOPT',
    struct('br_boolopt_multi', { optval: u32, optmask: u32 }),
  ),
  mcastQuerierState: nest(
    47,
    'IFLA_BR_MCAST_QUERIER_STATE',
    attributeTable('BRIDGE_QUERIER', {
      ipAddress: attribute(1, 'BRIDGE_QUERIER_IP_ADDRESS', ipv4),
      ipPort: attribute(2, 'BRIDGE_QUERIER_IP_PORT', u32),
      ipOtherTimer: attribute(3, 'BRIDGE_QUERIER_IP_OTHER_TIMER', clock),
      ipv6Address: attribute(5, 'BRIDGE_QUERIER_IPV6_ADDRESS', ipv6),
      ipv6Port: attribute(6, 'BRIDGE_QUERIER_IPV6_PORT', u32),
      ipv6OtherTimer: attribute(7, 'BRIDGE_QUERIER_IPV6_OTHER_TIMER', clock),
    }),
  ),
  fdbNLearned: attribute(48, 'IFLA_BR_FDB_N_LEARNED', u32),
  /** 0: no limit. */
  fdbMaxLearned: attribute(49, 'IFLA_BR_FDB_MAX_LEARNED', u32),
  /** Whose spanning tree it is: the kernel's, or a daemon's. Only while it is off: EBUSY. */
  stpMode: attribute(50, 'IFLA_BR_STP_MODE', enumeration(u32, { 0: 'auto', 1: 'user', 2: 'kernel' })),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** enum br_boolopt_id, uapi/linux/if_bridge.h: one bit each of IFLA_BR_MULTI_BOOLOPT. */
const BOOLEAN_OPTIONS = {
  noLinklocalLearn: 0,
  mcastVlanSnooping: 1,
  mstEnabled: 2,
  mdbOffloadFailNotification: 3,
  fdbLocalVlan0: 4,
} as const;
type BooleanOption = keyof typeof BOOLEAN_OPTIONS;
const KNOWN_BITS = 0x1f;

/** Settings and state of a bridge. Those of IFLA_BR_MULTI_BOOLOPT that are not known stay in `multiBoolopt`. */
export type Bridge = Wire & { [Option in BooleanOption]?: boolean };

const booleanOptions = Object.entries(BOOLEAN_OPTIONS) as [BooleanOption, number][];

export const bridge = defineKind<typeof table, Bridge>('bridge', table, {
  fields: Object.keys(BOOLEAN_OPTIONS) as BooleanOption[],
  readings: [
    'rootId',
    'bridgeId',
    'rootPort',
    'rootPathCost',
    'topologyChange',
    'topologyChangeDetected',
    'helloTimer',
    'tcnTimer',
    'topologyChangeTimer',
    'gcTimer',
    'mcastQuerierState',
    'fdbNLearned',
  ],
  // The hash's elasticity has been without effect since Linux 4.20; setting it makes the kernel log a complaint.
  momentary: ['mcastHashElasticity', 'fdbFlush'],
  fromWire(wire) {
    const { multiBoolopt, ...rest } = wire;
    const value: Bridge = rest;
    if (multiBoolopt === undefined) return value;
    const { optval = 0, optmask = 0 } = multiBoolopt;
    for (const [option, bit] of booleanOptions)
      if ((optmask & (1 << bit)) !== 0) value[option] = (optval & (1 << bit)) !== 0;
    if ((optmask & ~KNOWN_BITS) !== 0)
      value.multiBoolopt = { optval: (optval & ~KNOWN_BITS) >>> 0, optmask: (optmask & ~KNOWN_BITS) >>> 0 };
    return value;
  },
  toWire(value) {
    const wire: Wire = { ...value };
    let { optval = 0, optmask = 0 } = value.multiBoolopt ?? {};
    for (const [option, bit] of booleanOptions) {
      if (value[option] === undefined) continue;
      optmask |= 1 << bit;
      if (value[option]) optval |= 1 << bit;
      else optval &= ~(1 << bit);
    }
    if (optmask !== 0) wire.multiBoolopt = { optval: optval >>> 0, optmask: optmask >>> 0 };
    return wire;
  },
  // A kernel without VLAN support answers EOPNOTSUPP even to switching it off.
  withoutDefaults(value) {
    const rest = { ...value };
    for (const field of ['vlanFiltering', ...booleanOptions.map(([option]) => option)] as const)
      if (rest[field] === false) delete rest[field];
    return rest;
  },
});
