import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { u32 } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import {
  clampRate,
  type LinkLayer,
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
import { badField, optionsBy, type QdiscKind, tableCodec } from './kind.ts';

const tbfQopt = wholeStruct('tc_tbf_qopt', {
  rate: rateSpec,
  peakrate: rateSpec,
  limit: u32,
  burstTime: ticks32,
  mtuTime: ticks32,
});

/** TCA_TBF_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_TBF', {
  parms: attribute(1, 'TCA_TBF_PARMS', tbfQopt),
  rtab: attribute(2, 'TCA_TBF_RTAB', ticksTable),
  ptab: attribute(3, 'TCA_TBF_PTAB', ticksTable),
  rate64: attribute(4, 'TCA_TBF_RATE64', rate64),
  peakrate64: attribute(5, 'TCA_TBF_PRATE64', rate64),
  burst: attribute(6, 'TCA_TBF_BURST', u32),
  mtu: attribute(7, 'TCA_TBF_PBURST', u32),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** man 8 tc-tbf. Rates in bytes per second, times in microseconds. */
export interface Tbf {
  rate?: number;
  /** Bytes of the bucket, as `tc` shows them: rounded down by way of whole microseconds. */
  burst?: number;
  /**
   * The same as a time, which is what the kernel keeps, exactly. It counts as long as it still says the same as `burst`:
   * change that, or the rate, and the bytes count.
   */
  burstTime?: number;
  /** Bytes that may wait. Or `latency`. */
  limit?: number;
  /** How long a packet may wait; makes the limit. Never told. */
  latency?: number;
  /** How fast a burst goes; takes an mtu. */
  peakrate?: number;
  /** Bytes of the bucket of the peak rate, which `tc` calls mtu and minburst; and as a time, as for `burst`. */
  mtu?: number;
  mtuTime?: number;
  overhead?: number;
  mpu?: number;
  linklayer?: LinkLayer;
  /** Where they differ for the peak rate, which no `tc` makes. */
  peakOverhead?: number;
  peakMpu?: number;
  peakLinklayer?: LinkLayer;
  /** Bytes of a slot of the tables of the rates. Default: by `mtu`. */
  cell?: number;
  peakCell?: number;
  raw?: Wire['raw'];
}

const FIELDS: readonly (keyof Tbf)[] = [
  ...(['rate', 'burst', 'burstTime', 'limit', 'latency', 'peakrate', 'mtu', 'mtuTime'] as const),
  ...([
    'overhead',
    'mpu',
    'linklayer',
    'cell',
    'peakCell',
    'peakOverhead',
    'peakMpu',
    'peakLinklayer',
    'raw',
  ] as const),
];

const US_PER_SECOND = 1_000_000;

function fromWire({ parms, rate64: wideRate, peakrate64, raw }: Wire): Tbf {
  if (parms === undefined) throw new WireError('a token bucket without TCA_TBF_PARMS');
  const { rate: spec, peakrate: peakSpec, limit, burstTime, mtuTime } = parms;
  const rate = wideRate ?? spec.rate;
  const peakrate = peakrate64 ?? peakSpec.rate;
  return {
    rate,
    burst: transmitSize(rate, timeToTicks(burstTime)),
    burstTime,
    limit,
    ...(peakrate !== 0 && {
      peakrate,
      mtu: transmitSize(peakrate, timeToTicks(mtuTime)),
      mtuTime,
      ...(peakSpec.cellLog !== 0 && { peakCell: 2 ** peakSpec.cellLog }),
      ...(peakSpec.overhead !== spec.overhead && { peakOverhead: peakSpec.overhead }),
      ...(peakSpec.mpu !== spec.mpu && { peakMpu: peakSpec.mpu }),
      ...(peakSpec.linklayer !== spec.linklayer && { peakLinklayer: peakSpec.linklayer }),
    }),
    linklayer: spec.linklayer,
    ...(spec.overhead !== 0 && { overhead: spec.overhead }),
    ...(spec.mpu !== 0 && { mpu: spec.mpu }),
    ...(spec.cellLog !== 0 && { cell: 2 ** spec.cellLog }),
    ...(raw && { raw }),
  };
}

/** A bucket on the wire: the kernel takes bytes where it gets them, and only then the ticks. */
function bucket(rate: number, bytes: number | undefined, time: number | undefined) {
  if (time !== undefined) {
    const ticks = timeToTicks(time);
    if (bytes === undefined || transmitSize(rate, ticks) === bytes) return { ticks, bytes: undefined };
  }
  return bytes === undefined ? undefined : { ticks: transmitTicks(clampRate(rate), bytes), bytes };
}

function limitOf(value: Tbf, rate: number, burst: number, mtu: number): number {
  const { limit, latency, peakrate } = value;
  if (limit !== undefined) return limit;
  if (latency === undefined) throw badField('limit', limit, 'limit in bytes, or latency in microseconds');
  const sustained = (rate * latency) / US_PER_SECOND + burst;
  const peak = peakrate === undefined ? sustained : (peakrate * latency) / US_PER_SECOND + mtu;
  return Math.floor(Math.min(sustained, peak));
}

function toWire(value: Tbf): Wire {
  const { rate, peakrate, overhead, mpu, linklayer } = value;
  if (typeof rate !== 'number' || rate <= 0) throw badField('rate', rate, 'a rate in bytes per second');
  checkRate(rate);
  const burst = bucket(rate, value.burst, value.burstTime);
  if (burst === undefined) throw badField('burst', value.burst, 'the bytes of the bucket');
  const mtu = peakrate ? bucket(peakrate, value.mtu, value.mtuTime) : undefined;
  if (peakrate && mtu === undefined)
    throw badField('mtu', value.mtu, 'an mtu in bytes, which a peakrate takes');
  const rates = rateTable({ rate, overhead, mpu, linklayer, cell: value.cell, mtu: value.mtu });
  const none = { ...rates.spec, cellLog: 0, linklayer: 'unspec', overhead: 0, cellAlign: 0, mpu: 0, rate: 0 };
  const peaks = peakrate
    ? rateTable({
        rate: peakrate,
        overhead: value.peakOverhead ?? overhead,
        mpu: value.peakMpu ?? mpu,
        linklayer: value.peakLinklayer ?? linklayer,
        cell: value.peakCell,
        mtu: value.mtu,
      })
    : undefined;
  return {
    parms: {
      rate: rates.spec,
      peakrate: peaks?.spec ?? none,
      limit: limitOf(value, rate, value.burst ?? 0, value.mtu ?? 0),
      burstTime: ticksToTime(burst.ticks),
      mtuTime: ticksToTime(mtu?.ticks ?? 0),
    },
    ...(burst.bytes !== undefined && { burst: burst.bytes }),
    ...(rate > U32_MAX && { rate64: rate }),
    rtab: rates.table,
    ...(peaks && {
      ...(peakrate !== undefined && peakrate > U32_MAX && { peakrate64: peakrate }),
      ...(mtu?.bytes !== undefined && { mtu: mtu.bytes }),
      ptab: peaks.table,
    }),
    ...(value.raw && { raw: value.raw }),
  };
}

export const tbf: QdiscKind<Tbf> = {
  kind: 'tbf',
  always: true,
  qdisc: optionsBy<Wire, Tbf>(tableCodec(table), { table, fields: FIELDS, fromWire, toWire }),
};
