import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, u32 } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { wholeStruct } from '../tc-struct.ts';
import { badField, counters, optionsBy, type QdiscKind, tableCodec } from './kind.ts';

/** TCA_SFB_*, uapi/linux/pkt_sched.h. Times are in milliseconds here. */
const table = attributeTable('TCA_SFB', {
  parms: attribute(
    1,
    'TCA_SFB_PARMS',
    wholeStruct('tc_sfb_qopt', {
      rehash: u32,
      db: u32,
      max: u32,
      target: u32,
      increment: u32,
      decrement: u32,
      limit: u32,
      penaltyRate: u32,
      penaltyBurst: u32,
    }),
  ),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** man 8 tc-sfb. Times in microseconds, which count whole milliseconds. */
export interface Sfb {
  /** Between two changes of the hash. Default 10 minutes. */
  rehash?: number;
  /** Before a change, while both hashes are kept. Default 1 minute. */
  db?: number;
  /** Packets: in all, in the fullest bin, in a bin where dropping begins. */
  limit?: number;
  max?: number;
  target?: number;
  /** Steps of the probability, from 0 to 1. Default 0.0005 and 0.00005. */
  increment?: number;
  decrement?: number;
  /** Packets per second, and packets, of flows that do not respond. Default 10 and 20. */
  penaltyRate?: number;
  penaltyBurst?: number;
  raw?: Wire['raw'];
}

/** SFB_MAX_PROB. */
const WHOLE = 0xffff;
const DEFAULTS = {
  rehash: 600_000_000,
  db: 60_000_000,
  penaltyRate: 10,
  penaltyBurst: 20,
  limit: 0,
} as const;
const DEFAULT_STEPS = { increment: 33, decrement: 3 } as const;
const DEFAULT_MAX = 25;

function part(field: 'increment' | 'decrement', probability: number | undefined): number {
  if (probability === undefined) return DEFAULT_STEPS[field];
  if (typeof probability !== 'number' || !(probability >= 0))
    throw badField(field, probability, 'a part of 1');
  return Math.floor(probability * WHOLE + 0.5);
}

export const sfb: QdiscKind<Sfb, object, SfbStats> = {
  kind: 'sfb',
  always: true,
  qdisc: optionsBy<Wire, Sfb>(tableCodec(table), {
    table,
    fields: [
      ...(['rehash', 'db', 'limit', 'max', 'target', 'increment', 'decrement'] as const),
      ...(['penaltyRate', 'penaltyBurst', 'raw'] as const),
    ],
    fromWire({ parms, raw }) {
      if (parms === undefined) throw new WireError('SFB without TCA_SFB_PARMS');
      const { rehash, db, increment, decrement, tail: _, ...told } = parms;
      return {
        ...told,
        rehash: rehash * 1000,
        db: db * 1000,
        increment: increment / WHOLE,
        decrement: decrement / WHOLE,
        ...(raw && { raw }),
      };
    },
    toWire({ raw, ...given }) {
      const { rehash, db, ...rest } = { ...DEFAULTS, ...given };
      const max = given.max ?? (given.target ? Math.floor((given.target * 5 + 1) / 4) : DEFAULT_MAX);
      const target = given.target ?? Math.floor((max * 4 + 3) / 5);
      const steps = {
        increment: part('increment', given.increment),
        decrement: part('decrement', given.decrement),
      };
      return {
        parms: {
          ...rest,
          ...steps,
          max,
          target,
          rehash: Math.floor(rehash / 1000),
          db: Math.floor(db / 1000),
        },
        ...(raw && { raw }),
      };
    },
  }),
  stats: counters<SfbStats>(statsCodec()),
};

/** Probabilities as parts of 65,535. */
export interface SfbStats {
  earlydrop?: number;
  penaltydrop?: number;
  bucketdrop?: number;
  queuedrop?: number;
  childdrop?: number;
  marked?: number;
  maxqlen?: number;
  maxprob?: number;
  avgprob?: number;
}

function statsCodec(): Codec<SfbStats> {
  return wholeStruct('tc_sfb_xstats', {
    earlydrop: u32,
    penaltydrop: u32,
    bucketdrop: u32,
    queuedrop: u32,
    childdrop: u32,
    marked: u32,
    maxqlen: u32,
    maxprob: u32,
    avgprob: u32,
  }) as Codec<SfbStats>;
}
