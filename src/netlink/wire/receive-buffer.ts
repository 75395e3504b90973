import { endianness } from 'node:os';
import { WireError, WireView } from './view.ts';

const LITTLE = endianness() === 'LE';

/**
 * The memory that datagrams are received into, under three views. Datagrams and messages start on 4-byte
 * boundaries, so `words[at >> 2]` reads what `view.u32(at)` does, without its cost.
 */
export interface ReceiveBuffer {
  readonly bytes: Uint8Array;
  /** The same memory in the host's byte order. */
  readonly words: Int32Array;
  readonly view: WireView;
}

/** The views are made once: they cost more than a message's decoding. `bytes` must start on a 4-byte boundary. */
export function receiveBuffer(bytes: Uint8Array): ReceiveBuffer {
  if (bytes.byteOffset % 4 !== 0)
    throw new WireError(`a receive buffer cannot start at byte ${bytes.byteOffset}`);
  return {
    bytes,
    words: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2),
    view: new WireView(bytes),
  };
}

/** The u16 that comes first in memory: a message's type, an attribute's length. */
export function firstHalf(word: number): number {
  return LITTLE ? word & 0xffff : word >>> 16;
}

/** The u16 after it: a message's flags, an attribute's type. */
export function secondHalf(word: number): number {
  return LITTLE ? word >>> 16 : word & 0xffff;
}

/** The word of two u16, in the order of memory. */
export function packHalves(first: number, second: number): number {
  return LITTLE ? first | (second << 16) : (first << 16) | second;
}
