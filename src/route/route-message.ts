/** RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE: man 7 rtnetlink, uapi/linux/rtnetlink.h struct rtmsg. */

import { InvalidArgumentError } from '../handle/errors.ts';
import { AF, formatIp, parseIp, parsePrefix } from '../netlink/wire/address.ts';
import { attribute, attributeTable, encodePayload, nest } from '../netlink/wire/attributes.ts';
import {
  be16,
  bool8,
  type Codec,
  enumeration,
  flagBits,
  flagNames,
  ip,
  s32,
  u8,
  u32,
  u64,
  ValueError,
} from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireError, WireView, WireWriter } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import { mplsLabels, refuseRaw } from './encap.ts';
import { routeMetrics } from './route-metrics.ts';
import {
  decodeNexthops,
  decodePath,
  encodeNexthops,
  encodePath,
  pathSpecs,
  type RouteNexthop,
} from './route-nexthops.ts';
import { expiresIn, ROUTE_PREFERENCES, type Route, type RouteInput } from './route-object.ts';
import {
  bytes,
  CACHE_FLAGS,
  numberOf,
  ROUTE_FAMILIES,
  ROUTE_FLAGS,
  type RouteScope,
  refuseUnknownFields,
  routeFamily,
  routeProtocol,
  routeScope,
  routeType,
  tableNumber,
  writableFlags,
} from './route-words.ts';

/** struct rtmsg. */
export const rtmsg = struct('rtmsg', {
  family: u8,
  dstLength: u8,
  srcLength: u8,
  tos: u8,
  table: u8,
  protocol: routeProtocol,
  scope: routeScope,
  type: routeType,
  flags: u32,
});

const cacheinfo = struct('rta_cacheinfo', {
  clntref: u32,
  lastuse: u32,
  expires: s32,
  error: u32,
  used: u32,
  id: u32,
  ts: u32,
  tsage: u32,
});

const mfcStats = struct('rta_mfc_stats', { packets: u64, bytes: u64, wrongIf: u64 });

function specs(label: Codec<string>) {
  return {
    ...pathSpecs,
    dst: attribute(1, 'RTA_DST', label),
    from: attribute(2, 'RTA_SRC', ip),
    iif: attribute(3, 'RTA_IIF', u32),
    oif: attribute(4, 'RTA_OIF', u32),
    metric: attribute(6, 'RTA_PRIORITY', u32),
    prefsrc: attribute(7, 'RTA_PREFSRC', ip),
    metrics: nest(8, 'RTA_METRICS', routeMetrics),
    nexthops: attribute(9, 'RTA_MULTIPATH', bytes),
    cacheinfo: attribute(12, 'RTA_CACHEINFO', cacheinfo),
    table: attribute(15, 'RTA_TABLE', u32),
    mark: attribute(16, 'RTA_MARK', u32),
    mfcStats: attribute(17, 'RTA_MFC_STATS', mfcStats),
    newdst: attribute(19, 'RTA_NEWDST', label),
    pref: attribute(20, 'RTA_PREF', enumeration(u8, ROUTE_PREFERENCES)),
    expires: attribute(23, 'RTA_EXPIRES', u32),
    uid: attribute(25, 'RTA_UID', u32),
    ttlPropagate: attribute(26, 'RTA_TTL_PROPAGATE', bool8),
    ipproto: attribute(27, 'RTA_IP_PROTO', u8),
    sport: attribute(28, 'RTA_SPORT', be16),
    dport: attribute(29, 'RTA_DPORT', be16),
    nexthopId: attribute(30, 'RTA_NH_ID', u32),
  };
}

export const routeAttributes = attributeTable('RTA', specs(ip));
const mplsRouteAttributes = attributeTable('RTA', specs(mplsLabels));

function tableOf(family: number) {
  return family === AF.mpls ? mplsRouteAttributes : routeAttributes;
}

const CLONED = ROUTE_FLAGS.cloned;
/** Multicast routing has families of its own, with the addresses of the others. */
function addressFamily(family: number): number {
  return family === 128 ? AF.inet : family === 129 ? AF.inet6 : family;
}

function prefixText(address: string | undefined, length: number, family: number): string {
  const bits = addressFamily(family) === AF.inet ? 32 : addressFamily(family) === AF.inet6 ? 128 : 20;
  if (address === undefined) {
    if (length === 0) return 'default';
    address = bits === 20 ? '0' : formatIp(new Uint8Array(bits / 8));
  }
  return length === bits ? address : `${address}/${length}`;
}

export function decodeRoute(payload: Uint8Array): Route {
  const view = new WireView(payload);
  const header = rtmsg.decodeAt(view, 0);
  const attributes = tableOf(header.family).decode(view, rtmsg.size, view.length);
  const { dst, from, gateway, via, encapType, encap, table, nexthops, raw, ...rest } = attributes;
  const route: Route = {
    family: routeFamily.decode(view, 0, 1),
    dst: prefixText(dst, header.dstLength, header.family),
    table: table ?? header.table,
    protocol: header.protocol,
    scope: header.scope,
    type: header.type,
  };
  if (from !== undefined || header.srcLength !== 0)
    route.from = prefixText(from, header.srcLength, header.family);
  if (header.tos !== 0) route.tos = header.tos;
  const cloned = (header.flags & CLONED) !== 0 && header.family === AF.inet;
  const flags = cloned ? header.flags & 0xffff : header.flags;
  if (flags !== 0) route.flags = flagNames(flags, ROUTE_FLAGS);
  if (cloned && header.flags >>> 16 !== 0)
    route.cacheFlags = flagNames((header.flags & ~0xffff) >>> 0, CACHE_FLAGS);
  const path = decodePath({ gateway, via, encapType, encap });
  Object.assign(route, path, rest);
  if (raw !== undefined) route.raw = raw;
  if (nexthops !== undefined) {
    try {
      route.nexthops = decodeNexthops(new WireView(nexthops), 0, nexthops.length, header.family);
    } catch (error) {
      if (!(error instanceof WireError || error instanceof RangeError)) throw error;
      route.raw = [...(raw ?? []), { type: 9, hex: Buffer.from(nexthops).toString('hex') }];
    }
  }
  const ticks = route.cacheinfo?.expires ?? 0;
  if (ticks !== 0) route.expires = expiresIn(ticks);
  return route;
}

const KNOWN = new Set([
  ...[
    'family',
    'dst',
    'from',
    'tos',
    'table',
    'protocol',
    'scope',
    'type',
    'flags',
    'cacheFlags',
    'via',
    'oif',
  ],
  ...['dev', 'prefsrc', 'metric', 'pref', 'metrics', 'expires', 'nexthopId', 'nexthops', 'encap', 'realms'],
  ...[
    'newdst',
    'ttlPropagate',
    'mark',
    'uid',
    'iif',
    'ipproto',
    'sport',
    'dport',
    'cacheinfo',
    'mfcStats',
    'raw',
  ],
]);
const KNOWN_NEXTHOP = new Set(['via', 'oif', 'dev', 'weight', 'flags', 'encap', 'realms', 'newdst', 'raw']);
const KNOWN_METRICS = new Set([...Object.keys(routeMetrics.specs), 'raw']);

/** Where other words for a field lead. */
const HINTS = {
  gateway: 'the address as via',
  src: 'prefsrc for the source address to use, or from for routes by source',
  priority: 'it as metric',
  preference: 'it as metric, or pref for that of an IPv6 router',
  proto: 'it as protocol',
  nhid: 'it as nexthopId',
  to: 'it as dst',
  prefix: 'it as dst',
  ifname: 'the link as dev',
  ifindex: 'the link as oif, or its name as dev',
  dsfield: 'it as tos',
  mtu: 'it as metrics.mtu',
  advmss: 'it as metrics.advmss',
};

/** A prefix or address of a route: `default` in any family, labels for MPLS. */
interface Target {
  readonly family: number | undefined;
  /** Undefined for a prefix of no bits. */
  readonly address: string | undefined;
  readonly length: number;
}

function parseTarget(text: string, field: string, family: number | undefined): Target {
  if (text === 'default' || text === 'any' || text === 'all')
    return { family, address: undefined, length: 0 };
  if (family === AF.mpls) return { family, address: text, length: 20 };
  const prefix = parsePrefix(text);
  if (prefix === undefined)
    throw new InvalidArgumentError(
      field,
      text,
      'is no prefix',
      'an address, a prefix as 10.0.0.0/8, or default',
    );
  const found = AF[prefix.family];
  if (family !== undefined && addressFamily(family) !== found)
    throw new InvalidArgumentError(
      field,
      text,
      `is not of family ${ROUTE_FAMILIES[family as 2]}`,
      'one that is',
    );
  return {
    family: family ?? found,
    address: prefix.length === 0 ? undefined : prefix.address,
    length: prefix.length,
  };
}

function familyOfAddress(address: string | undefined): number | undefined {
  const found = address === undefined ? undefined : parseIp(address);
  return found === undefined ? undefined : found.length === 4 ? AF.inet : AF.inet6;
}

/** The family that was given, or that the destination has; for `default`, that of the other addresses; else IPv4. */
function familyOf(route: RouteInput): number {
  if (route.family !== undefined) {
    const family = numberOf(ROUTE_FAMILIES, route.family);
    if (!Number.isInteger(family) || family > 0xff)
      throw new InvalidArgumentError('family', route.family, 'is no family of routes', 'inet, inet6 or mpls');
    if (family !== 0) return family;
  }
  return (
    parseTarget(route.dst, 'dst', undefined).family ??
    (route.from === undefined ? undefined : parseTarget(route.from, 'from', undefined).family) ??
    familyOfAddress(route.via) ??
    familyOfAddress(route.prefsrc) ??
    familyOfAddress(route.nexthops?.find((nexthop) => nexthop.via !== undefined)?.via) ??
    AF.inet
  );
}

/** Types whose routes live in the table of local addresses. */
const LOCAL_TYPES: readonly string[] = ['local', 'broadcast', 'anycast', 'nat'];

/** `ip route`'s defaults: a route without a gateway leads to something on the link. */
function defaultScope(route: RouteInput, family: number, type: string): RouteScope {
  if (family !== AF.inet) return 'global';
  if (type === 'local' || type === 'nat') return 'host';
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return 'link';
  const direct = route.via === undefined && route.nexthops === undefined && route.nexthopId === undefined;
  return type === 'unicast' && direct ? 'link' : 'global';
}

/** RTA_MULTIPATH and RTA_ENCAP as bytes could hold what encap.ts refuses to write. */
const HIDING_ENCAPS = [9, 22];

const MAIN = 254;
const LOCAL = 255;

/** Checks what needs no kernel, and says which field is wrong. */
export function checkRoute(route: RouteInput): void {
  refuseUnknownFields(route, KNOWN, HINTS, '', 'route');
  if (typeof route.dst !== 'string')
    throw new InvalidArgumentError('dst', route.dst, 'is missing', 'a prefix as 10.0.0.0/8, or default');
  checkFlags(route.flags, 'flags');
  if (route.metrics !== undefined) refuseUnknownFields(route.metrics, KNOWN_METRICS, {}, 'metrics.');
  if (route.nexthops === undefined) return;
  if (!Array.isArray(route.nexthops) || route.nexthops.length === 0)
    throw new InvalidArgumentError(
      'nexthops',
      route.nexthops,
      'is no list of nexthops',
      'at least one, as [{ via }]',
    );
  for (const [i, nexthop] of route.nexthops.entries()) {
    refuseUnknownFields(nexthop, KNOWN_NEXTHOP, HINTS, `nexthops[${i}].`);
    checkFlags(nexthop.flags, `nexthops[${i}].flags`);
  }
}

function checkFlags(flags: readonly string[] | undefined, field: string): void {
  if (flags !== undefined && !Array.isArray(flags))
    throw new InvalidArgumentError(field, flags, 'is no list of flags', "a list as ['onlink']");
}

/**
 * The payload of RTM_NEWROUTE or RTM_DELROUTE. `dev` must have become `oif`. What only the kernel says (dead links,
 * ages, what a nexthop object leads to) is left out, so that a listed route can be written as it is.
 */
export function encodeRoute(route: RouteInput, purpose: 'new' | 'del'): Uint8Array {
  checkRoute(route);
  const family = familyOf(route);
  const dst = parseTarget(route.dst, 'dst', family);
  const from = route.from === undefined ? undefined : parseTarget(route.from, 'from', family);
  const object = route.nexthopId !== undefined;
  // A route to a blackhole object is listed as a blackhole, but is kept as a unicast route.
  const type = object && route.type === 'blackhole' ? undefined : route.type;
  const table =
    route.table === undefined ? (LOCAL_TYPES.includes(type ?? '') ? LOCAL : MAIN) : tableNumber(route.table);
  const { via, encap, oif, nexthops, realms, newdst, metric, prefsrc, metrics, pref, expires } = route;
  const { mark, uid, iif, ttlPropagate, nexthopId, raw } = route;
  const flags = writableFlags(route.flags).filter((flag) => !(object && flag === 'onlink'));
  // An exception that IPv6 learned goes by the flag that tells it from the route it was learned on.
  if (purpose === 'del' && family === AF.inet6 && route.flags?.includes('cloned')) flags.push('cloned');
  return encodePayload((writer) => {
    refuseRaw(raw, HIDING_ENCAPS, 'nexthops and encap in their own fields');
    rtmsg.encode(writer, {
      family,
      dstLength: dst.length,
      srcLength: from?.length ?? 0,
      tos: route.tos ?? 0,
      table: table > 0xff ? 0 : table,
      // A deletion compares what it is given: left out means any.
      protocol: String(route.protocol ?? (purpose === 'new' ? 'boot' : 'unspec')),
      scope:
        route.scope ??
        (purpose === 'new'
          ? defaultScope(route, family, type ?? 'unicast')
          : family === AF.inet
            ? 'nowhere'
            : 'global'),
      type: type ?? (purpose === 'new' ? 'unicast' : 'none'),
      flags: flagsOf(flags),
    });
    tableOf(family).encode(
      writer,
      defined({
        dst: dst.address,
        from: from?.address,
        iif,
        oif: object ? undefined : oif,
        metric,
        prefsrc,
        metrics,
        table: table > 0xff ? table : undefined,
        mark,
        newdst,
        pref,
        expires,
        uid,
        ttlPropagate,
        nexthopId,
        realms: object ? undefined : realms,
        ...(object ? {} : encodePath({ via, encap }, family)),
        raw,
      }),
    );
    if (nexthops !== undefined && !object) {
      const list = encodeMultipath(nexthops, family);
      tableOf(family).encode(writer, { nexthops: list });
    }
  });
}

function encodeMultipath(nexthops: readonly RouteNexthop[], family: number): Uint8Array {
  const writer = new WireWriter();
  encodeNexthops(writer, nexthops, family);
  return writer.bytes;
}

function flagsOf(flags: readonly string[]): number {
  try {
    return flagBits(flags, ROUTE_FLAGS);
  } catch (error) {
    if (error instanceof ValueError) error.path.unshift('flags');
    throw error;
  }
}
