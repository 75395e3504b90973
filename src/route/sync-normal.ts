/** Routes as the kernel would show them, so that what is wanted can be held against what is there. */
import type { RawAttribute } from '../netlink/wire/attributes.ts';
import type { RouteMetrics } from './route-metrics.ts';
import type { RouteNexthop } from './route-nexthops.ts';
import type { Route } from './route-object.ts';
import { writableFlags } from './route-words.ts';

/** One way of a route: a text for all that it says but the link. */
export interface NormalPath {
  readonly text: string;
  /** Undefined: whichever link the kernel takes. */
  oif: number | undefined;
}

export interface NormalRoute {
  /** What the kernel keeps one route for, unless it is told to append: the place that a replacement takes. */
  readonly slot: string;
  /** All that the route says besides its paths. */
  readonly text: string;
  /** In the route's own order; of a route over a nexthop object, or to nowhere, none. */
  readonly paths: readonly NormalPath[];
}

/** IP6_RT_PRIO_USER: the metric of IPv6 routes that are given none. */
const INET6_METRIC = 1024;
/** Types without a path. IPv6 shows them on lo, whatever link was given. */
const REJECTING: readonly string[] = ['blackhole', 'unreachable', 'prohibit', 'throw'];
/** What the kernel cuts values to: net/ipv4/metrics.c. */
const METRIC_LIMITS: Readonly<Record<string, number>> = { mtu: 65520, advmss: 65495, hoplimit: 255 };

/** @param route as decodeRoute() gives it: of what the kernel sent, or of what it would be sent */
export function normalRoute(route: Route): NormalRoute {
  const inet6 = route.family === 'inet6';
  const { prefsrc, nexthopId, newdst, ttlPropagate } = route;
  // A route over a blackhole object is shown as one.
  const type = nexthopId !== undefined && route.type === 'blackhole' ? 'unicast' : route.type;
  return {
    slot: slotOf(route),
    text: textOf([
      type,
      // IPv6 has no scopes, IPv4 no preference and no end.
      inet6 ? undefined : route.scope,
      inet6 ? (route.pref ?? 'medium') : undefined,
      inet6 && route.expires !== undefined,
      normalMetrics(route.metrics),
      ...[prefsrc, nexthopId, newdst, ttlPropagate],
    ]),
    paths: nexthopId !== undefined || (inet6 && REJECTING.includes(type)) ? [] : pathsOf(route),
  };
}

/** IPv4 tells routes to one destination apart by TOS and metric, IPv6 by metric and source. */
export function slotOf(route: Route): string {
  const { family, dst, from = '', tos = 0, metric = 0 } = route;
  return family === 'inet6'
    ? `${family} ${dst} ${from} ${metric === 0 ? INET6_METRIC : metric}`
    : `${family} ${dst} ${tos} ${metric}`;
}

/** Whether what is there is what is wanted. */
export function isSame(wanted: NormalRoute, there: NormalRoute): boolean {
  if (wanted.text !== there.text || wanted.paths.length !== there.paths.length) return false;
  const left = [...there.paths];
  // Those that name their link choose first. The order of paths means nothing.
  const paths = wanted.paths.toSorted((a, b) => Number(a.oif === undefined) - Number(b.oif === undefined));
  return paths.every(({ text, oif }) => {
    const found = left.findIndex((path) => path.text === text && (oif === undefined || path.oif === oif));
    if (found >= 0) left.splice(found, 1);
    return found >= 0;
  });
}

function pathsOf(route: Route): NormalPath[] {
  const { nexthops } = route;
  // One nexthop in a list is shown as a route without a list, and has no weight then.
  if (nexthops !== undefined && nexthops.length > 1)
    return nexthops.map((nexthop) => pathOf(nexthop, nexthop.weight ?? 1));
  return [pathOf(nexthops?.[0] ?? route, undefined)];
}

function pathOf(
  path: Pick<RouteNexthop, 'via' | 'oif' | 'flags' | 'encap' | 'realms' | 'newdst'>,
  weight: number | undefined,
): NormalPath {
  const { via, oif, encap, realms } = path;
  const flags = path.flags === undefined ? undefined : plain(writableFlags(path.flags).toSorted());
  return { text: textOf([via, weight, plain(realms), flags, plain(encap)]), oif };
}

function normalMetrics(metrics: RouteMetrics | undefined): unknown {
  if (metrics === undefined) return undefined;
  const { raw: _, ...known } = metrics;
  const limited = Object.entries(known).map(([name, value]) => {
    const limit = METRIC_LIMITS[name];
    return [name, limit === undefined || typeof value !== 'number' ? value : Math.min(value, limit)];
  });
  // 0 is what the kernel has for a metric that is not set.
  return plain(Object.fromEntries(limited));
}

/** Without what says nothing: zeros, empty lists and addresses, counters; undefined where nothing is left. */
function plain(value: unknown): unknown {
  if (value === 0 || value === 0n || value === false || value === '0.0.0.0' || value === '::')
    return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => plain(item) ?? null);
  if (typeof value !== 'object' || value === null) return value;
  const entries: [string, unknown][] = [];
  for (const [name, inner] of Object.entries(value as { raw?: RawAttribute[] })) {
    // What this version does not know, kernels may add to what they were given.
    if (name === 'raw') continue;
    // That packets are counted, not how many there were.
    const kept = name === 'counters' ? true : plain(inner);
    if (kept !== undefined) entries.push([name, kept]);
  }
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Equal values are equal texts, and only those. */
function textOf(values: readonly unknown[]): string {
  let text = '';
  for (const value of values) {
    if (value === undefined || value === false) text += ' -';
    else text += ` ${typeof value === 'object' ? stable(value) : String(value)}`;
  }
  return text;
}

/** JSON with its keys in order. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
