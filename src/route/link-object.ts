import { AF } from '../netlink/wire/address.ts';
import type { AttributesOf } from '../netlink/wire/attributes.ts';
import { flagNames } from '../netlink/wire/codec.ts';
import { WireView } from '../netlink/wire/view.ts';
import { KINDS, type Kind, kindField, PORT_KINDS, portField } from './kinds/index.ts';
import { ifinfomsg, linkAttributes, spellAddress } from './link-attributes.ts';
import type { LinkInfo } from './link-info.ts';
import { LINK_FLAGS, type LinkFlag, linkTypeName } from './link-words.ts';
import type { ObjectType } from './object.ts';

/** IFLA_* as they are on the wire. */
export type LinkWire = AttributesOf<(typeof linkAttributes)['specs']>;

/** Attributes that no link is listed with, or that it is listed with in another form. */
type NotListed = 'ifname' | 'linkInfo' | 'properties' | 'altIfname' | 'extMask' | 'netnsPid' | 'netnsFd';

/** A network device: man 8 ip-link, uapi/linux/if_link.h. */
export interface Link extends Omit<LinkWire, NotListed>, LinkInfo {
  ifindex: number;
  ifname: string;
  /** IFF_* without the prefix: UP, LOWER_UP, ... */
  flags: LinkFlag[];
  /** ARPHRD_* in the words of `ip`: ether, loopback, ... */
  linkType: string;
  /** Name of the link that this one sits on, or of a veth's other end; absent if it is in another namespace. */
  link?: string;
  /** Name of the bridge, bond or vrf that this link belongs to. */
  master?: string;
  /** Alternative names. */
  altnames?: string[];
}

/** Fields that go into a link in another form, or under a condition. */
const REWRITTEN = new Set<string>([
  'ifname',
  'linkInfo',
  'properties',
  'stats32',
  'address',
  'broadcast',
  'permaddr',
] satisfies (keyof LinkWire)[]);

function decodeLink(payload: Uint8Array): Link {
  const view = new WireView(payload);
  const header = ifinfomsg.decodeAt(view, 0);
  const wire = linkAttributes.decode(view, ifinfomsg.size, view.length);
  const { ifname = '', linkInfo, properties, stats32, address, broadcast, permaddr } = wire;
  const linkType = linkTypeName(header.type);
  const link: Link = {
    ifindex: header.ifindex,
    ifname,
    ...linkInfo,
    flags: flagNames(header.flags, LINK_FLAGS),
    linkType,
  };
  if (address !== undefined) link.address = spellAddress(address, linkType);
  if (broadcast !== undefined) link.broadcast = spellAddress(broadcast, linkType);
  if (permaddr !== undefined) link.permaddr = spellAddress(permaddr, linkType);
  if (properties?.altnames !== undefined) link.altnames = properties.altnames;
  // Key by key: spreading some forty of them twice took longer than decoding them.
  const fields: Record<string, unknown> = wire;
  const target: Record<string, unknown> = link as object as Record<string, unknown>;
  for (const field in fields) if (!REWRITTEN.has(field)) target[field] = fields[field];
  // The same counters once more, cut to 32 bits: only worth keeping where the others are missing.
  if (stats32 !== undefined && wire.stats64 === undefined) link.stats32 = stats32;
  return link;
}

export const linkType: ObjectType<Link> = {
  name: 'link',
  messages: { new: 16, del: 17, get: 18 },
  groups: [1], // RTNLGRP_LINK
  headerSize: ifinfomsg.size,
  attributes: linkAttributes,
  // AF_BRIDGE speaks of ports: its RTM_DELLINK is a port that left its bridge, not a link that went.
  concerns: (payload) => payload[0] !== AF.bridge,
  decode: decodeLink,
  key: (link) => String(link.ifindex),
  // Counters, and what holds timers or counters among its fields.
  volatile: [
    'stats64',
    'stats32',
    'xstats',
    'afSpec',
    'event',
    'carrierChanges',
    'bridge',
    'bridgePort',
    'hsr',
  ],
};

type Data = Readonly<Record<string, unknown>>;

/** Kinds that name other links in their data: most do not, and cost nothing here. */
const naming = (kinds: Readonly<Record<string, Kind>>) =>
  new Set(Object.keys(kinds).filter((field) => Object.keys(kinds[field]?.links ?? {}).length > 0));
const NAMING_KINDS = naming(KINDS);
const NAMING_PORTS = naming(PORT_KINDS);

/** The data of the link's kind and of its master's, where these speak of links by index. */
function namingParts(link: Link): { field: keyof Link; kind: Kind; data: Data }[] {
  const parts: { field: keyof Link; kind: Kind; data: Data }[] = [];
  const own = link.kind === undefined ? undefined : kindField(link.kind);
  if (own !== undefined && NAMING_KINDS.has(own) && link[own] !== undefined)
    parts.push({ field: own, kind: KINDS[own], data: link[own] as Data });
  const port = link.portKind === undefined ? undefined : portField(link.portKind);
  if (port !== undefined && NAMING_PORTS.has(port) && link[port] !== undefined)
    parts.push({ field: port, kind: PORT_KINDS[port], data: link[port] as Data });
  return parts;
}

/** Links that the object speaks of by index, in its own namespace. */
export function linksOfLink(link: Link): number[] {
  const indexes: unknown[] = [link.masterIndex];
  if (link.linkNetnsid === undefined) indexes.push(link.linkIndex);
  for (const { kind, data } of namingParts(link))
    for (const field of Object.values(kind.links)) indexes.push(data[field]);
  return indexes.filter((index) => typeof index === 'number' && index > 0) as number[];
}

/** The link with the names of the links it speaks of. */
export function nameLinks(link: Link, names: ReadonlyMap<number, string>): Link {
  const nameOf = (index: number | undefined) => (index === undefined ? undefined : names.get(index));
  const { ifindex, ifname, kind, ...rest } = link;
  const on = link.linkNetnsid === undefined ? nameOf(link.linkIndex) : undefined;
  const master = nameOf(link.masterIndex);
  const named: Link = {
    ifindex,
    ifname,
    ...(kind !== undefined && { kind }),
    ...(on !== undefined && { link: on }),
    ...(master !== undefined && { master }),
    ...rest,
  };
  for (const { field, kind, data } of namingParts(link)) {
    const found = Object.entries(kind.links).flatMap(([name, index]) => {
      const value = nameOf(data[index] as number | undefined);
      return value === undefined ? [] : [[name, value]];
    });
    if (found.length > 0) Object.assign(named, { [field]: { ...data, ...Object.fromEntries(found) } });
  }
  return named;
}
