import { type AttributesOf, attribute, attributeTable, nest } from '../../netlink/wire/attributes.ts';
import { type Codec, enumeration, s32, u32, u64 } from '../../netlink/wire/codec.ts';
import type { WireView } from '../../netlink/wire/view.ts';
import { bool32, rate64, time32 } from '../tc-units.ts';
import { badField, optionsBy, type QdiscKind, tableCodec } from './kind.ts';

/** CAKE_DIFFSERV_*, CAKE_FLOW_*, CAKE_ATM_*, CAKE_ACK_*, uapi/linux/pkt_sched.h, by tc's words. */
const DIFFSERV = {
  0: 'diffserv3',
  1: 'diffserv4',
  2: 'diffserv8',
  3: 'besteffort',
  4: 'precedence',
} as const;
const FLOWMODES = {
  0: 'flowblind',
  1: 'srchost',
  2: 'dsthost',
  3: 'hosts',
  4: 'flows',
  5: 'dual-srchost',
  6: 'dual-dsthost',
  7: 'triple-isolate',
} as const;
const ATM = { 0: 'noatm', 1: 'atm', 2: 'ptm' } as const;
const ACK_FILTERS = { 0: 'disabled', 1: 'enabled', 2: 'aggressive' } as const;

const table = attributeTable('TCA_CAKE', {
  /** Bytes per second; 0: unlimited. */
  bandwidth: attribute(2, 'TCA_CAKE_BASE_RATE64', rate64),
  diffserv: attribute(3, 'TCA_CAKE_DIFFSERV_MODE', enumeration(u32, DIFFSERV)),
  atm: attribute(4, 'TCA_CAKE_ATM', enumeration(u32, ATM)),
  flowmode: attribute(5, 'TCA_CAKE_FLOW_MODE', enumeration(u32, FLOWMODES)),
  /** Bytes that each packet has more, -64 to 256. */
  overhead: attribute(6, 'TCA_CAKE_OVERHEAD', s32),
  /** Microseconds. */
  rtt: attribute(7, 'TCA_CAKE_RTT', time32),
  target: attribute(8, 'TCA_CAKE_TARGET', time32),
  /** Finds the bandwidth by what comes in. */
  autorate: attribute(9, 'TCA_CAKE_AUTORATE', bool32),
  /** Bytes. */
  memlimit: attribute(10, 'TCA_CAKE_MEMORY', u32),
  nat: attribute(11, 'TCA_CAKE_NAT', bool32),
  rawOverhead: attribute(12, 'TCA_CAKE_RAW', u32),
  wash: attribute(13, 'TCA_CAKE_WASH', bool32),
  mpu: attribute(14, 'TCA_CAKE_MPU', u32),
  ingress: attribute(15, 'TCA_CAKE_INGRESS', bool32),
  ackFilter: attribute(16, 'TCA_CAKE_ACK_FILTER', enumeration(u32, ACK_FILTERS)),
  splitGso: attribute(17, 'TCA_CAKE_SPLIT_GSO', bool32),
  fwmark: attribute(18, 'TCA_CAKE_FWMARK', u32),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** man 8 tc-cake. */
export type Cake = Omit<Wire, 'rawOverhead'> & {
  /** Packets count as the kernel sees them: no overhead. `tc` calls it raw. */
  rawOverhead?: boolean;
};

/** TCA_CAKE_TIN_STATS_*; times in microseconds, the rate in bytes per second. */
const tin = attributeTable('TCA_CAKE_TIN_STATS', {
  sentPackets: attribute(2, 'TCA_CAKE_TIN_STATS_SENT_PACKETS', u32),
  sentBytes: attribute(3, 'TCA_CAKE_TIN_STATS_SENT_BYTES64', u64),
  droppedPackets: attribute(4, 'TCA_CAKE_TIN_STATS_DROPPED_PACKETS', u32),
  droppedBytes: attribute(5, 'TCA_CAKE_TIN_STATS_DROPPED_BYTES64', u64),
  acksDroppedPackets: attribute(6, 'TCA_CAKE_TIN_STATS_ACKS_DROPPED_PACKETS', u32),
  acksDroppedBytes: attribute(7, 'TCA_CAKE_TIN_STATS_ACKS_DROPPED_BYTES64', u64),
  ecnMarkedPackets: attribute(8, 'TCA_CAKE_TIN_STATS_ECN_MARKED_PACKETS', u32),
  ecnMarkedBytes: attribute(9, 'TCA_CAKE_TIN_STATS_ECN_MARKED_BYTES64', u64),
  backlogPackets: attribute(10, 'TCA_CAKE_TIN_STATS_BACKLOG_PACKETS', u32),
  backlogBytes: attribute(11, 'TCA_CAKE_TIN_STATS_BACKLOG_BYTES', u32),
  thresholdRate: attribute(12, 'TCA_CAKE_TIN_STATS_THRESHOLD_RATE64', rate64),
  target: attribute(13, 'TCA_CAKE_TIN_STATS_TARGET_US', u32),
  interval: attribute(14, 'TCA_CAKE_TIN_STATS_INTERVAL_US', u32),
  wayIndirectHits: attribute(15, 'TCA_CAKE_TIN_STATS_WAY_INDIRECT_HITS', u32),
  wayMisses: attribute(16, 'TCA_CAKE_TIN_STATS_WAY_MISSES', u32),
  wayCollisions: attribute(17, 'TCA_CAKE_TIN_STATS_WAY_COLLISIONS', u32),
  peakDelay: attribute(18, 'TCA_CAKE_TIN_STATS_PEAK_DELAY_US', u32),
  avgDelay: attribute(19, 'TCA_CAKE_TIN_STATS_AVG_DELAY_US', u32),
  baseDelay: attribute(20, 'TCA_CAKE_TIN_STATS_BASE_DELAY_US', u32),
  sparseFlows: attribute(21, 'TCA_CAKE_TIN_STATS_SPARSE_FLOWS', u32),
  bulkFlows: attribute(22, 'TCA_CAKE_TIN_STATS_BULK_FLOWS', u32),
  unresponsiveFlows: attribute(23, 'TCA_CAKE_TIN_STATS_UNRESPONSIVE_FLOWS', u32),
  maxSkblen: attribute(24, 'TCA_CAKE_TIN_STATS_MAX_SKBLEN', u32),
  flowQuantum: attribute(25, 'TCA_CAKE_TIN_STATS_FLOW_QUANTUM', u32),
});
export type CakeTin = AttributesOf<(typeof tin)['specs']>;

const MAX_TINS = 8;
const tins = attributeTable(
  'TCA_CAKE_TINS',
  Object.fromEntries(
    Array.from({ length: MAX_TINS }, (_, i) => [`tin${i + 1}`, nest(i + 1, String(i + 1), tin)]),
  ),
);

/** TCA_CAKE_STATS_*: the upper ones are the discipline's, the lower ones a class's. */
const stats = attributeTable('TCA_CAKE_STATS', {
  capacityEstimate: attribute(2, 'TCA_CAKE_STATS_CAPACITY_ESTIMATE64', rate64),
  memoryLimit: attribute(3, 'TCA_CAKE_STATS_MEMORY_LIMIT', u32),
  memoryUsed: attribute(4, 'TCA_CAKE_STATS_MEMORY_USED', u32),
  avgNetoff: attribute(5, 'TCA_CAKE_STATS_AVG_NETOFF', u32),
  minNetlen: attribute(6, 'TCA_CAKE_STATS_MIN_NETLEN', u32),
  maxNetlen: attribute(7, 'TCA_CAKE_STATS_MAX_NETLEN', u32),
  minAdjlen: attribute(8, 'TCA_CAKE_STATS_MIN_ADJLEN', u32),
  maxAdjlen: attribute(9, 'TCA_CAKE_STATS_MAX_ADJLEN', u32),
  tins: nest(10, 'TCA_CAKE_STATS_TIN_STATS', tins),
  deficit: attribute(11, 'TCA_CAKE_STATS_DEFICIT', s32),
  cobaltCount: attribute(12, 'TCA_CAKE_STATS_COBALT_COUNT', u32),
  dropping: attribute(13, 'TCA_CAKE_STATS_DROPPING', bool32),
  dropNext: attribute(14, 'TCA_CAKE_STATS_DROP_NEXT_US', s32),
  pDrop: attribute(15, 'TCA_CAKE_STATS_P_DROP', u32),
  blueTimer: attribute(16, 'TCA_CAKE_STATS_BLUE_TIMER_US', s32),
});
export type CakeStats = Omit<AttributesOf<(typeof stats)['specs']>, 'tins'> & { tins?: CakeTin[] };

function decodeStats(view: WireView, start: number, end: number): CakeStats {
  const { tins: numbered, ...rest } = stats.decode(view, start, end);
  if (numbered === undefined) return rest;
  const list: CakeTin[] = [];
  for (let i = 1; i <= MAX_TINS; i++) {
    const one = numbered[`tin${i}`];
    if (one === undefined) break;
    list.push(one);
  }
  return { ...rest, tins: list };
}

export const cake: QdiscKind<Cake, object, CakeStats> = {
  kind: 'cake',
  always: true,
  qdisc: optionsBy<Wire, Cake>(tableCodec(table) as Codec<Wire>, {
    table,
    fields: [...(Object.keys(table.specs) as (keyof Cake & string)[]), 'raw'],
    fromWire: ({ rawOverhead, ...rest }) => ({
      ...rest,
      ...(rawOverhead !== undefined && { rawOverhead: true }),
    }),
    toWire({ rawOverhead, ...rest }) {
      if (rawOverhead !== undefined && typeof rawOverhead !== 'boolean')
        throw badField('rawOverhead', rawOverhead, 'true or false');
      return { ...rest, ...(rawOverhead && { rawOverhead: 0 }) };
    },
  }),
  stats: { decode: decodeStats },
};
