import {
  type AttributesOf,
  attribute,
  attributeTable,
  nest,
  repeated,
  repeatedNest,
} from '../../netlink/wire/attributes.ts';
import { array, type Codec, enumeration, u8, u16, u32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { rate64 } from '../tc-units.ts';
import { badField, byteArray, optionsBy, type QdiscKind, structAndTable } from './kind.ts';

/** TC_QOPT_MAX_QUEUE. */
const QUEUES = 16;

const counts: Codec<number[]> = { ...array(u16), size: 2 * QUEUES };
const qopt = wholeStruct('tc_mqprio_qopt', {
  numTc: u8,
  map: byteArray(QUEUES),
  hw: u8,
  counts,
  offsets: counts,
});

const MODES = { 0: 'dcb', 1: 'channel' } as const;
const SHAPERS = { 0: 'dcb', 1: 'bw_rlimit' } as const;

/** TCA_MQPRIO_*, uapi/linux/pkt_sched.h; inside of the rates' nests the numbers repeat. */
const table = attributeTable('TCA_MQPRIO', {
  mode: attribute(1, 'TCA_MQPRIO_MODE', enumeration(u16, MODES)),
  shaper: attribute(2, 'TCA_MQPRIO_SHAPER', enumeration(u16, SHAPERS)),
  minRate: nest(
    3,
    'TCA_MQPRIO_MIN_RATE64',
    attributeTable('TCA_MQPRIO', { rate: repeated(3, 'TCA_MQPRIO_MIN_RATE64', rate64) }),
  ),
  maxRate: nest(
    4,
    'TCA_MQPRIO_MAX_RATE64',
    attributeTable('TCA_MQPRIO', { rate: repeated(4, 'TCA_MQPRIO_MAX_RATE64', rate64) }),
  ),
  entries: repeatedNest(
    5,
    'TCA_MQPRIO_TC_ENTRY',
    attributeTable('TCA_MQPRIO_TC_ENTRY', {
      index: attribute(1, 'TCA_MQPRIO_TC_ENTRY_INDEX', u32),
      fp: attribute(2, 'TCA_MQPRIO_TC_ENTRY_FP', enumeration(u32, { 1: 'express', 2: 'preemptible' })),
    }),
  ),
});
type Rest = AttributesOf<(typeof table)['specs']>;
type Wire = { head: Omit<ReturnType<(typeof qopt)['decode']>, 'tail'>; rest: Rest };

/** man 8 tc-mqprio. */
export interface Mqprio {
  /** Traffic classes. Default 8. */
  numTc?: number;
  /** The traffic class of each of the 16 priorities of packets. */
  map?: number[];
  /** The transmit queues of each traffic class. */
  queues?: { count: number; offset: number }[];
  /** 1: the hardware does it, the default. */
  hw?: number;
  mode?: (typeof MODES)[keyof typeof MODES] | (string & {});
  shaper?: (typeof SHAPERS)[keyof typeof SHAPERS] | (string & {});
  /** Bytes per second of each traffic class. */
  minRate?: number[];
  maxRate?: number[];
  /** Which traffic classes may be preempted (IEEE 802.1Q); with `hw` only. */
  entries?: Rest['entries'];
  raw?: Rest['raw'];
}

const DEFAULT_CLASSES = 8;
const DEFAULT_MAP = [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 1, 1, 3, 3, 3, 3];

function fromWire({ head, rest }: Wire): Mqprio {
  const { minRate, maxRate, ...others } = rest;
  const rates = (nested: { rate?: number[] } | undefined) => (nested?.rate ?? []).slice(0, head.numTc);
  return {
    numTc: head.numTc,
    map: head.map,
    queues: head.counts.slice(0, head.numTc).map((count, i) => ({ count, offset: head.offsets[i] ?? 0 })),
    hw: head.hw,
    ...others,
    ...(minRate && { minRate: rates(minRate) }),
    ...(maxRate && { maxRate: rates(maxRate) }),
  };
}

function sixteen(values: readonly number[]): number[] {
  return Array.from({ length: QUEUES }, (_, i) => values[i] ?? 0);
}

function toWire(value: Mqprio): Wire {
  const {
    numTc = DEFAULT_CLASSES,
    map = DEFAULT_MAP,
    queues = [],
    hw = 1,
    minRate,
    maxRate,
    entries,
    ...rest
  } = value;
  if (!Array.isArray(queues) || queues.length > numTc)
    throw badField('queues', queues, `up to ${numTc} as { count, offset }`);
  return {
    head: {
      numTc,
      map,
      hw,
      counts: sixteen(queues.map(({ count }) => count)),
      offsets: sixteen(queues.map(({ offset }) => offset)),
    },
    rest: {
      ...(rest as Rest),
      // Told of every discipline, taken only for hardware.
      ...(entries && hw !== 0 && { entries }),
      ...(minRate && { minRate: { rate: sixteen(minRate) } }),
      ...(maxRate && { maxRate: { rate: sixteen(maxRate) } }),
    },
  };
}

export const mqprio: QdiscKind<Mqprio> = {
  kind: 'mqprio',
  always: true,
  qdisc: optionsBy<Wire, Mqprio>(structAndTable(qopt, table) as unknown as Codec<Wire>, {
    fields: ['numTc', 'map', 'queues', 'hw', 'mode', 'shaper', 'minRate', 'maxRate', 'entries', 'raw'],
    fromWire,
    toWire,
  }),
};
