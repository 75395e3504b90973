import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { text } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_BATADV_*, uapi/linux/batman_adv.h. */
const table = attributeTable('IFLA_BATADV', {
  /** BATMAN_IV or BATMAN_V; only said, never told. */
  ra: attribute(1, 'IFLA_BATADV_ALGO_NAME', text(20)),
});

/** Settings of a B.A.T.M.A.N. mesh (man 8 ip-link). */
export type Batadv = AttributesOf<(typeof table)['specs']>;

export const batadv = defineKind('batadv', table);
