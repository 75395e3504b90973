import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { u16, u32 } from '../../netlink/wire/codec.ts';
import { struct } from '../../netlink/wire/struct.ts';
import { defineKind } from './kind.ts';

/** IFLA_RMNET_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_RMNET', {
  muxId: attribute(1, 'IFLA_RMNET_MUX_ID', u16),
  /** RMNET_FLAGS_*, and which of them are meant. */
  flags: attribute(2, 'IFLA_RMNET_FLAGS', struct('ifla_rmnet_flags', { flags: u32, mask: u32 })),
});

/** Settings of a link to a Qualcomm modem (man 8 ip-link). */
export type Rmnet = AttributesOf<(typeof table)['specs']>;

export const rmnet = defineKind('rmnet', table);
