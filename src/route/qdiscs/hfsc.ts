import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, u16, u32, u64 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { attributeOptions, counters, minorClass, optionsBy, type QdiscKind } from './kind.ts';

const hfscQopt = wholeStruct('tc_hfsc_qopt', { default: minorClass(u16) });

/** man 8 tc-hfsc. */
export interface Hfsc {
  /** Minor of the class for packets that no filter knows: `0x30`. */
  default?: string | number;
}

/** Two slopes in bytes per second, and the time in microseconds when the second takes over. */
export interface ServiceCurve {
  m1?: number;
  d?: number;
  m2?: number;
}

const serviceCurve = wholeStruct('tc_service_curve', { m1: u32, d: u32, m2: u32 });
const curve: Codec<ServiceCurve> = {
  decode: (view, start, end) => serviceCurve.decode(view, start, end),
  encode: (writer, value) => serviceCurve.encode(writer, { m1: 0, d: 0, m2: 0, ...value }),
};

/** TCA_HFSC_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_HFSC', {
  /** Real time, link share, upper limit. */
  rt: attribute(1, 'TCA_HFSC_RSC', curve),
  ls: attribute(2, 'TCA_HFSC_FSC', curve),
  ul: attribute(3, 'TCA_HFSC_USC', curve),
});
export type HfscClass = AttributesOf<(typeof table)['specs']>;

const stats = wholeStruct('tc_hfsc_stats', { work: u64, rtwork: u64, period: u32, level: u32 });
export type HfscStats = Partial<Omit<ReturnType<(typeof stats)['decode']>, 'tail'>>;

export const hfsc: QdiscKind<Hfsc, HfscClass, HfscStats> = {
  kind: 'hfsc',
  always: true,
  qdisc: optionsBy<{ default: string | number }, Hfsc>(hfscQopt, {
    fields: ['default'],
    fromWire: (wire) => ({ default: wire.default }),
    toWire: (value) => ({ default: value.default ?? 0 }),
  }),
  class: attributeOptions(table),
  stats: counters<HfscStats>(stats as Codec<HfscStats>),
};
