import { parseIp, parsePrefix } from '../../netlink/wire/address.ts';
import type { Route, RouteFamily } from '../../route/route.ts';
import { numberOf, ROUTE_PROTOCOLS, ROUTE_SCOPES, ROUTE_TYPES } from '../../route/route-words.ts';
import {
  type InetPrefix,
  inetPrefix,
  noSuchDevice,
  sharesPrefix,
  UsageError,
  unsigned,
  Words,
  wrongArgument,
} from '../args.ts';
import { familyWord, parseRealms, routeTypeNumber, vrfTable } from '../route-words.ts';
import type { ShowContext, ShowFamily } from './view.ts';

const MAIN = 254;
const LOCAL = 255;

/** What `ip route show` was asked for; what is undefined was not asked. */
export interface RouteSelection {
  readonly family: RouteFamily | undefined;
  /** 0 for all tables. */
  readonly table: number;
  readonly cached: boolean;
  readonly protocol: number | undefined;
  readonly scope: number | undefined;
  readonly types: ReadonlySet<number> | undefined;
  readonly tos: number | undefined;
  readonly iif: number | undefined;
  readonly oif: number | undefined;
  readonly mark: number | undefined;
  readonly metric: number | undefined;
  readonly realms: { readonly value: number; readonly mask: number } | undefined;
  /** A filter of a whole address makes its column redundant. */
  readonly hidesGateway: boolean;
  readonly hidesPrefsrc: boolean;
  readonly hidesRealms: boolean;
  readonly passes: (route: Route) => boolean;
}

const FAMILIES: Record<ShowFamily, RouteFamily> = {
  inet: 'inet',
  inet6: 'inet6',
  mpls: 'mpls',
  link: '17',
  bridge: '7',
};

function wantedType(word: string): number {
  const type = routeTypeNumber(word);
  if (type === undefined) throw wrongArgument(word, 'node type value is invalid\n');
  return type;
}

/** Realms to filter by: a side that is left open matches anything. */
function realmsFilter(word: string, context: ShowContext): { value: number; mask: number } {
  const value = parseRealms(word, context.names);
  if (value === undefined) throw wrongArgument(word, 'invalid realms\n');
  let mask = 0xffffffff;
  if ((value & 0xffff) === 0 && word.endsWith('/')) mask &= ~0xffff;
  if (value >>> 16 === 0 && word.indexOf('/') <= 0) mask &= 0xffff;
  return { value, mask: mask >>> 0 };
}

interface Prefixes {
  /** The route's prefix lies in this one; holds this one. */
  root?: InetPrefix;
  match?: InetPrefix;
}

function parsePrefixes(words: Words, family: ShowFamily | undefined): Prefixes {
  if (words.takeAbbreviated('root')) return { root: inetPrefix(words.next(), family) };
  if (words.takeAbbreviated('match')) return { match: inetPrefix(words.next(), family) };
  words.takeAbbreviated('exact');
  const prefix = inetPrefix(words.next(), family);
  return { root: prefix, match: prefix };
}

/** An address with its length; zero bytes for none, which is what a default route has. */
interface Destination {
  readonly bytes: Uint8Array;
  readonly length: number;
}

const NOWHERE = new Uint8Array(16);

function destination(text: string | undefined): Destination {
  const prefix = text === undefined || text === 'default' ? undefined : parsePrefix(text);
  return prefix === undefined
    ? { bytes: NOWHERE, length: 0 }
    : { bytes: prefix.bytes, length: prefix.length };
}

function passesPrefixes({ root, match }: Prefixes, target: Destination, family: string): boolean {
  if (root !== undefined && (root.family !== undefined || root.specified)) {
    if (root.family !== undefined && root.family !== family) return false;
    if (root.length > target.length || !sharesPrefix(target.bytes, root.bytes, root.length)) return false;
  }
  if (match !== undefined && (match.family !== undefined || match.specified)) {
    if (match.family !== undefined && match.family !== family) return false;
    if (match.length < target.length || !sharesPrefix(target.bytes, match.bytes, target.length)) return false;
  }
  return true;
}

/** An address held against a filter's prefix; an absent one is all zeros. */
function passesAddress(address: string | undefined, prefix: InetPrefix): boolean {
  return sharesPrefix(
    (address === undefined ? undefined : parseIp(address)) ?? NOWHERE,
    prefix.bytes,
    prefix.length,
  );
}

function isWhole(prefix: InetPrefix | undefined): boolean {
  return prefix !== undefined && prefix.bytes.length > 0 && prefix.length === prefix.bytes.length * 8;
}

async function deviceIndex(name: string, context: ShowContext): Promise<number> {
  const index = (await context.linkNames()).indexOf(name);
  if (index === undefined) throw noSuchDevice(name);
  return index;
}

/** Reads the words after `ip route show`. */
export async function selectRoutes(args: readonly string[], context: ShowContext): Promise<RouteSelection> {
  const words = new Words(args);
  const preferred = context.options.family;
  const { names } = context;
  let table = MAIN;
  let cached = false;
  let protocol: number | undefined;
  let scope: number | undefined;
  let types: Set<number> | undefined;
  let tos: number | undefined;
  let iif: string | undefined;
  let oif: string | undefined;
  let mark: number | undefined;
  let metric: number | undefined;
  let via: InetPrefix | undefined;
  let prefsrc: InetPrefix | undefined;
  let realms: RouteSelection['realms'];
  let to: Prefixes = {};
  let from: Prefixes = {};

  while (words.more) {
    if (words.takeAbbreviated('table')) {
      const word = words.next();
      const id = names.tableId(word);
      if (id !== undefined) table = id;
      else if (word === 'all') table = 0;
      else if (word === 'cache') cached = true;
      else if (word === 'help') throw new UsageError(ROUTE_USAGE);
      else throw wrongArgument(word, 'table id value is invalid\n');
    } else if (words.takeAbbreviated('vrf')) {
      table = await vrfTable(words.next(), context);
      const hidden = [numberOf(ROUTE_TYPES, 'local'), numberOf(ROUTE_TYPES, 'broadcast')];
      types = new Set(Array.from({ length: 32 }, (_, type) => type).filter((type) => !hidden.includes(type)));
    } else if (words.takeAbbreviated('cached', 'cloned')) cached = true;
    else if (words.take('tos') || words.takeAbbreviated('dsfield')) {
      const word = words.next();
      tos = names.dsfieldId(word);
      if (tos === undefined) throw wrongArgument(word, 'TOS value is invalid\n');
    } else if (words.takeAbbreviated('protocol')) {
      const word = words.next();
      protocol = names.protocolId(word);
      if (protocol === undefined && word !== 'all') throw wrongArgument(word, 'invalid "protocol"\n');
    } else if (words.takeAbbreviated('scope')) {
      const word = words.next();
      scope = names.scopeId(word);
      if (scope === undefined && word !== 'all') throw wrongArgument(word, 'invalid "scope"\n');
    } else if (words.takeAbbreviated('type')) types = new Set([wantedType(words.next())]);
    else if (words.take('dev', 'oif')) oif = words.next();
    else if (words.take('iif')) iif = words.next();
    else if (words.take('mark')) mark = unsigned(words.next(), 'invalid mark value');
    else if (words.takeAbbreviated('metric', 'priority') || words.take('preference'))
      metric = unsigned(words.next(), '"metric" value is invalid\n');
    else if (words.take('via')) {
      const word = words.next();
      const family = familyWord(word);
      via = family === undefined ? inetPrefix(word, preferred) : inetPrefix(words.next(), family);
    } else if (words.take('src')) prefsrc = inetPrefix(words.next(), preferred);
    else if (words.takeAbbreviated('realms')) realms = realmsFilter(words.next(), context);
    else if (words.takeAbbreviated('from')) from = { ...from, ...parsePrefixes(words, preferred) };
    else {
      words.takeAbbreviated('to');
      to = { ...to, ...parsePrefixes(words, preferred) };
    }
  }

  const family = preferred === undefined ? (table === 0 ? undefined : 'inet') : FAMILIES[preferred];
  const iifIndex = iif === undefined ? undefined : await deviceIndex(iif, context);
  const oifIndex = oif === undefined ? undefined : await deviceIndex(oif, context);

  // As iproute2 has it: until a route of another table turns up, IPv6 is taken to have one table, told by type.
  let severalTables = false;
  function passesTable(route: Route): boolean {
    if (route.family === 'inet6' && route.table !== MAIN) severalTables = true;
    if (route.family !== 'inet6' || severalTables) return table === 0 || route.table === table;
    if (table === 0) return true;
    if (table === LOCAL) return route.type === 'local';
    return table === MAIN && route.type !== 'local';
  }

  function passes(route: Route): boolean {
    if (preferred !== undefined && route.family !== FAMILIES[preferred]) return false;
    if (!passesTable(route)) return false;
    if (protocol !== undefined && numberOf(ROUTE_PROTOCOLS, route.protocol) !== protocol) return false;
    if (scope !== undefined && numberOf(ROUTE_SCOPES, route.scope) !== scope) return false;
    if (types !== undefined && !types.has(numberOf(ROUTE_TYPES, route.type))) return false;
    if (tos !== undefined && (route.tos ?? 0) !== tos) return false;
    if (!passesPrefixes(to, destination(route.dst), route.family)) return false;
    if (!passesPrefixes(from, destination(route.from), route.family)) return false;
    if (via?.family !== undefined) {
      const own = route.via === undefined ? route.family : route.via.includes(':') ? 'inet6' : 'inet';
      if (own !== via.family || !passesAddress(route.via, via)) return false;
    }
    if (prefsrc?.family !== undefined)
      if (route.family !== prefsrc.family || !passesAddress(route.prefsrc, prefsrc)) return false;
    if (realms !== undefined) {
      const own = (((route.realms?.from ?? 0) << 16) | (route.realms?.to ?? 0)) >>> 0;
      if (((own ^ realms.value) & realms.mask) !== 0) return false;
    }
    if (iifIndex !== undefined && (route.iif ?? 0) !== iifIndex) return false;
    // Only the route's own link counts, not those of its nexthops.
    if (oifIndex !== undefined && (route.oif ?? 0) !== oifIndex) return false;
    if (mark !== undefined && (route.mark ?? 0) !== mark) return false;
    return metric === undefined || (route.metric ?? 0) === metric;
  }

  return {
    family,
    table,
    cached,
    protocol,
    scope,
    types,
    tos,
    iif: iifIndex,
    oif: oifIndex,
    mark,
    metric,
    realms,
    hidesGateway: isWhole(via),
    hidesPrefsrc: isWhole(prefsrc),
    hidesRealms: realms?.mask === 0xffffffff,
    passes,
  };
}

export const ROUTE_USAGE = `[ SELECTOR ]
SELECTOR := [ root PREFIX ] [ match PREFIX ] [ exact PREFIX ] [ from PREFIX ]
            [ table { NUMBER | NAME | all | cache } ] [ vrf NAME ]
            [ proto PROTOCOL ] [ type TYPE ] [ scope SCOPE ] [ tos TOS ]
            [ dev DEVICE ] [ iif DEVICE ] [ via [ FAMILY ] PREFIX ] [ src PREFIX ]
            [ metric NUMBER ] [ realms REALMS ] [ mark NUMBER ] [ cached ]
cofferdam route { add | change | replace | append | prepend | test | del } ROUTE
ROUTE := [ TYPE ] PREFIX [ via [ FAMILY ] ADDRESS ] [ dev DEVICE ] [ nhid ID ] [ onlink ]
         [ table TABLE ] [ proto PROTOCOL ] [ scope SCOPE ] [ metric NUMBER ] [ tos TOS ]
         [ src ADDRESS ] [ from PREFIX ] [ vrf NAME ] [ realms REALMS ] [ encap ENCAP ]
         [ expires SECONDS ] [ pref { low | medium | high } ] [ as LABELS ]
         [ ttl-propagate { enabled | disabled } ] [ METRIC [ lock ] VALUE ]
         [ nexthop [ via [ FAMILY ] ADDRESS ] [ dev DEVICE ] [ weight NUMBER ] [ onlink ] ... ]
TYPE := { unicast | local | broadcast | multicast | throw | unreachable | prohibit | blackhole | ... }
METRIC := { mtu | advmss | rtt | rttvar | rto_min | window | cwnd | ssthresh | initcwnd | initrwnd |
            reordering | hoplimit | features | quickack | congctl | fastopen_no_cookie }
ENCAP := { mpls LABELS [ ttl TTL ] | ip ... | ip6 ... | seg6 mode MODE segs SEGMENTS |
           seg6local action ACTION ... | rpl segs SEGMENTS | xfrm if_id ID }
cofferdam route get ADDRESS [ from ADDRESS ] [ iif DEVICE ] [ oif DEVICE ] [ mark NUMBER ]
      [ uid NUMBER ] [ ipproto PROTOCOL ] [ sport PORT ] [ dport PORT ] [ tos TOS ] [ fibmatch ]
cofferdam route { flush | save } SELECTOR
cofferdam route { restore | showdump }`;
