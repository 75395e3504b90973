import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { type Codec, flag, s32, u32 } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import {
  clampRate,
  type LinkLayer,
  type RateSpec,
  rateSpec,
  rateTable,
  tableCodec as ticksTable,
  U32_MAX,
} from '../tc-rate.ts';
import { wholeStruct } from '../tc-struct.ts';
import {
  checkRate,
  rate64,
  ticks32,
  ticksToTime,
  timeToTicks,
  transmitSize,
  transmitTicks,
} from '../tc-units.ts';
import { badField, counters, minorClass, optionsBy, type QdiscKind, tableCodec } from './kind.ts';

const htbGlob = wholeStruct('tc_htb_glob', {
  version: u32,
  r2q: u32,
  default: minorClass(u32),
  debug: u32,
  directPackets: u32,
});

const htbOpt = wholeStruct('tc_htb_opt', {
  rate: rateSpec,
  ceil: rateSpec,
  burstTime: ticks32,
  cburstTime: ticks32,
  quantum: u32,
  level: u32,
  prio: u32,
});

/** TCA_HTB_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_HTB', {
  parms: attribute(1, 'TCA_HTB_PARMS', htbOpt),
  init: attribute(2, 'TCA_HTB_INIT', htbGlob),
  ctab: attribute(3, 'TCA_HTB_CTAB', ticksTable),
  rtab: attribute(4, 'TCA_HTB_RTAB', ticksTable),
  directQlen: attribute(5, 'TCA_HTB_DIRECT_QLEN', u32),
  rate64: attribute(6, 'TCA_HTB_RATE64', rate64),
  ceil64: attribute(7, 'TCA_HTB_CEIL64', rate64),
  offload: attribute(9, 'TCA_HTB_OFFLOAD', flag),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** man 8 tc-htb. */
export interface Htb {
  /** Minor of the class for packets that no filter knows: `0x30`. Default `0`: they are not shaped. */
  default?: string | number;
  /** A class's quantum is its rate divided by this. Default 10. */
  r2q?: number;
  /** Bits for debugging. */
  debug?: number;
  /** Packets of the queue for what is not shaped. */
  directQlen?: number;
  offload?: boolean;
  /** The kernel's version of HTB, major in the upper half; told, never taken. */
  version?: number;
  raw?: Wire['raw'];
}

const VERSION = 3;

/** A class. man 8 tc-htb. Rates are in bytes per second. */
export interface HtbClass {
  rate?: number;
  /** With what may be borrowed. Default: the rate. */
  ceil?: number;
  /**
   * Bytes that may be sent at once at `ceil`'s speed, as `tc` shows them: rounded down by way of whole microseconds.
   * Default: what a tick of the timer at this rate needs, and one packet.
   */
  burst?: number;
  cburst?: number;
  /**
   * The same as times in microseconds, which is what the kernel keeps, exactly. They count as long as they still say
   * the same as `burst` and `cburst`: change one of these, or a rate, and these bytes count.
   */
  burstTime?: number;
  cburstTime?: number;
  /** Lower is served first, 0 to 7. */
  prio?: number;
  /** Bytes that a leaf may send in a row. Default: by `r2q`. */
  quantum?: number;
  /** Bytes that each packet has more than the kernel sees; and the least that one counts. */
  overhead?: number;
  mpu?: number;
  linklayer?: LinkLayer;
  /** Where they differ from those of the rate, which no `tc` makes. */
  ceilOverhead?: number;
  ceilMpu?: number;
  ceilLinklayer?: LinkLayer;
  /** Bytes of a slot of the tables of rate and ceil. Default: by `mtu`. */
  cell?: number;
  ccell?: number;
  /** The largest packet. Default 1600. Never told. */
  mtu?: number;
  /** Height in the tree, 0 for leaves; told, never taken. */
  level?: number;
  raw?: Wire['raw'];
}

const DEFAULT_MTU = 1600;
/** What /proc/net/psched calls the clock's resolution: with high-resolution timers nothing has to be saved up. */
const TIMER_HZ = 1_000_000_000;

const CLASS_FIELDS: readonly (keyof HtbClass)[] = [
  ...([
    'rate',
    'ceil',
    'burst',
    'cburst',
    'burstTime',
    'cburstTime',
    'prio',
    'quantum',
    'overhead',
    'mpu',
  ] as const),
  ...([
    'linklayer',
    'ceilOverhead',
    'ceilMpu',
    'ceilLinklayer',
    'cell',
    'ccell',
    'mtu',
    'level',
    'raw',
  ] as const),
];

/** A burst in ticks: as it was told, unless the rate or the bytes have been changed since. */
export function burstTicks(
  rate: number,
  bytes: number | undefined,
  time: number | undefined,
): number | undefined {
  if (time !== undefined) {
    const ticks = timeToTicks(time);
    if (bytes === undefined || transmitSize(rate, ticks) === bytes) return ticks;
  }
  return bytes === undefined ? undefined : transmitTicks(rate, bytes);
}

function classFromWire({ parms, rate64: wideRate, ceil64, raw }: Wire): HtbClass {
  if (parms === undefined) throw new WireError('a class of HTB without TCA_HTB_PARMS');
  const { rate: spec, ceil: ceilSpec, burstTime, cburstTime, quantum, level, prio } = parms;
  const rate = wideRate ?? spec.rate;
  const ceil = ceil64 ?? ceilSpec.rate;
  return {
    prio,
    quantum,
    rate,
    ceil,
    burst: transmitSize(rate, timeToTicks(burstTime)),
    cburst: transmitSize(ceil, timeToTicks(cburstTime)),
    burstTime,
    cburstTime,
    linklayer: spec.linklayer,
    ...(spec.overhead !== 0 && { overhead: spec.overhead }),
    ...(spec.mpu !== 0 && { mpu: spec.mpu }),
    ...(spec.cellLog !== 0 && { cell: 2 ** spec.cellLog }),
    ...(ceilSpec.linklayer !== spec.linklayer && { ceilLinklayer: ceilSpec.linklayer }),
    ...(ceilSpec.overhead !== spec.overhead && { ceilOverhead: ceilSpec.overhead }),
    ...(ceilSpec.mpu !== spec.mpu && { ceilMpu: ceilSpec.mpu }),
    ...(ceilSpec.cellLog !== 0 && { ccell: 2 ** ceilSpec.cellLog }),
    level,
    ...(raw && { raw }),
  };
}

function classToWire(value: HtbClass): Wire {
  const { rate, mtu = DEFAULT_MTU, overhead, mpu, linklayer } = value;
  if (typeof rate !== 'number' || rate <= 0) throw badField('rate', rate, 'a rate in bytes per second');
  const ceil = value.ceil ?? rate;
  checkRate(rate);
  checkRate(ceil);
  const rates = rateTable({ rate, overhead, mpu, linklayer, cell: value.cell, mtu });
  const ceils = rateTable({
    rate: ceil,
    overhead: value.ceilOverhead ?? overhead,
    mpu: value.ceilMpu ?? mpu,
    linklayer: value.ceilLinklayer ?? linklayer,
    cell: value.ccell,
    mtu,
  });
  // tc reckons 0 as not given.
  const burst = value.burst || value.burstTime ? value.burst : Math.floor(rate / TIMER_HZ) + mtu;
  const cburst = value.cburst || value.cburstTime ? value.cburst : Math.floor(ceil / TIMER_HZ) + mtu;
  return {
    ...(rate > U32_MAX && { rate64: rate }),
    ...(ceil > U32_MAX && { ceil64: ceil }),
    parms: {
      rate: { ...rates.spec, rate: clampRate(rate) },
      ceil: { ...ceils.spec, rate: clampRate(ceil) } satisfies RateSpec,
      burstTime: ticksToTime(burstTicks(rate, burst, value.burstTime) ?? 0),
      cburstTime: ticksToTime(burstTicks(ceil, cburst, value.cburstTime) ?? 0),
      quantum: value.quantum ?? 0,
      level: 0,
      prio: value.prio ?? 0,
    },
    rtab: rates.table,
    ctab: ceils.table,
    ...(value.raw && { raw: value.raw }),
  };
}

const stats = wholeStruct('tc_htb_xstats', {
  lends: u32,
  borrows: u32,
  giants: u32,
  tokens: s32,
  ctokens: s32,
});
export type HtbStats = Partial<Omit<ReturnType<(typeof stats)['decode']>, 'tail'>> & {
  /** Of the discipline: packets that were not shaped. */
  directPackets?: number;
};

export const htb: QdiscKind<Htb, HtbClass, HtbStats> = {
  kind: 'htb',
  always: true,
  qdisc: optionsBy<Wire, Htb>(tableCodec(table), {
    table,
    fields: ['default', 'r2q', 'debug', 'directQlen', 'offload', 'version', 'raw'],
    fromWire({ init, directQlen, offload, raw }) {
      const { debug, tail: _, ...rest } = init ?? { debug: 0 };
      return {
        ...rest,
        ...(debug !== 0 && { debug }),
        ...(directQlen !== undefined && { directQlen }),
        ...(offload && { offload }),
        ...(raw && { raw }),
      };
    },
    toWire: (value) => ({
      init: {
        version: VERSION,
        r2q: value.r2q ?? 10,
        default: value.default ?? 0,
        debug: value.debug ?? 0,
        directPackets: 0,
      },
      ...(value.directQlen !== undefined && { directQlen: value.directQlen }),
      ...(value.offload && { offload: true }),
      ...(value.raw && { raw: value.raw }),
    }),
  }),
  counters: ['directPackets'],
  class: optionsBy<Wire, HtbClass>(tableCodec(table), {
    table,
    fields: CLASS_FIELDS,
    fromWire: classFromWire,
    toWire: classToWire,
  }),
  stats: counters<HtbStats>(stats as Codec<HtbStats>),
};
