import { InvalidArgumentError } from '../handle/errors.ts';
import { AF, familyName, formatIp, parseIp } from '../netlink/wire/address.ts';
import {
  attribute,
  attributeTable,
  encodePayload,
  nest,
  type RawAttribute,
} from '../netlink/wire/attributes.ts';
import { be16, flag, flagNames, ip, lladdr, reserved, s32, u8, u16, u32 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import { fieldFlags } from './field-flags.ts';
import {
  type RouteProtocol,
  type RouteType,
  refuseUnknownFields,
  routeProtocol,
  routeType,
} from './route-words.ts';

/** NUD_*, uapi/linux/neighbour.h. No state at all is NUD_NONE. */
export const NEIGHBOUR_STATES = {
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NOARP: 0x40,
  PERMANENT: 0x80,
} as const;
export type NeighbourState = keyof typeof NEIGHBOUR_STATES | (string & {});

/** NTF_*, and from bit 8 on NTF_EXT_*: the kernel numbers them so too (NTF_EXT_SHIFT). */
export const NEIGHBOUR_FLAGS = {
  use: 0x01,
  self: 0x02,
  master: 0x04,
  proxy: 0x08,
  extern_learn: 0x10,
  offload: 0x20,
  sticky: 0x40,
  router: 0x80,
  managed: 0x100,
  locked: 0x200,
  extern_valid: 0x400,
} as const;
export type NeighbourFlag = keyof typeof NEIGHBOUR_FLAGS | (string & {});
const EXT_SHIFT = 8;

/** A neighbour of a link, or an entry of a bridge's or VXLAN's forwarding table. man 8 ip-neighbour, bridge. */
export interface Neighbour {
  /** `inet`, `inet6`; `bridge` for forwarding entries. */
  family: 'inet' | 'inet6' | 'bridge' | (string & {});
  /**
   * 0 for a proxy entry that holds for all links. Remove such an entry before its namespace goes: the kernel forgets it
   * there, and a later namespace may be born with it (seen on Linux 6.18).
   */
  ifindex: number;
  /** The link's name. */
  dev?: string;
  dst?: string;
  /** Link-layer address: `52:54:00:12:34:56`. */
  lladdr?: string;
  /** One word, or none (NUD_NONE). */
  state: NeighbourState[];
  flags: NeighbourFlag[];
  type?: RouteType;
  protocol?: RouteProtocol;
  vlan?: number;
  /** UDP port of the VXLAN tunnel's end. */
  port?: number;
  vni?: number;
  srcVni?: number;
  /** Index of the link that leads to the VXLAN tunnel's end. */
  viaIfindex?: number;
  /** The bridge that the link belongs to, by name and by index. */
  master?: string;
  masterIndex?: number;
  linkNetnsid?: number;
  /** Id of a nexthop object or group. */
  nhid?: number;
  activityNotify?: number;
  dontRefresh?: boolean;
  /** How long ago, in hundredths of a second: last use, last proof of reachability, last change. */
  used?: number;
  confirmed?: number;
  updated?: number;
  refcnt?: number;
  /** Probes sent without an answer. */
  probes?: number;
  /** Attributes that this version does not know. */
  raw?: RawAttribute[];
}

/** What `add`, `replace`, `change` and `del` take: a {@link Neighbour} as it was listed, or less. */
export interface NeighbourInput extends Partial<Omit<Neighbour, 'state'>> {
  /** A word in any case, or a list with one. Default for writing: `PERMANENT`, or none for a `managed` one. */
  state?: NeighbourState | NeighbourState[];
}

/** struct ndmsg */
export const ndmsg = struct('ndmsg', {
  family: u8,
  reserved: reserved(3),
  ifindex: s32,
  state: u16,
  flags: u8,
  type: routeType,
});

const ndaCacheinfo = struct('nda_cacheinfo', { confirmed: u32, used: u32, updated: u32, refcnt: u32 });

export const neighbourAttributes = attributeTable('NDA', {
  dst: attribute(1, 'NDA_DST', ip),
  lladdr: attribute(2, 'NDA_LLADDR', lladdr),
  cacheinfo: attribute(3, 'NDA_CACHEINFO', ndaCacheinfo),
  probes: attribute(4, 'NDA_PROBES', u32),
  vlan: attribute(5, 'NDA_VLAN', u16),
  port: attribute(6, 'NDA_PORT', be16),
  vni: attribute(7, 'NDA_VNI', u32),
  viaIfindex: attribute(8, 'NDA_IFINDEX', u32),
  masterIndex: attribute(9, 'NDA_MASTER', s32),
  linkNetnsid: attribute(10, 'NDA_LINK_NETNSID', s32),
  srcVni: attribute(11, 'NDA_SRC_VNI', u32),
  protocol: attribute(12, 'NDA_PROTOCOL', routeProtocol),
  nhid: attribute(13, 'NDA_NH_ID', u32),
  fdb: nest(
    14,
    'NDA_FDB_EXT_ATTRS',
    attributeTable('NFEA', {
      activityNotify: attribute(1, 'NFEA_ACTIVITY_NOTIFY', u8),
      dontRefresh: attribute(2, 'NFEA_DONT_REFRESH', flag),
    }),
  ),
  flagsExt: attribute(15, 'NDA_FLAGS_EXT', u32),
  /** Of flush requests: which bits of the header's state and flags count. */
  stateMask: attribute(16, 'NDA_NDM_STATE_MASK', u16),
  flagsMask: attribute(17, 'NDA_NDM_FLAGS_MASK', u8),
});

export function decodeNeighbour(payload: Uint8Array): Neighbour {
  const view = new WireView(payload);
  const header = ndmsg.decodeAt(view, 0);
  const {
    dst,
    lladdr,
    cacheinfo,
    probes,
    protocol,
    fdb,
    flagsExt,
    // Said in requests only.
    stateMask: _,
    flagsMask: _mask,
    raw,
    ...others
  } = neighbourAttributes.decode(view, ndmsg.size, view.length);
  return {
    family: familyName(header.family),
    ifindex: header.ifindex,
    ...defined({ dst, lladdr }),
    state: flagNames(header.state, NEIGHBOUR_STATES),
    flags: flagNames(header.flags + (flagsExt ?? 0) * (1 << EXT_SHIFT), NEIGHBOUR_FLAGS),
    ...(header.type === 'none' ? {} : { type: header.type }),
    ...defined({ protocol }),
    ...others,
    ...defined({ activityNotify: fdb?.activityNotify, dontRefresh: fdb?.dontRefresh }),
    ...defined({
      used: cacheinfo?.used,
      confirmed: cacheinfo?.confirmed,
      updated: cacheinfo?.updated,
      refcnt: cacheinfo?.refcnt,
      probes,
      raw,
    }),
  };
}

const FIELDS: ReadonlySet<string> = new Set<keyof Neighbour>([
  'family',
  'ifindex',
  'dev',
  'dst',
  'lladdr',
  'state',
  'flags',
  'type',
  'protocol',
  'vlan',
  'port',
  'vni',
  'srcVni',
  'viaIfindex',
  'master',
  'masterIndex',
  'linkNetnsid',
  'nhid',
  'activityNotify',
  'dontRefresh',
  'used',
  'confirmed',
  'updated',
  'refcnt',
  'probes',
  'raw',
]);
const HINTS = {
  nud: '"state"',
  proxy: 'flags: ["proxy"]',
  router: 'flags: ["router"]',
  address: '"dst", and the link-layer address as "lladdr"',
  to: '"dst"',
  mac: '"lladdr"',
} as const;

export interface ParsedNeighbour {
  readonly family: 'inet' | 'inet6' | 'bridge';
  /** Spelled as the kernel's answers will be. */
  readonly dst: string | undefined;
  readonly proxy: boolean;
}

export function parseNeighbourInput(input: NeighbourInput): ParsedNeighbour {
  refuseUnknownFields(input, FIELDS, HINTS, '', 'neighbour');
  const { family, dst } = input;
  const bytes = dst === undefined ? undefined : parseIp(dst);
  if (bytes === undefined && (dst !== undefined || family !== 'bridge'))
    throw new InvalidArgumentError(
      'dst',
      dst,
      dst === undefined ? 'is missing' : 'is no address',
      'the address of the neighbour, such as 192.0.2.1',
    );
  const own = bytes === undefined ? 'bridge' : bytes.length === 4 ? 'inet' : 'inet6';
  if (family !== undefined && family !== 'bridge' && family !== own)
    throw new InvalidArgumentError('family', family, `is not the family of ${dst}`, own);
  return {
    family: family === 'bridge' ? 'bridge' : own,
    dst: bytes && formatIp(bytes),
    proxy: hasFlag(input, 'proxy'),
  };
}

/** Flags that are no list are refused where they are written. */
function hasFlag({ flags }: NeighbourInput, flag: NeighbourFlag): boolean {
  return Array.isArray(flags) && flags.includes(flag);
}

function stateBits(input: NeighbourInput): number {
  if (input.state === undefined) return hasFlag(input, 'managed') ? 0 : NEIGHBOUR_STATES.PERMANENT;
  const words = typeof input.state === 'string' ? [input.state] : input.state;
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string'))
    throw new InvalidArgumentError(
      'state',
      input.state,
      'is no state',
      `some of ${Object.keys(NEIGHBOUR_STATES).join(', ')}`,
    );
  return fieldFlags(
    'state',
    words
      .map((word) => (word.startsWith('0x') ? word : word.toUpperCase()))
      .filter((word) => word !== 'NONE'),
    NEIGHBOUR_STATES,
  );
}

/**
 * The payload of RTM_NEWNEIGH. What the kernel counts by itself (ages, references, probes) stays out, so that an
 * entry can be written as it was listed.
 */
export function encodeNeighbour(input: NeighbourInput, ifindex: number): Uint8Array {
  const { family, dst } = parseNeighbourInput(input);
  const { lladdr, protocol, vlan, port, vni, srcVni, viaIfindex, masterIndex, linkNetnsid, nhid, raw } =
    input;
  const { activityNotify, dontRefresh } = input;
  const fdb = defined({ activityNotify, dontRefresh });
  return encodePayload((writer) => {
    const flags = fieldFlags('flags', input.flags ?? [], NEIGHBOUR_FLAGS);
    ndmsg.encode(writer, {
      family: AF[family],
      ifindex,
      state: stateBits(input),
      flags: flags & 0xff,
      ...defined({ type: input.type }),
    });
    const flagsExt = flags >>> EXT_SHIFT;
    neighbourAttributes.encode(writer, {
      // NDA_LLADDR must have the link's length: an empty one is a link without addresses.
      ...defined({ dst, lladdr: lladdr === '' ? undefined : lladdr, protocol, vlan, port, vni, srcVni }),
      ...defined({ viaIfindex, masterIndex, linkNetnsid, nhid, raw }),
      ...(Object.keys(fdb).length === 0 ? {} : { fdb }),
      ...(flagsExt === 0 ? {} : { flagsExt }),
    });
  });
}

/** What it takes to name an entry: the payload of RTM_DELNEIGH, and for a get that of RTM_GETNEIGH. */
export function encodeNeighbourKey(verb: 'del' | 'get', input: NeighbourInput, ifindex: number): Uint8Array {
  const { family, dst, proxy } = parseNeighbourInput(input);
  const { lladdr, vlan, port, vni, srcVni, viaIfindex, nhid } = input;
  return encodePayload((writer) => {
    const flags =
      fieldFlags('flags', input.flags ?? [], NEIGHBOUR_FLAGS) &
      (NEIGHBOUR_FLAGS.proxy | NEIGHBOUR_FLAGS.self | NEIGHBOUR_FLAGS.master);
    ndmsg.encode(writer, { family: AF[family], ifindex, flags: proxy ? NEIGHBOUR_FLAGS.proxy : flags });
    neighbourAttributes.encode(writer, {
      ...defined({ dst }),
      // Forwarding entries are known by their link-layer address, and by where they lead to.
      ...(family !== 'bridge' ? {} : defined({ lladdr, vlan })),
      ...(family !== 'bridge' || verb === 'get' ? {} : defined({ port, vni, srcVni, viaIfindex, nhid })),
    });
  });
}
