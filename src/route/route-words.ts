/** The kernel's numbers and `ip route`'s words for them. uapi/linux/rtnetlink.h, in_route.h. */

import { InvalidArgumentError } from '../handle/errors.ts';
import { type Codec, enumeration, u8, ValueError } from '../netlink/wire/codec.ts';
import type { WireView } from '../netlink/wire/view.ts';

/** Address families that have routes. */
export const ROUTE_FAMILIES = {
  0: 'unspec',
  2: 'inet',
  10: 'inet6',
  28: 'mpls',
  128: 'ipmr',
  129: 'ip6mr',
} as const;
export type RouteFamily = (typeof ROUTE_FAMILIES)[keyof typeof ROUTE_FAMILIES] | (string & {});

/** RTN_*. */
export const ROUTE_TYPES = {
  0: 'none',
  1: 'unicast',
  2: 'local',
  3: 'broadcast',
  4: 'anycast',
  5: 'multicast',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
  9: 'throw',
  10: 'nat',
  11: 'xresolve',
} as const;
export type RouteType = (typeof ROUTE_TYPES)[keyof typeof ROUTE_TYPES] | (string & {});

/** RTPROT_*. */
export const ROUTE_PROTOCOLS = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  17: 'mrouted',
  18: 'keepalived',
  42: 'babel',
  99: 'openr',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
} as const;
export type RouteProtocol = (typeof ROUTE_PROTOCOLS)[keyof typeof ROUTE_PROTOCOLS] | (string & {});

/** RT_SCOPE_*. */
export const ROUTE_SCOPES = { 0: 'global', 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere' } as const;
export type RouteScope = (typeof ROUTE_SCOPES)[keyof typeof ROUTE_SCOPES] | (string & {});

/** RT_TABLE_* that have names in the kernel. */
const TABLES: Readonly<Record<string, number>> = { unspec: 0, default: 253, main: 254, local: 255 };

/** RTNH_F_*: of a nexthop, and in the low byte of a route's own flags. */
export const NEXTHOP_FLAGS = {
  dead: 0x01,
  pervasive: 0x02,
  onlink: 0x04,
  offload: 0x08,
  linkdown: 0x10,
  unresolved: 0x20,
  trap: 0x40,
} as const;

/** RTM_F_* in the order of `ip`'s output, after RTNH_F_*. */
export const ROUTE_FLAGS = {
  ...NEXTHOP_FLAGS,
  notify: 0x100,
  cloned: 0x200,
  equalize: 0x400,
  prefix: 0x800,
  lookup_table: 0x1000,
  fib_match: 0x2000,
  rt_offload: 0x4000,
  rt_trap: 0x8000,
  rt_offload_failed: 0x20000000,
} as const;

/** RTCF_*: the upper half of the flags of a cloned route, which a lookup answers with. */
export const CACHE_FLAGS = {
  local: 0x80000000,
  reject: 0x40000000,
  mc: 0x20000000,
  brd: 0x10000000,
  'dst-nat': 0x08000000,
  'src-nat': 0x00800000,
  masq: 0x00400000,
  'dst-direct': 0x00020000,
  'src-direct': 0x04000000,
  redirected: 0x00040000,
  redirect: 0x01000000,
  fastroute: 0x00200000,
  notify: 0x00010000,
  proxy: 0x00080000,
} as const;

/** What a writer may ask for: everything else of the flags is the kernel's to say, and it refuses some of it. */
const WRITABLE_FLAGS: readonly string[] = ['onlink', 'pervasive'];
export function writableFlags(flags: readonly string[] | undefined): string[] {
  return (flags ?? []).filter((flag) => WRITABLE_FLAGS.includes(flag) || !Object.hasOwn(ROUTE_FLAGS, flag));
}

export const routeFamily = enumeration(u8, ROUTE_FAMILIES);
export const routeProtocol = enumeration(u8, ROUTE_PROTOCOLS);
export const routeScope = enumeration(u8, ROUTE_SCOPES);
export const routeType = enumeration(u8, ROUTE_TYPES);

/** The number of a word, for those who have their own names for the numbers. */
export function numberOf(names: Readonly<Record<number, string>>, word: string): number {
  for (const [number, name] of Object.entries(names)) if (name === word) return Number(number);
  return Number(String(word));
}

/** The word for a number, which may come as its digits. */
export function wordOf(names: Readonly<Record<number, string>>, value: string | number): string {
  const word = String(value);
  return names[Number(word)] ?? word;
}

/** A table's number; `main`, `local`, `default` are the kernel's own names. Names of /etc/iproute2 are not. */
export function tableNumber(table: number | string, field = 'table'): number {
  let number = Number.NaN;
  if (typeof table === 'number') number = table;
  else if (typeof table === 'string')
    number = TABLES[table] ?? (/^\d+$/.test(table) ? Number(table) : number);
  if (!Number.isInteger(number) || number < 0 || number > 0xffffffff)
    throw new InvalidArgumentError(
      field,
      table,
      'is no routing table',
      'a number from 1 to 4294967295, or main, local, default',
    );
  return number;
}

/** The bytes as they are: for values whose layout another attribute decides. */
export const bytes: Codec<Uint8Array> = {
  decode: (view: WireView, start: number, end: number) => view.bytes.subarray(start, end),
  encode: (writer, value) => writer.raw(value),
};

/** A number that is on the wire in units of `1 / scale`. */
export function scaled(base: Codec<number>, scale: number, unit: string): Codec<number> {
  return {
    ...(base.size === undefined ? {} : { size: base.size }),
    decode: (view, start, end) => base.decode(view, start, end) / scale,
    encode(writer, value) {
      const units = typeof value === 'number' ? Math.round(value * scale) : Number.NaN;
      if (!(units >= 0 && units <= 0xffffffff)) throw new ValueError(value, `${unit}, 0 or more`);
      base.encode(writer, units);
    },
  };
}

/**
 * Throws for what is no object, and for a field that nobody knows: a misspelt one would otherwise be silently without
 * effect. `path` is where in the caller's object it stands, with a dot at its end.
 */
export function refuseUnknownFields(
  value: object,
  known: ReadonlySet<string>,
  hints: Readonly<Record<string, string>>,
  path = '',
  what = path.slice(0, -1),
): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new InvalidArgumentError(
      what,
      value,
      'is no object',
      `an object with some of ${[...known].join(', ')}`,
    );
  for (const field of Object.keys(value)) {
    if (known.has(field)) continue;
    throw new InvalidArgumentError(
      path + field,
      (value as Record<string, unknown>)[field],
      'is in a field that does not exist',
      hints[field] ?? `one of ${[...known].join(', ')}`,
    );
  }
}
