import type { AttributesOf, AttributeTable, NamingTable } from '../../netlink/wire/attributes.ts';
import { type Codec, flagSet, u32, ValueError } from '../../netlink/wire/codec.ts';
import type { WireView, WireWriter } from '../../netlink/wire/view.ts';
import type { Action } from '../action-list.ts';
import { formatClassId, HANDLE_WORDS, parseClassId } from '../tc-handle.ts';

/** What classifiers have in common among their own attributes. */
export interface FilterParts {
  /** The class that packets go to, `1:10`. */
  classid?: string;
  actions?: Action[];
  /** A name of a link, by which packets must have come in. */
  indev?: string;
  /** `skip_hw`, `skip_sw`, `verbose`; and from the kernel `in_hw`, `not_in_hw`. */
  flags?: string[];
}

/** TCA_CLS_FLAGS_*, uapi/linux/pkt_cls.h. */
const FLAGS = { skip_hw: 1, skip_sw: 2, in_hw: 4, not_in_hw: 8, verbose: 16 } as const;
/** What the kernel tells of its own. */
export const TOLD_FLAGS: readonly string[] = ['in_hw', 'not_in_hw'];

export const filterFlags = flagSet(u32, FLAGS);

/** A class as an attribute. */
export const classRef: Codec<string> = {
  size: 4,
  decode: (view, start, end) => formatClassId(u32.decode(view, start, end)),
  encode(writer, value) {
    const handle = parseClassId(value, HANDLE_WORDS);
    if (handle === undefined) throw new ValueError(value, 'a class such as "1:10"');
    writer.u32(handle);
  },
};

/** What is known of one kind of classifier. */
export interface FilterKind<T extends object = object> {
  /** TCA_KIND. */
  readonly kind: string;
  readonly table: NamingTable;
  readonly fields: ReadonlySet<string>;
  /** Handles as `tc` shows them, and back; undefined for a text that is none. Default: `0x1`. */
  readonly handle?: { format(handle: number): string; parse(text: string): number | undefined };
  decode(view: WireView, start: number, end: number): { parts: FilterParts; value: T };
  encode(writer: WireWriter, parts: FilterParts, value: T): void;
}

type Specs<T> = T extends AttributeTable<infer S> ? S : never;
type WireOf<A> = AttributesOf<Specs<A>>;

interface Shape<W, T> {
  readonly fields: readonly (keyof T & string)[];
  readonly handle?: FilterKind['handle'];
  /** Default: the wire's attributes are the object's. */
  fromWire?(wire: Omit<W, keyof FilterParts>): T;
  toWire?(value: T): Omit<W, keyof FilterParts>;
}

/** A classifier by its table, in which the parts that all have go by the names that all have. */
export function defineFilter<A extends AttributeTable<Specs<A>>, T extends object>(
  kind: string,
  table: A,
  shape: Shape<WireOf<A>, T>,
): FilterKind<T> {
  return {
    kind,
    table,
    fields: new Set(shape.fields),
    ...(shape.handle && { handle: shape.handle }),
    decode(view, start, end) {
      const wire = table.decode(view, start, end) as WireOf<A> & FilterParts;
      const { classid, actions, indev, flags, ...rest } = wire;
      const own = rest as unknown as Omit<WireOf<A>, keyof FilterParts>;
      return {
        parts: {
          ...(classid !== undefined && { classid }),
          ...(actions !== undefined && { actions }),
          ...(indev !== undefined && { indev }),
          ...(flags !== undefined && flags.length > 0 && { flags }),
        },
        value: shape.fromWire === undefined ? (own as unknown as T) : shape.fromWire(own),
      };
    },
    encode(writer, parts, value) {
      const wire = shape.toWire === undefined ? value : shape.toWire(value);
      for (const part of Object.keys(parts)) {
        if (Object.hasOwn(table.specs, part)) continue;
        const error = new ValueError(parts[part as keyof FilterParts], `nothing: ${kind} has no ${part}`);
        error.path.unshift(part);
        throw error;
      }
      const flags = parts.flags?.filter((flag) => !TOLD_FLAGS.includes(flag));
      table.encode(writer, { ...wire, ...parts, ...(flags && { flags }) } as unknown as WireOf<A>);
    },
  };
}
