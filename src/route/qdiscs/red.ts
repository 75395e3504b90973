import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, u8, u32 } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { wholeStruct } from '../tc-struct.ts';
import { badField, byteArray, counters, optionsBy, type QdiscKind, tableCodec } from './kind.ts';
import {
  dampingByCell,
  ewmaLog,
  idleDamping,
  partProbability,
  probabilityLog,
  probabilityPart,
  RED_FLAGS,
  redBits,
  redFlags,
} from './red-curve.ts';

/** TCA_RED_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_RED', {
  parms: attribute(
    1,
    'TCA_RED_PARMS',
    wholeStruct('tc_red_qopt', {
      limit: u32,
      min: u32,
      max: u32,
      ewma: u8,
      plog: u8,
      scellLog: u8,
      flags: u8,
    }),
  ),
  stab: attribute(2, 'TCA_RED_STAB', byteArray(256)),
  maxP: attribute(3, 'TCA_RED_MAX_P', u32),
  flags: attribute(4, 'TCA_RED_FLAGS', wholeStruct('nla_bitfield32', { value: u32, selector: u32 })),
  earlyDropBlock: attribute(5, 'TCA_RED_EARLY_DROP_BLOCK', u32),
  markBlock: attribute(6, 'TCA_RED_MARK_BLOCK', u32),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/**
 * man 8 tc-red. Either in the words of `tc`, with `avpkt`, or as it was listed, with `ewma`. What a listed one does
 * not tell is for which bandwidth it was made: added again, an idle queue's average shrinks a little faster or slower.
 */
export interface Red {
  /** Bytes. */
  limit?: number;
  min?: number;
  max?: number;
  /** The highest probability of marking. Default 0.02. */
  probability?: number;
  ecn?: boolean;
  harddrop?: boolean;
  adaptive?: boolean;
  nodrop?: boolean;
  /** -log2 of the weight of a packet in the average. */
  ewma?: number;
  /** -log2 of how the probability grows with a byte. */
  plog?: number;
  /** Log2 of a cell of time in the table for idle queues. */
  scellLog?: number;
  /** Blocks of filters for packets that are dropped early, or marked. */
  earlyDropBlock?: number;
  markBlock?: number;
  /** Bytes of a packet on average; packets in a burst; bytes per second. Never told. */
  avpkt?: number;
  burst?: number;
  bandwidth?: number;
  raw?: Wire['raw'];
}

const DEFAULT_PROBABILITY = 0.02;
/** 10 Mbit/s. */
const DEFAULT_BANDWIDTH = 1_250_000;
const ALL_FLAGS = Object.values(RED_FLAGS).reduce((all, bit) => all | bit, 0);

function fromWire({ parms, stab: _, maxP, flags, ...rest }: Wire): Red {
  if (parms === undefined) throw new WireError('RED without TCA_RED_PARMS');
  const { flags: oldFlags, tail: __, ...told } = parms;
  return {
    ...told,
    ...(maxP !== undefined && { probability: partProbability(maxP) }),
    ...redFlags(flags?.value ?? oldFlags),
    ...rest,
  };
}

function toWire(value: Red): Wire {
  const { limit, avpkt, probability = DEFAULT_PROBABILITY } = value;
  if (limit === undefined) throw badField('limit', limit, 'a limit in bytes');
  const { min, max } = thresholds(value, limit);
  const { ewma, scellLog, table: stab } = average(value, min, max);
  return {
    parms: {
      limit,
      min,
      max,
      ewma,
      plog: (avpkt === undefined ? value.plog : undefined) ?? probabilityLog(min, max, probability),
      scellLog,
      flags: 0,
    },
    stab,
    maxP: probabilityPart(probability),
    flags: { value: redBits(value), selector: ALL_FLAGS },
    ...(value.earlyDropBlock !== undefined && { earlyDropBlock: value.earlyDropBlock }),
    ...(value.markBlock !== undefined && { markBlock: value.markBlock }),
    ...(value.raw && { raw: value.raw }),
  };
}

/** Of tc's words those that are left out are worked out; what was listed has them all. */
function thresholds(value: Red, limit: number): { min: number; max: number } {
  if (value.avpkt === undefined) return { min: value.min ?? 0, max: value.max ?? 0 };
  const max = value.max || (value.min ? value.min * 3 : Math.floor(limit / 4));
  return { min: value.min || Math.floor(max / 3), max };
}

function average(value: Red, min: number, max: number) {
  const { avpkt, ewma, scellLog } = value;
  if (avpkt === undefined) {
    if (ewma === undefined || scellLog === undefined)
      throw badField('avpkt', avpkt, 'the bytes of a packet on average');
    return { ewma, scellLog, table: dampingByCell(scellLog) };
  }
  const burst = value.burst || Math.floor((2 * min + max) / (3 * avpkt));
  const log = ewmaLog(min, burst, avpkt);
  const { cellLog, table: stab } = idleDamping(log, avpkt, value.bandwidth || DEFAULT_BANDWIDTH);
  return { ewma: log, scellLog: cellLog, table: stab };
}

const stats = wholeStruct('tc_red_xstats', { early: u32, pdrop: u32, other: u32, marked: u32 });
export type RedStats = Partial<Omit<ReturnType<(typeof stats)['decode']>, 'tail'>>;

export const red: QdiscKind<Red, object, RedStats> = {
  kind: 'red',
  always: true,
  qdisc: optionsBy<Wire, Red>(tableCodec(table), {
    table,
    fields: [
      ...([
        'limit',
        'min',
        'max',
        'probability',
        'ecn',
        'harddrop',
        'adaptive',
        'nodrop',
        'ewma',
        'plog',
      ] as const),
      ...(['scellLog', 'earlyDropBlock', 'markBlock', 'avpkt', 'burst', 'bandwidth', 'raw'] as const),
    ],
    fromWire,
    toWire,
  }),
  stats: counters<RedStats>(stats as Codec<RedStats>),
};
