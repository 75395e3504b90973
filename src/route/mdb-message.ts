/** RTM_NEWMDB, RTM_DELMDB, RTM_GETMDB: uapi/linux/if_bridge.h, man 8 bridge. */

import { formatIpv4, formatIpv6, parseIp } from '../netlink/wire/address.ts';
import {
  type AttributesOf,
  attribute,
  attributeTable,
  nest,
  type RawAttribute,
  repeated,
  repeatedNest,
} from '../netlink/wire/attributes.ts';
import {
  be16,
  type Codec,
  enumeration,
  flagSet,
  hex,
  ip,
  reserved,
  u8,
  u16,
  u32,
  ValueError,
} from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireError, WireView } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import { type RouteProtocol, routeProtocol } from './route-words.ts';

/** MDB_FLAGS_*, in the words of `bridge`. */
export const MDB_FLAGS = {
  offload: 0x01,
  fast_leave: 0x02,
  added_by_star_ex: 0x04,
  blocked: 0x08,
  offload_failed: 0x10,
} as const;
export type MdbFlag = keyof typeof MDB_FLAGS | (string & {});
export type MdbState = 'temp' | 'permanent' | (string & {});
export type MdbFilterMode = 'include' | 'exclude' | (string & {});
export type MdbRouterType = 'disabled' | 'temp_query' | 'permanent' | 'temp' | (string & {});

/** One who sends to a group, and how long it counts still, in hundredths of a second. */
export interface MdbSource {
  address: string;
  timer?: number;
}

/** A port that listens to a multicast group, or where a VXLAN sends it. man 8 bridge. */
export interface MdbEntry {
  /** The bridge or VXLAN. */
  ifindex: number;
  dev?: string;
  /** Its port; the bridge itself where the host listens. */
  portIndex: number;
  port?: string;
  /** The group: an IPv4, IPv6 or link-layer address. */
  grp: string;
  /** Only what this one sends. */
  src?: string;
  vid?: number;
  state: MdbState;
  flags: MdbFlag[];
  /** Whether `sources` are those listened to, or those not. */
  filterMode?: MdbFilterMode;
  sources?: MdbSource[];
  protocol?: RouteProtocol;
  /** How long it lasts still, in hundredths of a second. */
  timer?: number;
  /** Of VXLANs: the remote end, its UDP port and VNI, the VNI that packets came with, the link that leads there. */
  dst?: string;
  dstPort?: number;
  vni?: number;
  srcVni?: number;
  viaIndex?: number;
  via?: string;
  /** Attributes that this version does not know. */
  raw?: RawAttribute[];
}

/** A port of a bridge behind which a multicast router was seen, or said to be. */
export interface MdbRouterPort {
  ifindex: number;
  dev?: string;
  portIndex: number;
  port?: string;
  router: {
    type?: MdbRouterType;
    /** How long it lasts still, in hundredths of a second: the longest, that of IPv4, that of IPv6. */
    timer?: number;
    inetTimer?: number;
    inet6Timer?: number;
    vid?: number;
    raw?: RawAttribute[];
  };
}
export type Mdb = MdbEntry | MdbRouterPort;

/** struct br_port_msg. */
export const brPortMsg = struct('br_port_msg', { family: u8, padding: reserved(3), ifindex: u32 });

/** struct br_mdb_entry: the group lies in a union, and its EtherType says which member; 0 is a link-layer address. */
const brMdbEntry = struct('br_mdb_entry', {
  ifindex: u32,
  state: enumeration(u8, { 0: 'temp', 1: 'permanent' }),
  flags: flagSet(u8, MDB_FLAGS),
  vid: u16,
  group: { ...hex, size: 16 },
  proto: be16,
  padding: reserved(2),
});
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;

type EntryHead = Partial<Pick<MdbEntry, 'vid' | 'state' | 'flags'>> & { portIndex: number; grp: string };

/** The struct as it stands in requests. `grp` must be an address. */
export const mdbEntryStruct: Codec<EntryHead> = {
  decode(view, start, end) {
    const { ifindex, state, flags, vid, group, proto } = brMdbEntry.decode(view, start, end);
    const bytes = Buffer.from(group, 'hex');
    const mac = () => group.slice(0, 12).replace(/(..)(?=.)/g, '$1:');
    const grp = proto === ETH_P_IP ? formatIpv4(bytes) : proto === ETH_P_IPV6 ? formatIpv6(bytes) : mac();
    return { portIndex: ifindex, grp, ...defined({ vid: vid || undefined }), state, flags };
  },
  encode(writer, { portIndex, grp, vid, state, flags }) {
    const at = writer.length;
    const mac = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(grp);
    const head = defined({ vid, state, flags });
    brMdbEntry.encode(writer, { ifindex: portIndex, ...head });
    // Into the zeros that the struct left for it.
    const bytes = mac ? grp.split(':').map((octet) => Number.parseInt(octet, 16)) : ipBytes(grp);
    for (const [i, byte] of bytes.entries()) writer.patchU8(at + 8 + i, byte);
    if (mac) return;
    const proto = bytes.length === 4 ? ETH_P_IP : ETH_P_IPV6;
    writer.patchU8(at + 24, proto >> 8);
    writer.patchU8(at + 25, proto & 0xff);
  },
};

function ipBytes(address: string): Uint8Array {
  const bytes = parseIp(address);
  if (bytes === undefined) throw new ValueError(address, 'an IPv4, IPv6 or link-layer address');
  return bytes;
}

const timer = u32;

/** MDBA_MDB_EATTR_*: what follows the struct of an entry. */
const entryAttributes = attributeTable('MDBA_MDB_EATTR', {
  timer: attribute(1, 'MDBA_MDB_EATTR_TIMER', timer),
  sources: nest(
    2,
    'MDBA_MDB_EATTR_SRC_LIST',
    attributeTable('MDBA_MDB_SRCLIST', {
      entries: repeatedNest(
        1,
        'MDBA_MDB_SRCLIST_ENTRY',
        attributeTable('MDBA_MDB_SRCATTR', {
          address: attribute(1, 'MDBA_MDB_SRCATTR_ADDRESS', ip),
          timer: attribute(2, 'MDBA_MDB_SRCATTR_TIMER', timer),
        }),
      ),
    }),
  ),
  filterMode: attribute(3, 'MDBA_MDB_EATTR_GROUP_MODE', filterMode()),
  src: attribute(4, 'MDBA_MDB_EATTR_SOURCE', ip),
  protocol: attribute(5, 'MDBA_MDB_EATTR_RTPROT', routeProtocol),
  dst: attribute(6, 'MDBA_MDB_EATTR_DST', ip),
  dstPort: attribute(7, 'MDBA_MDB_EATTR_DST_PORT', u16),
  vni: attribute(8, 'MDBA_MDB_EATTR_VNI', u32),
  viaIndex: attribute(9, 'MDBA_MDB_EATTR_IFINDEX', u32),
  srcVni: attribute(10, 'MDBA_MDB_EATTR_SRC_VNI', u32),
});

/** MCAST_EXCLUDE, MCAST_INCLUDE. */
export function filterMode(): Codec<MdbFilterMode> {
  return enumeration(u8, { 0: 'exclude', 1: 'include' });
}

type WireEntry = EntryHead & AttributesOf<(typeof entryAttributes)['specs']>;

const wireEntry: Codec<WireEntry> = {
  decode(view, start, end) {
    const head = mdbEntryStruct.decode(view, start, end);
    return { ...head, ...entryAttributes.decode(view, start + brMdbEntry.size, end) };
  },
  encode() {},
};

const routerAttributes = attributeTable('MDBA_ROUTER_PATTR', {
  timer: attribute(1, 'MDBA_ROUTER_PATTR_TIMER', timer),
  type: attribute(
    2,
    'MDBA_ROUTER_PATTR_TYPE',
    enumeration(u8, { 0: 'disabled', 1: 'temp_query', 2: 'permanent', 3: 'temp' }),
  ),
  inetTimer: attribute(3, 'MDBA_ROUTER_PATTR_INET_TIMER', timer),
  inet6Timer: attribute(4, 'MDBA_ROUTER_PATTR_INET6_TIMER', timer),
  vid: attribute(5, 'MDBA_ROUTER_PATTR_VID', u16),
});

type WireRouter = { portIndex: number; router: MdbRouterPort['router'] };

/** u32, then attributes. */
export const mdbRouterPort: Codec<WireRouter> = {
  decode(view, start, end) {
    if (end - start < 4) throw new WireError(`router port of ${end - start} bytes`);
    return { portIndex: view.u32(start), router: routerAttributes.decode(view, start + 4, end) };
  },
  encode() {},
};

/** What the kernel tells. An entry that cannot be read stays in the `raw` of its nest, and is no object. */
const toldAttributes = attributeTable('MDBA', {
  mdb: nest(
    1,
    'MDBA_MDB',
    attributeTable('MDBA_MDB', {
      entries: repeatedNest(
        1,
        'MDBA_MDB_ENTRY',
        attributeTable('MDBA_MDB_ENTRY', { info: repeated(1, 'MDBA_MDB_ENTRY_INFO', wireEntry) }),
      ),
    }),
  ),
  router: nest(
    2,
    'MDBA_ROUTER',
    attributeTable('MDBA_ROUTER', { ports: repeated(1, 'MDBA_ROUTER_PORT', mdbRouterPort) }),
  ),
});

/** A message tells of all groups of a bridge, and of all its router ports. */
export function decodeMdb(payload: Uint8Array): Mdb[] {
  const view = new WireView(payload);
  const { ifindex } = brPortMsg.decodeAt(view, 0);
  const { mdb, router } = toldAttributes.decode(view, brPortMsg.size, view.length);
  const found: Mdb[] = [];
  for (const { info } of mdb?.entries ?? []) for (const one of info ?? []) found.push(entryOf(ifindex, one));
  for (const { portIndex, router: port } of router?.ports ?? [])
    found.push({ ifindex, portIndex, router: port });
  return found;
}

function entryOf(ifindex: number, wire: WireEntry): MdbEntry {
  const { portIndex, grp, src, vid, state, flags, sources, ...rest } = wire;
  const list = sources?.entries?.flatMap(({ address, timer: left }) =>
    address === undefined ? [] : [{ address, ...defined({ timer: left }) }],
  );
  return {
    ifindex,
    portIndex,
    grp,
    ...defined({ src, vid }),
    state: state ?? 'temp',
    flags: flags ?? [],
    ...defined({ sources: list }),
    ...rest,
  };
}
