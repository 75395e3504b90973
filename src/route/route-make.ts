/** Routes as objects, from the numbers that route-scan.ts found: what {@link decodeRoute} says of the same message. */
import { addressText, addressText6, prefixText, prefixText6 } from '../netlink/wire/address-text.ts';
import { flagNames } from '../netlink/wire/codec.ts';
import type { ReceiveBuffer } from '../netlink/wire/receive-buffer.ts';
import { decodeRoute } from './route-message.ts';
import { expiresIn, ROUTE_PREFERENCES, type Route, type RouteCacheinfo } from './route-object.ts';
import { FIELD, HAS, scanRoute } from './route-scan.ts';
import { ROUTE_FLAGS, ROUTE_PROTOCOLS, ROUTE_SCOPES, ROUTE_TYPES } from './route-words.ts';

/** Every number's word, its digits where it has none. */
function words(names: Readonly<Record<number, string>>): readonly string[] {
  return Array.from({ length: 0x100 }, (_, number) => names[number] ?? String(number));
}

const PROTOCOLS = words(ROUTE_PROTOCOLS);
const SCOPES = words(ROUTE_SCOPES);
const TYPES = words(ROUTE_TYPES);
const PREFERENCES = words(ROUTE_PREFERENCES);

const INET = 2;

/**
 * What is not there. Spread in a literal it adds nothing, but V8 makes the object with a place for each property of
 * the literal: room for those that follow one by one, which would otherwise take an allocation of their own.
 */
const ROOM = undefined as object | undefined;

/** The object of what {@link scanRoute} has found, unless that is rare. Keys come in the order of decodeRoute's. */
export function makeRoute(has: number, fields: Int32Array): Route {
  const first = fields[FIELD.first] as number;
  return (first & 0xff) === INET ? makeInet(has, fields, first) : makeInet6(has, fields, first);
}

function makeInet(has: number, fields: Int32Array, first: number): Route {
  const second = fields[FIELD.second] as number;
  const length = (first >>> 8) & 0xff;
  const dst =
    (has & HAS.dst) !== 0
      ? prefixText(fields[FIELD.dst] as number, length)
      : length === 0
        ? 'default'
        : prefixText(0, length);
  const route: Route = {
    family: 'inet',
    dst,
    table: (fields[FIELD.table] as number) >>> 0,
    protocol: PROTOCOLS[(second >>> 8) & 0xff] as string,
    scope: SCOPES[(second >>> 16) & 0xff] as string,
    type: TYPES[second >>> 24] as string,
    // via, oif, dev
    ...ROOM,
    ...ROOM,
    ...ROOM,
  };
  const flags = fields[FIELD.flags] as number;
  if (flags !== 0 || first >>> 24 !== 0) addRarer(route, first >>> 24, flags >>> 0);
  if ((has & HAS.via) !== 0) route.via = addressText(fields[FIELD.via] as number);
  if ((has & HAS.metric) !== 0) route.metric = (fields[FIELD.metric] as number) >>> 0;
  if ((has & HAS.prefsrc) !== 0) route.prefsrc = addressText(fields[FIELD.prefsrc] as number);
  if ((has & HAS.nexthopId) !== 0) route.nexthopId = (fields[FIELD.nexthopId] as number) >>> 0;
  if ((has & HAS.oif) !== 0) route.oif = (fields[FIELD.oif] as number) >>> 0;
  if ((has & (HAS.cacheinfo | HAS.pref)) !== 0) addLast(route, has, fields);
  return route;
}

function makeInet6(has: number, fields: Int32Array, first: number): Route {
  const second = fields[FIELD.second] as number;
  const length = (first >>> 8) & 0xff;
  if ((has & HAS.dst) === 0) fields.fill(0, FIELD.dst, FIELD.dst + 4);
  const route: Route = {
    family: 'inet6',
    dst: (has & HAS.dst) === 0 && length === 0 ? 'default' : prefixText6(fields, FIELD.dst, length),
    table: (fields[FIELD.table] as number) >>> 0,
    protocol: PROTOCOLS[(second >>> 8) & 0xff] as string,
    scope: SCOPES[(second >>> 16) & 0xff] as string,
    type: TYPES[second >>> 24] as string,
    // via, metric, oif, cacheinfo, pref, dev
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
    ...ROOM,
  };
  const flags = fields[FIELD.flags] as number;
  if (flags !== 0 || first >>> 24 !== 0) addRarer(route, first >>> 24, flags >>> 0);
  if ((has & HAS.via) !== 0) route.via = addressText6(fields, FIELD.via);
  if ((has & HAS.prefsrc) !== 0) route.prefsrc = addressText6(fields, FIELD.prefsrc);
  if ((has & HAS.metric) !== 0) route.metric = (fields[FIELD.metric] as number) >>> 0;
  if ((has & HAS.nexthopId) !== 0) route.nexthopId = (fields[FIELD.nexthopId] as number) >>> 0;
  if ((has & HAS.oif) !== 0) route.oif = (fields[FIELD.oif] as number) >>> 0;
  addLast(route, has, fields);
  return route;
}

function addRarer(route: Route, tos: number, flags: number): void {
  if (tos !== 0) route.tos = tos;
  if (flags !== 0) route.flags = flagNames(flags, ROUTE_FLAGS);
}

function addLast(route: Route, has: number, fields: Int32Array): void {
  if ((has & HAS.cacheinfo) !== 0) route.cacheinfo = makeCacheinfo(fields);
  if ((has & HAS.pref) !== 0) route.pref = PREFERENCES[fields[FIELD.pref] as number] as string;
  const ticks = (has & HAS.cacheinfo) !== 0 ? (fields[FIELD.cacheinfo + 2] as number) : 0;
  if (ticks !== 0) route.expires = expiresIn(ticks);
}

function makeCacheinfo(fields: Int32Array): RouteCacheinfo {
  const at = FIELD.cacheinfo;
  return {
    clntref: (fields[at] as number) >>> 0,
    lastuse: (fields[at + 1] as number) >>> 0,
    expires: fields[at + 2] as number,
    error: (fields[at + 3] as number) >>> 0,
    used: (fields[at + 4] as number) >>> 0,
    id: (fields[at + 5] as number) >>> 0,
    ts: (fields[at + 6] as number) >>> 0,
    tsage: (fields[at + 7] as number) >>> 0,
  };
}

const scratch = new Int32Array(FIELD.size);

/** A route's message where it lies: {@link decodeRoute}, and for most routes much quicker. */
export function readRoute(buffer: ReceiveBuffer, start: number, end: number): Route {
  const has = scanRoute(buffer, start, end, scratch);
  return (has & HAS.rare) === 0 ? makeRoute(has, scratch) : decodeRoute(buffer.bytes.slice(start, end));
}
