import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, u32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { time32 } from '../tc-units.ts';
import { attributeOptions, counters, type QdiscKind } from './kind.ts';

/** TCA_HHF_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_HHF', {
  /** Packets. */
  limit: attribute(1, 'TCA_HHF_BACKLOG_LIMIT', u32),
  /** Bytes a round. */
  quantum: attribute(2, 'TCA_HHF_QUANTUM', u32),
  /** Heavy hitters that are kept apart. */
  hhLimit: attribute(3, 'TCA_HHF_HH_FLOWS_LIMIT', u32),
  resetTimeout: attribute(4, 'TCA_HHF_RESET_TIMEOUT', time32),
  /** Bytes that make a flow a heavy hitter. */
  admitBytes: attribute(5, 'TCA_HHF_ADMIT_BYTES', u32),
  evictTimeout: attribute(6, 'TCA_HHF_EVICT_TIMEOUT', time32),
  nonHhWeight: attribute(7, 'TCA_HHF_NON_HH_WEIGHT', u32),
});

/** Heavy-hitter filter. Times in microseconds. */
export type Hhf = AttributesOf<(typeof table)['specs']>;

const stats = wholeStruct('tc_hhf_xstats', {
  dropOverlimit: u32,
  hhOverlimit: u32,
  hhTotCount: u32,
  hhCurCount: u32,
});
export type HhfStats = Partial<Omit<ReturnType<(typeof stats)['decode']>, 'tail'>>;

export const hhf: QdiscKind<Hhf, object, HhfStats> = {
  kind: 'hhf',
  qdisc: attributeOptions(table),
  always: true,
  stats: counters<HhfStats>(stats as Codec<HhfStats>),
};
