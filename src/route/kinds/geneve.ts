import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { be16, be32, bool8, enumeration, flag, ipv4, ipv6, u8, u32 } from '../../netlink/wire/codec.ts';
import { struct } from '../../netlink/wire/struct.ts';
import { byFamily, isUnspecified } from './families.ts';
import { defineKind } from './kind.ts';

/** IFLA_GENEVE_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_GENEVE', {
  /** VNI, 24 bits. */
  id: attribute(1, 'IFLA_GENEVE_ID', u32),
  remote4: attribute(2, 'IFLA_GENEVE_REMOTE', ipv4),
  /** 0: the route's. */
  ttl: attribute(3, 'IFLA_GENEVE_TTL', u8),
  /** 1: that of the packet inside. */
  tos: attribute(4, 'IFLA_GENEVE_TOS', u8),
  /** UDP destination port, 6081 by default. */
  port: attribute(5, 'IFLA_GENEVE_PORT', be16),
  /** IFLA_GENEVE_COLLECT_METADATA: the routes say where to, not the link. */
  external: attribute(6, 'IFLA_GENEVE_COLLECT_METADATA', flag),
  remote6: attribute(7, 'IFLA_GENEVE_REMOTE6', ipv6),
  udpCsum: attribute(8, 'IFLA_GENEVE_UDP_CSUM', bool8),
  udpZeroCsum6Tx: attribute(9, 'IFLA_GENEVE_UDP_ZERO_CSUM6_TX', bool8),
  udpZeroCsum6Rx: attribute(10, 'IFLA_GENEVE_UDP_ZERO_CSUM6_RX', bool8),
  /** IPv6 flow label. */
  label: attribute(11, 'IFLA_GENEVE_LABEL', be32),
  ttlInherit: attribute(12, 'IFLA_GENEVE_TTL_INHERIT', bool8),
  /** The outer IPv4 header's DF bit. */
  df: attribute(13, 'IFLA_GENEVE_DF', enumeration(u8, { 0: 'unset', 1: 'set', 2: 'inherit' })),
  innerProtoInherit: attribute(14, 'IFLA_GENEVE_INNER_PROTO_INHERIT', flag),
  /** UDP source ports to choose from. */
  portRange: attribute(
    15,
    'IFLA_GENEVE_PORT_RANGE',
    struct('ifla_geneve_port_range', { low: be16, high: be16 }),
  ),
  /** IFLA_GENEVE_GRO_HINT: tells the other end where segments begin. */
  groHint: attribute(16, 'IFLA_GENEVE_GRO_HINT', flag),
  local4: attribute(17, 'IFLA_GENEVE_LOCAL', ipv4),
  local6: attribute(18, 'IFLA_GENEVE_LOCAL6', ipv6),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** Settings of a Geneve tunnel (man 8 ip-link). */
export type Geneve = Omit<Wire, 'remote4' | 'remote6' | 'local4' | 'local6'> & {
  /** One address, of either family. */
  remote?: string;
  /** The outer source address. */
  local?: string;
};

export const geneve = defineKind<typeof table, Geneve>('geneve', table, {
  fields: ['remote', 'local'],
  hidden: ['remote4', 'remote6', 'local4', 'local6'],
  fromWire({ remote4, remote6, local4, local6, ...rest }) {
    const value: Geneve = rest;
    const remote = remote4 ?? remote6;
    if (remote !== undefined && !isUnspecified(remote)) value.remote = remote;
    const local = local4 ?? local6;
    if (local !== undefined && !isUnspecified(local)) value.local = local;
    return value;
  },
  toWire: ({ remote, local, ...rest }) => ({
    ...rest,
    ...byFamily('remote', remote, 'remote4', 'remote6'),
    ...byFamily('local', local, 'local4', 'local6'),
  }),
  withoutDefaults(value) {
    const rest = { ...value };
    // Asked whether to inherit it, the kernel does not look at the ttl any more, even if the answer is no.
    if (rest.ttlInherit === false) delete rest.ttlInherit;
    // An "external" one takes no more than the port, and is listed with zeros for the rest.
    if (rest.external === true)
      for (const field of ['id', 'ttl', 'tos', 'label'] as const) if (rest[field] === 0) delete rest[field];
    return rest;
  },
});
