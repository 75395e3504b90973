import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { lladdr, u8, u16, u32 } from '../../netlink/wire/codec.ts';
import { defineKind } from './kind.ts';

/** IFLA_HSR_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_HSR', {
  slave1Index: attribute(1, 'IFLA_HSR_SLAVE1', u32),
  slave2Index: attribute(2, 'IFLA_HSR_SLAVE2', u32),
  /** The last byte of the address that supervision frames are sent to. */
  supervision: attribute(3, 'IFLA_HSR_MULTICAST_SPEC', u8),
  supervisionAddr: attribute(4, 'IFLA_HSR_SUPERVISION_ADDR', lladdr),
  seqNr: attribute(5, 'IFLA_HSR_SEQ_NR', u16),
  /** Only said, never told. */
  version: attribute(6, 'IFLA_HSR_VERSION', u8),
  /** 0 HSR, 1 PRP. */
  proto: attribute(7, 'IFLA_HSR_PROTOCOL', u8),
  interlinkIndex: attribute(8, 'IFLA_HSR_INTERLINK', u32),
});

/** Settings of a link of the High-availability Seamless Redundancy protocol, IEC 62439-3 (man 8 ip-link). */
export type Hsr = AttributesOf<(typeof table)['specs']> & {
  /** The names of the links with the indexes above. */
  slave1?: string;
  slave2?: string;
  interlink?: string;
};

export const hsr = defineKind<typeof table, Hsr>('hsr', table, {
  links: { slave1: 'slave1Index', slave2: 'slave2Index', interlink: 'interlinkIndex' },
  readings: ['supervisionAddr', 'seqNr'],
  // The kernel takes the byte and tells the address.
  withoutDefaults(value) {
    const last = value.supervisionAddr?.split(':')[5];
    return value.supervision !== undefined || last === undefined
      ? value
      : { ...value, supervision: Number.parseInt(last, 16) };
  },
});
