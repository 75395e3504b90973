import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_DSA_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_DSA', {
  /** The link that leads to the switch. */
  conduitIndex: attribute(1, 'IFLA_DSA_MASTER', u32),
});

/** Settings of a switch's port (man 8 ip-link). */
export type Dsa = AttributesOf<(typeof table)['specs']> & {
  /** The name of the link with `conduitIndex`. */
  conduit?: string;
};

export const dsa = defineKind<typeof table, Dsa>('dsa', table, { links: { conduit: 'conduitIndex' } });
