import { formatIp, formatIpv4, formatIpv6, parseIp, parseIpv4, parseIpv6 } from './address.ts';
import { readOctets, readText } from './text.ts';
import { toHex, WireError, type WireView, type WireWriter } from './view.ts';

/**
 * How one value is laid out on the wire. Methods, not function properties, on purpose: their parameters are
 * bivariant, so that a table may hold codecs of many types.
 */
export interface Codec<T> {
  /** Size in bytes where it is fixed; a longer value on the wire is legal (kernels lengthen), a shorter one not. */
  readonly size?: number;
  decode(view: WireView, start: number, end: number): T;
  /** Throws a {@link ValueError} for what cannot be expressed. */
  encode(writer: WireWriter, value: T): void;
}

export type Decoded<C> = C extends Codec<infer T> ? T : never;

/**
 * A value that cannot be put on the wire. The tables above add the field's path while it passes through; the
 * caller of an object's encoder gets an InvalidArgumentError.
 */
export class ValueError extends Error {
  readonly path: string[] = [];
  readonly value: unknown;
  /** Completes "give ...". */
  readonly remedy: string;
  constructor(value: unknown, remedy: string) {
    super(`give ${remedy}`);
    this.value = value;
    this.remedy = remedy;
  }
}

function need(start: number, end: number, size: number): void {
  if (end - start < size) throw new WireError(`value of ${end - start} bytes where ${size} are needed`);
}

function integer(
  size: number,
  min: number,
  max: number,
  read: (view: WireView, at: number) => number,
  write: (writer: WireWriter, value: number) => void,
): Codec<number> {
  return {
    size,
    decode(view, start, end) {
      need(start, end, size);
      return read(view, start);
    },
    encode(writer, value) {
      if (!Number.isInteger(value) || value < min || value > max)
        throw new ValueError(value, `an integer from ${min} to ${max}`);
      write(writer, value);
    },
  };
}

export const u8 = integer(
  1,
  0,
  0xff,
  (v, at) => v.u8(at),
  (w, n) => w.u8(n),
);
export const u16 = integer(
  2,
  0,
  0xffff,
  (v, at) => v.u16(at),
  (w, n) => w.u16(n),
);
export const be16 = integer(
  2,
  0,
  0xffff,
  (v, at) => v.be16(at),
  (w, n) => w.be16(n),
);
export const u32 = integer(
  4,
  0,
  0xffffffff,
  (v, at) => v.u32(at),
  (w, n) => w.u32(n),
);
export const s32 = integer(
  4,
  -0x80000000,
  0x7fffffff,
  (v, at) => v.s32(at),
  (w, n) => w.s32(n),
);
export const be32 = integer(
  4,
  0,
  0xffffffff,
  (v, at) => v.be32(at),
  (w, n) => w.be32(n),
);

function wide(
  read: (view: WireView, at: number) => bigint,
  write: (writer: WireWriter, value: bigint) => void,
): Codec<bigint> {
  return {
    size: 8,
    decode(view, start, end) {
      need(start, end, 8);
      return read(view, start);
    },
    encode(writer, value) {
      if (typeof value !== 'bigint' || value < 0n || value > 0xffff_ffff_ffff_ffffn)
        throw new ValueError(value, 'a bigint from 0n to 2n ** 64n - 1n');
      write(writer, value);
    },
  };
}

export const u64 = wide(
  (v, at) => v.u64(at),
  (w, n) => w.u64(n),
);
export const be64 = wide(
  (v, at) => v.be64(at),
  (w, n) => w.be64(n),
);

/** A u8 that means yes or no. */
export const bool8: Codec<boolean> = {
  size: 1,
  decode(view, start, end) {
    need(start, end, 1);
    return view.u8(start) !== 0;
  },
  encode(writer, value) {
    if (typeof value !== 'boolean') throw new ValueError(value, 'true or false');
    writer.u8(value ? 1 : 0);
  },
};

/** An attribute without a value: it is there, or it is not (NLA_FLAG). `false` leaves it out: see attributes.ts. */
export const flag: Codec<boolean> = {
  size: 0,
  decode: () => true,
  encode() {},
};

/** NUL-terminated text, at most `max` bytes without the NUL. The kernel's own strings may lack the NUL. */
export function text(max = 4096): Codec<string> {
  return {
    decode: (view, start, end) => readText(view.bytes, start, end),
    encode(writer, value) {
      if (typeof value !== 'string') throw new ValueError(value, 'a string');
      if (value.includes('\0')) throw new ValueError(value, 'a string without NUL');
      const bytes = Buffer.from(value);
      if (bytes.length > max) throw new ValueError(value, `at most ${max} bytes`);
      writer.raw(bytes);
      writer.u8(0);
    },
  };
}

export const string = text();

/** Opaque bytes, as a hex string. */
export const hex: Codec<string> = {
  decode: (view, start, end) => toHex(view.bytes.subarray(start, end)),
  encode(writer, value) {
    if (typeof value !== 'string' || value.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(value))
      throw new ValueError(value, 'an even number of hex digits');
    writer.raw(Buffer.from(value, 'hex'));
  },
};

/** A link-layer address of any length: `52:54:00:12:34:56`; the empty string for none. */
export const lladdr: Codec<string> = {
  decode: (view, start, end) => readOctets(view.bytes, start, end),
  encode(writer, value) {
    if (typeof value !== 'string' || !/^([0-9a-f]{1,2}(:[0-9a-f]{1,2})*)?$/i.test(value))
      throw new ValueError(value, 'hex octets joined by colons, such as 52:54:00:12:34:56');
    if (value !== '') for (const octet of value.split(':')) writer.u8(Number.parseInt(octet, 16));
  },
};

/** An IPv4 address in network order. */
export const ipv4: Codec<string> = {
  size: 4,
  decode(view, start, end) {
    need(start, end, 4);
    return formatIpv4(view.bytes, start);
  },
  encode(writer, value) {
    const bytes = parseIpv4(value);
    if (bytes === undefined) throw new ValueError(value, 'an IPv4 address such as 192.0.2.1');
    writer.raw(bytes);
  },
};

/** An IPv6 address. */
export const ipv6: Codec<string> = {
  size: 16,
  decode(view, start, end) {
    need(start, end, 16);
    return formatIpv6(view.bytes, start);
  },
  encode(writer, value) {
    const bytes = parseIpv6(value);
    if (bytes === undefined) throw new ValueError(value, 'an IPv6 address such as 2001:db8::1');
    writer.raw(bytes);
  },
};

/** An address of either family, told apart by its length (4 or 16 bytes). */
export const ip: Codec<string> = {
  decode(view, start, end) {
    const length = end - start;
    if (length !== 4 && length !== 16) throw new WireError(`IP address of ${length} bytes`);
    return formatIp(view.bytes.subarray(start, end));
  },
  encode(writer, value) {
    const bytes = parseIp(value);
    if (bytes === undefined) throw new ValueError(value, 'an IPv4 or IPv6 address');
    writer.raw(bytes);
  },
};

/**
 * A number with a name: `names` maps wire value to word. An unknown number is its decimal digits; encoding takes
 * both, so what was read can be written.
 */
export function enumeration<const N extends Readonly<Record<number, string>>>(
  base: Codec<number>,
  names: N,
): Codec<N[keyof N & number] | (string & {})> {
  const numbers = new Map<string, number>();
  for (const [number, name] of Object.entries(names)) numbers.set(name, Number(number));
  return {
    ...(base.size === undefined ? {} : { size: base.size }),
    decode(view, start, end) {
      const value = base.decode(view, start, end);
      return names[value] ?? String(value);
    },
    encode(writer, value) {
      const digits = (typeof value === 'string' || typeof value === 'number') && /^\d+$/.test(value);
      const number = numbers.get(value) ?? (digits ? Number(value) : undefined);
      if (number === undefined)
        throw new ValueError(value, `one of ${[...numbers.keys()].join(', ')}, or a number`);
      base.encode(writer, number);
    },
  };
}

/** Bits with names. Unknown bits come as one hexadecimal string, `0x8000`, and can be written again. */
export function flagSet<const N extends Readonly<Record<string, number>>>(
  base: Codec<number>,
  bits: N,
): Codec<((keyof N & string) | (string & {}))[]> {
  return {
    ...(base.size === undefined ? {} : { size: base.size }),
    decode: (view, start, end) => flagNames(base.decode(view, start, end), bits),
    encode: (writer, value) => base.encode(writer, flagBits(value, bits)),
  };
}

/** The lists that were made last, by set of flags and value: most objects have the same few. */
const known = new WeakMap<object, { value: number; names: readonly string[] }[]>();
const REMEMBERED = 16;

/** The names of the bits, in the order of `bits`. A list of the caller's own. */
export function flagNames(value: number, bits: Readonly<Record<string, number>>): string[] {
  if (value === 0) return [];
  let lists = known.get(bits);
  if (lists === undefined) {
    lists = [];
    known.set(bits, lists);
  }
  // A few bits of all of them, where they mostly differ.
  const slot = (value ^ (value >>> 4) ^ (value >>> 16)) & (REMEMBERED - 1);
  const list = lists[slot];
  if (list?.value === value) return list.names.slice();
  const names = spellFlags(value, bits);
  lists[slot] = { value, names };
  return names.slice();
}

function spellFlags(value: number, bits: Readonly<Record<string, number>>): string[] {
  const names: string[] = [];
  let rest = value;
  for (const [name, bit] of Object.entries(bits)) {
    if ((value & bit) === 0) continue;
    names.push(name);
    rest &= ~bit;
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names;
}

export function flagBits(names: readonly string[], bits: Readonly<Record<string, number>>): number {
  if (!Array.isArray(names)) throw new ValueError(names, 'a list of names');
  let value = 0;
  for (const name of names as readonly string[]) {
    const hex = typeof name === 'string' && /^0x[0-9a-f]+$/i.test(name);
    const bit = bits[name] ?? (hex ? Number(name) : undefined);
    if (bit === undefined)
      throw new ValueError(name, `names among ${Object.keys(bits).join(', ')}, or a hexadecimal number`);
    value |= bit;
  }
  return value >>> 0;
}

/** `size` bytes without a meaning: skipped on decoding, zero on encoding. */
export function reserved(size: number): Codec<undefined> {
  return {
    size,
    decode: () => undefined,
    encode: (writer) => void writer.reserve(size),
  };
}

/** Values of one codec back to back. */
export function array<T>(item: (Codec<T> & { readonly size: number }) | Codec<T>): Codec<T[]> {
  const size = item.size;
  if (size === undefined || size === 0) throw new TypeError('array() needs a codec of fixed size');
  return {
    decode(view, start, end) {
      const out: T[] = [];
      for (let at = start; at + size <= end; at += size) out.push(item.decode(view, at, at + size));
      return out;
    },
    encode(writer, value) {
      if (!Array.isArray(value)) throw new ValueError(value, 'a list');
      for (const one of value as readonly T[]) item.encode(writer, one);
    },
  };
}
