import { type Basic, basic } from './basic.ts';
import { type BpfFilter, bpf } from './bpf.ts';
import { type Flower, flower } from './flower.ts';
import { type Fw, fw } from './fw.ts';
import type { FilterKind } from './kind.ts';
import { type Matchall, matchall } from './matchall.ts';
import { type U32, u32 } from './u32.ts';

export type { Basic } from './basic.ts';
export type { BpfFilter } from './bpf.ts';
export type { Flower } from './flower.ts';
export type { Fw } from './fw.ts';
export type { Matchall } from './matchall.ts';
export type { U32, U32Hits, U32Key, U32Selector } from './u32.ts';

/** What a filter has under the name of its kind: `{ kind: 'flower', flower: { ipProto: 'tcp', dstPort: 80 } }`. */
export interface FilterData {
  u32?: U32;
  flower?: Flower;
  matchall?: Matchall;
  bpf?: BpfFilter;
  basic?: Basic;
  fw?: Fw;
}

/** By TCA_KIND, which is the field as well. A new kind is one file and one line here and above. */
export const FILTER_KINDS: Readonly<Record<keyof FilterData, FilterKind<never>>> = {
  u32,
  flower,
  matchall,
  bpf,
  basic,
  fw,
} as unknown as Readonly<Record<keyof FilterData, FilterKind<never>>>;

export function filterField(kind: string): keyof FilterData | undefined {
  return Object.hasOwn(FILTER_KINDS, kind) ? (kind as keyof FilterData) : undefined;
}

/** A kind with its types forgotten: from here on it goes with what stands in its own field only. */
export function filterKind(field: keyof FilterData): FilterKind<object> {
  return FILTER_KINDS[field] as unknown as FilterKind<object>;
}
