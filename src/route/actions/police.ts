import { type AttributesOf, attribute, attributeTable } from '../../netlink/wire/attributes.ts';
import { s32, u32 } from '../../netlink/wire/codec.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { control } from '../tc-control.ts';
import { type LinkLayer, rateSpec, rateTable, tableCodec, U32_MAX } from '../tc-rate.ts';
import { wholeStruct } from '../tc-struct.ts';
import { rate64, ticks32, ticksToTime, timeToTicks, transmitSize, transmitTicks } from '../tc-units.ts';
import { defineAction, type TcGen, times } from './kind.ts';

const tcPolice = wholeStruct('tc_police', {
  index: u32,
  control,
  limit: u32,
  burstTime: ticks32,
  mtu: u32,
  rate: rateSpec,
  peakrate: rateSpec,
  ref: s32,
  bind: s32,
  capab: u32,
});

/** TCA_POLICE_*, uapi/linux/pkt_cls.h. */
const table = attributeTable('TCA_POLICE', {
  parms: attribute(1, 'TCA_POLICE_TBF', tcPolice),
  rtab: attribute(2, 'TCA_POLICE_RATE', tableCodec),
  ptab: attribute(3, 'TCA_POLICE_PEAKRATE', tableCodec),
  avrate: attribute(4, 'TCA_POLICE_AVRATE', u32),
  conform: attribute(5, 'TCA_POLICE_RESULT', control),
  tm: times(6, 'TCA_POLICE_TM'),
  rate64: attribute(8, 'TCA_POLICE_RATE64', rate64),
  peakrate64: attribute(9, 'TCA_POLICE_PEAKRATE64', rate64),
  packetRate: attribute(10, 'TCA_POLICE_PKTRATE64', rate64),
  packetBurst: attribute(11, 'TCA_POLICE_PKTBURST64', rate64),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/**
 * man 8 tc-police: what is beyond a rate is treated otherwise. Rates in bytes per second, sizes in bytes. The action's
 * `control` is for what exceeds, `conform` for what does not.
 */
export interface Police {
  rate?: number;
  burst?: number;
  /** The same as a time in microseconds, exactly; counts as long as it still says the same as `burst`. */
  burstTime?: number;
  mtu?: number;
  peakrate?: number;
  /** By the estimator of the filter. */
  avrate?: number;
  overhead?: number;
  mpu?: number;
  linklayer?: LinkLayer;
  conform?: string;
  /** In place of bytes: packets per second, and at once. */
  packetRate?: number;
  packetBurst?: number;
}

const NONE = { cellLog: 0, linklayer: 'unspec', overhead: 0, cellAlign: 0, mpu: 0, rate: 0 };

function fromWire({ parms, tm, avrate, conform, packetRate, packetBurst, ...wire }: Wire) {
  if (parms === undefined) throw new WireError('police without TCA_POLICE_TBF');
  const { index, control: word, ref, bind, capab, mtu, rate: spec, peakrate: peak, burstTime } = parms;
  const rate = wire.rate64 ?? spec.rate;
  const peakrate = wire.peakrate64 ?? peak.rate;
  const value: Police = {
    ...(rate !== 0 && { rate, burst: transmitSize(rate, timeToTicks(burstTime)), burstTime }),
    ...(mtu !== 0 && { mtu }),
    ...(peakrate !== 0 && { peakrate }),
    ...(avrate !== undefined && { avrate }),
    ...(spec.overhead !== 0 && { overhead: spec.overhead }),
    ...(spec.mpu !== 0 && { mpu: spec.mpu }),
    ...(rate !== 0 && { linklayer: spec.linklayer }),
    ...(conform !== undefined && { conform }),
    ...(packetRate !== undefined && {
      packetRate,
      packetBurst: transmitSize(packetRate, packetBurst ?? 0),
    }),
  };
  return { gen: { index, control: word, ref, bind, capab }, times: tm, value };
}

function burstTicks(rate: number, { burst = 0, burstTime }: Police): number {
  const exact = burstTime === undefined ? undefined : timeToTicks(burstTime);
  return exact !== undefined && transmitSize(rate, exact) === burst ? exact : transmitTicks(rate, burst);
}

function toWire(gen: TcGen, value: Police): Wire {
  const {
    rate,
    peakrate,
    mtu,
    overhead,
    mpu,
    linklayer,
    avrate,
    conform,
    packetRate,
    packetBurst = 0,
  } = value;
  const rates = rate ? rateTable({ rate, overhead, mpu, linklayer, mtu }) : undefined;
  const peaks = peakrate ? rateTable({ rate: peakrate, overhead, mpu, linklayer, mtu }) : undefined;
  return {
    parms: {
      ...gen,
      limit: 0,
      burstTime: rate ? ticksToTime(burstTicks(rate, value)) : 0,
      mtu: mtu ?? 0,
      rate: rates?.spec ?? NONE,
      peakrate: peaks?.spec ?? NONE,
    },
    ...(rates && { rtab: rates.table }),
    ...(rate !== undefined && rate > U32_MAX && { rate64: rate }),
    ...(peaks && { ptab: peaks.table }),
    ...(peakrate !== undefined && peakrate > U32_MAX && { peakrate64: peakrate }),
    ...(avrate !== undefined && { avrate }),
    ...(conform !== undefined && { conform }),
    ...(packetRate !== undefined && { packetRate, packetBurst: transmitTicks(packetRate, packetBurst) }),
  };
}

export const police = defineAction<typeof table, Police>('police', table, {
  fields: [
    ...(['rate', 'burst', 'burstTime', 'mtu', 'peakrate', 'avrate', 'overhead', 'mpu', 'linklayer'] as const),
    ...(['conform', 'packetRate', 'packetBurst'] as const),
  ],
  control: 'reclassify',
  fromWire,
  toWire,
});
