import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { hex, text, u32 } from '../../netlink/wire/codec.ts';
import { actionList } from '../action-list.ts';
import { classRef, defineFilter } from './kind.ts';

/** TCA_FW_*, uapi/linux/pkt_cls.h. */
const table = attributeTable('TCA_FW', {
  classid: attribute(1, 'TCA_FW_CLASSID', classRef),
  police: attribute(2, 'TCA_FW_POLICE', hex),
  indev: attribute(3, 'TCA_FW_INDEV', text(15)),
  actions: actionList(4, 'TCA_FW_ACT'),
  mask: attribute(5, 'TCA_FW_MASK', u32),
});

/** man 8 tc-fw: by the mark of the firewall, which is the filter's handle. */
export type Fw = Pick<AttributesOf<(typeof table)['specs']>, 'police' | 'mask' | 'raw'>;

export const fw = defineFilter<typeof table, Fw>('fw', table, { fields: ['police', 'mask', 'raw'] });
