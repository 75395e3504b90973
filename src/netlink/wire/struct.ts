import { type Codec, type Decoded, ValueError } from './codec.ts';
import { toHex, WireError, type WireView } from './view.ts';

type Fields = Readonly<Record<string, Codec<unknown>>>;
type Named<F extends Fields> = {
  [K in keyof F as Decoded<F[K]> extends undefined ? never : K]: Decoded<F[K]>;
};

/** A decoded C struct; `tail` holds, in hex, bytes that a newer kernel appended. */
export type StructOf<F extends Fields> = Named<F> & { tail?: string };

export interface Struct<F extends Fields> extends Codec<StructOf<F>> {
  readonly size: number;
  /** Writes the struct with zeros for the fields that are not given. */
  encode(writer: Parameters<Codec<unknown>['encode']>[0], value: Partial<StructOf<F>>): void;
  decodeAt(view: WireView, start: number): Named<F>;
}

/**
 * A C struct of fixed-size fields without implicit padding (name padding with `reserved`). Kernels only ever
 * lengthen structs: a longer value keeps its tail; a shorter one, down to `minimum` bytes (default: the whole
 * struct), leaves out the fields that are missing.
 */
export function struct<const F extends Fields>(name: string, fields: F, minimum?: number): Struct<F> {
  const entries = Object.entries(fields).map(([key, codec]) => {
    if (codec.size === undefined) throw new TypeError(`${name}.${key} has no fixed size`);
    return { key, codec, size: codec.size };
  });
  const size = entries.reduce((sum, { size }) => sum + size, 0);
  const least = minimum ?? size;
  function read(view: WireView, start: number, end: number): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    let at = start;
    for (const entry of entries) {
      if (at + entry.size > end) break;
      const value = entry.codec.decode(view, at, at + entry.size);
      if (value !== undefined) out[entry.key] = value;
      at += entry.size;
    }
    return out;
  }
  return {
    size,
    decode(view, start, end) {
      if (end - start < least)
        throw new WireError(`${name} of ${end - start} bytes where ${least} are needed`);
      const out = read(view, start, end);
      if (end - start > size) out.tail = toHex(view.bytes.subarray(start + size, end));
      return out as StructOf<F>;
    },
    decodeAt(view, start) {
      if (view.length - start < size)
        throw new WireError(`${name} of ${Math.max(0, view.length - start)} bytes where ${size} are needed`);
      return read(view, start, start + size) as Named<F>;
    },
    encode(writer, value) {
      const given: Record<string, unknown> = value;
      for (const { key, codec, size } of entries) {
        const one = given[key];
        if (one === undefined) {
          writer.reserve(size);
          continue;
        }
        try {
          codec.encode(writer, one);
        } catch (error) {
          if (error instanceof ValueError) error.path.unshift(key);
          throw error;
        }
      }
      if (typeof given.tail === 'string') writer.raw(Buffer.from(given.tail, 'hex'));
    },
  };
}
