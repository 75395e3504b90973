import { type AttributesOf, attribute, attributeTable, nest } from '../../netlink/wire/attributes.ts';
import { type Codec, s32, u32, u64 } from '../../netlink/wire/codec.ts';
import { s16, U32_MAX } from '../tc-rate.ts';
import { wholeStruct } from '../tc-struct.ts';
import {
  bool32,
  nanoseconds64,
  probability32,
  rate64,
  ticks32,
  ticksToTime,
  timeToTicks,
} from '../tc-units.ts';
import { badField, optionsBy, type QdiscKind, structAndTable } from './kind.ts';

const netemQopt = wholeStruct('tc_netem_qopt', {
  delay: ticks32,
  limit: u32,
  loss: probability32,
  gap: u32,
  duplicate: probability32,
  jitter: ticks32,
});

/** Samples of a distribution in units of a 8192nd of the jitter. The kernel never tells them. */
const samples: Codec<readonly number[]> = {
  decode: () => [],
  encode: (writer, value) => {
    for (const sample of value) s16.encode(writer, sample);
  },
};

/** A 4-state Markov model of losses: from good to bad and between bursts. man 8 tc-netem, `loss state`. */
export interface NetemLossState {
  p13?: number;
  p31?: number;
  p32?: number;
  p14?: number;
  p23?: number;
}
/** A Gilbert-Elliot model of losses; `h` is the kernel's, where `tc` takes 1-h. */
export interface NetemLossGemodel {
  p?: number;
  r?: number;
  h?: number;
  k1?: number;
}
export interface NetemRate {
  /** Bytes per second. */
  rate: number;
  packetOverhead?: number;
  cellSize?: number;
  cellOverhead?: number;
}
/** Packets leave in slots, as on a shared medium. Times in microseconds. */
export interface NetemSlot {
  minDelay?: number;
  maxDelay?: number;
  maxPackets?: number;
  maxBytes?: number;
  distDelay?: number;
  distJitter?: number;
}

const probabilities = <const N extends readonly string[]>(name: string, fields: N) =>
  wholeStruct(
    name,
    Object.fromEntries(fields.map((field) => [field, probability32])) as Record<N[number], Codec<number>>,
  );

/** TCA_NETEM_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_NETEM', {
  corr: attribute(1, 'TCA_NETEM_CORR', probabilities('tc_netem_corr', ['delay', 'loss', 'duplicate'])),
  reorder: attribute(
    3,
    'TCA_NETEM_REORDER',
    probabilities('tc_netem_reorder', ['probability', 'correlation']),
  ),
  ecn: attribute(7, 'TCA_NETEM_ECN', bool32),
  corrupt: attribute(
    4,
    'TCA_NETEM_CORRUPT',
    probabilities('tc_netem_corrupt', ['probability', 'correlation']),
  ),
  slot: attribute(
    12,
    'TCA_NETEM_SLOT',
    wholeStruct('tc_netem_slot', {
      minDelay: nanoseconds64,
      maxDelay: nanoseconds64,
      maxPackets: s32,
      maxBytes: s32,
      distDelay: nanoseconds64,
      distJitter: nanoseconds64,
    }),
  ),
  loss: nest(
    5,
    'TCA_NETEM_LOSS',
    attributeTable('NETEM_LOSS', {
      state: attribute(
        1,
        'NETEM_LOSS_GI',
        probabilities('tc_netem_gimodel', ['p13', 'p31', 'p32', 'p14', 'p23']),
      ),
      gemodel: attribute(2, 'NETEM_LOSS_GE', probabilities('tc_netem_gemodel', ['p', 'r', 'h', 'k1'])),
    }),
  ),
  rate64: attribute(8, 'TCA_NETEM_RATE64', rate64),
  rate: attribute(
    6,
    'TCA_NETEM_RATE',
    wholeStruct('tc_netem_rate', { rate: u32, packetOverhead: s32, cellSize: u32, cellOverhead: s32 }),
  ),
  delay64: attribute(10, 'TCA_NETEM_LATENCY64', nanoseconds64),
  jitter64: attribute(11, 'TCA_NETEM_JITTER64', nanoseconds64),
  distribution: attribute(2, 'TCA_NETEM_DELAY_DIST', samples),
  slotDistribution: attribute(13, 'TCA_NETEM_SLOT_DIST', samples),
  /** Of the random numbers, since Linux 6.6. */
  seed: attribute(14, 'TCA_NETEM_PRNG_SEED', u64),
});
const codec = structAndTable(netemQopt, table);
type Wire = {
  head: Partial<ReturnType<(typeof netemQopt)['decode']>>;
  rest: AttributesOf<(typeof table)['specs']>;
};

/** man 8 tc-netem. Times in microseconds; probabilities and correlations from 0 to 1. */
export interface Netem {
  /** Packets that may wait. Default 1000. */
  limit?: number;
  delay?: number;
  jitter?: number;
  delayCorrelation?: number;
  /** How the jitter is spread: samples in units of an 8192nd of it, up to 16,384 of them. Never told. */
  distribution?: readonly number[];
  loss?: number;
  lossCorrelation?: number;
  lossState?: NetemLossState;
  lossGemodel?: NetemLossGemodel;
  duplicate?: number;
  duplicateCorrelation?: number;
  reorder?: number;
  reorderCorrelation?: number;
  /** Every so many packets one overtakes. Default 1 with `reorder`. */
  gap?: number;
  corrupt?: number;
  corruptCorrelation?: number;
  rate?: NetemRate;
  slot?: NetemSlot;
  slotDistribution?: readonly number[];
  /** Marks instead of dropping. */
  ecn?: boolean;
  seed?: bigint;
  raw?: AttributesOf<(typeof table)['specs']>['raw'];
}

const FIELDS: readonly (keyof Netem)[] = [
  ...(['limit', 'delay', 'jitter', 'delayCorrelation', 'distribution', 'loss', 'lossCorrelation'] as const),
  ...(['lossState', 'lossGemodel', 'duplicate', 'duplicateCorrelation', 'reorder'] as const),
  ...(['reorderCorrelation', 'gap', 'corrupt', 'corruptCorrelation', 'rate', 'slot'] as const),
  ...(['slotDistribution', 'ecn', 'seed', 'raw'] as const),
];

const DEFAULT_LIMIT = 1000;

/** What is not 0. */
function some<K extends string>(key: K, value: number | undefined): { [key in K]?: number } {
  return (value === undefined || value === 0 ? {} : { [key]: value }) as { [key in K]?: number };
}

function withoutTail<T extends { tail?: string }>({ tail: _, ...rest }: T): Omit<T, 'tail'> {
  return rest;
}

function fromWire({ head, rest }: Wire): Netem {
  const { corr, reorder, corrupt, slot, loss, rate } = rest;
  return {
    limit: head.limit ?? 0,
    ...some('delay', rest.delay64 ?? head.delay),
    ...some('jitter', rest.jitter64 ?? head.jitter),
    ...some('delayCorrelation', corr?.delay),
    ...some('loss', head.loss),
    ...some('lossCorrelation', corr?.loss),
    ...(loss?.state && { lossState: withoutTail(loss.state) }),
    ...(loss?.gemodel && { lossGemodel: withoutTail(loss.gemodel) }),
    ...some('duplicate', head.duplicate),
    ...some('duplicateCorrelation', corr?.duplicate),
    ...some('reorder', reorder?.probability),
    ...some('reorderCorrelation', reorder?.correlation),
    ...some('gap', head.gap),
    ...some('corrupt', corrupt?.probability),
    ...some('corruptCorrelation', corrupt?.correlation),
    ...(rate !== undefined &&
      rate.rate !== 0 && {
        rate: {
          rate: rest.rate64 ?? rate.rate,
          ...some('packetOverhead', rate.packetOverhead),
          ...some('cellSize', rate.cellSize),
          ...some('cellOverhead', rate.cellOverhead),
        },
      }),
    ...(slot && { slot: withoutTail(slot) }),
    ...(rest.ecn !== undefined && { ecn: rest.ecn }),
    ...(rest.seed !== undefined && { seed: rest.seed }),
    ...(rest.raw && { raw: rest.raw }),
  };
}

function toWire(value: Netem): Wire {
  const { delay = 0, jitter = 0, loss = 0, reorder = 0, gap = 0, distribution, rate } = value;
  if (reorder !== 0 && delay === 0)
    throw badField('reorder', reorder, 'a delay as well, which reordering takes');
  if (gap !== 0 && reorder === 0) throw badField('gap', gap, 'a reorder as well, whose distance it is');
  if (distribution !== undefined && (delay === 0 || jitter === 0))
    throw badField('distribution', distribution.length, 'delay and jitter as well');
  if (value.ecn && loss === 0 && value.lossState === undefined && value.lossGemodel === undefined)
    throw badField('ecn', true, 'a loss as well, which it marks in place of dropping');
  const { delayCorrelation, lossCorrelation, duplicateCorrelation, reorderCorrelation, corruptCorrelation } =
    value;
  const correlated = [
    ...[delayCorrelation, lossCorrelation, duplicateCorrelation, reorderCorrelation, corruptCorrelation],
  ].some((one) => one !== undefined);
  return {
    head: {
      delay: Math.min(delay, ticksToTime(U32_MAX)),
      limit: value.limit ?? DEFAULT_LIMIT,
      loss,
      gap: gap === 0 && reorder !== 0 ? 1 : gap,
      duplicate: value.duplicate ?? 0,
      jitter: Math.min(jitter, ticksToTime(U32_MAX)),
    },
    rest: {
      ...(correlated && {
        corr: {
          delay: delayCorrelation ?? 0,
          loss: lossCorrelation ?? 0,
          duplicate: duplicateCorrelation ?? 0,
        },
      }),
      ...((value.reorder !== undefined || reorderCorrelation !== undefined) && {
        reorder: { probability: reorder, correlation: reorderCorrelation ?? 0 },
      }),
      ...((value.corrupt !== undefined || corruptCorrelation !== undefined) && {
        corrupt: { probability: value.corrupt ?? 0, correlation: corruptCorrelation ?? 0 },
      }),
      ...(value.ecn && { ecn: true }),
      ...(value.slot && { slot: { ...NO_SLOT, ...value.slot } }),
      ...((value.lossState || value.lossGemodel) && {
        loss: {
          ...(value.lossState && { state: { ...NO_STATE, ...value.lossState } }),
          ...(value.lossGemodel && { gemodel: { ...NO_GEMODEL, ...value.lossGemodel } }),
        },
      }),
      ...(rate && {
        ...(rate.rate > U32_MAX && { rate64: rate.rate }),
        rate: {
          packetOverhead: rate.packetOverhead ?? 0,
          cellSize: rate.cellSize ?? 0,
          cellOverhead: rate.cellOverhead ?? 0,
          rate: Math.min(rate.rate, U32_MAX),
        },
      }),
      // Ticks are 64 ns: times between them go beside.
      ...(isBetweenTicks(delay) && { delay64: delay }),
      ...(isBetweenTicks(jitter) && { jitter64: jitter }),
      ...(distribution && { distribution }),
      ...(value.slotDistribution && { slotDistribution: value.slotDistribution }),
      ...(value.seed !== undefined && { seed: value.seed }),
      ...(value.raw && { raw: value.raw }),
    },
  };
}

const NO_SLOT = { minDelay: 0, maxDelay: 0, maxPackets: 0, maxBytes: 0, distDelay: 0, distJitter: 0 };
const NO_STATE = { p13: 0, p31: 0, p32: 0, p14: 0, p23: 0 };
const NO_GEMODEL = { p: 0, r: 0, h: 0, k1: 0 };

function isBetweenTicks(time: number): boolean {
  const ticks = timeToTicks(time);
  return ticks > U32_MAX || Math.round(ticksToTime(ticks) * 1000) !== Math.round(time * 1000);
}

export const netem: QdiscKind<Netem> = {
  kind: 'netem',
  always: true,
  qdisc: optionsBy<Wire, Netem>(codec as unknown as Codec<Wire>, { fields: FIELDS, fromWire, toWire }),
};
