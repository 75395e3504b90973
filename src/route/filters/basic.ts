import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { hex } from '../../netlink/wire/codec.ts';
import { actionList } from '../action-list.ts';
import { classRef, defineFilter } from './kind.ts';
import { hits } from './matchall.ts';

/** TCA_BASIC_*, uapi/linux/pkt_cls.h. */
const table = attributeTable('TCA_BASIC', {
  classid: attribute(1, 'TCA_BASIC_CLASSID', classRef),
  /** In hex: a tree of extended matches. man 8 tc-ematch */
  ematches: attribute(2, 'TCA_BASIC_EMATCHES', hex),
  actions: actionList(3, 'TCA_BASIC_ACT'),
  police: attribute(4, 'TCA_BASIC_POLICE', hex),
  hits: attribute(5, 'TCA_BASIC_PCNT', hits),
});

/** man 8 tc-basic. */
export type Basic = Pick<AttributesOf<(typeof table)['specs']>, 'ematches' | 'police' | 'hits' | 'raw'>;

export const basic = defineFilter<typeof table, Basic>('basic', table, {
  fields: ['ematches', 'police', 'hits', 'raw'],
  toWire: ({ hits: _, ...rest }) => rest,
});
