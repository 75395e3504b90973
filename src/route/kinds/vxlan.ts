import { parseIp } from '../../netlink/wire/address.ts';
import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { be16, be32, bool8, enumeration, flag, hex, ipv4, ipv6, u8, u32 } from '../../netlink/wire/codec.ts';
import { struct } from '../../netlink/wire/struct.ts';
import { byFamily, isUnspecified } from './families.ts';
import { defineKind, flagOrByte } from './kind.ts';

/** IFLA_VXLAN_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_VXLAN', {
  /** VNI, 24 bits. */
  id: attribute(1, 'IFLA_VXLAN_ID', u32),
  group4: attribute(2, 'IFLA_VXLAN_GROUP', ipv4),
  /** The link that the tunnel's packets leave by. */
  linkIndex: attribute(3, 'IFLA_VXLAN_LINK', u32),
  local4: attribute(4, 'IFLA_VXLAN_LOCAL', ipv4),
  /** 0: the route's. */
  ttl: attribute(5, 'IFLA_VXLAN_TTL', u8),
  /** 1: that of the packet inside. */
  tos: attribute(6, 'IFLA_VXLAN_TOS', u8),
  learning: attribute(7, 'IFLA_VXLAN_LEARNING', bool8),
  /** Seconds until a learned address is forgotten; 0: never. */
  ageing: attribute(8, 'IFLA_VXLAN_AGEING', u32),
  /** Entries of the forwarding table at most; 0: no limit. */
  limit: attribute(9, 'IFLA_VXLAN_LIMIT', u32),
  /** UDP source ports to choose from. */
  portRange: attribute(
    10,
    'IFLA_VXLAN_PORT_RANGE',
    struct('ifla_vxlan_port_range', { low: be16, high: be16 }),
  ),
  proxy: attribute(11, 'IFLA_VXLAN_PROXY', bool8),
  rsc: attribute(12, 'IFLA_VXLAN_RSC', bool8),
  l2miss: attribute(13, 'IFLA_VXLAN_L2MISS', bool8),
  l3miss: attribute(14, 'IFLA_VXLAN_L3MISS', bool8),
  /** UDP destination port. The kernel's default is 8472, from before IANA gave 4789. */
  port: attribute(15, 'IFLA_VXLAN_PORT', be16),
  group6: attribute(16, 'IFLA_VXLAN_GROUP6', ipv6),
  local6: attribute(17, 'IFLA_VXLAN_LOCAL6', ipv6),
  udpCsum: attribute(18, 'IFLA_VXLAN_UDP_CSUM', bool8),
  udpZeroCsum6Tx: attribute(19, 'IFLA_VXLAN_UDP_ZERO_CSUM6_TX', bool8),
  udpZeroCsum6Rx: attribute(20, 'IFLA_VXLAN_UDP_ZERO_CSUM6_RX', bool8),
  remcsumTx: attribute(21, 'IFLA_VXLAN_REMCSUM_TX', bool8),
  remcsumRx: attribute(22, 'IFLA_VXLAN_REMCSUM_RX', bool8),
  gbp: attribute(23, 'IFLA_VXLAN_GBP', flag),
  remcsumNopartial: attribute(24, 'IFLA_VXLAN_REMCSUM_NOPARTIAL', flag),
  /** IFLA_VXLAN_COLLECT_METADATA: the routes say where to, not the link. */
  external: attribute(25, 'IFLA_VXLAN_COLLECT_METADATA', bool8),
  /** IPv6 flow label. */
  label: attribute(26, 'IFLA_VXLAN_LABEL', be32),
  gpe: attribute(27, 'IFLA_VXLAN_GPE', flag),
  ttlInherit: attribute(28, 'IFLA_VXLAN_TTL_INHERIT', flagOrByte),
  /** The outer IPv4 header's DF bit. */
  df: attribute(29, 'IFLA_VXLAN_DF', enumeration(u8, { 0: 'unset', 1: 'set', 2: 'inherit' })),
  vnifilter: attribute(30, 'IFLA_VXLAN_VNIFILTER', bool8),
  localbypass: attribute(31, 'IFLA_VXLAN_LOCALBYPASS', bool8),
  labelPolicy: attribute(32, 'IFLA_VXLAN_LABEL_POLICY', enumeration(u32, { 0: 'fixed', 1: 'inherit' })),
  reservedBits: attribute(33, 'IFLA_VXLAN_RESERVED_BITS', hex),
  mcRoute: attribute(34, 'IFLA_VXLAN_MC_ROUTE', bool8),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** Settings of a VXLAN tunnel (man 8 ip-link). */
export type Vxlan = Omit<Wire, 'group4' | 'group6' | 'local4' | 'local6'> & {
  /** Where packets without a forwarding entry go: one address, of either family. */
  remote?: string;
  /** The same as `remote`, for a multicast address. */
  group?: string;
  local?: string;
  /** The name of the link with `linkIndex`. */
  link?: string;
};

function isMulticast(address: string): boolean {
  const first = parseIp(address)?.[0] ?? 0;
  return address.includes(':') ? first === 0xff : first >= 224 && first < 240;
}

export const vxlan = defineKind<typeof table, Vxlan>('vxlan', table, {
  fields: ['remote', 'group', 'local'],
  hidden: ['group4', 'group6', 'local4', 'local6'],
  links: { link: 'linkIndex' },
  fromWire({ group4, group6, local4, local6, ...rest }) {
    const value: Vxlan = rest;
    const group = group4 ?? group6;
    if (group !== undefined && !isUnspecified(group)) value[isMulticast(group) ? 'group' : 'remote'] = group;
    const local = local4 ?? local6;
    if (local !== undefined && !isUnspecified(local)) value.local = local;
    return value;
  },
  toWire({ remote, group, local, link: _link, ...rest }) {
    return {
      ...rest,
      ...byFamily('group', group, 'group4', 'group6'),
      ...byFamily('remote', remote, 'group4', 'group6'),
      ...byFamily('local', local, 'local4', 'local6'),
    };
  },
  // The kernel tells what it then refuses: "external" with a VNI of 0, and checksums that are off beside reserved
  // bits, of which it takes the mere mention of the former for a use.
  withoutDefaults(value) {
    const rest = { ...value };
    if (rest.remcsumTx === false) delete rest.remcsumTx;
    if (rest.remcsumRx === false) delete rest.remcsumRx;
    if (rest.external === true && rest.id === 0) delete rest.id;
    return rest;
  },
});
