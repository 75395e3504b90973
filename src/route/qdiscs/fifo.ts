import { u32 } from '../../netlink/wire/codec.ts';
import { wholeStruct } from '../tc-struct.ts';
import { optionsBy, type QdiscKind } from './kind.ts';

const fifoQopt = wholeStruct('tc_fifo_qopt', { limit: u32 });

/** man 8 tc-bfifo, man 8 tc-pfifo. */
export interface Fifo {
  /** Bytes for `bfifo`, packets for the others. Default: as the link's queue length says. */
  limit?: number;
}

function fifo(kind: string): QdiscKind<Fifo> {
  return {
    kind,
    qdisc: optionsBy<{ limit: number }, Fifo>(fifoQopt, {
      fields: ['limit'],
      fromWire: ({ limit }) => ({ limit }),
      toWire: ({ limit = 0 }) => ({ limit }),
    }),
  };
}

export const pfifo = fifo('pfifo');
export const bfifo = fifo('bfifo');
export const pfifoHeadDrop = fifo('pfifo_head_drop');
