import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import {
  be16,
  be32,
  bool8,
  enumeration,
  flag,
  flagSet,
  ipv4,
  ipv6,
  u8,
  u16,
  u32,
} from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';
import { encapFlags, encapType, type Flow, flowinfoOf, flowOf, ip6TunnelFlags } from './tunnel.ts';

/** IFLA_IPTUN_*, uapi/linux/if_tunnel.h, as tunnels over IPv4 have them. */
const table = attributeTable('IFLA_IPTUN', {
  /** The link that the tunnel's packets leave by. */
  linkIndex: attribute(1, 'IFLA_IPTUN_LINK', u32),
  local: attribute(2, 'IFLA_IPTUN_LOCAL', ipv4),
  remote: attribute(3, 'IFLA_IPTUN_REMOTE', ipv4),
  /** 0: that of the packet inside. */
  ttl: attribute(4, 'IFLA_IPTUN_TTL', u8),
  /** 1: that of the packet inside. */
  tos: attribute(5, 'IFLA_IPTUN_TOS', u8),
  flags: attribute(8, 'IFLA_IPTUN_FLAGS', flagSet(u16, { isatap: 1 })),
  /** What is inside. */
  proto: attribute(
    9,
    'IFLA_IPTUN_PROTO',
    enumeration(u8, { 0: 'any', 4: 'ipip', 41: 'ip6ip', 137: 'mplsip' }),
  ),
  pmtudisc: attribute(10, 'IFLA_IPTUN_PMTUDISC', bool8),
  /** 6rd, RFC 5969: the IPv6 prefix of all sites, and how much of their IPv4 addresses is the same. */
  prefix: attribute(11, 'IFLA_IPTUN_6RD_PREFIX', ipv6),
  relayPrefix: attribute(12, 'IFLA_IPTUN_6RD_RELAY_PREFIX', ipv4),
  prefixlen: attribute(13, 'IFLA_IPTUN_6RD_PREFIXLEN', u16),
  relayPrefixlen: attribute(14, 'IFLA_IPTUN_6RD_RELAY_PREFIXLEN', u16),
  encapType: attribute(15, 'IFLA_IPTUN_ENCAP_TYPE', encapType),
  encapFlags: attribute(16, 'IFLA_IPTUN_ENCAP_FLAGS', encapFlags),
  encapSport: attribute(17, 'IFLA_IPTUN_ENCAP_SPORT', be16),
  encapDport: attribute(18, 'IFLA_IPTUN_ENCAP_DPORT', be16),
  /** IFLA_IPTUN_COLLECT_METADATA: the routes say where to, not the link. */
  external: attribute(19, 'IFLA_IPTUN_COLLECT_METADATA', flag),
  fwmark: attribute(20, 'IFLA_IPTUN_FWMARK', u32),
});

/** Settings of a tunnel over IPv4 (man 8 ip-link). */
export type IpTunnel = AttributesOf<(typeof table)['specs']> & {
  /** The name of the link with `linkIndex`. */
  link?: string;
};

function defineIpTunnel(kind: string) {
  return defineKind<typeof table, IpTunnel>(kind, table, { whole: true, links: { link: 'linkIndex' } });
}

export const ipip = defineIpTunnel('ipip');
export const sit = defineIpTunnel('sit');

const table6 = attributeTable('IFLA_IPTUN', {
  linkIndex: attribute(1, 'IFLA_IPTUN_LINK', u32),
  local: attribute(2, 'IFLA_IPTUN_LOCAL', ipv6),
  remote: attribute(3, 'IFLA_IPTUN_REMOTE', ipv6),
  ttl: attribute(4, 'IFLA_IPTUN_TTL', u8),
  /** How often packets may be wrapped again on their way. */
  encapLimit: attribute(6, 'IFLA_IPTUN_ENCAP_LIMIT', u8),
  flowinfo: attribute(7, 'IFLA_IPTUN_FLOWINFO', be32),
  flags: attribute(8, 'IFLA_IPTUN_FLAGS', ip6TunnelFlags),
  proto: attribute(9, 'IFLA_IPTUN_PROTO', enumeration(u8, { 0: 'any', 4: 'ipip6', 41: 'ip6ip6' })),
  encapType: attribute(15, 'IFLA_IPTUN_ENCAP_TYPE', encapType),
  encapFlags: attribute(16, 'IFLA_IPTUN_ENCAP_FLAGS', encapFlags),
  encapSport: attribute(17, 'IFLA_IPTUN_ENCAP_SPORT', be16),
  encapDport: attribute(18, 'IFLA_IPTUN_ENCAP_DPORT', be16),
  external: attribute(19, 'IFLA_IPTUN_COLLECT_METADATA', flag),
  fwmark: attribute(20, 'IFLA_IPTUN_FWMARK', u32),
});

/** Settings of a tunnel over IPv6 (man 8 ip-link). */
export type Ip6Tunnel = Omit<AttributesOf<(typeof table6)['specs']>, 'flowinfo'> &
  Flow & {
    /** The name of the link with `linkIndex`. */
    link?: string;
  };

export const ip6tnl = defineKind<typeof table6, Ip6Tunnel>('ip6tnl', table6, {
  whole: true,
  links: { link: 'linkIndex' },
  fields: ['tclass', 'flowlabel'],
  hidden: ['flowinfo'],
  fromWire: ({ flowinfo, ...rest }) => ({ ...rest, ...flowOf(flowinfo) }),
  toWire({ tclass, flowlabel, link: _link, ...rest }) {
    const flow = { ...(tclass !== undefined && { tclass }), ...(flowlabel !== undefined && { flowlabel }) };
    return { ...rest, ...flowinfoOf(flow) };
  },
});
