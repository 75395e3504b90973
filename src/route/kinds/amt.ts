import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { be16, enumeration, ipv4, u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_AMT_*, uapi/linux/amt.h. */
const table = attributeTable('IFLA_AMT', {
  mode: attribute(1, 'IFLA_AMT_MODE', enumeration(u32, { 0: 'gateway', 1: 'relay' })),
  relayPort: attribute(2, 'IFLA_AMT_RELAY_PORT', be16),
  gatewayPort: attribute(3, 'IFLA_AMT_GATEWAY_PORT', be16),
  /** The link that the tunnel's packets leave by. */
  linkIndex: attribute(4, 'IFLA_AMT_LINK', u32),
  local: attribute(5, 'IFLA_AMT_LOCAL_IP', ipv4),
  /** The relay that a gateway has found. */
  remote: attribute(6, 'IFLA_AMT_REMOTE_IP', ipv4),
  /** Where a gateway looks for relays. */
  discovery: attribute(7, 'IFLA_AMT_DISCOVERY_IP', ipv4),
  maxTunnels: attribute(8, 'IFLA_AMT_MAX_TUNNELS', u32),
});

/** Settings of a tunnel for multicast, RFC 7450 (man 8 ip-link). */
export type Amt = AttributesOf<(typeof table)['specs']> & {
  /** The name of the link with `linkIndex`. */
  link?: string;
};

export const amt = defineKind<typeof table, Amt>('amt', table, {
  links: { link: 'linkIndex' },
  readings: ['remote'],
});
