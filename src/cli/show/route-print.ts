import type { Nexthop } from '../../route/nexthop.ts';
import type { Route } from '../../route/route.ts';
import {
  METRIC_FEATURES,
  METRIC_NUMBERS,
  type MetricName,
  type RouteMetrics,
} from '../../route/route-metrics.ts';
import type { Realms, RouteNexthop } from '../../route/route-nexthops.ts';
import { numberOf, ROUTE_TYPES } from '../../route/route-words.ts';
import { lineBreak } from '../text.ts';
import { printNexthop } from './nexthop-print.ts';
import { putEncap } from './route-encap.ts';
import {
  type Desk,
  paintAddress,
  protocolName,
  putDevice,
  putFlags,
  Sheet,
  scopeName,
} from './route-sheet.ts';

const MAIN = 254;
const TICKS = 100;

/** What of a selection matters to printing: everything that is not set is printed. */
export interface PrintSelection {
  /** 0 for all tables: then each route names its own. */
  readonly table: number;
  readonly tos?: number | undefined;
  readonly protocol?: number | undefined;
  readonly scope?: number | undefined;
  readonly metric?: number | undefined;
  readonly oif?: number | undefined;
  readonly iif?: number | undefined;
  readonly hidesGateway?: boolean;
  readonly hidesPrefsrc?: boolean;
  readonly hidesRealms?: boolean;
}

/** One route as `ip route show` has it. What the filter pins down is left out, as `ip` does. */
export function printRoute(route: Route, desk: Desk, selection: PrintSelection, object?: Nexthop): Sheet {
  const { options } = desk;
  const details = options.details;
  const sheet = new Sheet();
  const cloned = route.flags?.includes('cloned') === true;
  if (route.type !== 'unicast' || details) {
    const type = options.numeric ? String(numberOf(ROUTE_TYPES, route.type)) : route.type;
    sheet.put('type', type, `${type} `);
  }
  putPrefixes(sheet, desk, route);
  if (route.nexthopId !== undefined) sheet.put('nhid', route.nexthopId, `nhid ${route.nexthopId} `);
  if (route.newdst !== undefined) putNewDestination(sheet, desk, route.newdst);
  if (route.encap !== undefined) putEncap(sheet, desk, route.encap);
  if (route.tos !== undefined && selection.tos === undefined) {
    const tos = desk.names.dsfieldName(route.tos);
    sheet.put('tos', tos, `tos ${tos} `);
  }
  putGateway(sheet, desk, route, route.family, selection.hidesGateway);
  if (route.oif !== undefined && selection.oif === undefined) putDevice(sheet, desk, 'dev', route.oif);
  if (route.table !== 0 && (route.table !== MAIN || details) && selection.table === 0) {
    const table = desk.names.tableName(route.table);
    sheet.put('table', table, `table ${table} `);
  }
  if (!cloned) {
    if ((route.protocol !== 'boot' || details) && selection.protocol === undefined) {
      const protocol = protocolName(desk, route.protocol);
      sheet.put('protocol', protocol, `proto ${protocol} `);
    }
    if ((route.scope !== 'global' || details) && selection.scope === undefined) {
      const scope = scopeName(desk, route.scope);
      sheet.put('scope', scope, `scope ${scope} `);
    }
  }
  if (route.prefsrc !== undefined && !selection.hidesPrefsrc)
    sheet.put('prefsrc', route.prefsrc, `src ${paintAddress(desk, route.prefsrc)}`);
  if (route.metric !== undefined && selection.metric === undefined)
    sheet.put('metric', route.metric, `metric ${route.metric} `);
  // The bit of mc in the flags of a lookup's answer is that of rt_offload_failed in a route's.
  const flags = route.flags ?? [];
  putFlags(sheet, route.cacheFlags?.includes('mc') ? [...flags, 'rt_offload_failed'] : flags);
  if (route.mark !== undefined && route.mark !== 0)
    sheet.put('mark', route.mark, `mark ${route.mark >= 16 ? `0x${route.mark.toString(16)}` : route.mark} `);
  if (route.realms !== undefined && !selection.hidesRealms) putRealms(sheet, desk, route.realms);
  if (route.uid !== undefined) sheet.put('uid', route.uid, `uid ${route.uid} `);
  if (route.family === 'inet' && cloned) putCacheFlags(sheet, desk, route.cacheFlags ?? []);
  if (route.family === 'inet' || route.family === 'inet6') putCacheinfo(sheet, desk, route);
  if (route.metrics !== undefined) putMetrics(sheet, route.metrics);
  if (route.iif !== undefined && selection.iif === undefined) putDevice(sheet, desk, 'iif', route.iif);
  if (route.pref !== undefined) {
    if (/^\d+$/.test(route.pref)) sheet.put('pref', Number(route.pref), route.pref);
    else sheet.put('pref', route.pref, `pref ${route.pref}`);
  }
  if (route.ttlPropagate !== undefined) {
    // The spelling is iproute2's.
    const word = route.ttlPropagate ? 'enabled' : 'disabled';
    sheet.put('ttl-propogate', route.ttlPropagate, `ttl-propogate ${word}`);
  }
  if (object !== undefined) {
    const info = printNexthop(object, desk);
    sheet.put('nh_info', info.json, `\n\tnh_info ${info.text}`);
  }
  if (route.nexthops !== undefined) putNexthops(sheet, desk, route, route.nexthops);
  sheet.say('\n');
  return sheet;
}

function putPrefixes(sheet: Sheet, desk: Desk, route: Route): void {
  const { family, dst, from } = route;
  // The families of multicast routing have no address length that `ip` knows: it always adds the prefix length.
  const multicast = family === 'ipmr' || family === 'ip6mr';
  const full = (text: string) =>
    multicast && text !== 'default' && !text.includes('/') ? `${text}/${family === 'ipmr' ? 32 : 128}` : text;
  sheet.put('dst', full(dst), /[.:]/.test(dst) ? paintAddress(desk, full(dst)) : `${full(dst)} `);
  if (from !== undefined) sheet.put('from', full(from), `from ${paintAddress(desk, full(from))}`);
}

function putNewDestination(sheet: Sheet, desk: Desk, newdst: string): void {
  sheet.put('to', newdst, `as to ${/[.:]/.test(newdst) ? paintAddress(desk, newdst) : `${newdst} `}`);
}

/** A gateway of the route's own family is `gateway`, of the other `via`. */
function putGateway(sheet: Sheet, desk: Desk, path: { via?: string }, family: string, hidden = false): void {
  if (path.via === undefined) return;
  const own = path.via.includes(':') ? 'inet6' : 'inet';
  if (family !== own)
    sheet.put('via', { family: own, host: path.via }, `via ${own} ${paintAddress(desk, path.via)}`);
  else if (!hidden) sheet.put('gateway', path.via, `via ${paintAddress(desk, path.via)}`);
}

function putRealms(sheet: Sheet, desk: Desk, { from, to }: Realms): void {
  const toName = desk.names.realmName(to);
  if (from === undefined || from === 0) {
    sheet.put('flow', { to: toName }, `realm ${toName} `);
    return;
  }
  const fromName = desk.names.realmName(from);
  sheet.put('flow', { from: fromName, to: toName }, `realms ${fromName}/${toName} `);
}

function putCacheFlags(sheet: Sheet, desk: Desk, flags: readonly string[]): void {
  const rest = flags.find((flag) => flag.startsWith('0x'))?.slice(2);
  const words = flags.filter((flag) => !flag.startsWith('0x'));
  const line = `${lineBreak(desk.options)}    cache `;
  if (flags.length === 0) {
    sheet.put('cache', [], line);
    return;
  }
  const text = words
    .map((word, i) => word + (i < words.length - 1 || rest !== undefined ? ',' : '> '))
    .join('');
  sheet.put(
    'cache',
    rest === undefined ? words : [...words, rest],
    `${line}<${text}${rest === undefined ? '' : `${rest}>`}`,
  );
}

function putCacheinfo(sheet: Sheet, desk: Desk, { cacheinfo }: Route): void {
  if (cacheinfo === undefined) return;
  const { clntref, lastuse, expires, error, used, id, ts, tsage } = cacheinfo;
  const seconds = Math.trunc(expires / TICKS);
  if (expires !== 0) sheet.put('expires', seconds, `expires ${seconds}sec `);
  if (error !== 0) sheet.put('error', error, `error ${error} `);
  if (desk.options.stats > 0) {
    const age = Math.trunc(lastuse / TICKS);
    if (clntref !== 0) sheet.put('users', clntref, `users ${clntref} `);
    if (used !== 0) sheet.put('used', used, `used ${used} `);
    if (lastuse !== 0) sheet.put('age', age, `age ${age}sec `);
  }
  if (id !== 0) sheet.put('ipid', `0x${id.toString(16)}`, `ipid 0x${id.toString(16).padStart(4, '0')} `);
  if (ts !== 0 || tsage !== 0) {
    sheet.put('ts', `0x${ts.toString(16)}`, `ts 0x${ts.toString(16)}`);
    sheet.put('tsage', tsage, `tsage ${tsage}sec `);
  }
}

/** iproute2's words for ours. */
const METRIC_WORDS: Partial<Record<MetricName, string>> = {
  rtoMin: 'rto_min',
  fastopenNoCookie: 'fastopen_no_cookie',
};

const UNSET_HOPLIMIT = 0xffffffff;
const ECN = METRIC_FEATURES.ecn;

function putMetrics(sheet: Sheet, metrics: RouteMetrics): void {
  const inner = new Sheet();
  for (const name of Object.keys(METRIC_NUMBERS) as MetricName[]) {
    const locked = metrics.lock?.includes(name) === true;
    const value = metrics[name];
    if (value === undefined && !locked) continue;
    if (name === 'hoplimit' && value === UNSET_HOPLIMIT) continue;
    const word = METRIC_WORDS[name] ?? name;
    inner.say(`${word} ${locked ? 'lock ' : ''}`);
    if (name === 'features') putFeatures(inner, metrics.features ?? []);
    else if (name === 'congctl') inner.put('congestion', metrics.congctl ?? '', `${metrics.congctl ?? ''} `);
    else {
      const number = Math.trunc(Number(value ?? 0));
      const time = name === 'rtt' || name === 'rttvar' || name === 'rtoMin';
      const text = !time ? `${number}` : number >= 1000 ? `${formatSeconds(number)}s` : `${number}ms`;
      inner.put(word, number, `${text} `);
    }
  }
  sheet.put('metrics', [inner.json], inner.text);
}

function formatSeconds(milliseconds: number): string {
  return String(Number((milliseconds / 1000).toPrecision(6)));
}

function putFeatures(sheet: Sheet, features: readonly string[]): void {
  const known: Readonly<Record<string, number>> = METRIC_FEATURES;
  let bits = 0;
  for (const feature of features) bits |= known[feature] ?? Number(feature);
  bits >>>= 0;
  if ((bits & ECN) !== 0) sheet.put('ecn', null, 'ecn ');
  if ((bits & ~ECN) !== 0) sheet.put('features', `0x${bits.toString(16)}`, `0x${bits.toString(16)} `);
}

function putNexthops(sheet: Sheet, desk: Desk, route: Route, nexthops: readonly RouteNexthop[]): void {
  const list = [];
  const oifs = route.flags?.includes('cloned') === true && route.type === 'multicast';
  for (const [i, nexthop] of nexthops.entries()) {
    const inner = new Sheet();
    if (oifs) inner.say(i === 0 ? 'Oifs: ' : ' ');
    else inner.say(`${lineBreak(desk.options)}\tnexthop `);
    if (nexthop.encap !== undefined) putEncap(inner, desk, nexthop.encap);
    if (nexthop.newdst !== undefined) putNewDestination(inner, desk, nexthop.newdst);
    putGateway(inner, desk, nexthop, route.family);
    if (nexthop.realms !== undefined) putRealms(inner, desk, nexthop.realms);
    const dev = desk.links.nameOf(nexthop.oif ?? 0);
    const weight = nexthop.weight ?? 1;
    if (oifs) {
      inner.put('dev', dev, dev);
      if (weight !== 2) inner.put('ttl', weight - 1, `(ttl>${weight - 1})`);
      inner.say(' ');
    } else {
      inner.put('dev', dev, `dev ${dev} `);
      if (route.family !== 'mpls') inner.put('weight', weight, `weight ${weight} `);
    }
    putFlags(inner, nexthop.flags ?? []);
    list.push(inner.json);
    sheet.say(inner.text);
  }
  sheet.put('nexthops', list);
}
