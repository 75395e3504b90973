import { endianness } from 'node:os';
import { CofferdamError } from '../../handle/errors.ts';

/** Netlink speaks the host's byte order, except where a codec says "be". */
const LITTLE = endianness() === 'LE';

/** Bytes that are not a well-formed netlink message or attribute: truncated, overlong or looping. */
export class WireError extends CofferdamError {
  constructor(message: string) {
    super('ERR_COFFERDAM_WIRE', message);
    this.name = 'WireError';
  }
}

/** Reads fixed-width values out of bytes. Every read is bounds-checked by DataView: it throws, never strays. */
export class WireView {
  readonly bytes: Uint8Array;
  readonly #data: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }
  u8(at: number): number {
    return this.#data.getUint8(at);
  }
  u16(at: number): number {
    return this.#data.getUint16(at, LITTLE);
  }
  u32(at: number): number {
    return this.#data.getUint32(at, LITTLE);
  }
  s32(at: number): number {
    return this.#data.getInt32(at, LITTLE);
  }
  u64(at: number): bigint {
    const data = this.#data;
    // Most counters are 0, and that one bigint need not be made.
    if (data.getUint32(at) === 0 && data.getUint32(at + 4) === 0) return 0n;
    return data.getBigUint64(at, LITTLE);
  }
  s64(at: number): bigint {
    return this.#data.getBigInt64(at, LITTLE);
  }
  be16(at: number): number {
    return this.#data.getUint16(at, false);
  }
  be32(at: number): number {
    return this.#data.getUint32(at, false);
  }
  be64(at: number): bigint {
    return this.#data.getBigUint64(at, false);
  }
}

/** NLA_ALIGNTO, uapi/linux/netlink.h: headers and values start on 4-byte boundaries. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** Writes fixed-width values into bytes that grow as needed. */
export class WireWriter {
  #bytes: Uint8Array;
  #data: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#data = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }
  /** A copy-free view of what was written; the next write may detach it. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
  /** Makes room for `size` zeroed bytes and returns where they start. */
  reserve(size: number): number {
    const at = this.#length;
    const needed = at + size;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#data = new DataView(grown.buffer);
    }
    this.#length = needed;
    return at;
  }
  /** Pads with zeros to the next 4-byte boundary. */
  pad(): void {
    this.reserve(align(this.#length) - this.#length);
  }
  u8(value: number): void {
    const at = this.reserve(1); // may replace #data
    this.#data.setUint8(at, value);
  }
  u16(value: number): void {
    const at = this.reserve(2); // may replace #data
    this.#data.setUint16(at, value, LITTLE);
  }
  u32(value: number): void {
    const at = this.reserve(4); // may replace #data
    this.#data.setUint32(at, value, LITTLE);
  }
  s32(value: number): void {
    const at = this.reserve(4); // may replace #data
    this.#data.setInt32(at, value, LITTLE);
  }
  u64(value: bigint): void {
    const at = this.reserve(8); // may replace #data
    this.#data.setBigUint64(at, value, LITTLE);
  }
  be16(value: number): void {
    const at = this.reserve(2); // may replace #data
    this.#data.setUint16(at, value, false);
  }
  be32(value: number): void {
    const at = this.reserve(4); // may replace #data
    this.#data.setUint32(at, value, false);
  }
  be64(value: bigint): void {
    const at = this.reserve(8); // may replace #data
    this.#data.setBigUint64(at, value, false);
  }
  raw(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }
  /** Overwrites a u16 written before: lengths are known only at the end. */
  patchU16(at: number, value: number): void {
    this.#data.setUint16(at, value, LITTLE);
  }
  patchU8(at: number, value: number): void {
    this.#data.setUint8(at, value);
  }
}

/** Overwrites a u32. For bytes so few that a DataView would take longer to make. */
export function patchU32(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[LITTLE ? at + i : at + 3 - i] = value >>> (8 * i);
}

export function toHex(bytes: Uint8Array): string {
  if (bytes.length === 0) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
