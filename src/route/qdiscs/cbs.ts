import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { reserved, s32, u8 } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { wholeStruct } from '../tc-struct.ts';
import { optionsBy, type QdiscKind, tableCodec } from './kind.ts';

/** TCA_CBS_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_CBS', {
  parms: attribute(
    1,
    'TCA_CBS_PARMS',
    wholeStruct('tc_cbs_qopt', {
      offload: u8,
      padding: reserved(3),
      hicredit: s32,
      locredit: s32,
      idleslope: s32,
      sendslope: s32,
    }),
  ),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** man 8 tc-cbs: credits in bytes, slopes in kilobits per second. */
export interface Cbs {
  hicredit?: number;
  locredit?: number;
  idleslope?: number;
  sendslope?: number;
  /** 1: the hardware does it. */
  offload?: number;
  raw?: Wire['raw'];
}

export const cbs: QdiscKind<Cbs> = {
  kind: 'cbs',
  always: true,
  qdisc: optionsBy<Wire, Cbs>(tableCodec(table), {
    table,
    fields: ['hicredit', 'locredit', 'idleslope', 'sendslope', 'offload', 'raw'],
    fromWire({ parms, raw }) {
      if (parms === undefined) throw new WireError('CBS without TCA_CBS_PARMS');
      const { tail: _, ...told } = parms;
      return { ...told, ...(raw && { raw }) };
    },
    toWire: ({ hicredit = 0, locredit = 0, idleslope = 0, sendslope = 0, offload = 0, raw }) => ({
      parms: { hicredit, locredit, idleslope, sendslope, offload },
      ...(raw && { raw }),
    }),
  }),
};
