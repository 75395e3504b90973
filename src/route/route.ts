import { InvalidArgumentError, SystemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF, parseIp } from '../netlink/wire/address.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { defined } from './defined.ts';
import { LinkNaming } from './link-naming.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import { checkRouteFilter, matchesRoute, type RouteFilter } from './route-filter.ts';
import { readRoute } from './route-make.ts';
import { checkRoute, decodeRoute, encodeRoute, routeAttributes, rtmsg } from './route-message.ts';
import type { Route, RouteInput } from './route-object.ts';
import { type RouteTable, RouteTableSink } from './route-table.ts';
import {
  numberOf,
  ROUTE_FAMILIES,
  ROUTE_FLAGS,
  ROUTE_PROTOCOLS,
  refuseUnknownFields,
  tableNumber,
  wordOf,
} from './route-words.ts';
import { ObjectService, type Verb } from './service.ts';

export { ROUTE_PRESENT, type RouteChunk } from './route-chunk.ts';
export type { RouteFilter } from './route-filter.ts';
export type { MetricName, RouteMetrics } from './route-metrics.ts';
export type { Realms, RouteNexthop } from './route-nexthops.ts';
export type { Route, RouteCacheinfo, RouteInput, RoutePreference } from './route-object.ts';
export type { RouteTable } from './route-table.ts';
export type { RouteFamily, RouteProtocol, RouteScope, RouteType } from './route-words.ts';

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
  /** Monitors are told of the answer. */
  notify?: boolean;
}

const GET_OPTIONS: ReadonlySet<string> = new Set<keyof RouteGetOptions>([
  ...(['from', 'oif', 'dev', 'iif', 'tos', 'mark', 'uid', 'ipproto', 'sport', 'dport'] as const),
  ...(['fibmatch', 'notify', 'signal', 'timeout'] as const),
]);

const IP_PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, 'ipv6-icmp': 58 };

export const routeType: ObjectType<Route> = {
  name: 'route',
  messages: { new: 24, del: 25, get: 26 },
  groups: [7, 11, 27], // RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_MPLS_ROUTE
  headerSize: rtmsg.size,
  attributes: routeAttributes,
  decode: decodeRoute,
  read: readRoute,
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
    checkRouteFilter(filter);
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
    return matchesRoute(route, filter);
  }

  /** Most routes speak of one link: a million of them need no lists. */
  protected override named(route: Route, naming: LinkNaming): Route | undefined {
    if (route.nexthops !== undefined) return super.named(route, naming);
    const { oif } = route;
    if (oif === undefined) return route;
    let name = naming.nameOf(oif);
    if (name === undefined) {
      if (!naming.knows(oif)) return undefined;
      name = naming.names.get(oif);
    }
    if (name !== undefined) route.dev = name;
    return route;
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

  /**
   * The same routes as {@link list} gives, in columns: for a million of them, a tenth of the memory and of the work.
   * Objects are made of the rows that are asked for.
   */
  async table(filter: RouteFilter = {}, options: RequestOptions = {}): Promise<RouteTable> {
    const wanted = await this.resolve(filter, options);
    const naming = new LinkNaming(this.names);
    const { messages } = this.type;
    const sink = new RouteTableSink(messages.new, wanted, naming, (route) => this.linksOf(route));
    const request = { type: messages.get, payload: this.dumpPayload(wanted) };
    try {
      for await (const _ of this.port.dumpInto(request, sink, options));
    } catch (error) {
      if (!isMissingTable(error, filter)) throw error;
    }
    await naming.askAll(options);
    return sink.table((route) => this.complete(route, naming.names));
  }

  override async *batches(
    filter: RouteFilter = {},
    options: RequestOptions = {},
  ): AsyncGenerator<Route[], void, void> {
    try {
      yield* super.batches(filter, options);
    } catch (error) {
      if (!isMissingTable(error, filter)) throw error;
    }
  }

  /**
   * Asks the kernel which way a packet to `dst` would go. Rejects with ENETUNREACH and the like where it would not.
   */
  async get(dst: string, options: RouteGetOptions = {}): Promise<Route> {
    refuseUnknownFields(options, GET_OPTIONS, { fwmark: 'it as mark' }, '', 'options');
    const {
      from,
      oif,
      dev,
      iif,
      tos = 0,
      mark,
      uid,
      ipproto,
      sport,
      dport,
      fibmatch,
      notify,
      ...rest
    } = options;
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
        flags:
          (inet ? ROUTE_FLAGS.lookup_table : 0) |
          (fibmatch ? ROUTE_FLAGS.fib_match : 0) |
          (notify ? ROUTE_FLAGS.notify : 0),
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
