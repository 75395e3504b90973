import {
  type AttributesOf,
  attribute,
  attributeTable,
  nest,
  repeated,
} from '../../netlink/wire/attributes.ts';
import { u8, u32 } from '../../netlink/wire/codec.ts';
import { attributeOptions, badField, optionsBy, type QdiscKind, tableCodec } from './kind.ts';

/** TCA_ETS_*, uapi/linux/pkt_sched.h. */
const table = attributeTable('TCA_ETS', {
  bands: attribute(1, 'TCA_ETS_NBANDS', u8),
  strict: attribute(2, 'TCA_ETS_NSTRICT', u8),
  quanta: nest(
    3,
    'TCA_ETS_QUANTA',
    attributeTable('TCA_ETS', { band: repeated(4, 'TCA_ETS_QUANTA_BAND', u32) }),
  ),
  priomap: nest(
    5,
    'TCA_ETS_PRIOMAP',
    attributeTable('TCA_ETS', { band: repeated(6, 'TCA_ETS_PRIOMAP_BAND', u8) }),
  ),
});

const classTable = attributeTable('TCA_ETS', {
  /** Bytes a round. */
  quantum: attribute(4, 'TCA_ETS_QUANTA_BAND', u32),
});

type Wire = AttributesOf<(typeof table)['specs']>;

/** man 8 tc-ets. */
export interface Ets {
  /** Default: the strict ones and the quanta. */
  bands?: number;
  /** How many of the bands have strict priority. */
  strict?: number;
  /** Bytes a round, for the bands after the strict ones. */
  quanta?: number[];
  /** The band of each of the 16 priorities of packets. */
  priomap?: number[];
  raw?: Wire['raw'];
}
export interface EtsClass {
  quantum?: number;
}

const MAX_BANDS = 16;

export const ets: QdiscKind<Ets, EtsClass> = {
  kind: 'ets',
  always: true,
  qdisc: optionsBy(tableCodec(table), {
    table,
    nested: true,
    fields: ['bands', 'strict', 'quanta', 'priomap', 'raw'] as const,
    fromWire: ({ bands, strict, quanta, priomap, raw }): Ets => ({
      ...(bands !== undefined && { bands }),
      ...(strict !== undefined && { strict }),
      ...(quanta !== undefined && { quanta: quanta.band ?? [] }),
      ...(priomap !== undefined && { priomap: priomap.band ?? [] }),
      ...(raw && { raw }),
    }),
    toWire({ strict, quanta, priomap, ...rest }: Ets) {
      const bands = rest.bands ?? (strict ?? 0) + (quanta?.length ?? 0);
      if (!Number.isInteger(bands) || bands < 1 || bands > MAX_BANDS)
        throw badField('bands', rest.bands, `bands, strict or quanta: 1 to ${MAX_BANDS} bands in all`);
      return {
        bands,
        ...(strict !== undefined && strict !== 0 && { strict }),
        ...(quanta !== undefined && quanta.length > 0 && { quanta: { band: quanta } }),
        ...(priomap !== undefined && priomap.length > 0 && { priomap: { band: priomap } }),
        ...(rest.raw && { raw: rest.raw }),
      };
    },
  }),
  class: attributeOptions(classTable, { nested: true }),
};
