import type { Codec } from '../netlink/wire/codec.ts';
import { type StructOf, struct } from '../netlink/wire/struct.ts';

/** A C struct as a value that has every field, where `struct` alone leaves them optional to whoever writes one. */
export function wholeStruct<const F extends Readonly<Record<string, Codec<unknown>>>>(
  name: string,
  fields: F,
  minimum?: number,
): Codec<StructOf<F>> & { readonly size: number } {
  return struct(name, fields, minimum);
}
