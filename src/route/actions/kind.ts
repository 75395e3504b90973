import type { AttributesOf, AttributeTable, NamingTable } from '../../netlink/wire/attributes.ts';
import { attribute } from '../../netlink/wire/attributes.ts';
import { type Codec, s32, u32, u64 } from '../../netlink/wire/codec.ts';
import type { WireView, WireWriter } from '../../netlink/wire/view.ts';
import { control } from '../tc-control.ts';
import { wholeStruct } from '../tc-struct.ts';

/** What every action has. */
export interface ActionCommon {
  /** Its number among the actions of its kind. The kernel chooses one where none is given. */
  index?: number;
  /** What happens to the packet after it: `pipe`, `pass`, `drop`, `goto chain 5`, ... */
  control?: string;
  /** How many refer to it, and how many filters of these. */
  ref?: number;
  bind?: number;
  times?: ActionTimes;
}

/** In hundredths of a second: how long ago; 0 for never. */
export interface ActionTimes {
  installed: bigint;
  lastUsed: bigint;
  expires: bigint;
  firstUsed?: bigint;
}

/** The fields of `tc_gen`, which begin the parameters of most actions. uapi/linux/pkt_cls.h */
export const tcGen = { index: u32, capab: u32, control, ref: s32, bind: s32 };
export type TcGen = { index: number; capab: number; control: string; ref: number; bind: number };

const tcfT = wholeStruct(
  'tcf_t',
  { installed: u64, lastUsed: u64, expires: u64, firstUsed: u64 },
  // firstuse came with Linux 4.8.
  24,
);

/** TCA_*_TM: when it was installed and used. */
export const times = (type: number, name: string) => attribute(type, name, tcfT);

/** What is known of one kind of action. */
export interface ActionKind<T extends object = object> {
  /** TCA_ACT_KIND. */
  readonly kind: string;
  readonly table: NamingTable;
  readonly fields: ReadonlySet<string>;
  decode(view: WireView, start: number, end: number): { common: ActionCommon; value: T };
  encode(writer: WireWriter, common: ActionCommon, value: T): void;
}

type Specs<T> = T extends AttributeTable<infer S> ? S : never;
type WireOf<A> = AttributesOf<Specs<A>>;

interface Shape<W, T> {
  readonly fields: readonly (keyof T & string)[];
  /** What happens to the packet where nobody says. */
  readonly control: string;
  fromWire(wire: W): { gen: TcGen; times?: ActionTimes | undefined; value: T };
  toWire(gen: TcGen, value: T): W;
}

export function defineAction<A extends AttributeTable<Specs<A>>, T extends object>(
  kind: string,
  table: A,
  shape: Shape<WireOf<A>, T>,
): ActionKind<T> {
  const codec: Codec<WireOf<A>> = {
    decode: (view, start, end) => table.decode(view, start, end) as WireOf<A>,
    encode: (writer, value) => table.encode(writer, value),
  };
  return {
    kind,
    table,
    fields: new Set(shape.fields),
    decode(view, start, end) {
      const { gen, times: told, value } = shape.fromWire(codec.decode(view, start, end));
      const { index, control: word, ref, bind } = gen;
      return { common: { index, control: word, ref, bind, ...(told && { times: told }) }, value };
    },
    encode(writer, { index = 0, control: word = shape.control }, value) {
      codec.encode(writer, shape.toWire({ index, capab: 0, control: word, ref: 0, bind: 0 }, value));
    },
  };
}
