import type { RawAttribute } from '../netlink/wire/attributes.ts';
import type { Encap } from './encap.ts';
import type { RouteMetrics } from './route-metrics.ts';
import type { Realms, RouteNexthop } from './route-nexthops.ts';
import type { RouteFamily, RouteProtocol, RouteScope, RouteType } from './route-words.ts';

/** ICMPV6_ROUTER_PREF_*. */
export const ROUTE_PREFERENCES = { 0: 'medium', 1: 'high', 3: 'low' } as const;
export type RoutePreference = (typeof ROUTE_PREFERENCES)[keyof typeof ROUTE_PREFERENCES] | (string & {});

/** struct rta_cacheinfo; times in hundredths of a second. */
export interface RouteCacheinfo {
  clntref: number;
  lastuse: number;
  expires: number;
  error: number;
  used: number;
  id: number;
  ts: number;
  tsage: number;
}

/** USER_HZ: what the kernel counts time in for user space. */
const TICKS = 100;

/** Seconds, rounded up, for a cacheinfo's `expires`. */
export function expiresIn(ticks: number): number {
  return Math.max(0, Math.ceil(ticks / TICKS));
}

/** A route as the kernel has it. man 8 ip-route. */
export interface Route {
  family: RouteFamily;
  /** `default`, a prefix as `10.0.0.0/8`, an address alone for a host route; for MPLS a label. */
  dst: string;
  /** Only for packets from this prefix. IPv6, and lookups. */
  from?: string;
  /** TOS, or DSCP shifted left by two. Left out when 0. */
  tos?: number;
  table: number;
  protocol: RouteProtocol;
  scope: RouteScope;
  type: RouteType;
  /** `onlink`, `pervasive`; and from the kernel `dead`, `linkdown`, `offload`, `cloned`, ..., which are not written. */
  flags?: string[];
  /** Of the answer to a lookup (`cloned`), IPv4: `local`, `mc`, `brd`, `redirected`, ... */
  cacheFlags?: string[];
  /** The gateway. One of the other IP family is as good. */
  via?: string;
  /** The link's index, and its name; on input the name wins. */
  oif?: number;
  dev?: string;
  /** The source address that packets of this host get. */
  prefsrc?: string;
  /** Among routes to one prefix the lowest metric wins. `priority` of the kernel. */
  metric?: number;
  /** Of IPv6 routers, RFC 4191. */
  pref?: RoutePreference;
  metrics?: RouteMetrics;
  /** Seconds until an IPv6 route goes, rounded up. */
  expires?: number;
  /** A nexthop object. What that says (via, oif, encap, nexthops) is shown too, and not written. */
  nexthopId?: number;
  /** More than one path. */
  nexthops?: RouteNexthop[];
  encap?: Encap;
  realms?: Realms;
  /** MPLS: the labels that replace the packet's. */
  newdst?: string;
  /** MPLS: whether the ttl goes on into the inner header. */
  ttlPropagate?: boolean;
  /** Of a lookup. */
  mark?: number;
  uid?: number;
  /** Index of the link that the packet came in by: of lookups and multicast routes. */
  iif?: number;
  ipproto?: number;
  sport?: number;
  dport?: number;
  cacheinfo?: RouteCacheinfo;
  /** Multicast routes: what went through. */
  mfcStats?: { packets: bigint; bytes: bigint; wrongIf: bigint };
  /** Attributes that this version does not know. */
  raw?: RawAttribute[];
}

/** What `add` and its kin take: a {@link Route} as it was listed, or less. Only `dst` is needed. */
export interface RouteInput extends Partial<Omit<Route, 'dst' | 'table' | 'protocol'>> {
  dst: string;
  /** Default `main`, or `local` for types local, broadcast, anycast and nat. */
  table?: number | string;
  /** Default `boot`. */
  protocol?: RouteProtocol | number;
}
