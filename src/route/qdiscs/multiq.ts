import { u16 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { optionsBy, type QdiscKind } from './kind.ts';

const qopt = wholeStruct('tc_multiq_qopt', { bands: u16, maxBands: u16 });

/** A band for each transmit queue of the link; told, never taken. */
export interface Multiq {
  bands?: number;
  maxBands?: number;
}

export const multiq: QdiscKind<Multiq> = {
  kind: 'multiq',
  always: true,
  qdisc: optionsBy<{ bands: number; maxBands: number }, Multiq>(qopt, {
    fields: ['bands', 'maxBands'],
    fromWire: ({ bands, maxBands }) => ({ bands, maxBands }),
    toWire: () => ({ bands: 0, maxBands: 0 }),
  }),
};
