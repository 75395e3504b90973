import { attribute, attributeTable, nest } from '../../netlink/wire/attributes.ts';
import { flag, s32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { badField, byteArray, optionsBy, type QdiscKind, structAndTable } from './kind.ts';

/** TC_PRIO_MAX + 1 priorities of packets. */
const PRIORITIES = 16;
const DEFAULT_MAP = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
const DEFAULT_BANDS = 3;

const prioQopt = wholeStruct('tc_prio_qopt', { bands: s32, priomap: byteArray(PRIORITIES) });

/** Behind the struct come attributes in a nest of the options' own number, for kernels that had any. */
const compat = attributeTable('TCA', {
  nested: nest(
    2,
    'TCA_OPTIONS',
    attributeTable('TCA_PRIO', { multiqueue: attribute(1, 'TCA_PRIO_MQ', flag) }),
    {
      mark: false,
    },
  ),
});

/** man 8 tc-prio. */
export interface Prio {
  /** Default 3. */
  bands?: number;
  /** The band of each of the 16 priorities of packets. */
  priomap?: number[];
  /** Of kernels before Linux 2.6.27. */
  multiqueue?: boolean;
}

function prioLike(kind: string): QdiscKind<Prio> {
  return {
    kind,
    always: kind === 'prio',
    qdisc: optionsBy(structAndTable(prioQopt, compat), {
      fields: ['bands', 'priomap', 'multiqueue'] as const,
      fromWire: ({ head: { bands, priomap }, rest }): Prio => ({
        bands,
        priomap,
        ...(rest.nested?.multiqueue && { multiqueue: true }),
      }),
      toWire({ bands = DEFAULT_BANDS, priomap = DEFAULT_MAP, multiqueue = false }: Prio) {
        if (!Array.isArray(priomap) || priomap.some((band) => band >= bands))
          throw badField('priomap', priomap, `up to ${PRIORITIES} bands below ${bands}`);
        // Priorities that are not spoken of keep what they go by.
        const whole = [...priomap, ...DEFAULT_MAP.slice(priomap.length)];
        return { head: { bands, priomap: whole }, rest: { nested: { multiqueue } } };
      },
    }),
  };
}

export const prio = prioLike('prio');
/** What a link has by itself; its options can only be read. */
export const pfifoFast = prioLike('pfifo_fast');
