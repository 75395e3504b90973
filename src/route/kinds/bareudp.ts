import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { be16, enumeration, flag, u16 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_BAREUDP_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_BAREUDP', {
  dstport: attribute(1, 'IFLA_BAREUDP_PORT', be16),
  /** What the datagrams hold. uapi/linux/if_ether.h */
  ethertype: attribute(
    2,
    'IFLA_BAREUDP_ETHERTYPE',
    enumeration(be16, { 2048: 'ip', 34525: 'ipv6', 34887: 'mpls_uc', 34888: 'mpls_mc' }),
  ),
  /** The lowest UDP source port. */
  srcportmin: attribute(3, 'IFLA_BAREUDP_SRCPORT_MIN', u16),
  /** Also what belongs together: IPv6 with IPv4, multicast MPLS with unicast. */
  multiproto: attribute(4, 'IFLA_BAREUDP_MULTIPROTO_MODE', flag),
});

/** Settings of a tunnel in plain UDP (man 8 ip-link). */
export type Bareudp = AttributesOf<(typeof table)['specs']>;

export const bareudp = defineKind('bareudp', table);
