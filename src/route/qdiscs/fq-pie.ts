import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, u32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { bool32, time32 } from '../tc-units.ts';
import { attributeOptions, counters, type QdiscKind } from './kind.ts';

/** TCA_FQ_PIE_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_FQ_PIE', {
  /** Packets. */
  limit: attribute(1, 'TCA_FQ_PIE_LIMIT', u32),
  flows: attribute(2, 'TCA_FQ_PIE_FLOWS', u32),
  target: attribute(3, 'TCA_FQ_PIE_TARGET', time32),
  tupdate: attribute(4, 'TCA_FQ_PIE_TUPDATE', time32),
  alpha: attribute(5, 'TCA_FQ_PIE_ALPHA', u32),
  beta: attribute(6, 'TCA_FQ_PIE_BETA', u32),
  /** Bytes a round. */
  quantum: attribute(7, 'TCA_FQ_PIE_QUANTUM', u32),
  /** Bytes. */
  memoryLimit: attribute(8, 'TCA_FQ_PIE_MEMORY_LIMIT', u32),
  /** Percent. */
  ecnProb: attribute(9, 'TCA_FQ_PIE_ECN_PROB', u32),
  ecn: attribute(10, 'TCA_FQ_PIE_ECN', bool32),
  bytemode: attribute(11, 'TCA_FQ_PIE_BYTEMODE', bool32),
  dqRateEstimator: attribute(12, 'TCA_FQ_PIE_DQ_RATE_ESTIMATOR', bool32),
});

/** man 8 tc-fq_pie. Times in microseconds. */
export type FqPie = AttributesOf<(typeof table)['specs']>;

const stats = wholeStruct(
  'tc_fq_pie_xstats',
  {
    packetsIn: u32,
    dropped: u32,
    overlimit: u32,
    overmemory: u32,
    ecnMark: u32,
    newFlowCount: u32,
    newFlowsLen: u32,
    oldFlowsLen: u32,
    memoryUsage: u32,
  },
  4,
);
export type FqPieStats = Partial<Omit<ReturnType<(typeof stats)['decode']>, 'tail'>>;

export const fqPie: QdiscKind<FqPie, object, FqPieStats> = {
  kind: 'fq_pie',
  qdisc: attributeOptions(table, { nested: true }),
  always: true,
  stats: counters<FqPieStats>(stats as Codec<FqPieStats>),
};
