import { InvalidArgumentError } from '../handle/errors.ts';
import { AF, familyName, formatIpv4, parseIpv4, parsePrefix } from '../netlink/wire/address.ts';
import { attribute, attributeTable, encodePayload, type RawAttribute } from '../netlink/wire/attributes.ts';
import { type Codec, enumeration, flagNames, ip, s32, text, u8, u32 } from '../netlink/wire/codec.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import { defined } from './defined.ts';
import { fieldFlags } from './field-flags.ts';
import { IFNAME_MAX } from './names.ts';
import { type RouteScope, refuseUnknownFields, routeScope } from './route-words.ts';

/** Seconds, or without end. */
export type Lifetime = number | 'forever';

/** IFA_F_*, uapi/linux/if_addr.h, in the words of `ip address`. One bit is `secondary` (IPv4) or `temporary` (IPv6). */
export type AddressFlag =
  | 'secondary'
  | 'temporary'
  | 'nodad'
  | 'optimistic'
  | 'dadfailed'
  | 'home'
  | 'deprecated'
  | 'tentative'
  | 'permanent'
  | 'mngtmpaddr'
  | 'noprefixroute'
  | 'autojoin'
  | 'stable-privacy'
  | (string & {});

/** An address of a link. man 8 ip-address, uapi/linux/if_addr.h. */
export interface Address {
  family: 'inet' | 'inet6' | (string & {});
  ifindex: number;
  /** The link's name. */
  dev?: string;
  local: string;
  /** The other end of a point-to-point link, when it has an address of its own. */
  peer?: string;
  /** Of the peer's network where there is a peer, of the local one otherwise. */
  prefixlen: number;
  broadcast?: string;
  anycast?: string;
  multicast?: string;
  scope: RouteScope;
  flags: AddressFlag[];
  /** IPv4 only: the link's name, or it with a colon and a suffix. */
  label?: string;
  /** Metric of the prefix route that comes with the address. */
  metric?: number;
  /** Who made it: `kernel_lo`, `kernel_ra`, `kernel_ll`, or a number. */
  protocol?: string;
  /** Until the address is removed. */
  validLifetime?: Lifetime;
  /** Until the address is deprecated: no longer a source of new connections. */
  preferredLifetime?: Lifetime;
  /** When it was made and last changed, in hundredths of a second since boot. */
  created?: number;
  updated?: number;
  /** Set when the address was asked of another namespace, by its id. */
  targetNetnsid?: number;
  /** Attributes that this version does not know. */
  raw?: RawAttribute[];
}

/** What `add`, `replace`, `change` and `del` take: an {@link Address} as it was listed, or less. */
export interface AddressInput {
  family?: string;
  /** The link, by name or by index; the name wins when both are given. */
  dev?: string;
  ifindex?: number;
  /** `192.0.2.1/24`, or `192.0.2.1` with `prefixlen`. */
  local?: string;
  /** Another word for `local`. */
  address?: string;
  /** May carry the prefix length: `192.0.2.2/30`. */
  peer?: string;
  /** Default: that of `local` or `peer`, else the whole address. */
  prefixlen?: number;
  /** An address, or `+` (all host bits set) or `-` (all clear). IPv4 only. Default: none. */
  broadcast?: string;
  anycast?: string;
  multicast?: string;
  /** Default: `host` for 127.0.0.0/8, else `global`. IPv6 addresses have the scope that they have. */
  scope?: RouteScope;
  /** `noprefixroute`, `nodad`, `home`, ...: what the kernel decides (`permanent`, `tentative`, ...) is ignored by it. */
  flags?: AddressFlag[];
  label?: string;
  metric?: number;
  protocol?: string;
  /** Seconds. Default `forever`. */
  validLifetime?: Lifetime;
  /** Seconds. Default: as long as it is valid. */
  preferredLifetime?: Lifetime;
  created?: number;
  updated?: number;
  targetNetnsid?: number;
  raw?: RawAttribute[];
}

/** IFAPROT_*. */
const PROTOCOLS = { 0: 'unspec', 1: 'kernel_lo', 2: 'kernel_ra', 3: 'kernel_ll' } as const;

const SECONDARY = { secondary: 0x01 };
const TEMPORARY = { temporary: 0x01 };
const OTHER_FLAGS = {
  nodad: 0x02,
  optimistic: 0x04,
  dadfailed: 0x08,
  home: 0x10,
  deprecated: 0x20,
  tentative: 0x40,
  permanent: 0x80,
  mngtmpaddr: 0x100,
  noprefixroute: 0x200,
  autojoin: 0x400,
  'stable-privacy': 0x800,
} as const;
/** Either name of bit 0 may be given; which one is read back depends on the family. */
const FLAGS_IN = { ...SECONDARY, ...TEMPORARY, ...OTHER_FLAGS };
const FLAGS_INET = { ...SECONDARY, ...OTHER_FLAGS };
const FLAGS_INET6 = { ...TEMPORARY, ...OTHER_FLAGS };

const FOREVER = 0xffffffff;
const lifetime: Codec<Lifetime> = {
  size: 4,
  decode(view, start, end) {
    const seconds = u32.decode(view, start, end);
    return seconds === FOREVER ? 'forever' : seconds;
  },
  encode: (writer, value) => u32.encode(writer, value === 'forever' ? FOREVER : value),
};

/** struct ifaddrmsg, uapi/linux/if_addr.h */
export const ifaddrmsg = struct('ifaddrmsg', {
  family: u8,
  prefixlen: u8,
  flags: u8,
  scope: routeScope,
  ifindex: u32,
});

const ifaCacheinfo = struct('ifa_cacheinfo', {
  preferred: lifetime,
  valid: lifetime,
  created: u32,
  updated: u32,
});

export const addressAttributes = attributeTable('IFA', {
  targetNetnsid: attribute(10, 'IFA_TARGET_NETNSID', s32),
  /** The prefix's address: of the peer where there is one. */
  address: attribute(1, 'IFA_ADDRESS', ip),
  local: attribute(2, 'IFA_LOCAL', ip),
  broadcast: attribute(4, 'IFA_BROADCAST', ip),
  anycast: attribute(5, 'IFA_ANYCAST', ip),
  multicast: attribute(7, 'IFA_MULTICAST', ip),
  label: attribute(3, 'IFA_LABEL', text(IFNAME_MAX)),
  flags: attribute(8, 'IFA_FLAGS', u32),
  metric: attribute(9, 'IFA_RT_PRIORITY', u32),
  protocol: attribute(11, 'IFA_PROTO', enumeration(u8, PROTOCOLS)),
  cacheinfo: attribute(6, 'IFA_CACHEINFO', ifaCacheinfo),
});

export function decodeAddress(payload: Uint8Array): Address {
  const view = new WireView(payload);
  const header = ifaddrmsg.decodeAt(view, 0);
  const { address, local, flags, cacheinfo, raw, targetNetnsid, label, metric, protocol, ...others } =
    addressAttributes.decode(view, ifaddrmsg.size, view.length);
  const six = header.family === AF.inet6;
  const own = local ?? address ?? (six ? '::' : '0.0.0.0');
  return {
    family: familyName(header.family),
    ifindex: header.ifindex,
    local: own,
    ...(address !== undefined && address !== own ? { peer: address } : {}),
    prefixlen: header.prefixlen,
    ...others,
    scope: header.scope,
    // The header has room for the first 8 flags only.
    flags: flagNames(flags ?? header.flags, six ? FLAGS_INET6 : FLAGS_INET),
    ...defined({
      label,
      metric,
      protocol,
      validLifetime: cacheinfo?.valid,
      preferredLifetime: cacheinfo?.preferred,
      created: cacheinfo?.created,
      updated: cacheinfo?.updated,
      targetNetnsid,
      raw,
    }),
  };
}

const FIELDS: ReadonlySet<string> = new Set<keyof AddressInput>([
  'family',
  'ifindex',
  'dev',
  'local',
  'address',
  'peer',
  'prefixlen',
  'broadcast',
  'anycast',
  'multicast',
  'scope',
  'flags',
  'label',
  'metric',
  'protocol',
  'validLifetime',
  'preferredLifetime',
  'created',
  'updated',
  'targetNetnsid',
  'raw',
]);
const HINTS = {
  brd: '"broadcast"',
  prefixLength: '"prefixlen"',
  prefixLen: '"prefixlen"',
  priority: '"metric"',
  remote: '"peer"',
  validLft: '"validLifetime"',
  preferredLft: '"preferredLifetime"',
} as const;

/** An address as the caller wrote it, taken apart. */
export interface ParsedAddress {
  readonly family: 'inet' | 'inet6';
  readonly local: string;
  readonly peer: string | undefined;
  /** Undefined when nothing says it. */
  readonly prefixlen: number | undefined;
}

function prefixOf(field: string, text: string) {
  const prefix = parsePrefix(text);
  if (prefix === undefined)
    throw new InvalidArgumentError(field, text, 'is no address', 'an address such as 192.0.2.1/24');
  return { ...prefix, specified: text.includes('/') };
}

export function parseAddressInput(input: AddressInput): ParsedAddress {
  refuseUnknownFields(input, FIELDS, HINTS, '', 'address');
  const own = input.local ?? input.address;
  if (own === undefined)
    throw new InvalidArgumentError('local', own, 'is missing', 'the address, such as 192.0.2.1/24');
  if (input.address !== undefined && input.address !== own)
    throw new InvalidArgumentError(
      'address',
      input.address,
      `is not ${own}, which "local" says`,
      'one of both; the other end is called "peer"',
    );
  const local = prefixOf(input.local === undefined ? 'address' : 'local', own);
  const peer = input.peer === undefined ? undefined : prefixOf('peer', input.peer);
  if (input.family !== undefined && input.family !== local.family)
    throw new InvalidArgumentError('family', input.family, `is not the family of ${own}`, local.family);
  if (peer !== undefined && peer.family !== local.family)
    throw new InvalidArgumentError(
      'peer',
      input.peer,
      `is of another family than ${own}`,
      `an address of ${local.family}`,
    );
  const lengths = [
    input.prefixlen,
    peer?.specified ? peer.length : undefined,
    local.specified ? local.length : undefined,
  ].filter((length) => length !== undefined);
  const prefixlen = lengths[0];
  if (
    prefixlen !== undefined &&
    !(Number.isInteger(prefixlen) && prefixlen >= 0 && prefixlen <= local.bytes.length * 8)
  )
    throw new InvalidArgumentError(
      'prefixlen',
      prefixlen,
      'is out of range',
      `0 to ${local.bytes.length * 8}`,
    );
  if (lengths.some((length) => length !== prefixlen))
    throw new InvalidArgumentError(
      'prefixlen',
      lengths,
      'are different lengths of one prefix',
      'the prefix length once',
    );
  return { family: local.family, local: local.address, peer: peer?.address, prefixlen };
}

/** `+` and `-` as man 8 ip-address has them. Undefined: prefixes over 30 bits have no room for one. */
function broadcastAddress(word: string, parsed: ParsedAddress, prefixlen: number): string | undefined {
  if (word !== '+' && word !== '-') return word;
  const bytes = parseIpv4(parsed.peer ?? parsed.local);
  if (bytes === undefined)
    throw new InvalidArgumentError('broadcast', word, 'needs an IPv4 address', 'none: IPv6 has multicast');
  if (prefixlen > 30) return undefined;
  for (let bit = prefixlen; bit < 32; bit++) {
    const mask = 0x80 >> (bit & 7);
    const at = bit >> 3;
    bytes[at] = word === '+' ? (bytes[at] ?? 0) | mask : (bytes[at] ?? 0) & ~mask;
  }
  return formatIpv4(bytes);
}

function lifetimes(input: AddressInput) {
  const { validLifetime, preferredLifetime, created, updated } = input;
  for (const [field, value] of Object.entries({ validLifetime, preferredLifetime })) {
    if (value === undefined || value === 'forever') continue;
    if (!Number.isInteger(value) || value < 0 || value >= FOREVER)
      throw new InvalidArgumentError(field, value, 'is no lifetime', 'whole seconds, or "forever"');
  }
  if (validLifetime === undefined && preferredLifetime === undefined) return undefined;
  const valid = validLifetime ?? 'forever';
  return { preferred: preferredLifetime ?? valid, valid, ...defined({ created, updated }) };
}

/** The payload of RTM_NEWADDR. */
export function encodeAddress(input: AddressInput, ifindex: number): Uint8Array {
  const parsed = parseAddressInput(input);
  const { family, local, peer } = parsed;
  const { anycast, multicast, label, metric, protocol, targetNetnsid, raw } = input;
  const prefixlen = parsed.prefixlen ?? (family === 'inet' ? 32 : 128);
  const broadcast =
    input.broadcast === undefined ? undefined : broadcastAddress(input.broadcast, parsed, prefixlen);
  const cacheinfo = lifetimes(input);
  return encodePayload((writer) => {
    const flags = input.flags === undefined ? undefined : fieldFlags('flags', input.flags, FLAGS_IN);
    ifaddrmsg.encode(writer, {
      family: AF[family],
      prefixlen,
      flags: (flags ?? 0) & 0xff,
      scope: input.scope ?? (local.startsWith('127.') ? 'host' : 'global'),
      ifindex,
    });
    addressAttributes.encode(writer, {
      address: peer ?? local,
      // As the kernel writes them: IPv4 always has both, IPv6 only when they differ.
      ...(family === 'inet' || peer !== undefined ? { local } : {}),
      ...defined({ broadcast, flags, cacheinfo, anycast, multicast, label, metric, protocol }),
      ...defined({ targetNetnsid, raw }),
    });
  });
}

/**
 * The payload of RTM_DELADDR. Without a prefix length the first IPv4 address of that name goes, whatever its prefix;
 * IPv6 needs it.
 */
export function encodeAddressDeletion(input: AddressInput, ifindex: number): Uint8Array {
  const { family, local, peer, prefixlen } = parseAddressInput(input);
  return encodePayload((writer) => {
    ifaddrmsg.encode(writer, { family: AF[family], prefixlen: prefixlen ?? 0, ifindex });
    addressAttributes.encode(writer, {
      local,
      ...(prefixlen === undefined && peer === undefined ? {} : { address: peer ?? local }),
      ...defined({ label: input.label, targetNetnsid: input.targetNetnsid }),
    });
  });
}
