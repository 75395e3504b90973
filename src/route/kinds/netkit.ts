import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { bool8, enumeration, u16, u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** What becomes of packets where no BPF program decides. uapi/linux/if_link.h, enum netkit_action */
const policy = enumeration(u32, { 0: 'forward', 2: 'blackhole' });
const scrub = enumeration(u32, { 0: 'none', 1: 'default' });

/** IFLA_NETKIT_*, uapi/linux/if_link.h, Linux 6.7; the first, its other end, is `peer` of the link. */
const table = attributeTable('IFLA_NETKIT', {
  /** Which of the two ends this is: only this one can be set. */
  primary: attribute(2, 'IFLA_NETKIT_PRIMARY', bool8),
  policy: attribute(3, 'IFLA_NETKIT_POLICY', policy),
  peerPolicy: attribute(4, 'IFLA_NETKIT_PEER_POLICY', policy),
  mode: attribute(5, 'IFLA_NETKIT_MODE', enumeration(u32, { 0: 'l2', 1: 'l3' })),
  /** Whether a packet's mark and priority are cleared on its way into the other namespace. */
  scrub: attribute(6, 'IFLA_NETKIT_SCRUB', scrub),
  peerScrub: attribute(7, 'IFLA_NETKIT_PEER_SCRUB', scrub),
  headroom: attribute(8, 'IFLA_NETKIT_HEADROOM', u16),
  tailroom: attribute(9, 'IFLA_NETKIT_TAILROOM', u16),
  /** Whether there is another end at all. */
  pairing: attribute(10, 'IFLA_NETKIT_PAIRING', enumeration(u32, { 0: 'pair', 1: 'single' })),
});

/** Settings of a netkit pair. */
export type Netkit = AttributesOf<(typeof table)['specs']>;

export const netkit = defineKind('netkit', table, { readings: ['primary'] });
