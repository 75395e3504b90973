import { type Codec, enumeration, u8, u16, u32, ValueError } from '../netlink/wire/codec.ts';
import { WireError, type WireWriter } from '../netlink/wire/view.ts';
import { wholeStruct } from './tc-struct.ts';
import { checkRate, transmitTicks } from './tc-units.ts';

/** Rates as shapers and policers carry them: struct tc_ratespec and the table of sending times beside it. */

/** enum tc_link_layer, uapi/linux/pkt_sched.h. */
export const LINK_LAYERS = { 0: 'unspec', 1: 'ethernet', 2: 'atm' } as const;
export type LinkLayer = (typeof LINK_LAYERS)[keyof typeof LINK_LAYERS] | (string & {});
const LINK_LAYER_MASK = 0x0f;
const linkLayerCode = enumeration(u8, LINK_LAYERS);

const linkLayer: Codec<LinkLayer> = {
  size: 1,
  decode: (view, start) => {
    const code = view.u8(start) & LINK_LAYER_MASK;
    return LINK_LAYERS[code as keyof typeof LINK_LAYERS] ?? String(code);
  },
  encode: (writer, value) => linkLayerCode.encode(writer, value),
};

/** The number of a link layer's word, or of its digits. */
export function linkLayerNumber(word: LinkLayer): number {
  for (const [code, name] of Object.entries(LINK_LAYERS)) if (name === word) return Number(code);
  return Number(word);
}

export const s16: Codec<number> = {
  size: 2,
  decode(view, start, end) {
    if (end - start < 2) throw new WireError(`value of ${end - start} bytes where 2 are needed`);
    return (view.u16(start) << 16) >> 16;
  },
  encode(writer, value) {
    if (!Number.isInteger(value) || value < -0x8000 || value > 0x7fff)
      throw new ValueError(value, 'an integer from -32768 to 32767');
    writer.u16(value & 0xffff);
  },
};

/** struct tc_ratespec; `rate` is 2 ** 32 - 1 where a 64-bit attribute beside it says more. */
export const rateSpec = wholeStruct('tc_ratespec', {
  cellLog: u8,
  linklayer: linkLayer,
  overhead: u16,
  cellAlign: s16,
  mpu: u16,
  rate: u32,
});
export type RateSpec = ReturnType<(typeof rateSpec)['decode']>;

export const U32_MAX = 0xffffffff;
/** What a rate from 2 ** 32 on says in a field of 32 bits. */
export function clampRate(rate: number): number {
  return Math.min(rate, U32_MAX);
}

const SLOTS = 256;
/** The largest packet that a table covers, where nobody says. */
const DEFAULT_MTU = 2047;
const ATM_CELL = { size: 53, payload: 48 } as const;

/** Bytes on the medium: at least `mpu`; whole cells on ATM. */
function adjustedSize(size: number, mpu: number, layer: number): number {
  const least = Math.max(size, mpu);
  return LINK_LAYERS[layer as 2] === 'atm' ? Math.ceil(least / ATM_CELL.payload) * ATM_CELL.size : least;
}

/** What a rate is described by. */
export interface RateInput {
  /** Bytes per second. */
  rate: number;
  overhead?: number | undefined;
  mpu?: number | undefined;
  linklayer?: LinkLayer | undefined;
  /** Bytes that one slot of the table stands for, a power of two. Default: as the mtu asks for. */
  cell?: number | undefined;
  /** The largest packet that the table covers. Default 2047. */
  mtu?: number | undefined;
}

/**
 * struct tc_ratespec and its table: 256 times, one for each size of a packet in cells. Kernels since 3.8 reckon
 * themselves, but policers still insist on the table, and older shapers need it.
 */
export function rateTable(input: RateInput): { spec: RateSpec; table: number[] } {
  const { overhead = 0, mpu = 0, linklayer = 'ethernet' } = input;
  checkRate(input.rate);
  const rate = clampRate(input.rate);
  const cellLog = input.cell === undefined ? defaultCellLog(input.mtu || DEFAULT_MTU) : cellLogOf(input.cell);
  const layer = linkLayerNumber(linklayer);
  const table = Array.from({ length: SLOTS }, (_, slot) =>
    transmitTicks(rate, adjustedSize((slot + 1) * 2 ** cellLog, mpu, layer)),
  );
  return { spec: { cellLog, linklayer, overhead, cellAlign: -1, mpu, rate }, table };
}

function defaultCellLog(mtu: number): number {
  let log = 0;
  while (mtu >>> log > SLOTS - 1) log++;
  return log;
}

function cellLogOf(cell: number): number {
  const log = Math.log2(cell);
  if (!Number.isInteger(log) || log < 0 || log > 31) {
    const error = new ValueError(cell, 'a power of two');
    error.path.unshift('cell');
    throw error;
  }
  return log;
}

/** A rate's table on the wire. Kernels never tell it: decoding has no use for it. */
export const tableCodec: Codec<readonly number[]> = {
  decode: () => [],
  encode: (writer: WireWriter, value) => {
    for (const ticks of value) writer.u32(ticks);
  },
};

/** What a size table is made for: packets count as more than they are, or as whole cells. man 8 tc-stab. */
export interface SizeTable {
  linklayer?: LinkLayer;
  /** Bytes to add to each packet; may be negative. */
  overhead?: number;
  /** The least that a packet counts. */
  mpu?: number;
  /** The largest packet that the table covers. Default 2047. */
  mtu?: number;
  /** Slots of the table. Default 512. */
  tsize?: number;
  /** Log2 of the bytes of a slot; calculated, never taken. */
  cellLog?: number;
  /** Log2 of the unit of what is in the table; calculated, never taken. */
  sizeLog?: number;
}

const DEFAULT_SLOTS = 512;
/** So many 16-bit sizes fit an attribute. */
const MAX_SLOTS = 32_765;

function slotsError(tsize: number): ValueError {
  const error = new ValueError(tsize, `1 to ${MAX_SLOTS} slots`);
  error.path.unshift('tsize');
  return error;
}

/** The fields of struct tc_sizespec, and TCA_STAB_DATA where there needs to be a table. */
export function sizeTable(input: SizeTable): {
  spec: Required<SizeTable> & { cellAlign: number };
  data: number[] | undefined;
} {
  const { linklayer = 'unspec', overhead = 0, mpu = 0 } = input;
  const layer = linkLayerNumber(linklayer);
  const plain = { linklayer, overhead, mpu, mtu: 0, tsize: 0, cellLog: 0, sizeLog: 0, cellAlign: 0 };
  // With nothing but an overhead the kernel only adds.
  if (layer < 2 && mpu === 0) return { spec: plain, data: undefined };
  const mtu = input.mtu || DEFAULT_MTU;
  const tsize = input.tsize || DEFAULT_SLOTS;
  if (!Number.isInteger(tsize) || tsize < 1 || tsize > MAX_SLOTS) throw slotsError(tsize);
  let cellLog = 0;
  while (mtu >>> cellLog > tsize - 1) cellLog++;
  const sizes = Array.from({ length: tsize }, (_, slot) =>
    adjustedSize((slot + 1) * 2 ** cellLog, mpu, layer),
  );
  let sizeLog = 0;
  while (Math.max(...sizes) / 2 ** sizeLog >= 0x10000) sizeLog++;
  return {
    spec: { ...plain, mtu, tsize, cellLog, sizeLog, cellAlign: -1 },
    data: sizes.map((size) => Math.floor(size / 2 ** sizeLog)),
  };
}
