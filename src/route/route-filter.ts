/** Which routes to list, and whether a route is one of them. */
import { InvalidArgumentError } from '../handle/errors.ts';
import { parseIp, parsePrefix } from '../netlink/wire/address.ts';
import type { Route } from './route-object.ts';
import {
  type RouteFamily,
  type RouteProtocol,
  type RouteScope,
  type RouteType,
  refuseUnknownFields,
} from './route-words.ts';

/** Which routes to list: all conditions hold. The kernel filters by family, table, link, protocol and type. */
export interface RouteFilter {
  /** Default: all families. */
  family?: RouteFamily;
  /** Default: all tables. A table that does not exist has no routes. */
  table?: number | string;
  /** A link that the route, or one of its nexthops, uses: its name or its index. */
  dev?: string;
  oif?: number;
  protocol?: RouteProtocol | number;
  type?: RouteType;
  scope?: RouteScope;
  tos?: number;
  metric?: number;
  /** A gateway of the route or of one of its nexthops. */
  via?: string;
  prefsrc?: string;
  nexthopId?: number;
  /** The destination is this prefix; `default` for routes to everywhere. Another word for it is `dst`. */
  exact?: string;
  dst?: string;
  /** The destination lies in this prefix. */
  root?: string;
  /** The destination holds this address or prefix. */
  match?: string;
  /** Exceptions that were learned (redirects, path MTUs) instead of routes. */
  cached?: boolean;
}

const FILTERS: ReadonlySet<string> = new Set<keyof RouteFilter>([
  ...(['family', 'table', 'dev', 'oif', 'protocol', 'type', 'scope', 'tos', 'metric', 'via'] as const),
  ...(['prefsrc', 'nexthopId', 'exact', 'dst', 'root', 'match', 'cached'] as const),
]);
const HINTS = { proto: 'it as protocol', nhid: 'it as nexthopId', gateway: 'it as via' };

/** Refuses fields that nobody knows, and what is no prefix. */
export function checkRouteFilter(filter: RouteFilter): void {
  refuseUnknownFields(filter, FILTERS, HINTS, '', 'filter');
  for (const field of ['exact', 'dst', 'root', 'match'] as const) checkPrefix(filter[field], field);
}

/** Whether a route passes. `dev`, `table` and `protocol` have become numbers and words. */
export function matchesRoute(route: Route, filter: RouteFilter): boolean {
  const { family, table, oif, protocol, type, scope, tos, metric, via, prefsrc, nexthopId } = filter;
  const { exact, dst, root, match } = filter;
  return (
    (family === undefined || route.family === family) &&
    (table === undefined || route.table === table) &&
    (oif === undefined || pathsOf(route).some((path) => path.oif === oif)) &&
    (protocol === undefined || route.protocol === protocol) &&
    (type === undefined || route.type === type) &&
    (scope === undefined || route.scope === scope) &&
    (tos === undefined || (route.tos ?? 0) === tos) &&
    (metric === undefined || (route.metric ?? 0) === metric) &&
    (via === undefined || pathsOf(route).some((path) => sameAddress(path.via, via))) &&
    (prefsrc === undefined || sameAddress(route.prefsrc, prefsrc)) &&
    (nexthopId === undefined || route.nexthopId === nexthopId) &&
    (exact === undefined || contains(exact, route, 'exact')) &&
    (dst === undefined || contains(dst, route, 'exact')) &&
    (root === undefined || contains(root, route, 'root')) &&
    (match === undefined || contains(match, route, 'match')) &&
    (route.flags?.includes('cloned') === true || route.cacheFlags !== undefined) === (filter.cached === true)
  );
}

function pathsOf(route: Route): readonly { via?: string; oif?: number }[] {
  return [route, ...(route.nexthops ?? [])];
}

function sameAddress(one: string | undefined, other: string | undefined): boolean {
  const a = one === undefined ? undefined : parseIp(one);
  const b = other === undefined ? undefined : parseIp(other);
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

function checkPrefix(text: string | undefined, field: string): void {
  if (text !== undefined && text !== 'default' && parsePrefix(text) === undefined)
    throw new InvalidArgumentError(
      field,
      text,
      'is no prefix',
      'an address, a prefix as 10.0.0.0/8, or default',
    );
}

/** Whether the destination of the route equals the prefix, lies in it (`root`), or holds it (`match`). */
function contains(text: string, route: Route, relation: 'exact' | 'root' | 'match'): boolean {
  const dst = route.dst === 'default' ? undefined : parsePrefix(route.dst);
  if (route.dst !== 'default' && dst === undefined) return false;
  const length = dst?.length ?? 0;
  if (text === 'default') return relation === 'root' || length === 0;
  const wanted = parsePrefix(text);
  if (wanted === undefined || wanted.family !== route.family) return false;
  if (relation === 'exact' && length !== wanted.length) return false;
  if (relation === 'root' && length < wanted.length) return false;
  if (relation === 'match' && length > wanted.length) return false;
  const bytes = dst?.bytes ?? new Uint8Array(wanted.bytes.length);
  return sharePrefix(bytes, wanted.bytes, Math.min(length, wanted.length));
}

function sharePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  for (let at = 0; at < bits; at += 8) {
    const mask = bits - at >= 8 ? 0xff : (0xff << (8 - (bits - at))) & 0xff;
    if ((((a[at >> 3] ?? 0) ^ (b[at >> 3] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}
