import type { NamingTable } from '../netlink/wire/attributes.ts';
import type { ReceiveBuffer } from '../netlink/wire/receive-buffer.ts';

/** The objects of rtnetlink, in the words of `ip`. */
export const OBJECT_NAMES = [
  'link',
  'address',
  'route',
  'rule',
  'neighbour',
  'nexthop',
  'fdb',
  'netconf',
  'netnsId',
  'addressLabel',
  'qdisc',
  'class',
  'filter',
  'chain',
  'mdb',
  'bridgePort',
  'bridgeVlan',
] as const;
export type ObjectName = (typeof OBJECT_NAMES)[number];

/** What the generic service, the monitor and the error messages need to know of one kind of object. */
export interface ObjectType<T extends object> {
  readonly name: ObjectName;
  /** RTM_* numbers, uapi/linux/rtnetlink.h. */
  readonly messages: { readonly new: number; readonly del: number; readonly get: number };
  /** The type of a dump's answers, where that is not `messages.new`. */
  readonly answer?: number;
  /** RTNLGRP_* numbers that announce its changes. */
  readonly groups: readonly number[];
  /** Size of the fixed header before the attributes (`sizeof(struct ifinfomsg)`, ...). */
  readonly headerSize: number;
  readonly attributes: NamingTable;
  /** Whether a message of these numbers is of this kind, where kinds share them (AF_BRIDGE has its own). Default: all are. */
  concerns?(payload: Uint8Array): boolean;
  /** The objects of a message, where a message may hold several. Default: the one that `decode` reads. */
  decodeAll?(payload: Uint8Array): readonly T[];
  /** A message's payload as an object, which keeps nothing of the bytes. Throws a WireError for a header cut short. */
  decode(payload: Uint8Array): T;
  /** The same of a dump's message where it lies, for kinds whose dumps are long. Default: `decode`. */
  read?(buffer: ReceiveBuffer, start: number, end: number): T;
  /** Identifies the object among its kind: equal keys are the same object in the kernel. */
  key(object: T): string;
  /** Tells apart those that share a key, where the kernel lets several do so (IPv4 routes). Default: none do. */
  variant?(object: T): string;
  /** What is known of an object with news that tell only what changed. Default: news are the whole object. */
  merge?(known: T, news: T): T;
  /** Fields that change by themselves (counters, ages): no news to a monitor's resync. Nested ones as `encap.counters`. */
  readonly volatile?: readonly string[];
}
