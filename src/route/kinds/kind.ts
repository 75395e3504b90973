import {
  type AttributesOf,
  type AttributeTable,
  type NamingTable,
  walkAttributes,
  writeAttribute,
} from '../../netlink/wire/attributes.ts';
import { type Codec, ValueError } from '../../netlink/wire/codec.ts';
import { WireError, type WireView, type WireWriter } from '../../netlink/wire/view.ts';

/** What is known of one kind of link, or of the ports of one kind of master: its own attributes. */
export interface Kind<T extends object = object> {
  /** IFLA_INFO_KIND or IFLA_INFO_SLAVE_KIND. */
  readonly kind: string;
  readonly table: NamingTable;
  /** Every field that an object of this kind may have. */
  readonly fields: ReadonlySet<string>;
  /** What the kernel only tells: nobody can set it. */
  readonly readings: ReadonlySet<string>;
  /** What can be set, but is of the moment: add() leaves it out when a listed link is added again. */
  readonly momentary: ReadonlySet<string>;
  /** Fields that name a link, and the field that has its index. */
  readonly links: Readonly<Record<string, string>>;
  /** What a change does not mention, the kernel takes for the default: set() has to say all of it again. */
  readonly whole: boolean;
  decode(view: WireView, start: number, end: number): T;
  encode(writer: WireWriter, value: T): void;
  /** The settings without those that say no more than the default; some kernels refuse even the default. */
  withoutDefaults(value: T): T;
}

type Specs<T> = T extends AttributeTable<infer S> ? S : never;
type Wire<T> = AttributesOf<Specs<T>>;

export interface KindOptions<W, T> {
  readings?: readonly (keyof T & string)[];
  momentary?: readonly (keyof T & string)[];
  links?: Readonly<Record<string, keyof T & string>>;
  whole?: true;
  /** Fields of the object that are none of the table's. */
  fields?: readonly (keyof T & string)[];
  /** Fields of the table that are none of the object's. */
  hidden?: readonly (keyof W & string)[];
  /** Of hidden fields that hold one other field: what that is called in the object, for error messages. */
  renamed?: Readonly<Record<string, keyof T & string>>;
  fromWire?(wire: W): T;
  toWire?(value: T): W;
  withoutDefaults?(value: T): T;
}

/** A kind by its attribute table; `fromWire` and `toWire` where the object differs from the attributes. */
export function defineKind<A extends AttributeTable<Specs<A>>, T extends object = Wire<A>>(
  kind: string,
  table: A,
  options: KindOptions<Wire<A>, T> = {},
): Kind<T> {
  const fields = new Set<string>([...Object.keys(table.specs), ...(options.fields ?? []), 'raw']);
  for (const hidden of options.hidden ?? []) fields.delete(hidden);
  for (const name of Object.keys(options.links ?? {})) fields.add(name);
  return {
    kind,
    table,
    fields,
    readings: new Set(options.readings),
    momentary: new Set(options.momentary),
    links: options.links ?? {},
    whole: options.whole === true,
    decode(view, start, end) {
      const wire = table.decode(view, start, end) as Wire<A>;
      return options.fromWire === undefined ? (wire as unknown as T) : options.fromWire(wire);
    },
    encode(writer, value) {
      const wire = options.toWire === undefined ? (value as unknown as Wire<A>) : options.toWire(value);
      try {
        table.encode(writer, wire);
      } catch (error) {
        const renamed = error instanceof ValueError ? options.renamed?.[error.path[0] ?? ''] : undefined;
        if (error instanceof ValueError && renamed !== undefined) error.path.splice(0, 2, renamed);
        throw error;
      }
    },
    withoutDefaults: options.withoutDefaults ?? ((value) => value),
  };
}

/** The kernel's clock_t in hundredths of a second: 64 bits on the wire, a number here. */
export const clock: Codec<number> = {
  size: 8,
  decode(view, start, end) {
    if (end - start < 8) throw new WireError(`clock of ${end - start} bytes`);
    const value = Number(view.u64(start));
    if (!Number.isSafeInteger(value)) throw new WireError('clock beyond 2 ** 53');
    return value;
  },
  encode(writer, value) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new ValueError(value, 'a time in hundredths of a second, an integer from 0 on');
    writer.u64(BigInt(value));
  },
};

/** What kernels tell as a byte, yes or no, and take as an attribute without a value: presence means yes. */
export const flagOrByte: Codec<boolean> = {
  size: 0,
  decode: (view, start, end) => start === end || view.u8(start) !== 0,
  encode(_writer, value) {
    if (typeof value !== 'boolean') throw new ValueError(value, 'true or false');
  },
};

/** A bridge's id: `8000.52:54:00:12:34:56`, priority and address. struct ifla_bridge_id, uapi/linux/if_link.h */
export const bridgeId: Codec<string> = {
  decode(view, start, end) {
    if (end - start < 8) throw new WireError(`bridge id of ${end - start} bytes`);
    const octets = Array.from(view.bytes.subarray(start, start + 8), (octet) =>
      octet.toString(16).padStart(2, '0'),
    );
    return `${octets.slice(0, 2).join('')}.${octets.slice(2).join(':')}`;
  },
  encode(writer, value) {
    if (typeof value !== 'string' || !/^[0-9a-f]{4}\.[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(value))
      throw new ValueError(value, 'a bridge id such as 8000.52:54:00:12:34:56');
    writer.raw(Buffer.from(value.replace(/[.:]/g, ''), 'hex'));
  },
};

/** Values numbered from 0 on, an attribute each: lists of addresses in linux/if_link.h. */
export function numbered<T>(item: Codec<T>, most: number): Codec<T[]> {
  return {
    decode(view, start, end) {
      const out: T[] = [];
      walkAttributes(view, start, end, (_type, from, to) => void out.push(item.decode(view, from, to)));
      return out;
    },
    encode(writer, value) {
      if (!Array.isArray(value) || value.length > most)
        throw new ValueError(value, `a list of at most ${most}`);
      for (const [index, one] of (value as readonly T[]).entries())
        writeAttribute(writer, index, false, () => item.encode(writer, one));
    },
  };
}

/** EtherTypes of VLAN tags by iproute2's words. uapi/linux/if_ether.h */
export const VLAN_PROTOCOLS = { 33024: '802.1Q', 34984: '802.1ad' } as const;

/** Throws a ValueError for a field that should be an array and is none. */
export function requireArray(field: string, value: unknown, remedy: string): void {
  if (Array.isArray(value)) return;
  const error = new ValueError(value, remedy);
  error.path.unshift(field);
  throw error;
}
