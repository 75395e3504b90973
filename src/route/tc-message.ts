import { attribute, attributeTable, nest, type RawAttribute } from '../netlink/wire/attributes.ts';
import {
  type Codec,
  enumeration,
  flag,
  hex,
  reserved,
  s32,
  text,
  u8,
  u16,
  u32,
  u64,
  ValueError,
} from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireError } from '../netlink/wire/view.ts';
import { bytes } from './route-words.ts';
import { LINK_LAYERS, type SizeTable, s16, sizeTable } from './tc-rate.ts';
import { wholeStruct } from './tc-struct.ts';
import { rate64 } from './tc-units.ts';

/** struct tcmsg, which begins every message of traffic control. uapi/linux/rtnetlink.h */
export const tcmsg = struct('tcmsg', {
  family: u8,
  reserved: reserved(3),
  ifindex: s32,
  /** See tc-handle.ts. */
  handle: u32,
  parent: u32,
  /** References to a discipline; the discipline of a leaf class; priority and protocol of a filter. */
  info: u32,
});

/** IFNAMSIZ bounds the names of kinds as well. */
const KIND_MAX = 15;

/** TCA_STATS_*, uapi/linux/gen_stats.h. */
export const statsAttributes = attributeTable('TCA_STATS', {
  /** struct gnet_stats_basic: 4 bytes of padding may follow. */
  basic: attribute(1, 'TCA_STATS_BASIC', wholeStruct('gnet_stats_basic', { bytes: u64, packets: u32 })),
  rateEst: attribute(2, 'TCA_STATS_RATE_EST', wholeStruct('gnet_stats_rate_est', { bps: u32, pps: u32 })),
  queue: attribute(
    3,
    'TCA_STATS_QUEUE',
    wholeStruct('gnet_stats_queue', { qlen: u32, backlog: u32, drops: u32, requeues: u32, overlimits: u32 }),
  ),
  /** What only this kind counts. */
  app: attribute(4, 'TCA_STATS_APP', bytes),
  rateEst64: attribute(
    5,
    'TCA_STATS_RATE_EST64',
    wholeStruct('gnet_stats_rate_est64', { bps: rate64, pps: rate64 }),
  ),
  basicHw: attribute(7, 'TCA_STATS_BASIC_HW', wholeStruct('gnet_stats_basic', { bytes: u64, packets: u32 })),
  packets64: attribute(8, 'TCA_STATS_PKT64', u64),
});
export type StatsWire = ReturnType<(typeof statsAttributes)['decode']>;

/** What the kernel counts for every discipline, class and action. */
export interface TcStats {
  bytes?: bigint;
  packets?: bigint;
  drops?: number;
  overlimits?: number;
  requeues?: number;
  /** Bytes waiting. */
  backlog?: number;
  /** Packets waiting. */
  qlen?: number;
  /** Bytes and packets per second, where a rate estimator was asked for. */
  rate?: number;
  pps?: number;
  /** What hardware sent of it. */
  hwBytes?: bigint;
  hwPackets?: number;
  /** In hex: counters of a kind that is not known here. */
  app?: string;
  raw?: RawAttribute[];
}

/** TCA_STATS2 as an object. */
export function statsOf(wire: StatsWire): TcStats {
  const { basic, queue, basicHw, raw } = wire;
  const estimate = wire.rateEst64 ?? wire.rateEst;
  return {
    ...(basic && { bytes: basic.bytes, packets: wire.packets64 || BigInt(basic.packets) }),
    ...(queue && {
      drops: queue.drops,
      overlimits: queue.overlimits,
      requeues: queue.requeues,
      backlog: queue.backlog,
      qlen: queue.qlen,
    }),
    ...(estimate && { rate: estimate.bps, pps: estimate.pps }),
    ...(basicHw && { hwBytes: basicHw.bytes, hwPackets: basicHw.packets }),
    ...(raw && { raw }),
  };
}

const sizeSpec = wholeStruct('tc_sizespec', {
  cellLog: u8,
  sizeLog: u8,
  cellAlign: s16,
  overhead: s32,
  linklayer: enumeration(u32, LINK_LAYERS),
  mpu: u32,
  mtu: u32,
  tsize: u32,
});

const u16s: Codec<readonly number[]> = {
  decode: (view, start, end) => {
    const out: number[] = [];
    for (let at = start; at + 2 <= end; at += 2) out.push(view.u16(at));
    return out;
  },
  encode: (writer, value) => {
    for (const one of value) u16.encode(writer, one);
  },
};

const stabAttributes = attributeTable('TCA_STAB', {
  base: attribute(1, 'TCA_STAB_BASE', sizeSpec),
  data: attribute(2, 'TCA_STAB_DATA', u16s),
});

const SIZE_TABLE_FIELDS: ReadonlySet<string> = new Set<keyof SizeTable>([
  'linklayer',
  'overhead',
  'mpu',
  'mtu',
  'tsize',
  'cellLog',
  'sizeLog',
]);

/** TCA_STAB as an object; the table itself is never told. */
const stab: Codec<SizeTable> = {
  decode(view, start, end) {
    const { base } = stabAttributes.decode(view, start, end);
    if (base === undefined) throw new WireError('a size table without TCA_STAB_BASE');
    const { cellAlign: _, tail: __, ...spec } = base;
    return spec;
  },
  encode(writer, value) {
    const strange = Object.keys(value).find((field) => !SIZE_TABLE_FIELDS.has(field));
    if (strange !== undefined)
      throw new ValueError(strange, `fields among ${[...SIZE_TABLE_FIELDS].join(', ')}`);
    const { spec, data } = sizeTable(value);
    stabAttributes.encode(writer, { base: spec, ...(data && { data }) });
  },
};

/** A rate estimator: how often the kernel looks, and how far back its average reaches. man 8 tc, `estimator`. */
export interface Estimator {
  /** Between two looks, in microseconds: the next of 250,000, 500,000, 1,000,000, ... 8,000,000. */
  interval: number;
  /** The average's time constant in microseconds; longer than the interval. Or `ewmaLog`. */
  timeConstant?: number;
  /** Log2 of the weight of what was before. */
  ewmaLog?: number;
}

const SHORTEST_INTERVAL = 250_000;
/** The code of the shortest interval is -2, of a second 0. */
const FIRST_INTERVAL = -2;
const INTERVALS = 6;

function ewmaLogOf(interval: number, timeConstant: number): number {
  let log = 1;
  while (log < 32 && interval / -Math.log(1 - 1 / 2 ** log) <= timeConstant) log++;
  return log - 1;
}

/** struct tc_estimator. */
export const estimator: Codec<Estimator> = {
  decode(view, start, end) {
    if (end - start < 2) throw new WireError(`tc_estimator of ${end - start} bytes`);
    const code = (view.u8(start) << 24) >> 24;
    return { interval: SHORTEST_INTERVAL * 2 ** (code - FIRST_INTERVAL), ewmaLog: view.u8(start + 1) };
  },
  encode(writer, value) {
    const { interval, timeConstant, ewmaLog } = value ?? {};
    const steps = Math.max(0, Math.ceil(Math.log2(interval / SHORTEST_INTERVAL)));
    if (!(steps < INTERVALS)) throw new ValueError(value, 'an interval of 250,000 to 8,000,000 microseconds');
    const log = ewmaLog ?? (timeConstant === undefined ? Number.NaN : ewmaLogOf(interval, timeConstant));
    if (!Number.isInteger(log) || log < 1 || log > 30)
      throw new ValueError(value, 'a timeConstant that is longer than the interval, in microseconds');
    writer.u8((steps + FIRST_INTERVAL) & 0xff);
    writer.u8(log);
  },
};

export const TCA_OPTIONS = 2;

/** TCA_*, uapi/linux/rtnetlink.h: of disciplines, classes and filters alike. */
export const tcAttributes = attributeTable('TCA', {
  kind: attribute(1, 'TCA_KIND', text(KIND_MAX)),
  /** What the kind decides on. */
  options: attribute(TCA_OPTIONS, 'TCA_OPTIONS', bytes),
  /** struct tc_stats and the kind's own counters, as they were told before TCA_STATS2. */
  stats: attribute(3, 'TCA_STATS', hex),
  xstats: attribute(4, 'TCA_XSTATS', hex),
  estimator: attribute(5, 'TCA_RATE', estimator),
  stats2: nest(7, 'TCA_STATS2', statsAttributes),
  stab: { ...attribute(8, 'TCA_STAB', stab), table: stabAttributes },
  pad: attribute(9, 'TCA_PAD', hex),
  /** In a dump's request: the disciplines that the kernel made by itself for classes, too. */
  dumpInvisible: attribute(10, 'TCA_DUMP_INVISIBLE', flag),
  chain: attribute(11, 'TCA_CHAIN', u32),
  hwOffload: attribute(12, 'TCA_HW_OFFLOAD', u8),
  ingressBlock: attribute(13, 'TCA_INGRESS_BLOCK', u32),
  egressBlock: attribute(14, 'TCA_EGRESS_BLOCK', u32),
  dumpFlags: attribute(15, 'TCA_DUMP_FLAGS', wholeStruct('nla_bitfield32', { value: u32, selector: u32 })),
  extWarnMsg: attribute(16, 'TCA_EXT_WARN_MSG', text()),
});
