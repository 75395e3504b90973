import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, u32, u64 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { bool32, time32 } from '../tc-units.ts';
import { attributeOptions, counters, type QdiscKind } from './kind.ts';

/** TCA_PIE_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_PIE', {
  target: attribute(1, 'TCA_PIE_TARGET', time32),
  /** Packets. */
  limit: attribute(2, 'TCA_PIE_LIMIT', u32),
  tupdate: attribute(3, 'TCA_PIE_TUPDATE', time32),
  /** 0 to 32. */
  alpha: attribute(4, 'TCA_PIE_ALPHA', u32),
  beta: attribute(5, 'TCA_PIE_BETA', u32),
  ecn: attribute(6, 'TCA_PIE_ECN', bool32),
  bytemode: attribute(7, 'TCA_PIE_BYTEMODE', bool32),
  dqRateEstimator: attribute(8, 'TCA_PIE_DQ_RATE_ESTIMATOR', bool32),
});

/** man 8 tc-pie. Times in microseconds. */
export type Pie = AttributesOf<(typeof table)['specs']>;

const stats = wholeStruct('tc_pie_xstats', {
  /** Of dropping, as a part of 2 ** 64 - 1. */
  prob: u64,
  /** Microseconds. */
  delay: u32,
  avgDqRate: u32,
  dqRateEstimating: bool32,
  packetsIn: u32,
  dropped: u32,
  overlimit: u32,
  maxq: u32,
  ecnMark: u32,
});
export type PieStats = Partial<Omit<ReturnType<(typeof stats)['decode']>, 'tail'>>;

export const pie: QdiscKind<Pie, object, PieStats> = {
  kind: 'pie',
  qdisc: attributeOptions(table),
  always: true,
  stats: counters<PieStats>(stats as Codec<PieStats>),
};
