import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, s32, u8, u32 } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { wholeStruct } from '../tc-struct.ts';
import { bool32, time32 } from '../tc-units.ts';
import { attributeOptions, counters, type QdiscKind } from './kind.ts';

/** TCA_FQ_CODEL_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_FQ_CODEL', {
  target: attribute(1, 'TCA_FQ_CODEL_TARGET', time32),
  /** Packets. */
  limit: attribute(2, 'TCA_FQ_CODEL_LIMIT', u32),
  interval: attribute(3, 'TCA_FQ_CODEL_INTERVAL', time32),
  ecn: attribute(4, 'TCA_FQ_CODEL_ECN', bool32),
  flows: attribute(5, 'TCA_FQ_CODEL_FLOWS', u32),
  /** Bytes a round. */
  quantum: attribute(6, 'TCA_FQ_CODEL_QUANTUM', u32),
  ceThreshold: attribute(7, 'TCA_FQ_CODEL_CE_THRESHOLD', time32),
  dropBatch: attribute(8, 'TCA_FQ_CODEL_DROP_BATCH_SIZE', u32),
  /** Bytes. */
  memoryLimit: attribute(9, 'TCA_FQ_CODEL_MEMORY_LIMIT', u32),
  ceThresholdSelector: attribute(10, 'TCA_FQ_CODEL_CE_THRESHOLD_SELECTOR', u8),
  ceThresholdMask: attribute(11, 'TCA_FQ_CODEL_CE_THRESHOLD_MASK', u8),
});

/** man 8 tc-fq_codel. Times in microseconds. */
export type FqCodel = AttributesOf<(typeof table)['specs']>;

const qdiscStats = wholeStruct(
  'tc_fq_codel_qd_stats',
  {
    maxpacket: u32,
    dropOverlimit: u32,
    ecnMark: u32,
    newFlowCount: u32,
    newFlowsLen: u32,
    oldFlowsLen: u32,
    ceMark: u32,
    memoryUsage: u32,
    dropOvermemory: u32,
  },
  24,
);
const classStats = wholeStruct('tc_fq_codel_cl_stats', {
  deficit: s32,
  /** Microseconds. */
  ldelay: u32,
  count: u32,
  lastcount: u32,
  dropping: bool32,
  dropNext: s32,
});

type Decoded<S extends { decode(...args: never[]): unknown }> = Partial<
  Omit<ReturnType<S['decode']>, 'tail'>
>;
/** Of a discipline, or of one of its flows, which are its classes. */
export type FqCodelStats = Decoded<typeof qdiscStats> & Decoded<typeof classStats>;

const OF_QDISC = 0;
const OF_CLASS = 1;

/** struct tc_fq_codel_xstats: a u32 says which of the two follows. */
const stats: Codec<FqCodelStats> = {
  decode(view, start, end) {
    const type = u32.decode(view, start, end);
    if (type === OF_QDISC) return qdiscStats.decode(view, start + 4, end);
    if (type === OF_CLASS)
      return classStats.decode(view, start + 4, Math.min(end, start + 4 + classStats.size));
    throw new WireError(`statistics of type ${type}`);
  },
  encode() {},
};

export const fqCodel: QdiscKind<FqCodel, object, FqCodelStats> = {
  kind: 'fq_codel',
  qdisc: attributeOptions(table),
  always: true,
  stats: counters<FqCodelStats>(stats),
};
