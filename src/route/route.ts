import { InvalidArgumentError, SystemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF, parseIp, parsePrefix } from '../netlink/wire/address.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { defined } from './defined.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import { checkRoute, decodeRoute, encodeRoute, routeAttributes, rtmsg } from './route-message.ts';
import type { Route, RouteInput } from './route-object.ts';
import {
  numberOf,
  ROUTE_FAMILIES,
  ROUTE_FLAGS,
  ROUTE_PROTOCOLS,
  type RouteFamily,
  type RouteProtocol,
  type RouteScope,
  type RouteType,
  refuseUnknownFields,
  tableNumber,
  wordOf,
} from './route-words.ts';
import { ObjectService, type Verb } from './service.ts';

export type { MetricName, RouteMetrics } from './route-metrics.ts';
export type { Realms, RouteNexthop } from './route-nexthops.ts';
export type { Route, RouteCacheinfo, RouteInput, RoutePreference } from './route-object.ts';
export type { RouteFamily, RouteProtocol, RouteScope, RouteType } from './route-words.ts';

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

/** What a lookup is for, besides the destination. */
export interface RouteGetOptions extends RequestOptions {
  /** The source address. */
  from?: string;
  /** The packet goes out by this link; `dev` is another word for it. */
  oif?: LinkReference;
  dev?: LinkReference;
  /** The packet came in by this link. */
  iif?: LinkReference;
  tos?: number;
  mark?: number;
  uid?: number;
  ipproto?: number | 'tcp' | 'udp' | 'icmp' | 'ipv6-icmp';
  sport?: number;
  dport?: number;
  /** Answer with the route that decides, rather than with what it decides for this packet. */
  fibmatch?: boolean;
}

const GET_OPTIONS: ReadonlySet<string> = new Set<keyof RouteGetOptions>([
  ...(['from', 'oif', 'dev', 'iif', 'tos', 'mark', 'uid', 'ipproto', 'sport', 'dport'] as const),
  ...(['fibmatch', 'signal', 'timeout'] as const),
]);

const IP_PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, 'ipv6-icmp': 58 };

const FILTERS = new Set([
  ...[
    'family',
    'table',
    'dev',
    'oif',
    'protocol',
    'type',
    'scope',
    'tos',
    'metric',
    'via',
    'prefsrc',
    'nexthopId',
  ],
  ...['exact', 'dst', 'root', 'match', 'cached'],
]);

export const routeType: ObjectType<Route> = {
  name: 'route',
  messages: { new: 24, del: 25, get: 26 },
  groups: [7, 11, 27], // RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_MPLS_ROUTE
  headerSize: rtmsg.size,
  attributes: routeAttributes,
  decode: decodeRoute,
  key: routeKey,
  variant: routeVariant,
  volatile: ['cacheinfo', 'expires', 'mfcStats', 'encap.counters', 'nexthops.encap.counters'],
};

/** IPv4 routes that `append` made differ in where they lead. Flags and counters come and go. */
function routeVariant(route: Route): string {
  if (route.family !== 'inet') return '';
  const { type, scope, protocol, prefsrc, via, oif, encap, nexthops, nexthopId, metrics } = route;
  return JSON.stringify(
    [type, scope, protocol, prefsrc, via, oif, encap, nexthops, nexthopId, metrics],
    (field, value: unknown) => {
      if (field === 'counters' || field === 'flags') return undefined;
      return typeof value === 'bigint' ? String(value) : value;
    },
  );
}

/**
 * IPv4 has one route per table, prefix, TOS and metric, and more by `append`: see {@link routeVariant}. IPv6 has
 * one per table, prefix, source prefix and metric too, of those with gateways; those on a link count by link.
 */
function routeKey(route: Route): string {
  const base = `${route.family} ${route.table} ${route.dst} ${route.metric ?? 0}`;
  if (route.family === 'inet') return `${base} ${route.tos ?? 0}`;
  const path = route.via !== undefined || route.nexthops !== undefined ? 'via' : (route.oif ?? '');
  return `${base} ${route.from ?? ''} ${path} ${route.iif ?? ''}`;
}

/** Routes: `rt.route`. man 8 ip-route, man 7 rtnetlink. */
export class RouteService extends ObjectService<Route, RouteFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(routeType, port, names);
  }

  protected override async resolve(filter: RouteFilter, options: RequestOptions): Promise<RouteFilter> {
    refuseUnknownFields(
      filter,
      FILTERS,
      {
        proto: 'it as protocol',
        nhid: 'it as nexthopId',
        gateway: 'it as via',
      },
      '',
      'filter',
    );
    for (const field of ['exact', 'dst', 'root', 'match'] as const) checkPrefix(filter[field], field);
    const { dev, table, protocol } = filter;
    return {
      ...filter,
      ...defined({
        oif: dev === undefined ? filter.oif : await this.names.index(dev, 'dev', options),
        table: table === undefined ? undefined : tableNumber(table),
        protocol: protocol === undefined ? undefined : wordOf(ROUTE_PROTOCOLS, protocol),
      }),
    };
  }

  protected override dumpPayload(filter: RouteFilter): Uint8Array {
    const { family, table, oif, protocol, type, cached } = filter;
    return encodePayload((writer) => {
      rtmsg.encode(writer, {
        family: family === undefined ? AF.unspec : numberOf(ROUTE_FAMILIES, family),
        ...defined({ type }),
        protocol: String(protocol ?? 'unspec'),
        flags: cached ? ROUTE_FLAGS.cloned : 0,
      });
      routeAttributes.encode(
        writer,
        defined({ table: table === undefined ? undefined : Number(table), oif }),
      );
    });
  }

  protected override matches(route: Route, filter: RouteFilter): boolean {
    const paths = [route, ...(route.nexthops ?? [])];
    return (
      (filter.family === undefined || route.family === filter.family) &&
      (filter.table === undefined || route.table === filter.table) &&
      (filter.oif === undefined || paths.some((path) => path.oif === filter.oif)) &&
      (filter.protocol === undefined || route.protocol === filter.protocol) &&
      (filter.type === undefined || route.type === filter.type) &&
      (filter.scope === undefined || route.scope === filter.scope) &&
      (filter.tos === undefined || (route.tos ?? 0) === filter.tos) &&
      (filter.metric === undefined || (route.metric ?? 0) === filter.metric) &&
      (filter.via === undefined || paths.some((path) => sameAddress(path.via, filter.via))) &&
      (filter.prefsrc === undefined || sameAddress(route.prefsrc, filter.prefsrc)) &&
      (filter.nexthopId === undefined || route.nexthopId === filter.nexthopId) &&
      (filter.exact === undefined || contains(filter.exact, route, 'exact')) &&
      (filter.dst === undefined || contains(filter.dst, route, 'exact')) &&
      (filter.root === undefined || contains(filter.root, route, 'root')) &&
      (filter.match === undefined || contains(filter.match, route, 'match')) &&
      (route.flags?.includes('cloned') === true || route.cacheFlags !== undefined) ===
        (filter.cached === true)
    );
  }

  protected override linksOf(route: Route): readonly number[] {
    const links = route.oif === undefined ? [] : [route.oif];
    for (const { oif } of route.nexthops ?? []) if (oif !== undefined) links.push(oif);
    return links;
  }

  protected override complete(route: Route, linkNames: ReadonlyMap<number, string>): Route {
    nameLink(route, linkNames);
    for (const nexthop of route.nexthops ?? []) nameLink(nexthop, linkNames);
    return route;
  }

  override async list(filter: RouteFilter = {}, options: RequestOptions = {}): Promise<Route[]> {
    try {
      return await super.list(filter, options);
    } catch (error) {
      if (isMissingTable(error, filter)) return [];
      throw error;
    }
  }

  override async *dump(
    filter: RouteFilter = {},
    options: RequestOptions = {},
  ): AsyncGenerator<Route, void, void> {
    try {
      yield* super.dump(filter, options);
    } catch (error) {
      if (!isMissingTable(error, filter)) throw error;
    }
  }

  /**
   * Asks the kernel which way a packet to `dst` would go. Rejects with ENETUNREACH and the like where it would not.
   */
  async get(dst: string, options: RouteGetOptions = {}): Promise<Route> {
    refuseUnknownFields(options, GET_OPTIONS, { fwmark: 'it as mark' }, '', 'options');
    const { from, oif, dev, iif, tos = 0, mark, uid, ipproto, sport, dport, fibmatch, ...rest } = options;
    const to = parseIp(dst);
    if (to === undefined)
      throw new InvalidArgumentError('dst', dst, 'is no address', 'an IPv4 or IPv6 address');
    const source = from === undefined ? undefined : parseIp(from);
    if (from !== undefined && source?.length !== to.length)
      throw new InvalidArgumentError('from', from, 'is no address of the same family', 'one that is');
    const protocol = typeof ipproto === 'string' ? IP_PROTOCOLS[ipproto] : ipproto;
    if (ipproto !== undefined && protocol === undefined)
      throw new InvalidArgumentError(
        'ipproto',
        ipproto,
        'is not known',
        `a number, or ${Object.keys(IP_PROTOCOLS).join(', ')}`,
      );
    const out = dev ?? oif;
    const outIndex =
      out === undefined ? undefined : await this.names.index(out, dev === undefined ? 'oif' : 'dev', rest);
    const inIndex = iif === undefined ? undefined : await this.names.index(iif, 'iif', rest);
    const inet = to.length === 4;
    const payload = encodePayload((writer) => {
      rtmsg.encode(writer, {
        family: inet ? AF.inet : AF.inet6,
        dstLength: to.length * 8,
        srcLength: source === undefined ? 0 : source.length * 8,
        tos,
        // IPv6 has no lookup_table flag, and refuses flags that it does not know.
        flags: (inet ? ROUTE_FLAGS.lookup_table : 0) | (fibmatch ? ROUTE_FLAGS.fib_match : 0),
      });
      const links = { iif: inIndex, oif: outIndex };
      routeAttributes.encode(
        writer,
        defined({ dst, from, ...links, mark, uid, ipproto: protocol, sport, dport }),
      );
    });
    const route = await this.fetch(payload, rest);
    if (route === undefined) throw new SystemError(-3, 'RTM_GETROUTE', { dst });
    return route;
  }

  /** Adds a route; EEXIST when there is one to the same prefix with the same metric (and TOS). */
  add(route: RouteInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('add', route, options);
  }
  /** Adds a route, or takes the place of the one to the same prefix with the same metric (and TOS). */
  replace(route: RouteInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('replace', route, options);
  }
  /** Takes the place of the route to the same prefix; ENOENT when there is none. */
  change(route: RouteInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('change', route, options);
  }
  /** Adds a route after others to the same prefix; in IPv6, another nexthop to it. */
  append(route: RouteInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('append', route, options);
  }
  /** Adds a route before others to the same prefix with the same metric (and TOS). IPv4. */
  prepend(route: RouteInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('prepend', route, options);
  }
  /** Changes nothing, and always rejects: EEXIST when there is such a route, ENOENT when there is none. */
  test(route: RouteInput, options: RequestOptions = {}): Promise<void> {
    return this.#write('test', route, options);
  }
  /** Removes the first route that fits what is given; ESRCH when none does. */
  async del(route: RouteInput, options: RequestOptions = {}): Promise<void> {
    await this.remove(encodeRoute(await this.#resolveLinks(route, options), 'del'), options);
  }

  async #write(verb: Verb, route: RouteInput, options: RequestOptions): Promise<void> {
    await this.write(verb, encodeRoute(await this.#resolveLinks(route, options), 'new'), options);
  }

  /** Names of links become indexes. */
  async #resolveLinks(route: RouteInput, options: RequestOptions): Promise<RouteInput> {
    checkRoute(route);
    // The links of a nexthop object are not written: their names may be gone.
    if (route.nexthopId !== undefined) return route;
    const resolved: RouteInput = { ...route };
    if (route.dev !== undefined) resolved.oif = await this.names.index(route.dev, 'dev', options);
    if (route.nexthops !== undefined) {
      resolved.nexthops = [];
      for (const [i, nexthop] of route.nexthops.entries()) {
        const { dev } = nexthop;
        if (dev === undefined) resolved.nexthops.push(nexthop);
        else
          resolved.nexthops.push({
            ...nexthop,
            oif: await this.names.index(dev, `nexthops[${i}].dev`, options),
          });
      }
    }
    return resolved;
  }
}

function nameLink(path: { oif?: number; dev?: string }, linkNames: ReadonlyMap<number, string>): void {
  const dev = path.oif === undefined ? undefined : linkNames.get(path.oif);
  if (dev !== undefined) path.dev = dev;
}

/** IPv4 says ENOENT for a table that it has not made yet; a list has nothing to say of it. */
function isMissingTable(error: unknown, filter: RouteFilter): boolean {
  return error instanceof SystemError && error.code === 'ENOENT' && filter.table !== undefined;
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
