import type { AttributesOf, AttributeTable, NamingTable } from '../netlink/wire/attributes.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { reserved, u8 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';

/** struct genlmsghdr, uapi/linux/genetlink.h. */
export const genlmsghdr = struct('genlmsghdr', { command: u8, version: u8, reserved: reserved(2) });

/** An attribute table, by the objects that it reads and writes. */
export interface Table<T extends object> extends NamingTable {
  decode(view: WireView, start: number, end: number): T;
  encode(writer: Parameters<AttributeTable<Record<never, never>>['encode']>[0], value: T): void;
}

/** The object of a table. */
export type ValueOf<T> =
  T extends AttributeTable<infer S> ? AttributesOf<S> : T extends Table<infer V> ? V : never;

/** One command of a family: what it takes, and what it answers. */
export interface CommandDefinition {
  /** Its number in the family's own enumeration: `ETHTOOL_MSG_RINGS_GET`. */
  readonly id: number;
  /** The name in the header, for error messages. */
  readonly name: string;
  readonly request: NamingTable;
  readonly reply: NamingTable;
}

/**
 * A family as a program knows it: its name, the version of its protocol, and its commands. The kernel gives the number
 * of the family when it is asked; what it can do besides, {@link GenericSocket.family} tells.
 */
export interface FamilyDefinition {
  readonly name: string;
  readonly version: number;
  readonly commands: Readonly<Record<string, CommandDefinition>>;
}

/**
 * Describes a family of generic netlink by attribute tables. Its types, its encoder, its decoder and the names in error
 * messages follow from it: see docs/generic-netlink.md.
 */
export function defineFamily<const F extends FamilyDefinition>(definition: F): F {
  return definition;
}

export type CommandOf<F extends FamilyDefinition> = keyof F['commands'] & string;
export type RequestOf<F extends FamilyDefinition, C extends CommandOf<F>> = ValueOf<
  F['commands'][C]['request']
>;
export type ReplyOf<F extends FamilyDefinition, C extends CommandOf<F>> = ValueOf<F['commands'][C]['reply']>;

/** The payload of a message: the header, then the attributes. */
export function encodeGeneric(
  { version }: Pick<FamilyDefinition, 'version'>,
  command: CommandDefinition,
  value: object,
): Uint8Array {
  return encodePayload((writer) => {
    genlmsghdr.encode(writer, { command: command.id, version });
    (command.request as Table<object>).encode(writer, value);
  });
}

/** A payload's attributes by a table; throws a WireError for a header cut short. */
export function decodeGeneric(table: NamingTable, payload: Uint8Array): { command: number; value: object } {
  const view = new WireView(payload);
  const { command } = genlmsghdr.decodeAt(view, 0);
  return { command, value: (table as Table<object>).decode(view, genlmsghdr.size, view.length) };
}
