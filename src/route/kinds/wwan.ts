import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_WWAN_*, uapi/linux/wwan.h. */
const table = attributeTable('IFLA_WWAN', { linkid: attribute(1, 'IFLA_WWAN_LINK_ID', u32) });

/** Settings of a link through a wireless modem (man 8 ip-link). */
export type Wwan = AttributesOf<(typeof table)['specs']>;

export const wwan = defineKind('wwan', table);
