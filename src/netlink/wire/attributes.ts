import { InvalidArgumentError } from '../../handle/errors.ts';
import { type Codec, hex as hexBytes, ValueError } from './codec.ts';
import { align, toHex, WireError, type WireView, WireWriter } from './view.ts';

/** nlattr: u16 length including these 4 bytes, u16 type. uapi/linux/netlink.h */
const HEADER = 4;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
/** nla_len is 16 bits. */
const MAX_VALUE = 0xffff - HEADER;

/** An attribute that no table knows, or whose value its codec could not read: kept, and written again as it was. */
export interface RawAttribute {
  type: number;
  /** The value's bytes, in hex. */
  hex: string;
  /** NLA_F_NESTED was set. */
  nested?: true;
}

/** One attribute of a table: its number, its kernel name (for error messages), its layout. */
export interface AttributeSpec<T> {
  readonly type: number;
  readonly name: string;
  readonly codec: Codec<T>;
  /** May occur more than once in one nest: the field is an array. */
  readonly repeated?: true;
  /** The table of a nest, for naming the attribute that the kernel complains of. */
  readonly table?: NamingTable;
  readonly nested?: true;
}

type Specs = Readonly<Record<string, AttributeSpec<unknown>>>;

/** The object that a table decodes to: every attribute optional, unknown ones in `raw`. */
export type AttributesOf<S extends Specs> = {
  -readonly [K in keyof S]?: S[K] extends AttributeSpec<infer T> ? T : never;
} & { raw?: RawAttribute[] };

export type TableValue<T> = T extends AttributeTable<infer S> ? AttributesOf<S> : never;

/** What of a table it takes to name attributes: the same for all tables. */
export interface NamingTable {
  readonly name: string;
  readonly specs: Specs;
  /** Kernel attribute number to field name. */
  readonly byType: ReadonlyMap<number, string>;
  /** Where one attribute says what another one nests (IFLA_INFO_KIND): the table for the attributes in [start, end). */
  narrow?(view: WireView, start: number, end: number): NamingTable;
}

export interface AttributeTable<S extends Specs> extends NamingTable {
  readonly specs: S;
  decode(view: WireView, start: number, end: number): AttributesOf<S>;
  /** Appends each attribute that the value has, in the table's order; `undefined`, and `false` for a flag, leave it out. */
  encode(writer: WireWriter, value: AttributesOf<S>): void;
}

/** An attribute: number, kernel name, codec. */
export function attribute<T>(type: number, name: string, codec: Codec<T>): AttributeSpec<T> {
  return { type, name, codec };
}

/** An attribute that may occur more than once. */
export function repeated<T>(type: number, name: string, codec: Codec<T>): AttributeSpec<T[]> {
  // The walk below applies the codec to each occurrence: the array type is what the field holds.
  return { type, name, codec: codec as unknown as Codec<T[]>, repeated: true };
}

/** An attribute whose value is attributes of another table. `mark: false` leaves NLA_F_NESTED out, as old families want. */
export function nest<S extends Specs>(
  type: number,
  name: string,
  table: AttributeTable<S>,
  { mark = true }: { mark?: boolean } = {},
): AttributeSpec<AttributesOf<S>> {
  const codec: Codec<AttributesOf<S>> = {
    decode: (view, start, end) => table.decode(view, start, end),
    encode: (writer, value) => table.encode(writer, value),
  };
  return {
    type,
    name,
    codec,
    table,
    ...(mark ? { nested: true as const } : {}),
  };
}

/** A nest that may occur more than once. */
export function repeatedNest<S extends Specs>(
  type: number,
  name: string,
  table: AttributeTable<S>,
  options: { mark?: boolean } = {},
): AttributeSpec<AttributesOf<S>[]> {
  const { codec, ...spec } = nest(type, name, table, options);
  return { ...spec, ...repeated(type, name, codec) };
}

/** An attribute with a codec of its own that writes attributes (kind-dependent nests): sets NLA_F_NESTED. */
export function nestedBy<T>(type: number, name: string, codec: Codec<T>): AttributeSpec<T> {
  return { type, name, codec, nested: true };
}

/**
 * Calls `visit` for each attribute in [start, end). A length below 4 or beyond the end throws: nothing after it
 * can be trusted. Fewer than 4 bytes at the end are padding.
 */
export function walkAttributes(
  view: WireView,
  start: number,
  end: number,
  visit: (type: number, start: number, end: number, nested: boolean) => void,
): void {
  let at = start;
  while (end - at >= HEADER) {
    const length = view.u16(at);
    const type = view.u16(at + 2);
    if (length < HEADER || at + length > end) throw overlong(type, at, length, end);
    visit(type & NLA_TYPE_MASK, at + HEADER, at + length, (type & NLA_F_NESTED) !== 0);
    at += align(length);
  }
}

/** Writes one attribute whose value `write` produces. Throws a {@link ValueError} over 65,531 bytes. */
export function writeAttribute(writer: WireWriter, type: number, nested: boolean, write: () => void): void {
  const at = writer.reserve(HEADER);
  write();
  const length = writer.length - at;
  if (length - HEADER > MAX_VALUE)
    throw new ValueError(
      `${length - HEADER} bytes`,
      `keep it within ${MAX_VALUE} bytes, the most an attribute can hold`,
    );
  writer.patchU16(at, length);
  writer.patchU16(at + 2, nested ? type | NLA_F_NESTED : type);
  writer.pad();
}

/** What the decoder needs of an attribute, at the index of its number. */
interface Entry {
  readonly field: string;
  readonly codec: Codec<unknown>;
  readonly repeated: boolean;
}

/** Decodes one value into `out`. False for one that cannot be read. */
function take(
  out: Record<string, unknown>,
  { field, codec, repeated }: Entry,
  view: WireView,
  from: number,
  to: number,
): boolean {
  try {
    const value = codec.decode(view, from, to);
    const before = repeated ? out[field] : undefined;
    if (Array.isArray(before)) before.push(value);
    else out[field] = repeated ? [value] : value;
    return true;
  } catch (error) {
    // One bad attribute is kept as bytes; it must not take the whole message with it.
    if (!(error instanceof WireError || error instanceof RangeError)) throw error;
    return false;
  }
}

function rawAttribute(view: WireView, type: number, flagged: number, from: number, to: number): RawAttribute {
  const hex = toHex(view.bytes.subarray(from, to));
  return (flagged & NLA_F_NESTED) !== 0 ? { type, hex, nested: true } : { type, hex };
}

function overlong(flagged: number, at: number, length: number, end: number): WireError {
  const type = flagged & NLA_TYPE_MASK;
  return new WireError(`attribute ${type} at byte ${at} claims ${length} of ${end - at} bytes`);
}

export function attributeTable<const S extends Specs>(name: string, specs: S): AttributeTable<S> {
  const entries = Object.entries(specs);
  const byType = new Map(entries.map(([field, spec]) => [spec.type, field]));
  if (byType.size !== entries.length) throw new TypeError(`${name}: two fields share one attribute number`);
  const known: (Entry | undefined)[] = [];
  for (const [field, { type, codec, repeated = false }] of entries) known[type] = { field, codec, repeated };
  return {
    name,
    specs,
    byType,
    decode(view, start, end) {
      const out: Record<string, unknown> = {};
      let raw: RawAttribute[] | undefined;
      // walkAttributes, without a call for each attribute: everything that is read goes through here.
      for (let at = start; end - at >= HEADER; ) {
        const length = view.u16(at);
        const flagged = view.u16(at + 2);
        if (length < HEADER || at + length > end) throw overlong(flagged, at, length, end);
        const type = flagged & NLA_TYPE_MASK;
        const entry = known[type];
        if (entry === undefined || !take(out, entry, view, at + HEADER, at + length)) {
          raw ??= [];
          raw.push(rawAttribute(view, type, flagged, at + HEADER, at + length));
        }
        at += align(length);
      }
      if (raw !== undefined) out.raw = raw;
      return out as AttributesOf<S>;
    },
    encode(writer, value) {
      // Callers without types give anything.
      if (typeof value !== 'object' || value === null)
        throw new ValueError(value, `an object with some of ${entries.map(([field]) => field).join(', ')}`);
      const given: Record<string, unknown> = value;
      for (const [field, spec] of entries) {
        const one = given[field];
        if (one === undefined || (one === false && spec.codec.size === 0)) continue;
        const items = spec.repeated ? one : [one];
        if (!Array.isArray(items)) {
          const error = new ValueError(one, 'a list');
          error.path.unshift(field);
          throw error;
        }
        for (const item of items) {
          try {
            writeAttribute(writer, spec.type, spec.nested === true, () => spec.codec.encode(writer, item));
          } catch (error) {
            if (error instanceof ValueError) error.path.unshift(field);
            throw error;
          }
        }
      }
      const { raw = [] } = value;
      if (!Array.isArray(raw)) {
        const error = new ValueError(raw, 'a list as [{ type, hex }]');
        error.path.unshift('raw');
        throw error;
      }
      for (const [index, one] of (raw as readonly RawAttribute[]).entries()) {
        try {
          if (typeof one !== 'object' || one === null)
            throw new ValueError(one, 'an object as { type, hex }');
          const { type, hex, nested } = one;
          if (!Number.isInteger(type) || type < 0 || type > NLA_TYPE_MASK)
            throw new ValueError(type, `a type from 0 to ${NLA_TYPE_MASK}`);
          writeAttribute(writer, type, nested === true, () => hexBytes.encode(writer, hex));
        } catch (error) {
          if (error instanceof ValueError) error.path.unshift(`raw[${index}]`);
          throw error;
        }
      }
    },
  };
}

/** Runs an object's encoder and returns its bytes; a {@link ValueError} becomes the typed error that names the field. */
export function encodePayload(write: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  try {
    write(writer);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new InvalidArgumentError(error.path.join('.'), error.value, 'is not valid', error.remedy);
  }
  return writer.bytes;
}
