import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, s32, u32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { bool32, time32 } from '../tc-units.ts';
import { attributeOptions, counters, type QdiscKind } from './kind.ts';

/** TCA_CODEL_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_CODEL', {
  target: attribute(1, 'TCA_CODEL_TARGET', time32),
  /** Packets. */
  limit: attribute(2, 'TCA_CODEL_LIMIT', u32),
  interval: attribute(3, 'TCA_CODEL_INTERVAL', time32),
  ecn: attribute(4, 'TCA_CODEL_ECN', bool32),
  ceThreshold: attribute(5, 'TCA_CODEL_CE_THRESHOLD', time32),
});

/** man 8 tc-codel. Times in microseconds. */
export type Codel = AttributesOf<(typeof table)['specs']>;

const stats = wholeStruct(
  'tc_codel_xstats',
  {
    maxpacket: u32,
    count: u32,
    lastcount: u32,
    /** Microseconds. */
    ldelay: u32,
    dropNext: s32,
    dropOverlimit: u32,
    ecnMark: u32,
    dropping: bool32,
    ceMark: u32,
  },
  32,
);
export type CodelStats = Partial<Omit<ReturnType<(typeof stats)['decode']>, 'tail'>>;

export const codel: QdiscKind<Codel, object, CodelStats> = {
  kind: 'codel',
  qdisc: attributeOptions(table),
  always: true,
  stats: counters<CodelStats>(stats as Codec<CodelStats>),
};
