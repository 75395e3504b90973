import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { enumeration, u16 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_IPOIB_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_IPOIB', {
  pkey: attribute(1, 'IFLA_IPOIB_PKEY', u16),
  mode: attribute(2, 'IFLA_IPOIB_MODE', enumeration(u16, { 0: 'datagram', 1: 'connected' })),
  /** 0 or 1: whether multicast groups that the subnet manager did not make may be used. */
  umcast: attribute(3, 'IFLA_IPOIB_UMCAST', u16),
});

/** Settings of IP over InfiniBand (man 8 ip-link). */
export type Ipoib = AttributesOf<(typeof table)['specs']>;

export const ipoib = defineKind('ipoib', table);
