import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { bool8, type Codec, u32, u64, ValueError } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { wholeStruct } from '../tc-struct.ts';
import { bool32, nanoseconds32, nanoseconds64, time32 } from '../tc-units.ts';
import { attributeOptions, counters, type QdiscKind } from './kind.ts';

/** A number of buckets, on the wire as its log2, rounded up. */
const bucketsLog: Codec<number> = {
  size: 4,
  decode(view, start, end) {
    const log = u32.decode(view, start, end);
    if (log > 31) throw new WireError(`2 ** ${log} buckets`);
    return 2 ** log;
  },
  encode(writer, value) {
    if (!Number.isInteger(value) || value < 1 || value > 2 ** 31)
      throw new ValueError(value, 'a number of buckets, from 1 to 2 ** 31');
    writer.u32(Math.ceil(Math.log2(value)));
  },
};

/** TCA_FQ_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_FQ', {
  /** Packets in all flows. */
  limit: attribute(1, 'TCA_FQ_PLIMIT', u32),
  /** Packets of one flow. */
  flowLimit: attribute(2, 'TCA_FQ_FLOW_PLIMIT', u32),
  /** Bytes a round, and in a flow's first round. */
  quantum: attribute(3, 'TCA_FQ_QUANTUM', u32),
  initialQuantum: attribute(4, 'TCA_FQ_INITIAL_QUANTUM', u32),
  pacing: attribute(5, 'TCA_FQ_RATE_ENABLE', bool32),
  /** Without effect since long. */
  defrate: attribute(6, 'TCA_FQ_FLOW_DEFAULT_RATE', u32),
  /** Bytes per second of one flow; 4294967295: no bound. */
  maxrate: attribute(7, 'TCA_FQ_FLOW_MAX_RATE', u32),
  buckets: attribute(8, 'TCA_FQ_BUCKETS_LOG', bucketsLog),
  refillDelay: attribute(9, 'TCA_FQ_FLOW_REFILL_DELAY', time32),
  orphanMask: attribute(10, 'TCA_FQ_ORPHAN_MASK', u32),
  lowRateThreshold: attribute(11, 'TCA_FQ_LOW_RATE_THRESHOLD', u32),
  /** 4294967295: never. */
  ceThreshold: attribute(12, 'TCA_FQ_CE_THRESHOLD', time32),
  timerSlack: attribute(13, 'TCA_FQ_TIMER_SLACK', nanoseconds32),
  horizon: attribute(14, 'TCA_FQ_HORIZON', time32),
  /** Beyond the horizon packets are dropped; otherwise they are sent when it ends. */
  horizonDrop: attribute(15, 'TCA_FQ_HORIZON_DROP', bool8),
});

/** man 8 tc-fq. Rates in bytes per second, times in microseconds. */
export type Fq = AttributesOf<(typeof table)['specs']>;

const stats = wholeStruct(
  'tc_fq_qd_stats',
  {
    gcFlows: u64,
    highprioPackets: u64,
    tcpRetrans: u64,
    throttled: u64,
    flowsPlimit: u64,
    pktsTooLong: u64,
    allocationErrors: u64,
    timeNextDelayedFlow: nanoseconds64,
    flows: u32,
    inactiveFlows: u32,
    throttledFlows: u32,
    unthrottleLatency: nanoseconds32,
    ceMark: u64,
    horizonDrops: u64,
    horizonCaps: u64,
  },
  // Up to where the struct of Linux 3.12 went.
  80,
);
export type FqStats = Partial<Omit<ReturnType<(typeof stats)['decode']>, 'tail'>>;

export const fq: QdiscKind<Fq, object, FqStats> = {
  kind: 'fq',
  qdisc: attributeOptions(table),
  always: true,
  stats: counters<FqStats>(stats as Codec<FqStats>),
};
