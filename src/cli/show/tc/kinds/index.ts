import type { ClassData, KindStats, QdiscData } from '../../../../route/qdiscs/index.ts';
import type { TcSheet } from '../tc-desk.ts';
import { putCake, putCakeStats } from './cake.ts';
import { putCodel, putCodelStats, putFqCodel, putFqCodelStats } from './codels.ts';
import { putFq, putFqStats } from './fq.ts';
import { putNetem } from './netem.ts';
import { putFqPie, putFqPieStats, putPie, putPieStats } from './pies.ts';
import {
  putCbs,
  putChoke,
  putChokeStats,
  putEtf,
  putHhf,
  putHhfStats,
  putMultiq,
  putQfqClass,
  putSfb,
  putSfbStats,
  putSkbprio,
} from './rarer.ts';
import { putHfsc, putHfscClass, putHfscStats, putHtb, putHtbClass, putHtbStats, putTbf } from './shapers.ts';
import {
  putByteFifo,
  putDrrClass,
  putDrrStats,
  putEts,
  putEtsClass,
  putMqprio,
  putPacketFifo,
  putPrio,
  putRed,
  putRedStats,
  putSfq,
  putSfqStats,
} from './simple.ts';

type Put<T> = (sheet: TcSheet, value: T) => void;

/** How the settings of a discipline print, by the field of its kind. */
const QDISCS: {
  [F in keyof Required<QdiscData>]: (
    sheet: TcSheet,
    value: NonNullable<QdiscData[F]>,
    stats: KindStats,
  ) => void;
} = {
  fq: putFq,
  fqCodel: putFqCodel,
  cake: putCake,
  htb: (sheet, value, stats) => putHtb(sheet, value, stats.htb),
  tbf: putTbf,
  netem: putNetem,
  prio: putPrio,
  pfifo: putPacketFifo,
  bfifo: putByteFifo,
  pfifoHeadDrop: putPacketFifo,
  pfifoFast: putPrio,
  sfq: (sheet, value, stats) => putSfq(sheet, value, stats.sfq),
  red: putRed,
  codel: putCodel,
  pie: putPie,
  fqPie: putFqPie,
  hfsc: putHfsc,
  ets: putEts,
  mqprio: putMqprio,
  cbs: putCbs,
  choke: putChoke,
  etf: putEtf,
  hhf: putHhf,
  multiq: putMultiq,
  // Never told.
  plug: () => {},
  sfb: putSfb,
  skbprio: putSkbprio,
};

const CLASSES: { [F in keyof Required<ClassData>]: Put<NonNullable<ClassData[F]>> } = {
  htb: putHtbClass,
  hfsc: putHfscClass,
  drr: putDrrClass,
  ets: putEtsClass,
  qfq: putQfqClass,
};

/** Of what qfq counts `tc` says nothing. */
const STATS: { [F in keyof Required<Omit<KindStats, 'qfq'>>]: Put<NonNullable<KindStats[F]>> } = {
  fq: putFqStats,
  fqCodel: putFqCodelStats,
  cake: putCakeStats,
  htb: putHtbStats,
  sfq: putSfqStats,
  red: putRedStats,
  codel: putCodelStats,
  pie: putPieStats,
  fqPie: putFqPieStats,
  hfsc: putHfscStats,
  drr: putDrrStats,
  choke: putChokeStats,
  hhf: putHhfStats,
  sfb: putSfbStats,
};

/** What stands among the statistics without being the kind's own report. */
const REPORTED: { [F in keyof KindStats]?: string } = { htb: 'lends', sfq: 'allot' };

export function putQdiscOptions(sheet: TcSheet, qdisc: QdiscData, stats: KindStats): void {
  for (const [field, put] of Object.entries(QDISCS)) {
    const value = qdisc[field as keyof QdiscData];
    if (value !== undefined)
      (put as (sheet: TcSheet, value: object, stats: KindStats) => void)(sheet, value, stats);
  }
}

export function putClassOptions(sheet: TcSheet, one: ClassData): void {
  for (const [field, put] of Object.entries(CLASSES)) {
    const value = one[field as keyof ClassData];
    if (value !== undefined) (put as Put<object>)(sheet, value);
  }
}

/** What the kind counts by itself. False where there is nothing of it. */
export function putKindStats(sheet: TcSheet, stats: KindStats): boolean {
  for (const [field, put] of Object.entries(STATS)) {
    const value = stats[field as keyof KindStats] as Record<string, unknown> | undefined;
    const needed = REPORTED[field as keyof KindStats];
    if (value === undefined || (needed !== undefined && value[needed] === undefined)) continue;
    (put as Put<object>)(sheet, value);
    return true;
  }
  return false;
}
