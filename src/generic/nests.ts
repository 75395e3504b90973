import {
  type AttributeSpec,
  type AttributesOf,
  type AttributeTable,
  type NamingTable,
  nest,
  walkAttributes,
  writeAttribute,
} from '../netlink/wire/attributes.ts';
import type { Codec } from '../netlink/wire/codec.ts';

/** An element of an indexed list: its number in the list, and what it holds. */
export type Indexed<T extends object> = T & { index: number };

/**
 * An attribute whose value is a list of nests that are told apart by number instead of by name, as generic netlink has
 * them: the "type" of each is its place. The number stays with the element, as `index`.
 */
export function indexedList<T extends object>(
  type: number,
  name: string,
  item: Pick<Codec<T>, 'decode' | 'encode'> & { readonly naming?: NamingTable },
): AttributeSpec<Indexed<T>[]> {
  const codec: Codec<Indexed<T>[]> = {
    decode(view, start, end) {
      const out: Indexed<T>[] = [];
      walkAttributes(view, start, end, (index, from, to) =>
        out.push({ index, ...item.decode(view, from, to) }),
      );
      return out;
    },
    encode(writer, list) {
      for (const { index, ...value } of list)
        writeAttribute(writer, index, true, () => item.encode(writer, value as unknown as T));
    },
  };
  return { type, name, codec, nested: true };
}

/** A nest that may occur more than once: the field is a list. */
export function repeatedNest<S extends Readonly<Record<string, AttributeSpec<unknown>>>>(
  type: number,
  name: string,
  table: AttributeTable<S>,
): AttributeSpec<AttributesOf<S>[]> {
  const one = nest(type, name, table);
  // As with repeated(): the walk applies the codec to each occurrence, and the field holds them all.
  return { ...one, codec: one.codec as unknown as Codec<AttributesOf<S>[]>, repeated: true };
}
