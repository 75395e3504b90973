import { type Cake, type CakeStats, cake } from './cake.ts';
import { type Cbs, cbs } from './cbs.ts';
import { type Choke, type ChokeStats, choke } from './choke.ts';
import { type Codel, type CodelStats, codel } from './codel.ts';
import { type DrrClass, type DrrStats, drr } from './drr.ts';
import { type Etf, etf } from './etf.ts';
import { type Ets, type EtsClass, ets } from './ets.ts';
import { bfifo, type Fifo, pfifo, pfifoHeadDrop } from './fifo.ts';
import { type Fq, type FqStats, fq } from './fq.ts';
import { type FqCodel, type FqCodelStats, fqCodel } from './fq-codel.ts';
import { type FqPie, type FqPieStats, fqPie } from './fq-pie.ts';
import { type Hfsc, type HfscClass, type HfscStats, hfsc } from './hfsc.ts';
import { type Hhf, type HhfStats, hhf } from './hhf.ts';
import { type Htb, type HtbClass, type HtbStats, htb } from './htb.ts';
import type { QdiscKind, TcOptions } from './kind.ts';
import { type Mqprio, mqprio } from './mqprio.ts';
import { type Multiq, multiq } from './multiq.ts';
import { type Netem, netem } from './netem.ts';
import { type Pie, type PieStats, pie } from './pie.ts';
import { type Plug, plug } from './plug.ts';
import { type Prio, pfifoFast, prio } from './prio.ts';
import { type QfqClass, type QfqStats, qfq } from './qfq.ts';
import { type Red, type RedStats, red } from './red.ts';
import { type Sfb, type SfbStats, sfb } from './sfb.ts';
import { type Sfq, type SfqStats, sfq } from './sfq.ts';
import { type Skbprio, skbprio } from './skbprio.ts';
import { type Tbf, tbf } from './tbf.ts';

export type { Cake, CakeStats, CakeTin } from './cake.ts';
export type { Cbs } from './cbs.ts';
export type { Choke, ChokeStats } from './choke.ts';
export type { Codel, CodelStats } from './codel.ts';
export type { DrrClass, DrrStats } from './drr.ts';
export type { Etf } from './etf.ts';
export type { Ets, EtsClass } from './ets.ts';
export type { Fifo } from './fifo.ts';
export type { Fq, FqStats } from './fq.ts';
export type { FqCodel, FqCodelStats } from './fq-codel.ts';
export type { FqPie, FqPieStats } from './fq-pie.ts';
export type { Hfsc, HfscClass, HfscStats, ServiceCurve } from './hfsc.ts';
export type { Hhf, HhfStats } from './hhf.ts';
export type { Htb, HtbClass, HtbStats } from './htb.ts';
export type { Mqprio } from './mqprio.ts';
export type { Multiq } from './multiq.ts';
export type { Netem, NetemLossGemodel, NetemLossState, NetemRate, NetemSlot } from './netem.ts';
export type { Pie, PieStats } from './pie.ts';
export type { Plug } from './plug.ts';
export type { Prio } from './prio.ts';
export type { QfqClass, QfqStats } from './qfq.ts';
export type { Red, RedStats } from './red.ts';
export type { Sfb, SfbStats } from './sfb.ts';
export type { Sfq, SfqStats } from './sfq.ts';
export type { Skbprio } from './skbprio.ts';
export type { Tbf } from './tbf.ts';

/**
 * What a discipline has under the name of its kind, in camelCase: `{ kind: 'fq_codel', fqCodel: { limit: 1000 } }`.
 * `noqueue`, `mq`, `ingress`, `clsact`, `drr` and `qfq` have no settings.
 */
export interface QdiscData {
  fq?: Fq;
  fqCodel?: FqCodel;
  cake?: Cake;
  htb?: Htb;
  tbf?: Tbf;
  netem?: Netem;
  prio?: Prio;
  pfifo?: Fifo;
  bfifo?: Fifo;
  pfifoHeadDrop?: Fifo;
  pfifoFast?: Prio;
  sfq?: Sfq;
  red?: Red;
  codel?: Codel;
  pie?: Pie;
  fqPie?: FqPie;
  hfsc?: Hfsc;
  ets?: Ets;
  mqprio?: Mqprio;
  cbs?: Cbs;
  choke?: Choke;
  etf?: Etf;
  hhf?: Hhf;
  multiq?: Multiq;
  plug?: Plug;
  sfb?: Sfb;
  skbprio?: Skbprio;
}

/** What a class has under the name of its kind: `{ kind: 'htb', htb: { rate: 125_000 } }`. */
export interface ClassData {
  htb?: HtbClass;
  hfsc?: HfscClass;
  drr?: DrrClass;
  ets?: EtsClass;
  qfq?: QfqClass;
}

/** What kinds count by themselves, under their names. */
export interface KindStats {
  fq?: FqStats;
  fqCodel?: FqCodelStats;
  cake?: CakeStats;
  htb?: HtbStats;
  sfq?: SfqStats;
  red?: RedStats;
  codel?: CodelStats;
  pie?: PieStats;
  fqPie?: FqPieStats;
  hfsc?: HfscStats;
  drr?: DrrStats;
  choke?: ChokeStats;
  hhf?: HhfStats;
  sfb?: SfbStats;
  qfq?: QfqStats;
}

type KindField = keyof QdiscData | keyof ClassData;

/** By the field that they have in an object. A new kind is one file and one line here and above. */
const KINDS: Readonly<Record<KindField, QdiscKind<never, never, object>>> = {
  fq,
  fqCodel,
  cake,
  htb,
  tbf,
  netem,
  prio,
  pfifo,
  bfifo,
  pfifoHeadDrop,
  pfifoFast,
  sfq,
  red,
  codel,
  pie,
  fqPie,
  hfsc,
  drr,
  ets,
  mqprio,
  cbs,
  choke,
  etf,
  hhf,
  multiq,
  plug,
  sfb,
  skbprio,
  qfq,
} as unknown as Readonly<Record<KindField, QdiscKind<never, never, object>>>;

export const KIND_FIELDS = Object.keys(KINDS) as readonly KindField[];

const FIELD_BY_KIND: ReadonlyMap<string, KindField> = new Map(
  KIND_FIELDS.map((field) => [KINDS[field].kind, field]),
);

/** `kind` of a discipline as the field for its settings. */
export function kindField(kind: string): KindField | undefined {
  return FIELD_BY_KIND.get(kind);
}

/** A kind with its types forgotten: from here on it goes with what stands in its own field only. */
export function kindOf(
  field: KindField,
): QdiscKind<Record<string, unknown>, Record<string, unknown>, object> {
  return KINDS[field] as unknown as QdiscKind<Record<string, unknown>, Record<string, unknown>, object>;
}

/** The options of a discipline of this kind, or of a class of it. */
export function optionsOf(
  field: KindField,
  of: 'qdisc' | 'class',
): TcOptions<Record<string, unknown>> | undefined {
  return kindOf(field)[of];
}
