/** RTA_MULTIPATH: the paths of one route. uapi/linux/rtnetlink.h struct rtnexthop. */

import { AF, formatIp, parseIp } from '../netlink/wire/address.ts';
import { attribute, attributeTable, nestedBy, type RawAttribute } from '../netlink/wire/attributes.ts';
import { type Codec, flagBits, flagNames, ip, u16, u32, ValueError } from '../netlink/wire/codec.ts';
import { align, WireError, type WireView, type WireWriter } from '../netlink/wire/view.ts';
import { decodeEncap, type Encap, encodeEncap, mplsLabels, refuseRaw } from './encap.ts';
import { bytes, NEXTHOP_FLAGS, writableFlags } from './route-words.ts';

/** Realms, for accounting and policy: numbers of /etc/iproute2/rt_realms, 0 to 65535. */
export interface Realms {
  from?: number;
  to: number;
}

/** One path of a multipath route. */
export interface RouteNexthop {
  /** The gateway; of either IP family. */
  via?: string;
  /** The link's index, and its name; on input the name wins. */
  oif?: number;
  dev?: string;
  /** 1 to 256. Default 1. */
  weight?: number;
  /** `onlink`, `pervasive`; and from the kernel `dead`, `linkdown`, `offload`, `trap`, which are not written. */
  flags?: string[];
  encap?: Encap;
  realms?: Realms;
  /** MPLS: the labels that replace the packet's. */
  newdst?: string;
  raw?: RawAttribute[];
}

/** struct rtvia: an address of a family that is not the route's own. */
const rtvia: Codec<string> = {
  decode(view, start, end) {
    const family = view.u16(start);
    const length = end - start - 2;
    if (!((family === AF.inet && length === 4) || (family === AF.inet6 && length === 16)))
      throw new WireError(`gateway of family ${family}`);
    return formatIp(view.bytes.subarray(start + 2, end));
  },
  encode(writer, value) {
    const address = parseIp(value);
    if (address === undefined) throw new ValueError(value, 'an IPv4 or IPv6 address');
    writer.u16(address.length === 4 ? AF.inet : AF.inet6);
    writer.raw(address);
  },
};

/** RTA_FLOW: two realms in one number. */
const realms: Codec<Realms> = {
  size: 4,
  decode(view, start, end) {
    const value = u32.decode(view, start, end);
    return value > 0xffff ? { from: value >>> 16, to: value & 0xffff } : { to: value };
  },
  encode(writer, value) {
    const { from = 0, to } = value ?? {};
    for (const realm of [from, to])
      if (!Number.isInteger(realm) || realm < 0 || realm > 0xffff)
        throw new ValueError(value, 'realms as { from, to }, each from 0 to 65535');
    u32.encode(writer, ((from << 16) | to) >>> 0);
  },
};

/** Attributes that a route and each of its nexthops share. */
export const pathSpecs = {
  gateway: attribute(5, 'RTA_GATEWAY', ip),
  realms: attribute(11, 'RTA_FLOW', realms),
  via: attribute(18, 'RTA_VIA', rtvia),
  encapType: attribute(21, 'RTA_ENCAP_TYPE', u16),
  encap: nestedBy(22, 'RTA_ENCAP', bytes),
};

const nexthopTable = attributeTable('RTA', { ...pathSpecs, newdst: attribute(19, 'RTA_NEWDST', ip) });
const mplsNexthopTable = attributeTable('RTA', {
  ...pathSpecs,
  newdst: attribute(19, 'RTA_NEWDST', mplsLabels),
});

/** The fields of {@link pathSpecs} as they are on the wire. */
interface WirePath {
  gateway?: string;
  via?: string;
  encapType?: number;
  encap?: Uint8Array;
}

type PartsOf<T> = { [K in keyof T]: T[K] | undefined };

interface Path {
  via?: string;
  encap?: Encap;
}

/** What takes two attributes on the wire becomes one field. */
export function decodePath({ gateway, via, encapType, encap }: PartsOf<WirePath>): Path {
  const path: Path = {};
  const address = gateway ?? via;
  if (address !== undefined) path.via = address;
  if (encap !== undefined) path.encap = decodeEncap(encapType ?? 0, encap);
  return path;
}

/** An address of the route's own family is its gateway; any other goes into RTA_VIA, and for MPLS all do. */
export function encodePath({ via, encap }: PartsOf<Path>, family: number): WirePath {
  const path: WirePath = {};
  if (via !== undefined) {
    const address = parseIp(via);
    if (address === undefined) {
      const error = new ValueError(via, 'an IPv4 or IPv6 address');
      error.path.unshift('via');
      throw error;
    }
    if (family === (address.length === 4 ? AF.inet : AF.inet6)) path.gateway = via;
    else path.via = via;
  }
  if (encap !== undefined) {
    try {
      const { number, value } = encodeEncap(encap);
      path.encapType = number;
      path.encap = value;
    } catch (error) {
      if (error instanceof ValueError) error.path.unshift('encap');
      throw error;
    }
  }
  return path;
}

/** struct rtnexthop: u16 length, u8 flags, u8 hops (weight - 1), s32 ifindex; then attributes. */
const HEADER = 8;
const RTA_ENCAP = 22;

/**
 * The list of nexthops. A length below 8 or beyond the end throws, and the attribute stays raw: there is no next
 * one to go to.
 */
export function decodeNexthops(view: WireView, start: number, end: number, family: number): RouteNexthop[] {
  const table = family === AF.mpls ? mplsNexthopTable : nexthopTable;
  const list: RouteNexthop[] = [];
  let at = start;
  while (end - at >= HEADER) {
    const length = view.u16(at);
    if (length < HEADER || at + length > end)
      throw new WireError(`nexthop at byte ${at} claims ${length} of ${end - at} bytes`);
    const { gateway, via, encapType, encap, ...rest } = table.decode(view, at + HEADER, at + length);
    const nexthop: RouteNexthop = decodePath({ gateway, via, encapType, encap });
    const oif = view.s32(at + 4);
    if (oif !== 0) nexthop.oif = oif;
    nexthop.weight = view.u8(at + 3) + 1;
    const flags = view.u8(at + 2);
    if (flags !== 0) nexthop.flags = flagNames(flags, NEXTHOP_FLAGS);
    list.push(Object.assign(nexthop, rest));
    at += align(length);
  }
  return list;
}

export function encodeNexthops(writer: WireWriter, list: readonly RouteNexthop[], family: number): void {
  const table = family === AF.mpls ? mplsNexthopTable : nexthopTable;
  for (const [i, nexthop] of list.entries()) {
    try {
      const { via, oif = 0, dev: _, weight = 1, flags, encap, ...rest } = nexthop;
      if (!Number.isInteger(weight) || weight < 1 || weight > 256)
        throw within('weight', new ValueError(weight, 'an integer from 1 to 256'));
      refuseRaw(rest.raw, [RTA_ENCAP], 'the tunnel as encap');
      const at = writer.length;
      writer.u16(0);
      writer.u8(bits(flags));
      writer.u8(weight - 1);
      writer.s32(oif);
      table.encode(writer, {
        ...rest,
        ...encodePath({ via, encap }, family),
      });
      writer.patchU16(at, writer.length - at);
    } catch (error) {
      throw error instanceof ValueError ? within(`nexthops[${i}]`, error) : error;
    }
  }
}

function bits(flags: readonly string[] | undefined): number {
  try {
    return flagBits(writableFlags(flags), NEXTHOP_FLAGS) & 0xff;
  } catch (error) {
    throw error instanceof ValueError ? within('flags', error) : error;
  }
}

function within(field: string, error: ValueError): ValueError {
  error.path.unshift(field);
  return error;
}
