import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { enumeration, flagSet, u16 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_IPVLAN_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_IPVLAN', {
  mode: attribute(1, 'IFLA_IPVLAN_MODE', enumeration(u16, { 0: 'l2', 1: 'l3', 2: 'l3s' })),
  /** How links on the same lower link meet. Neither: like ports of a bridge. */
  flags: attribute(2, 'IFLA_IPVLAN_FLAGS', flagSet(u16, { private: 1, vepa: 2 })),
});

/** Settings of an ipvlan or ipvtap (man 8 ip-link). */
export type Ipvlan = AttributesOf<(typeof table)['specs']>;

export const ipvlan = defineKind('ipvlan', table);
export const ipvtap = defineKind('ipvtap', table);
