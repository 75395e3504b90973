import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_VRF_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_VRF', { table: attribute(1, 'IFLA_VRF_TABLE', u32) });
const portTable = attributeTable('IFLA_VRF_PORT', { table: attribute(1, 'IFLA_VRF_PORT_TABLE', u32) });

/** A virtual routing and forwarding domain: the routing table of its ports. */
export type Vrf = AttributesOf<(typeof table)['specs']>;

export const vrf = defineKind('vrf', table);
export const vrfPort = defineKind('vrf', portTable, { readings: ['table'] });
