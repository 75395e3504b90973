import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { bool8, enumeration, u8, u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_TUN_*, uapi/linux/if_link.h. Only told: a tun or tap is made by opening /dev/net/tun, not by netlink. */
const table = attributeTable('IFLA_TUN', {
  /** The uid that may attach to it. */
  user: attribute(1, 'IFLA_TUN_OWNER', u32),
  /** The gid that may attach to it. */
  group: attribute(2, 'IFLA_TUN_GROUP', u32),
  type: attribute(3, 'IFLA_TUN_TYPE', enumeration(u8, { 1: 'tun', 2: 'tap' })),
  pi: attribute(4, 'IFLA_TUN_PI', bool8),
  vnetHdr: attribute(5, 'IFLA_TUN_VNET_HDR', bool8),
  persist: attribute(6, 'IFLA_TUN_PERSIST', bool8),
  multiQueue: attribute(7, 'IFLA_TUN_MULTI_QUEUE', bool8),
  numqueues: attribute(8, 'IFLA_TUN_NUM_QUEUES', u32),
  numdisabled: attribute(9, 'IFLA_TUN_NUM_DISABLED_QUEUES', u32),
});

/** A tun or tap device. */
export type Tun = AttributesOf<(typeof table)['specs']>;

export const tun = defineKind('tun', table, {
  readings: ['user', 'group', 'type', 'pi', 'vnetHdr', 'persist', 'multiQueue', 'numqueues', 'numdisabled'],
});
