import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, u32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { attributeOptions, counters, type QdiscKind } from './kind.ts';

/** TCA_QFQ_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_QFQ', {
  weight: attribute(1, 'TCA_QFQ_WEIGHT', u32),
  /** Bytes of the largest packet. */
  maxpkt: attribute(2, 'TCA_QFQ_LMAX', u32),
});

/** A class of quick fair queueing; the discipline itself has no settings. */
export type QfqClass = AttributesOf<(typeof table)['specs']>;

const stats = wholeStruct('tc_qfq_stats', { weight: u32, lmax: u32 });
export interface QfqStats {
  weight?: number;
  lmax?: number;
}

export const qfq: QdiscKind<object, QfqClass, QfqStats> = {
  kind: 'qfq',
  class: attributeOptions(table),
  stats: counters<QfqStats>(stats as Codec<QfqStats>),
};
