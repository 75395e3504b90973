import { type Codec, s32, u8, u32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { badField, counters, optionsBy, type QdiscKind } from './kind.ts';
import {
  ewmaLog,
  partProbability,
  probabilityLog,
  probabilityPart,
  RED_FLAGS,
  redBits,
  redFlags,
} from './red-curve.ts';

/** struct tc_sfq_qopt_v1: the first five are all that kernels before Linux 3.3 have. */
const qopt = wholeStruct(
  'tc_sfq_qopt_v1',
  {
    quantum: u32,
    perturb: s32,
    limit: u32,
    divisor: u32,
    flows: u32,
    depth: u32,
    headdrop: u32,
    redflowlimit: u32,
    min: u32,
    max: u32,
    ewma: u8,
    plog: u8,
    scellLog: u8,
    flags: u8,
    maxP: u32,
    probDrop: u32,
    forcedDrop: u32,
    probMark: u32,
    forcedMark: u32,
    probMarkHead: u32,
    forcedMarkHead: u32,
  },
  20,
);
type Wire = Partial<ReturnType<(typeof qopt)['decode']>>;

const COUNTERS = [
  'probDrop',
  'forcedDrop',
  'probMark',
  'forcedMark',
  'probMarkHead',
  'forcedMarkHead',
] as const;

/** man 8 tc-sfq. */
export interface Sfq {
  /** Bytes a round. */
  quantum?: number;
  /** Seconds between two changes of the hash; 0: never. */
  perturb?: number;
  /** Packets in all queues. */
  limit?: number;
  divisor?: number;
  /** Told, and taken by old kernels. */
  flows?: number;
  /** Packets of one flow. */
  depth?: number;
  headdrop?: boolean;
  /** RED for each flow: its limit, thresholds in bytes, probability, and the rest as for {@link Red}. */
  redflowlimit?: number;
  min?: number;
  max?: number;
  probability?: number;
  ecn?: boolean;
  harddrop?: boolean;
  ewma?: number;
  plog?: number;
  scellLog?: number;
  /** Bytes of a packet on average, packets in a burst. Never told. */
  avpkt?: number;
  burst?: number;
}

const FIELDS: readonly (keyof Sfq)[] = [
  ...([
    'quantum',
    'perturb',
    'limit',
    'divisor',
    'flows',
    'depth',
    'headdrop',
    'redflowlimit',
    'min',
  ] as const),
  ...(['max', 'probability', 'ecn', 'harddrop', 'ewma', 'plog', 'scellLog', 'avpkt', 'burst'] as const),
];

/** The counters come along, for the statistics. */
function fromWire(wire: Wire): Sfq {
  const {
    depth,
    headdrop,
    redflowlimit,
    min,
    max,
    ewma,
    plog,
    scellLog,
    flags,
    maxP,
    tail: _,
    ...rest
  } = wire;
  const { ecn, harddrop } = redFlags(flags ?? 0);
  if (!min) for (const counter of COUNTERS) delete rest[counter];
  return {
    ...rest,
    ...(depth && { depth }),
    ...(headdrop && { headdrop: true }),
    ...(redflowlimit && { redflowlimit }),
    ...(min && {
      min,
      ...(max !== undefined && { max }),
      ...(maxP !== undefined && { probability: partProbability(maxP) }),
      ...(ewma !== undefined && { ewma }),
      ...(plog !== undefined && { plog }),
      ...(scellLog && { scellLog }),
    }),
    ...(ecn && { ecn }),
    ...(harddrop && { harddrop }),
  };
}

const DEFAULT_PROBABILITY = 0.02;
const DEFAULT_PACKET = 1000;

const PLAIN = ['quantum', 'perturb', 'limit', 'divisor', 'flows', 'depth'] as const;

function toWire(value: Sfq): Wire {
  const plain = Object.fromEntries(PLAIN.map((field) => [field, value[field]]));
  return { ...plain, ...(value.headdrop && { headdrop: 1 }), ...redToWire(value) };
}

const OF_RED: readonly (keyof Sfq)[] = [
  ...([
    'redflowlimit',
    'min',
    'max',
    'probability',
    'ecn',
    'harddrop',
    'ewma',
    'plog',
    'avpkt',
    'burst',
  ] as const),
];

function redToWire(value: Sfq): Wire {
  if (!OF_RED.some((field) => value[field] !== undefined)) return {};
  const { avpkt = DEFAULT_PACKET, probability = DEFAULT_PROBABILITY } = value;
  // It only serves to work out the others, and the kernel does not tell it.
  const listed = value.min && value.max && value.ewma !== undefined && value.plog !== undefined;
  const redflowlimit = value.redflowlimit || (listed ? value.max : undefined);
  if (!redflowlimit) throw badField('redflowlimit', redflowlimit, "the limit of a flow's RED in bytes");
  const max = value.max || Math.floor(redflowlimit / 4);
  const min = value.min || Math.floor(max / 3);
  if (max > redflowlimit) throw badField('max', max, 'one up to redflowlimit');
  if (min >= max) throw badField('min', min, 'one below max');
  const burst = value.burst || Math.floor((2 * min + max) / (3 * avpkt));
  const { ecn = false, harddrop = false } = value;
  return {
    redflowlimit,
    min,
    max,
    ewma: value.ewma ?? ewmaLog(min, burst, avpkt),
    plog: value.plog ?? probabilityLog(min, max, probability),
    scellLog: value.scellLog ?? 0,
    flags: redBits({ ecn, harddrop }) & (RED_FLAGS.ecn | RED_FLAGS.harddrop),
    maxP: probabilityPart(probability),
  };
}

const stats = wholeStruct('tc_sfq_xstats', { allot: s32 });
export type SfqStats = { [C in (typeof COUNTERS)[number]]?: number } & {
  /** Of a flow, which is a class: bytes it may send yet. */
  allot?: number;
};

export const sfq: QdiscKind<Sfq, object, SfqStats> = {
  kind: 'sfq',
  qdisc: optionsBy<Wire, Sfq>(qopt as Codec<Wire>, { fields: FIELDS, fromWire, toWire }),
  counters: COUNTERS,
  stats: counters<SfqStats>(stats as Codec<SfqStats>),
};
