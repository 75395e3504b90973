import {
  type AttributesOf,
  attribute,
  attributeTable,
  nest,
  nestedBy,
} from '../../netlink/wire/attributes.ts';
import { bool8, enumeration, ipv4, ipv6, lladdr, u8, u16, u32 } from '../../netlink/wire/codec.ts';
import { defineKind, numbered } from './kind.ts';

/** BOND_MAX_ARP_TARGETS and BOND_MAX_NS_TARGETS, include/net/bonding.h. */
const MAX_TARGETS = 16;

/** What 802.3ad has negotiated. */
const adInfo = attributeTable('IFLA_BOND_AD_INFO', {
  aggregator: attribute(1, 'IFLA_BOND_AD_INFO_AGGREGATOR', u16),
  numPorts: attribute(2, 'IFLA_BOND_AD_INFO_NUM_PORTS', u16),
  actorKey: attribute(3, 'IFLA_BOND_AD_INFO_ACTOR_KEY', u16),
  partnerKey: attribute(4, 'IFLA_BOND_AD_INFO_PARTNER_KEY', u16),
  partnerMac: attribute(5, 'IFLA_BOND_AD_INFO_PARTNER_MAC', lladdr),
});

/** IFLA_BOND_*, uapi/linux/if_link.h; Documentation/networking/bonding.rst says what each does. */
const table = attributeTable('IFLA_BOND', {
  mode: attribute(
    1,
    'IFLA_BOND_MODE',
    enumeration(u8, {
      0: 'balance-rr',
      1: 'active-backup',
      2: 'balance-xor',
      3: 'broadcast',
      4: '802.3ad',
      5: 'balance-tlb',
      6: 'balance-alb',
    }),
  ),
  /** 0: none. */
  activeSlaveIndex: attribute(2, 'IFLA_BOND_ACTIVE_SLAVE', u32),
  /** Milliseconds between looks at the ports' carriers; 0 never looks. */
  miimon: attribute(3, 'IFLA_BOND_MIIMON', u32),
  /** Milliseconds, a multiple of `miimon`. */
  updelay: attribute(4, 'IFLA_BOND_UPDELAY', u32),
  downdelay: attribute(5, 'IFLA_BOND_DOWNDELAY', u32),
  useCarrier: attribute(6, 'IFLA_BOND_USE_CARRIER', bool8),
  /** Milliseconds between ARP probes; 0 sends none. */
  arpInterval: attribute(7, 'IFLA_BOND_ARP_INTERVAL', u32),
  arpIpTarget: nestedBy(8, 'IFLA_BOND_ARP_IP_TARGET', numbered(ipv4, MAX_TARGETS)),
  arpValidate: attribute(
    9,
    'IFLA_BOND_ARP_VALIDATE',
    enumeration(u32, {
      0: 'none',
      1: 'active',
      2: 'backup',
      3: 'all',
      4: 'filter',
      5: 'filter_active',
      6: 'filter_backup',
    }),
  ),
  arpAllTargets: attribute(10, 'IFLA_BOND_ARP_ALL_TARGETS', enumeration(u32, { 0: 'any', 1: 'all' })),
  /** 0: none. */
  primaryIndex: attribute(11, 'IFLA_BOND_PRIMARY', u32),
  primaryReselect: attribute(
    12,
    'IFLA_BOND_PRIMARY_RESELECT',
    enumeration(u8, { 0: 'always', 1: 'better', 2: 'failure' }),
  ),
  failOverMac: attribute(
    13,
    'IFLA_BOND_FAIL_OVER_MAC',
    enumeration(u8, { 0: 'none', 1: 'active', 2: 'follow' }),
  ),
  xmitHashPolicy: attribute(
    14,
    'IFLA_BOND_XMIT_HASH_POLICY',
    enumeration(u8, {
      0: 'layer2',
      1: 'layer3+4',
      2: 'layer2+3',
      3: 'encap2+3',
      4: 'encap3+4',
      5: 'vlan+srcmac',
    }),
  ),
  resendIgmp: attribute(15, 'IFLA_BOND_RESEND_IGMP', u32),
  /** Gratuitous ARPs and unsolicited neighbour advertisements after a failover. */
  numPeerNotif: attribute(16, 'IFLA_BOND_NUM_PEER_NOTIF', u8),
  allSlavesActive: attribute(17, 'IFLA_BOND_ALL_SLAVES_ACTIVE', bool8),
  minLinks: attribute(18, 'IFLA_BOND_MIN_LINKS', u32),
  /** Seconds between learning packets. */
  lpInterval: attribute(19, 'IFLA_BOND_LP_INTERVAL', u32),
  packetsPerSlave: attribute(20, 'IFLA_BOND_PACKETS_PER_SLAVE', u32),
  adLacpRate: attribute(21, 'IFLA_BOND_AD_LACP_RATE', enumeration(u8, { 0: 'slow', 1: 'fast' })),
  adSelect: attribute(
    22,
    'IFLA_BOND_AD_SELECT',
    enumeration(u8, { 0: 'stable', 1: 'bandwidth', 2: 'count', 3: 'prio' }),
  ),
  adInfo: nest(23, 'IFLA_BOND_AD_INFO', adInfo),
  adActorSysPrio: attribute(24, 'IFLA_BOND_AD_ACTOR_SYS_PRIO', u16),
  adUserPortKey: attribute(25, 'IFLA_BOND_AD_USER_PORT_KEY', u16),
  adActorSystem: attribute(26, 'IFLA_BOND_AD_ACTOR_SYSTEM', lladdr),
  tlbDynamicLb: attribute(27, 'IFLA_BOND_TLB_DYNAMIC_LB', bool8),
  peerNotifyDelay: attribute(28, 'IFLA_BOND_PEER_NOTIF_DELAY', u32),
  adLacpActive: attribute(29, 'IFLA_BOND_AD_LACP_ACTIVE', enumeration(u8, { 0: 'off', 1: 'on' })),
  arpMissedMax: attribute(30, 'IFLA_BOND_MISSED_MAX', u8),
  nsIp6Target: nestedBy(31, 'IFLA_BOND_NS_IP6_TARGET', numbered(ipv6, MAX_TARGETS)),
  coupledControl: attribute(32, 'IFLA_BOND_COUPLED_CONTROL', bool8),
  broadcastNeighbor: attribute(33, 'IFLA_BOND_BROADCAST_NEIGH', bool8),
  lacpStrict: attribute(34, 'IFLA_BOND_LACP_STRICT', bool8),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** Settings and state of a bond (man 8 ip-link). */
export type Bond = Wire & {
  /** The name of the link with `activeSlaveIndex`. */
  activeSlave?: string;
  /** The name of the link with `primaryIndex`. */
  primary?: string;
};

/** Options that the driver refuses (EACCES) outside these modes, even as they are. drivers/net/bonding/bond_options.c */
const ONLY_IN: Readonly<Partial<Record<keyof Bond, readonly string[]>>> = {
  packetsPerSlave: ['balance-rr'],
  arpInterval: ['balance-rr', 'active-backup', 'balance-xor', 'broadcast'],
  arpValidate: ['balance-rr', 'active-backup', 'balance-xor', 'broadcast'],
  arpMissedMax: ['balance-rr', 'active-backup', 'balance-xor', 'broadcast'],
  adLacpRate: ['802.3ad'],
  adLacpActive: ['802.3ad'],
  adActorSysPrio: ['802.3ad'],
  adUserPortKey: ['802.3ad'],
  adActorSystem: ['802.3ad'],
  coupledControl: ['802.3ad'],
  broadcastNeighbor: ['802.3ad'],
  lacpStrict: ['802.3ad'],
  tlbDynamicLb: ['balance-tlb'],
};

export const bond = defineKind<typeof table, Bond>('bond', table, {
  links: { activeSlave: 'activeSlaveIndex', primary: 'primaryIndex' },
  readings: ['adInfo'],
  // Both name ports, and a bond that is made has none yet.
  momentary: ['activeSlaveIndex', 'activeSlave', 'primaryIndex', 'primary'],
  withoutDefaults(value) {
    const rest: Bond = { ...value };
    for (const [field, modes] of Object.entries(ONLY_IN) as [keyof Bond, readonly string[]][])
      if (!modes.includes(value.mode ?? 'balance-rr')) delete rest[field];
    // Delays are counted in looks at the carrier: EPERM without them, even for none. net/bonding: _bond_option_delay_set
    if (!value.miimon)
      for (const field of ['updelay', 'downdelay', 'peerNotifyDelay'] as const)
        if (rest[field] === 0) delete rest[field];
    // One way of watching excludes the other, and so does its mere mention.
    if (rest.arpInterval === 0) delete rest.arpInterval;
    else if (rest.arpInterval !== undefined) delete rest.miimon;
    if (rest.arpValidate === 'none') delete rest.arpValidate;
    if (rest.arpIpTarget?.length === 0) delete rest.arpIpTarget;
    if (rest.nsIp6Target?.length === 0) delete rest.nsIp6Target;
    if (rest.adActorSystem === '00:00:00:00:00:00') delete rest.adActorSystem;
    return rest;
  },
});
