import type { AttributesOf, AttributeTable, NamingTable } from '../../netlink/wire/attributes.ts';
import { type Codec, u8, ValueError } from '../../netlink/wire/codec.ts';
import { align, WireError, type WireView, type WireWriter } from '../../netlink/wire/view.ts';

/** TCA_OPTIONS of one kind, of a discipline or of a class. */
export interface TcOptions<T extends object = object> {
  /** For naming what the kernel complains of. */
  readonly table?: NamingTable;
  /** Every field that an object may have. */
  readonly fields: ReadonlySet<string>;
  /** The kernel insists on NLA_F_NESTED. */
  readonly nested: boolean;
  decode(view: WireView, start: number, end: number): T;
  encode(writer: WireWriter, value: T): void;
}

/** What is known of one kind of queueing discipline and of its classes. */
export interface QdiscKind<Q extends object = object, C extends object = object, S extends object = object> {
  /** TCA_KIND. */
  readonly kind: string;
  readonly qdisc?: TcOptions<Q>;
  /** The kernel wants options even where nobody asks for any. */
  readonly always?: boolean;
  readonly class?: TcOptions<C>;
  /** Counters of the kind's own: TCA_STATS_APP. */
  readonly stats?: { decode(view: WireView, start: number, end: number): S };
  /** Counters that are told among the options: they belong to the statistics. */
  readonly counters?: readonly string[];
}

type Specs<T> = T extends AttributeTable<infer S> ? S : never;

interface OptionsShape<W, T> {
  table?: NamingTable;
  nested?: boolean;
  fields: readonly (keyof T & string)[];
  fromWire?(wire: W): T;
  toWire?(value: T): W;
}

/** Options by a codec; `fromWire` and `toWire` where the object differs from what is on the wire. */
export function optionsBy<W extends object, T extends object>(
  codec: Codec<W>,
  shape: OptionsShape<W, T>,
): TcOptions<T> {
  return {
    ...(shape.table && { table: shape.table }),
    fields: new Set(shape.fields),
    nested: shape.nested ?? false,
    decode(view, start, end) {
      const wire = codec.decode(view, start, end);
      return shape.fromWire === undefined ? (wire as unknown as T) : shape.fromWire(wire);
    },
    encode(writer, value) {
      codec.encode(writer, shape.toWire === undefined ? (value as unknown as W) : shape.toWire(value));
    },
  };
}

/** Options that are attributes and nothing else. */
export function attributeOptions<A extends AttributeTable<Specs<A>>>(
  table: A,
  { nested = false }: { nested?: boolean } = {},
): TcOptions<AttributesOf<Specs<A>>> {
  return optionsBy<AttributesOf<Specs<A>>, AttributesOf<Specs<A>>>(tableCodec(table), {
    table,
    nested,
    fields: [...Object.keys(table.specs), 'raw'] as never,
  });
}

/** A table as a codec. */
export function tableCodec<A extends AttributeTable<Specs<A>>>(table: A): Codec<AttributesOf<Specs<A>>> {
  return {
    decode: (view, start, end) => table.decode(view, start, end) as AttributesOf<Specs<A>>,
    encode: (writer, value) => table.encode(writer, value),
  };
}

/** A struct with attributes behind it. */
export function structAndTable<S extends object, A extends AttributeTable<Specs<A>>>(
  head: Codec<S> & { readonly size: number },
  table: A,
): Codec<{ head: S; rest: AttributesOf<Specs<A>> }> {
  return {
    decode(view, start, end) {
      if (end - start < head.size)
        throw new WireError(`options of ${end - start} bytes where ${head.size} are needed`);
      const from = Math.min(end, start + align(head.size));
      return {
        head: head.decode(view, start, start + head.size),
        rest: table.decode(view, from, end) as AttributesOf<Specs<A>>,
      };
    },
    encode(writer, { head: value, rest }) {
      head.encode(writer, value);
      writer.pad();
      table.encode(writer, rest);
    },
  };
}

/** A number of bytes, each a number. */
export function byteArray(length: number): Codec<number[]> {
  return {
    size: length,
    decode(view, start, end) {
      if (end - start < length) throw new WireError(`${end - start} bytes where ${length} are needed`);
      return Array.from(view.bytes.subarray(start, start + length));
    },
    encode(writer, value) {
      if (!Array.isArray(value) || value.length > length)
        throw new ValueError(value, `a list of up to ${length} numbers`);
      for (let i = 0; i < length; i++) u8.encode(writer, value[i] ?? 0);
    },
  };
}

/** Decodes a struct of counters; a shorter one, of an older kernel, lacks the last of them. */
export function counters<T extends object>(
  codec: Codec<T & { tail?: string }>,
): QdiscKind<object, object, T>['stats'] & object {
  return {
    decode(view, start, end) {
      const { tail: _, ...rest } = codec.decode(view, start, end);
      return rest as unknown as T;
    },
  };
}

/** A ValueError about a field. */
export function badField(field: string, value: unknown, remedy: string): ValueError {
  const error = new ValueError(value, remedy);
  error.path.unshift(field);
  return error;
}

/** The minor of a default class: told as `tc -j` does, `0x30`; taken as that or as a number. */
export function minorClass(base: Codec<number>): Codec<string | number> {
  return {
    ...(base.size === undefined ? {} : { size: base.size }),
    decode: (view, start, end) => formatMinor(base.decode(view, start, end)),
    encode(writer, value) {
      const number =
        typeof value === 'string' && /^(0x)?[0-9a-f]+$/i.test(value) ? Number.parseInt(value, 16) : value;
      if (typeof number !== 'number')
        throw new ValueError(value, 'the minor of a class, in hexadecimal: "0x30"');
      base.encode(writer, number);
    },
  };
}

/** printf's %#x: 0 has no 0x. */
function formatMinor(minor: number): string {
  return minor === 0 ? '0' : `0x${minor.toString(16)}`;
}
