import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, u32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { attributeOptions, counters, type QdiscKind } from './kind.ts';

/** TCA_DRR_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_DRR', {
  /** Bytes a round. Default: the link's MTU. */
  quantum: attribute(1, 'TCA_DRR_QUANTUM', u32),
});

/** A class of DRR; the discipline itself has no settings. man 8 tc-drr. */
export type DrrClass = AttributesOf<(typeof table)['specs']>;

const stats = wholeStruct('tc_drr_stats', { deficit: u32 });
export interface DrrStats {
  deficit?: number;
}

export const drr: QdiscKind<object, DrrClass, DrrStats> = {
  kind: 'drr',
  class: attributeOptions(table),
  stats: counters<DrrStats>(stats as Codec<DrrStats>),
};
