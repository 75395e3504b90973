import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { flag, u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_XFRM_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_XFRM', {
  /** The link that packets leave by. */
  linkIndex: attribute(1, 'IFLA_XFRM_LINK', u32),
  /** Chooses the policies and states that have the same id. */
  ifId: attribute(2, 'IFLA_XFRM_IF_ID', u32),
  /** IFLA_XFRM_COLLECT_METADATA: the routes say which, not the link. */
  external: attribute(3, 'IFLA_XFRM_COLLECT_METADATA', flag),
});

/** Settings of an IPsec interface (man 8 ip-link). */
export type Xfrm = AttributesOf<(typeof table)['specs']> & {
  /** The name of the link with `linkIndex`. */
  link?: string;
};

export const xfrm = defineKind<typeof table, Xfrm>('xfrm', table, { links: { link: 'linkIndex' } });
