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
  redBits,
  redFlags,
} from './red-curve.ts';

/** TCA_CHOKE_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_CHOKE', {
  parms: attribute(
    1,
    'TCA_CHOKE_PARMS',
    wholeStruct('tc_choke_qopt', {
      limit: u32,
      min: u32,
      max: u32,
      ewma: u8,
      plog: u8,
      scellLog: u8,
      flags: u8,
    }),
  ),
  stab: attribute(2, 'TCA_CHOKE_STAB', byteArray(256)),
  maxP: attribute(3, 'TCA_CHOKE_MAX_P', u32),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** man 8 tc-choke: RED that counts packets. Either with `bandwidth`, or as it was listed; see {@link Red}. */
export interface Choke {
  /** Packets. */
  limit?: number;
  min?: number;
  max?: number;
  /** The highest probability of marking. Default 0.02. */
  probability?: number;
  ecn?: boolean;
  /** Kept, and without effect. */
  harddrop?: boolean;
  adaptive?: boolean;
  nodrop?: boolean;
  ewma?: number;
  plog?: number;
  scellLog?: number;
  /** Bytes per second; bytes of a packet on average, default 1000; packets in a burst. Never told. */
  bandwidth?: number;
  avpkt?: number;
  burst?: number;
  raw?: Wire['raw'];
}

const DEFAULT_PROBABILITY = 0.02;
const DEFAULT_PACKET = 1000;

function fromWire({ parms, stab: _, maxP, raw }: Wire): Choke {
  if (parms === undefined) throw new WireError('CHOKe without TCA_CHOKE_PARMS');
  const { flags, tail: __, ...told } = parms;
  return {
    ...told,
    ...(maxP !== undefined && { probability: partProbability(maxP) }),
    ...redFlags(flags),
    ...(raw && { raw }),
  };
}

function toWire(value: Choke): Wire {
  const { limit, probability = DEFAULT_PROBABILITY } = value;
  if (limit === undefined) throw badField('limit', limit, 'a limit in packets');
  const { stab, ...curve } =
    value.bandwidth === undefined ? listed(value) : worked(value, limit, value.bandwidth, probability);
  return {
    parms: { limit, ...curve, flags: redBits(value) },
    stab,
    maxP: probabilityPart(probability),
    ...(value.raw && { raw: value.raw }),
  };
}

function listed({ min = 0, max = 0, ewma, plog, scellLog }: Choke) {
  if (ewma === undefined || plog === undefined || scellLog === undefined)
    throw badField('bandwidth', undefined, 'a bandwidth in bytes per second');
  return { min, max, ewma, plog, scellLog, stab: dampingByCell(scellLog) };
}

function worked(value: Choke, limit: number, bandwidth: number, probability: number) {
  const { avpkt = DEFAULT_PACKET } = value;
  const max = value.max || Math.floor(limit / 4);
  const min = value.min || Math.floor(max / 3);
  if (max > limit) throw badField('max', max, 'one up to the limit');
  if (min >= max) throw badField('min', min, 'one below max');
  const ewma = ewmaLog(min * avpkt, value.burst || Math.floor((2 * min + max) / 3), avpkt);
  const { cellLog, table: stab } = idleDamping(ewma, avpkt, bandwidth);
  return {
    min,
    max,
    ewma,
    plog: probabilityLog(min * avpkt, max * avpkt, probability),
    scellLog: cellLog,
    stab,
  };
}

const stats = wholeStruct('tc_choke_xstats', {
  early: u32,
  pdrop: u32,
  other: u32,
  marked: u32,
  matched: u32,
});
export type ChokeStats = Partial<Omit<ReturnType<(typeof stats)['decode']>, 'tail'>>;

export const choke: QdiscKind<Choke, object, ChokeStats> = {
  kind: 'choke',
  always: true,
  qdisc: optionsBy<Wire, Choke>(tableCodec(table), {
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
        'scellLog',
        'bandwidth',
      ] as const),
      ...(['avpkt', 'burst', 'raw'] as const),
    ],
    fromWire,
    toWire,
  }),
  stats: counters<ChokeStats>(stats as Codec<ChokeStats>),
};
