import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, u64 } from '../../netlink/wire/codec.ts';
import { actionList } from '../action-list.ts';
import { classRef, defineFilter, filterFlags } from './kind.ts';

/** One counter for each CPU, added up by the kernel: struct tc_matchall_pcnt, tc_basic_pcnt. */
export const hits: Codec<bigint> = {
  size: 8,
  decode: (view, start, end) => u64.decode(view, start, end),
  encode: (writer, value) => u64.encode(writer, value),
};

/** TCA_MATCHALL_*, uapi/linux/pkt_cls.h. */
const table = attributeTable('TCA_MATCHALL', {
  classid: attribute(1, 'TCA_MATCHALL_CLASSID', classRef),
  flags: attribute(3, 'TCA_MATCHALL_FLAGS', filterFlags),
  actions: actionList(2, 'TCA_MATCHALL_ACT'),
  hits: attribute(4, 'TCA_MATCHALL_PCNT', hits),
});

/** man 8 tc-matchall: every packet. */
export type Matchall = Pick<AttributesOf<(typeof table)['specs']>, 'hits' | 'raw'>;

export const matchall = defineFilter<typeof table, Matchall>('matchall', table, {
  fields: ['hits', 'raw'],
  toWire: ({ hits: _, ...rest }) => rest,
});
