/** RTM_NEWNEXTHOP, RTM_DELNEXTHOP, RTM_GETNEXTHOP: uapi/linux/nexthop.h, man 8 ip-nexthop. */

import { InvalidArgumentError } from '../handle/errors.ts';
import { AF, parseIp } from '../netlink/wire/address.ts';
import {
  attribute,
  attributeTable,
  encodePayload,
  nest,
  nestedBy,
  type RawAttribute,
  repeatedNest,
} from '../netlink/wire/attributes.ts';
import {
  type Codec,
  enumeration,
  flag,
  flagNames,
  ip,
  reserved,
  u8,
  u16,
  u32,
  u64,
  ValueError,
} from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireError, WireView } from '../netlink/wire/view.ts';
import { bool32 } from './bool32.ts';
import { defined } from './defined.ts';
import { type Encap, encodeEncap, refuseRaw } from './encap.ts';
import { fieldFlags } from './field-flags.ts';
import { decodePath } from './route-nexthops.ts';
import {
  bytes,
  NEXTHOP_FLAGS,
  numberOf,
  ROUTE_FAMILIES,
  type RouteFamily,
  type RouteProtocol,
  type RouteScope,
  refuseUnknownFields,
  routeFamily,
  routeProtocol,
  routeScope,
  scaled,
} from './route-words.ts';

/** NEXTHOP_GRP_TYPE_*. */
const GROUP_TYPES = { 0: 'mpath', 1: 'resilient' } as const;
export type NexthopGroupType = (typeof GROUP_TYPES)[keyof typeof GROUP_TYPES] | (string & {});

/** A member of a group. */
export interface NexthopGroupMember {
  /** Of the nexthop. */
  id: number;
  /** 1 to 65536, above 256 since Linux 6.12. Default 1. */
  weight?: number;
}

/** How a resilient group spreads its flows; times in seconds, to a hundredth. */
export interface ResilientGroup {
  /** How many buckets the group has. Cannot change later. */
  buckets?: number;
  /** A bucket that was idle for this long may move to another nexthop. */
  idleTimer?: number;
  /** After this long out of balance, busy buckets move too; 0 for never. */
  unbalancedTimer?: number;
  raw?: RawAttribute[];
}

/** Packets that a member of a group got. */
export interface NexthopStats {
  id: number;
  packets: bigint;
  /** Those of them that hardware forwarded. */
  packetsHw?: bigint;
}

/** A nexthop object, or a group of them. man 8 ip-nexthop. */
export interface Nexthop {
  id: number;
  /** `unspec` for groups. */
  family: RouteFamily;
  /** The gateway. */
  via?: string;
  /** The link's index, and its name; on input the name wins. */
  oif?: number;
  dev?: string;
  protocol: RouteProtocol;
  /** The kernel's: not written. */
  scope: RouteScope;
  /** `onlink`; and from the kernel `dead`, `linkdown`, `offload`, `trap`, which are not written. */
  flags?: string[];
  encap?: Encap;
  /** Drops what comes. */
  blackhole?: boolean;
  /** For a bridge's forwarding table: an address of another VTEP. */
  fdb?: boolean;
  group?: NexthopGroupMember[];
  groupType?: NexthopGroupType;
  resilient?: ResilientGroup;
  /** Packets that each member of a group got: listed where `stats` was asked for. */
  stats?: NexthopStats[];
  /** Whether a group's packets are counted in hardware, too: can be written. */
  hwStats?: boolean;
  /** Whether they are. */
  hwStatsUsed?: boolean;
  /** For how many seconds a resilient group has been out of balance: the kernel's, not written. */
  unbalancedTime?: number;
  raw?: RawAttribute[];
}

/** What `add` and `replace` take: a {@link Nexthop} as it was listed, or less. */
export interface NexthopInput extends Partial<Omit<Nexthop, 'protocol'>> {
  /** Default `unspec`. */
  protocol?: RouteProtocol | number;
}

/** struct nhmsg. */
export const nhmsg = struct('nhmsg', {
  family: u8,
  scope: routeScope,
  protocol: routeProtocol,
  reserved: reserved(1),
  flags: u32,
});

const MEMBER = 8;

/** struct nexthop_grp: id, then the weight less one, whose high byte was reserved before Linux 6.12. */
const members: Codec<NexthopGroupMember[]> = {
  decode(view, start, end) {
    if ((end - start) % MEMBER !== 0) throw new WireError(`group of ${end - start} bytes`);
    const list: NexthopGroupMember[] = [];
    for (let at = start; at < end; at += MEMBER)
      list.push({ id: view.u32(at), weight: ((view.u8(at + 5) << 8) | view.u8(at + 4)) + 1 });
    return list;
  },
  encode(writer, list) {
    if (!Array.isArray(list) || list.length === 0) throw new ValueError(list, 'a list as [{ id, weight }]');
    for (const { id, weight = 1 } of list) {
      writer.u32(id);
      writer.u8((weight - 1) & 0xff);
      writer.u8((weight - 1) >> 8);
      writer.u16(0);
    }
  },
};

/** Hundredths of a second in 64 bits, as seconds. */
export const longTime: Codec<number> = {
  size: 8,
  decode: (view, start, end) => Number(u64.decode(view, start, end)) / 100,
  encode: (writer, value) => u64.encode(writer, BigInt(Math.round(value * 100))),
};

/** NLA_UINT: 32 bits where they are enough, or else 64. */
const uint: Codec<bigint> = {
  decode: (view, start, end) =>
    end - start === 4 ? BigInt(u32.decode(view, start, end)) : u64.decode(view, start, end),
  encode: (writer, value) => u64.encode(writer, value),
};

const resilient = attributeTable('NHA_RES_GROUP', {
  buckets: attribute(1, 'NHA_RES_GROUP_BUCKETS', u16),
  idleTimer: attribute(2, 'NHA_RES_GROUP_IDLE_TIMER', scaled(u32, 100, 'seconds')),
  unbalancedTimer: attribute(3, 'NHA_RES_GROUP_UNBALANCED_TIMER', scaled(u32, 100, 'seconds')),
  unbalancedTime: attribute(4, 'NHA_RES_GROUP_UNBALANCED_TIME', longTime),
});

export const nexthopAttributes = attributeTable('NHA', {
  id: attribute(1, 'NHA_ID', u32),
  group: attribute(2, 'NHA_GROUP', members),
  groupType: attribute(3, 'NHA_GROUP_TYPE', enumeration(u16, GROUP_TYPES)),
  blackhole: attribute(4, 'NHA_BLACKHOLE', flag),
  oif: attribute(5, 'NHA_OIF', u32),
  gateway: attribute(6, 'NHA_GATEWAY', ip),
  encapType: attribute(7, 'NHA_ENCAP_TYPE', u16),
  encap: nestedBy(8, 'NHA_ENCAP', bytes),
  /** Of dump requests: groups only, those under a master, those of forwarding tables. */
  groups: attribute(9, 'NHA_GROUPS', flag),
  master: attribute(10, 'NHA_MASTER', u32),
  fdb: attribute(11, 'NHA_FDB', flag),
  resilient: nest(12, 'NHA_RES_GROUP', resilient),
  /** What a request wants to know besides, and what an answer is capable of; says nothing of the nexthop. */
  opFlags: attribute(14, 'NHA_OP_FLAGS', u32),
  stats: nest(
    15,
    'NHA_GROUP_STATS',
    attributeTable('NHA_GROUP_STATS', {
      entries: repeatedNest(
        1,
        'NHA_GROUP_STATS_ENTRY',
        attributeTable('NHA_GROUP_STATS_ENTRY', {
          id: attribute(1, 'NHA_GROUP_STATS_ENTRY_ID', u32),
          packets: attribute(2, 'NHA_GROUP_STATS_ENTRY_PACKETS', uint),
          packetsHw: attribute(3, 'NHA_GROUP_STATS_ENTRY_PACKETS_HW', uint),
        }),
      ),
    }),
  ),
  hwStats: attribute(16, 'NHA_HW_STATS_ENABLE', bool32),
  hwStatsUsed: attribute(17, 'NHA_HW_STATS_USED', bool32),
});

export function decodeNexthop(payload: Uint8Array): Nexthop {
  const view = new WireView(payload);
  const header = nhmsg.decodeAt(view, 0);
  const {
    id,
    gateway,
    encapType,
    encap,
    oif,
    raw,
    opFlags: _,
    ...rest
  } = nexthopAttributes.decode(view, nhmsg.size, view.length);
  const { resilient, stats, ...fields } = rest;
  const nexthop: Nexthop = {
    id: id ?? 0,
    family: routeFamily.decode(view, 0, 1),
    protocol: header.protocol,
    scope: header.scope,
    ...decodePath({ gateway, encapType, encap }),
  };
  if (oif !== undefined) nexthop.oif = oif;
  if (header.flags !== 0) nexthop.flags = flagNames(header.flags, NEXTHOP_FLAGS);
  Object.assign(nexthop, fields);
  if (stats !== undefined) nexthop.stats = (stats.entries ?? []).map(memberStats);
  if (resilient !== undefined) {
    const { unbalancedTime, ...settings } = resilient;
    nexthop.resilient = settings;
    if (unbalancedTime !== undefined) nexthop.unbalancedTime = unbalancedTime;
  }
  if (raw !== undefined) nexthop.raw = raw;
  return nexthop;
}

function memberStats({ id = 0, packets = 0n, packetsHw }: Partial<NexthopStats>): NexthopStats {
  return { id, packets, ...defined({ packetsHw }) };
}

const KNOWN = new Set([
  ...[
    'id',
    'family',
    'via',
    'oif',
    'dev',
    'protocol',
    'scope',
    'flags',
    'encap',
    'blackhole',
    'fdb',
    'group',
  ],
  ...['groupType', 'resilient', 'unbalancedTime', 'stats', 'hwStats', 'hwStatsUsed', 'raw'],
]);
const KNOWN_MEMBER = new Set(['id', 'weight']);
const KNOWN_RESILIENT = new Set(['buckets', 'idleTimer', 'unbalancedTimer', 'raw']);
const HINTS = {
  gateway: 'the address as via',
  proto: 'it as protocol',
  ifname: 'the link as dev',
  ifindex: 'the link as oif, or its name as dev',
  type: 'it as groupType',
  nexthops: 'it as group',
};

/** Checks what needs no kernel, and says which field is wrong. */
export function checkNexthop(nexthop: NexthopInput): void {
  refuseUnknownFields(nexthop, KNOWN, HINTS, '', 'nexthop');
  const { id, group, resilient } = nexthop;
  if (id !== undefined && (!Number.isInteger(id) || id < 0 || id > 0xffffffff))
    throw new InvalidArgumentError(
      'id',
      id,
      'is no id',
      'an integer from 1 to 4294967295, or none to have one chosen',
    );
  if (nexthop.flags !== undefined) fieldFlags('flags', nexthop.flags, NEXTHOP_FLAGS);
  if (Array.isArray(group)) group.forEach(checkMember);
  if (resilient !== undefined) refuseUnknownFields(resilient, KNOWN_RESILIENT, {}, 'resilient.');
}

function checkMember(member: NexthopGroupMember, i: number): void {
  refuseUnknownFields(member, KNOWN_MEMBER, {}, `group[${i}].`);
  const { id, weight = 1 } = member;
  if (!Number.isInteger(id) || id < 1 || id > 0xffffffff)
    throw new InvalidArgumentError(`group[${i}].id`, id, 'is no id', 'that of a nexthop');
  if (!Number.isInteger(weight) || weight < 1 || weight > 0x10000)
    throw new InvalidArgumentError(`group[${i}].weight`, weight, 'is no weight', '1 to 65536');
}

/** A group has no family; a gateway has its own; all else is IPv4 unless it says so. */
function familyOf({ family, via, group }: NexthopInput): number {
  if (family !== undefined && family !== 'unspec') {
    const number = numberOf(ROUTE_FAMILIES, family);
    if (number === AF.inet || number === AF.inet6) return number;
    throw new InvalidArgumentError('family', family, 'has no nexthops', 'inet or inet6');
  }
  if (group !== undefined) return AF.unspec;
  return typeof via === 'string' && via.includes(':') ? AF.inet6 : AF.inet;
}

const NHA_ENCAP = 8;

/** The payload of RTM_NEWNEXTHOP. `dev` must have become `oif`. */
export function encodeNexthop(nexthop: NexthopInput): Uint8Array {
  checkNexthop(nexthop);
  const { id, via, oif, encap, blackhole, fdb, group, groupType, resilient, hwStats, raw } = nexthop;
  const family = familyOf(nexthop);
  const address = via === undefined ? undefined : parseIp(via);
  if (via !== undefined && address?.length !== (family === AF.inet6 ? 16 : 4))
    throw new InvalidArgumentError(
      'via',
      via,
      'is no address of the family of the nexthop',
      'an IPv4 or IPv6 address',
    );
  return encodePayload((writer) => {
    refuseRaw(raw, [NHA_ENCAP], 'the tunnel as encap');
    nhmsg.encode(writer, {
      family,
      protocol: String(nexthop.protocol ?? 'unspec'),
      // The kernel refuses any other flag.
      flags: nexthop.flags?.includes('onlink') ? NEXTHOP_FLAGS.onlink : 0,
    });
    nexthopAttributes.encode(writer, {
      ...defined({ id, group, groupType, blackhole, oif, gateway: via, fdb, resilient, hwStats, raw }),
      ...encapFields(encap),
    });
  });
}

function encapFields(encap: Encap | undefined): { encapType?: number; encap?: Uint8Array } {
  if (encap === undefined) return {};
  try {
    const { number, value } = encodeEncap(encap);
    return { encapType: number, encap: value };
  } catch (error) {
    if (error instanceof ValueError) error.path.unshift('encap');
    throw error;
  }
}
