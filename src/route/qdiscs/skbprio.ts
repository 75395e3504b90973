import { u32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { optionsBy, type QdiscKind } from './kind.ts';

/** man 8 tc-skbprio. */
export interface Skbprio {
  /** Packets. Default 64. */
  limit?: number;
}

const DEFAULT_LIMIT = 64;

export const skbprio: QdiscKind<Skbprio> = {
  kind: 'skbprio',
  qdisc: optionsBy<{ limit: number }, Skbprio>(wholeStruct('tc_skbprio_qopt', { limit: u32 }), {
    fields: ['limit'],
    fromWire: ({ limit }) => ({ limit }),
    toWire: ({ limit = DEFAULT_LIMIT }) => ({ limit }),
  }),
};
