/**
 * Everyday routes straight into a window, byte by byte what encodeRoute() would write, at a fraction of its cost.
 *
 * Whatever is not plain (multipath, tunnels, metrics, flags, rare spellings, and all that is wrong) is not written
 * here: encodeRoute() does it, or says what is wrong with it.
 */
import type { RequestWindow } from '../netlink/pipeline-window.ts';
import { AF } from '../netlink/wire/address.ts';
import { putIpv4, putIpv6 } from '../netlink/wire/put-address.ts';
import { ROUTE_PREFERENCES, type RouteInput } from './route-object.ts';
import { ROUTE_PROTOCOLS, ROUTE_SCOPES, ROUTE_TYPES } from './route-words.ts';

/** Room that a route written here takes at most: struct rtmsg, three addresses, five numbers. */
export const PLAIN_ROUTE_BYTES = 12 + 3 * 20 + 5 * 8;

const RTA = { dst: 1, oif: 4, gateway: 5, priority: 6, prefsrc: 7, table: 15, pref: 20, nhId: 30 } as const;
const SCOPE = { global: 0, link: 253, nowhere: 255 } as const;
const TABLES: Readonly<Record<string, number>> = { main: 254, local: 255, default: 253 };
const UNICAST = 1;
/** Types whose routes go to the main table unless they say otherwise. */
const PLAIN_TYPES = ['unicast', 'blackhole', 'unreachable', 'prohibit', 'throw'];

const protocols = numbers(ROUTE_PROTOCOLS);
const scopes = numbers(ROUTE_SCOPES);
const preferences = numbers(ROUTE_PREFERENCES);
const types = new Map([...numbers(ROUTE_TYPES)].filter(([word]) => PLAIN_TYPES.includes(word)));

function numbers(words: Readonly<Record<number, string>>): Map<string, number> {
  return new Map(Object.entries(words).map(([number, word]) => [word, Number(number)]));
}

function isU32(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 0xffff_ffff && Math.floor(value) === value;
}

function isU8(value: unknown): value is number {
  return isU32(value) && value <= 0xff;
}

/**
 * Writes the payload at the window's `payloadAt` and returns where it ends, or 0 where the route is not plain. There
 * must be room for {@link PLAIN_ROUTE_BYTES}.
 *
 * @param linkIndex the index of a link's name, where it is known
 */
export function putPlainRoute(
  window: RequestWindow,
  route: RouteInput,
  purpose: 'new' | 'del',
  linkIndex: (name: string) => number | undefined,
): number {
  if (typeof route !== 'object' || route === null) return 0;
  const adding = purpose === 'new';
  let table = TABLES.main as number;
  let protocol = adding ? (protocols.get('boot') as number) : 0;
  let type = adding ? UNICAST : 0;
  let tos = 0;
  let scope: number | undefined;
  let pref: number | undefined;
  let dev: string | undefined;
  const { dst, via, prefsrc, metric, nexthopId, family } = route;
  let { oif } = route;
  for (const field in route) {
    const value: unknown = route[field as keyof RouteInput];
    switch (field) {
      case 'dst':
      case 'via':
      case 'prefsrc':
        if (typeof value !== 'string' && (value !== undefined || field === 'dst')) return 0;
        break;
      case 'metric':
      case 'oif':
      case 'nexthopId':
        if (value !== undefined && !isU32(value)) return 0;
        break;
      case 'family':
        if (value !== undefined && value !== 'inet' && value !== 'inet6') return 0;
        break;
      // Said by the kernel, and not written.
      case 'cacheinfo':
        break;
      case 'flags':
        if (value !== undefined && !(Array.isArray(value) && value.length === 0)) return 0;
        break;
      case 'dev':
        if (value === undefined) break;
        if (typeof value !== 'string') return 0;
        dev = value;
        break;
      case 'table': {
        if (value === undefined) break;
        const number = typeof value === 'string' && Object.hasOwn(TABLES, value) ? TABLES[value] : value;
        if (!isU32(number)) return 0;
        table = number;
        break;
      }
      case 'protocol': {
        if (value === undefined) break;
        const number = typeof value === 'string' ? protocols.get(value) : value;
        if (!isU8(number)) return 0;
        protocol = number;
        break;
      }
      case 'type': {
        if (value === undefined) break;
        const number = types.get(value as string);
        if (number === undefined) return 0;
        type = number;
        break;
      }
      case 'scope':
        if (value === undefined) break;
        scope = scopes.get(value as string);
        if (scope === undefined) return 0;
        break;
      case 'pref':
        if (value === undefined) break;
        pref = preferences.get(value as string);
        if (pref === undefined) return 0;
        break;
      case 'tos':
        if (value === undefined) break;
        if (!isU8(value)) return 0;
        tos = value;
        break;
      default:
        return 0;
    }
  }
  if (typeof dst !== 'string') return 0;
  // With an object the path is the object's, and what else is said of it is left out.
  if (
    nexthopId !== undefined &&
    (via !== undefined || oif !== undefined || dev !== undefined || type > UNICAST)
  )
    return 0;
  if (dev !== undefined) {
    oif = linkIndex(dev);
    if (oif === undefined) return 0;
  }
  const inet = dst.indexOf(':') < 0;
  if (family !== undefined && (family === 'inet') !== inet) return 0;
  if (via !== undefined && via.indexOf(':') < 0 !== inet) return 0;
  const slash = dst.indexOf('/');
  const dstEnd = slash < 0 ? dst.length : slash;
  const bits = inet ? 32 : 128;
  const length = slash < 0 ? bits : prefixLength(dst, slash + 1);
  if (length < 0 || length > bits) return 0;
  if (scope === undefined) {
    if (!adding) scope = inet ? SCOPE.nowhere : SCOPE.global;
    else if (inet && type === UNICAST && via === undefined && nexthopId === undefined) scope = SCOPE.link;
    else scope = SCOPE.global;
  }
  const { bytes } = window;
  let at = window.payloadAt;
  bytes[at] = inet ? AF.inet : AF.inet6;
  bytes[at + 1] = length;
  bytes[at + 2] = 0;
  bytes[at + 3] = tos;
  bytes[at + 4] = table > 0xff ? 0 : table;
  bytes[at + 5] = protocol;
  bytes[at + 6] = scope;
  bytes[at + 7] = type;
  window.words[(at >> 2) + 2] = 0;
  at += 12;
  // In the order of the attribute table.
  if (via !== undefined) {
    at = putAddress(window, at, RTA.gateway, via, via.length, inet);
    if (at === 0) return 0;
  }
  if (length === 0) {
    // Checked all the same; what is written here is written over.
    if (putAddress(window, at, RTA.dst, dst, dstEnd, inet) === 0) return 0;
  } else {
    at = putAddress(window, at, RTA.dst, dst, dstEnd, inet);
    if (at === 0) return 0;
  }
  if (oif !== undefined) at = putNumber(window, at, RTA.oif, oif);
  if (metric !== undefined) at = putNumber(window, at, RTA.priority, metric);
  if (prefsrc !== undefined) {
    at = putAddress(window, at, RTA.prefsrc, prefsrc, prefsrc.length, prefsrc.indexOf(':') < 0);
    if (at === 0) return 0;
  }
  if (table > 0xff) at = putNumber(window, at, RTA.table, table);
  if (pref !== undefined) {
    window.words[(at >> 2) + 1] = 0;
    window.halves[at >> 1] = 5;
    window.halves[(at >> 1) + 1] = RTA.pref;
    bytes[at + 4] = pref;
    at += 8;
  }
  if (nexthopId !== undefined) at = putNumber(window, at, RTA.nhId, nexthopId);
  return at;
}

function putNumber({ halves, words }: RequestWindow, at: number, type: number, value: number): number {
  halves[at >> 1] = 8;
  halves[(at >> 1) + 1] = type;
  words[(at >> 2) + 1] = value;
  return at + 8;
}

/** Returns 0 for what is no address in everyday spelling. */
function putAddress(
  { bytes, halves }: RequestWindow,
  at: number,
  type: number,
  text: string,
  end: number,
  inet: boolean,
): number {
  const size = inet ? 8 : 20;
  halves[at >> 1] = size;
  halves[(at >> 1) + 1] = type;
  const parsed = inet ? putIpv4(text, 0, end, bytes, at + 4) : putIpv6(text, 0, end, bytes, at + 4);
  return parsed ? at + size : 0;
}

/** One to three digits at the end of the text; -1 for anything else. */
function prefixLength(text: string, start: number): number {
  const digits = text.length - start;
  if (digits < 1 || digits > 3) return -1;
  let value = 0;
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
