import {
  type AttributesOf,
  attribute,
  attributeTable,
  nest,
  repeated,
} from '../../netlink/wire/attributes.ts';
import { enumeration, flagSet, lladdr, s32, u16, u32 } from '../../netlink/wire/codec.ts';
import { defineKind, requireArray } from './kind.ts';

/** IFLA_MACVLAN_*, uapi/linux/if_link.h. */
const table = attributeTable('IFLA_MACVLAN', {
  mode: attribute(
    1,
    'IFLA_MACVLAN_MODE',
    enumeration(u32, { 1: 'private', 2: 'vepa', 4: 'bridge', 8: 'passthru', 16: 'source' }),
  ),
  flags: attribute(2, 'IFLA_MACVLAN_FLAGS', flagSet(u16, { nopromisc: 1, nodst: 2 })),
  /** What becomes of `macaddr` and `macaddrData`; a command, never told. */
  macaddrMode: attribute(
    3,
    'IFLA_MACVLAN_MACADDR_MODE',
    enumeration(u32, { 0: 'add', 1: 'del', 2: 'flush', 3: 'set' }),
  ),
  /** For "add" and "del". */
  macaddr: attribute(4, 'IFLA_MACVLAN_MACADDR', lladdr),
  sources: nest(
    5,
    'IFLA_MACVLAN_MACADDR_DATA',
    attributeTable('IFLA_MACVLAN', { macaddr: repeated(4, 'IFLA_MACVLAN_MACADDR', lladdr) }),
  ),
  macaddrCount: attribute(6, 'IFLA_MACVLAN_MACADDR_COUNT', u32),
  /** Length of the queue of broadcasts, as wished; `usedbcqueuelen` is the longest wish on the same lower link. */
  bcqueuelen: attribute(7, 'IFLA_MACVLAN_BC_QUEUE_LEN', u32),
  usedbcqueuelen: attribute(8, 'IFLA_MACVLAN_BC_QUEUE_LEN_USED', u32),
  bccutoff: attribute(9, 'IFLA_MACVLAN_BC_CUTOFF', s32),
});
type Wire = AttributesOf<(typeof table)['specs']>;

/** Settings of a macvlan or macvtap (man 8 ip-link). */
export type Macvlan = Omit<Wire, 'sources'> & {
  /** In mode "source": the addresses whose frames this link takes. Setting it replaces the list. */
  macaddrData?: string[];
};

function defineMacvlan(kind: string) {
  return defineKind<typeof table, Macvlan>(kind, table, {
    fields: ['macaddrData'],
    hidden: ['sources'],
    renamed: { sources: 'macaddrData' },
    readings: ['macaddrCount', 'usedbcqueuelen'],
    momentary: ['macaddrMode', 'macaddr'],
    fromWire({ sources, ...rest }) {
      const value: Macvlan = rest;
      if (sources !== undefined) value.macaddrData = sources.macaddr ?? [];
      return value;
    },
    toWire({ macaddrData, ...rest }) {
      if (macaddrData === undefined) return rest;
      requireArray('macaddrData', macaddrData, 'an array of addresses');
      return { ...rest, macaddrMode: rest.macaddrMode ?? 'set', sources: { macaddr: macaddrData } };
    },
  });
}

export const macvlan = defineMacvlan('macvlan');
export const macvtap = defineMacvlan('macvtap');
